/* Sources: arch/riscv/mm/pagetable.c test/host/fake/pages.c */
/* Page tables of all formats against a model that knows pages only. */
#include "arch/riscv/mm/pagetable.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "test/host/fake/pages.h"
#include "test/host/random.h"

#define KIB4	 0x1000ull
#define MIB2	 0x200000ull
#define GIB1	 0x40000000ull
#define POOL	 0x12345678000000ull /* tables lie far up in 56 bits */
#define RW	 (PROT_R | PROT_W)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct pagetable_format *const formats[] = {
	&pagetable_sv39,   &pagetable_sv48,   &pagetable_sv57,
	&pagetable_sv39x4, &pagetable_sv48x4, &pagetable_sv57x4};

static struct fake_pages pool;
static struct pagetable pt;

static bool gstage(void)
{
	return pt.format->leaf_bits != 0;
}

static void begin(const struct pagetable_format *format)
{
	fake_pages_init(&pool, POOL);
	assert_int_equal(pagetable_init(&pt, format, &fake_pages_ops, &pool),
			 0);
}

/* Nothing leaks, whatever was mapped. */
static void end(void)
{
	pagetable_destroy(&pt);
	assert_int_equal(pool.live, 0);
	fake_pages_end(&pool);
}

/* An address in the half of the address space that kernels use. */
static va_t high(uint64_t offset)
{
	unsigned bits = pagetable_va_bits(pt.format);

	return gstage() ? offset : (~0ull << (bits - 1)) + offset;
}

struct tally {
	size_t tables;
	size_t leaves;
	size_t by_level[5];
	va_t end; /* of the last leaf */
	uint64_t digest;
};

/* What the specification says about each entry, and the order of visits. */
static int entry_judge(void *arg, const struct pagetable_entry *e)
{
	struct tally *t = arg;
	uint64_t pte = e->pte;

	assert_true(pte & PTE_V);
	assert_int_equal(pte & PTE_RESERVED, 0);
	assert_int_equal(e->size, KIB4 << 9 * e->level);
	assert_true(is_aligned(e->va, e->size));
	assert_true(pagetable_va_valid(pt.format, e->va, e->size));
	t->digest = (t->digest ^ pte ^ e->va * 3) * 0x100000001b3ull;
	if (e->prot == 0) {
		assert_int_equal(pte & ~PTE_PPN_MASK, PTE_V);
		assert_true(e->level > 0);
		t->tables++;
		return 0;
	}
	assert_int_equal(pte & (PTE_A | PTE_D), PTE_A | PTE_D);
	assert_int_equal(!!(pte & PTE_U), gstage());
	assert_true(is_aligned(e->pa, e->size));
	assert_true(t->leaves == 0 || e->va >= t->end);
	t->end = e->va + e->size;
	t->leaves++;
	t->by_level[e->level]++;
	return 0;
}

/* Judges every entry; all pages of the pool must be tables of this tree. */
static struct tally judge(void)
{
	struct tally t = {0};
	size_t root = (size_t)1 << (pt.format->root_bits - 9);

	assert_int_equal(pagetable_visit(&pt, entry_judge, &t), 0);
	assert_int_equal(pool.live, t.tables + root);
	return t;
}

static void a_new_table_is_empty(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(formats); i++) {
		struct pagetable_entry e;

		begin(formats[i]);
		assert_int_equal(judge().leaves, 0);
		assert_int_equal(pagetable_lookup(&pt, high(0), &e), -ENOENT);
		assert_true(is_aligned(pt.root, gstage() ? 0x4000 : 0x1000));
		end();
	}
}

static void the_biggest_leaves_are_used(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(formats); i++) {
		va_t va;
		struct tally t;

		begin(formats[i]);
		va = high(5 * GIB1 - MIB2 - KIB4);
		assert_int_equal(pagetable_map(&pt, va, GIB1 - MIB2 - KIB4,
					       2 * (KIB4 + MIB2 + GIB1), RW),
				 0);
		t = judge();
		assert_int_equal(t.by_level[0], 2);
		assert_int_equal(t.by_level[1], 2);
		assert_int_equal(t.by_level[2], 2);
		assert_int_equal(t.leaves, 6);
		end();
	}
}

static void addresses_that_do_not_agree_get_small_leaves(void **state)
{
	struct tally t;

	(void)state;
	begin(&pagetable_sv48);
	assert_int_equal(pagetable_map(&pt, high(0), GIB1 + KIB4, 2 * MIB2, RW),
			 0);
	t = judge();
	assert_int_equal(t.by_level[0], 1024);
	assert_int_equal(t.leaves, 1024);
	end();
}

static void a_leaf_carries_what_was_asked(void **state)
{
	static const struct {
		unsigned prot;
		uint64_t bits;
	} cases[] = {
		{PROT_R, PTE_R},
		{PROT_X, PTE_X},
		{RW, PTE_R | PTE_W},
		{PROT_R | PROT_X, PTE_R | PTE_X},
		{RW | PROT_IO, PTE_R | PTE_W | PTE_PBMT_IO},
	};

	(void)state;
	begin(&pagetable_sv39);
	pt.io_bits = PTE_PBMT_IO;
	for (size_t i = 0; i < COUNT(cases); i++) {
		va_t va = high(i * KIB4);
		struct pagetable_entry e;

		assert_int_equal(pagetable_map(&pt, va, (i + 7) * KIB4, KIB4,
					       cases[i].prot),
				 0);
		assert_int_equal(pagetable_lookup(&pt, va + 0x123, &e), 0);
		assert_int_equal(e.pte,
				 (i + 7) << 10 | cases[i].bits | PTE_V | PTE_A |
					 PTE_D);
		assert_int_equal(e.prot, cases[i].prot);
		assert_int_equal(e.va, va);
		assert_int_equal(e.pa, (i + 7) * KIB4);
		assert_int_equal(e.size, KIB4);
	}
	judge();
	end();
}

static void rights_that_no_table_may_hold_are_refused(void **state)
{
	static const unsigned bad[] = {
		0, PROT_W, PROT_IO, PROT_W | PROT_X, PROT_X | PROT_IO, 16 | RW};
	const unsigned all = PROT_R | PROT_W | PROT_X;

	(void)state;
	for (size_t i = 0; i < COUNT(formats); i++) {
		begin(formats[i]);
		for (size_t k = 0; k < COUNT(bad); k++)
			assert_int_equal(
				pagetable_map(&pt, high(0), 0, KIB4, bad[k]),
				-EINVAL);
		assert_int_equal(pagetable_map(&pt, high(0), 0, KIB4, all),
				 gstage() ? 0 : -EINVAL);
		end();
	}
}

static void ranges_that_cannot_be_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(formats); i++) {
		uint64_t half, top;

		begin(formats[i]);
		half = 1ull << (pagetable_va_bits(pt.format) - 1);
		top = gstage() ? 2 * half : 0;
		assert_int_equal(pagetable_map(&pt, 0, 0, 0, RW), -EINVAL);
		assert_int_equal(pagetable_map(&pt, 1, 0, KIB4, RW), -EINVAL);
		assert_int_equal(pagetable_map(&pt, 0, 1, KIB4, RW), -EINVAL);
		assert_int_equal(pagetable_map(&pt, 0, 0, 1, RW), -EINVAL);
		assert_int_equal(
			pagetable_map(&pt, top - KIB4, 0, 2 * KIB4, RW),
			-ERANGE);
		assert_int_equal(
			pagetable_map(&pt, gstage() ? top : half, 0, KIB4, RW),
			-ERANGE);
		assert_int_equal(pagetable_map(&pt, 0, 1ull << 56, KIB4, RW),
				 -ERANGE);
		assert_int_equal(pagetable_map(&pt, 0, (1ull << 56) - KIB4,
					       2 * KIB4, RW),
				 -ERANGE);
		assert_int_equal(
			pagetable_map(&pt, 0, (1ull << 56) - KIB4, KIB4, RW),
			0);
		assert_int_equal(pagetable_map(&pt, top - KIB4, 0, KIB4, RW),
				 0);
		assert_int_equal(judge().leaves, 2);
		assert_int_equal(pagetable_unmap(&pt, top - KIB4, KIB4), 0);
		assert_int_equal(pagetable_unmap(&pt, 0, KIB4), 0);
		assert_int_equal(judge().tables, 0);
		end();
	}
}

static void a_range_does_not_cross_the_hole(void **state)
{
	struct pagetable_entry e;
	const uint64_t half = 1ull << 38;

	(void)state;
	begin(&pagetable_sv39);
	assert_int_equal(pagetable_map(&pt, half - KIB4, 0, 2 * KIB4, RW),
			 -ERANGE);
	assert_int_equal(
		pagetable_map(&pt, half - KIB4, 0, -2 * half + 2 * KIB4, RW),
		-ERANGE);
	assert_int_equal(pagetable_lookup(&pt, half, &e), -ERANGE);
	assert_int_equal(pagetable_lookup(&pt, -half - 1, &e), -ERANGE);
	assert_int_equal(pagetable_lookup(&pt, half - 1, &e), -ENOENT);
	assert_int_equal(pagetable_lookup(&pt, -half, &e), -ENOENT);
	end();
}

static void only_ranges_that_do_not_wrap_are_valid(void **state)
{
	const struct pagetable_format *f = &pagetable_sv39;
	const uint64_t half = 1ull << 38;

	(void)state;
	assert_true(pagetable_va_valid(f, 0, half));
	assert_true(pagetable_va_valid(f, -half, half));
	assert_true(pagetable_va_valid(f, -1ull, 1));
	assert_false(pagetable_va_valid(f, 0, 0));
	assert_false(pagetable_va_valid(f, 0, half + 1));
	/* Over the hole; from the top to the bottom; all the way round. */
	assert_false(pagetable_va_valid(f, 0, -half + 1));
	assert_false(pagetable_va_valid(f, -KIB4, 2 * KIB4));
	assert_false(pagetable_va_valid(f, 2 * KIB4, -KIB4));
}

static void a_mapping_is_never_changed(void **state)
{
	struct tally t;

	(void)state;
	begin(&pagetable_sv57);
	assert_int_equal(pagetable_map(&pt, high(MIB2), 0, KIB4, RW), 0);
	assert_int_equal(pagetable_map(&pt, high(4 * MIB2), 0, MIB2, RW), 0);
	t = judge();
	/* Runs into the page, into the big leaf, and covers both. */
	assert_int_equal(pagetable_map(&pt, high(0), 0, 2 * MIB2, RW), -EEXIST);
	assert_int_equal(pagetable_map(&pt, high(3 * MIB2 + KIB4), 0, MIB2, RW),
			 -EEXIST);
	assert_int_equal(pagetable_map(&pt, high(4 * MIB2 + KIB4), 0, KIB4, RW),
			 -EEXIST);
	assert_int_equal(pagetable_map(&pt, high(0), 0, GIB1, RW), -EEXIST);
	assert_int_equal(judge().digest, t.digest);
	end();
}

static void unmapping_splits_big_leaves(void **state)
{
	struct pagetable_entry e;
	struct tally t;

	(void)state;
	for (size_t i = 0; i < COUNT(formats); i++) {
		begin(formats[i]);
		assert_int_equal(
			pagetable_map(&pt, high(GIB1), 7 * GIB1, GIB1, RW), 0);
		assert_int_equal(
			pagetable_unmap(&pt, high(GIB1 + MIB2 + KIB4), KIB4),
			0);
		t = judge();
		assert_int_equal(t.by_level[2], 0);
		assert_int_equal(t.by_level[1], 511);
		assert_int_equal(t.by_level[0], 511);
		assert_int_equal(
			pagetable_lookup(&pt, high(GIB1 + MIB2 + KIB4), &e),
			-ENOENT);
		assert_int_equal(pagetable_lookup(&pt, high(GIB1 + MIB2), &e),
				 0);
		assert_int_equal(e.pa, 7 * GIB1 + MIB2);
		assert_int_equal(pagetable_unmap(&pt, high(0), 4 * GIB1), 0);
		assert_int_equal(judge().tables, 0);
		assert_true(pool.flushes >= 2);
		end();
	}
}

/* A map that runs out of memory at any point leaves no trace. */
static void running_out_of_memory_changes_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(formats); i++) {
		struct tally t;
		long fail = 0;
		int rc;

		begin(formats[i]);
		assert_int_equal(pagetable_map(&pt, high(GIB1), 0, KIB4, RW),
				 0);
		t = judge();
		do {
			pool.fail_after = fail++;
			rc = pagetable_map(&pt, high(2 * GIB1 - 2 * MIB2), KIB4,
					   4 * MIB2, RW);
			if (rc != 0) {
				assert_int_equal(rc, -ENOMEM);
				assert_int_equal(judge().digest, t.digest);
			}
		} while (rc != 0);
		/* Four or five tables of 4 KiB leaves and one above them. */
		assert_true(fail > 4);
		end();
	}
}

static void a_split_without_memory_keeps_the_leaf(void **state)
{
	struct tally t;

	(void)state;
	begin(&pagetable_sv39);
	assert_int_equal(pagetable_map(&pt, high(0), 0, GIB1, RW), 0);
	t = judge();
	pool.fail_after = 0;
	assert_int_equal(pagetable_unmap(&pt, high(MIB2), MIB2), -ENOMEM);
	assert_int_equal(judge().digest, t.digest);
	pool.fail_after = 1;
	assert_int_equal(pagetable_unmap(&pt, high(MIB2), MIB2), 0);
	assert_int_equal(judge().leaves, 511);
	end();
}

static int visit_stop(void *arg, const struct pagetable_entry *e)
{
	unsigned *left = arg;

	(void)e;
	return --*left == 0 ? 77 : 0;
}

static void a_visit_ends_when_it_is_told_to(void **state)
{
	unsigned left = 5;

	(void)state;
	begin(&pagetable_sv39);
	assert_int_equal(pagetable_map(&pt, high(0), 0, 16 * KIB4, RW), 0);
	assert_int_equal(pagetable_visit(&pt, visit_stop, &left), 77);
	assert_int_equal(left, 0);
	end();
}

/*
 * The model: MODEL_UNITS units of one size, each mapped to some unit or not.
 * Units of 4 KiB try leaves of 2 MiB, units of 2 MiB leaves of 1 GiB.
 */
#define MODEL_UNITS 1536u

static struct model {
	va_t va;
	uint64_t unit;
	pa_t pa[MODEL_UNITS];
	unsigned prot[MODEL_UNITS]; /* 0: not mapped */
} model;

static void model_check(void)
{
	for (unsigned i = 0; i < MODEL_UNITS; i++) {
		va_t va = model.va + i * model.unit + (i * 0x35) % model.unit;
		struct pagetable_entry e;
		int rc = pagetable_lookup(&pt, va, &e);

		if (model.prot[i] == 0) {
			assert_int_equal(rc, -ENOENT);
			continue;
		}
		assert_int_equal(rc, 0);
		assert_int_equal(e.prot, model.prot[i]);
		assert_int_equal(e.pa + (va - e.va),
				 model.pa[i] + (i * 0x35) % model.unit);
	}
}

static void model_map(unsigned at, unsigned count, uint64_t *rng)
{
	static const unsigned rights[] = {PROT_R, RW, PROT_R | PROT_X};
	unsigned prot = rights[random_below(rng, COUNT(rights))];
	pa_t pa = random_below(rng, 1ull << 20) * GIB1 + at * model.unit;
	int expected = 0;

	/* Half of the time the addresses do not agree: no big leaves. */
	if (random_below(rng, 2))
		pa += model.unit;
	for (unsigned i = at; i < at + count; i++)
		if (model.prot[i] != 0)
			expected = -EEXIST;
	assert_int_equal(pagetable_map(&pt, model.va + at * model.unit, pa,
				       count * model.unit, prot),
			 expected);
	for (unsigned i = at; expected == 0 && i < at + count; i++) {
		model.prot[i] = prot;
		model.pa[i] = pa + (i - at) * model.unit;
	}
}

static void model_unmap(unsigned at, unsigned count)
{
	assert_int_equal(pagetable_unmap(&pt, model.va + at * model.unit,
					 count * model.unit),
			 0);
	memset(&model.prot[at], 0, count * sizeof(model.prot[0]));
}

static void model_run(const struct pagetable_format *format, uint64_t unit,
		      uint64_t *rng)
{
	begin(format);
	memset(&model, 0, sizeof(model));
	model.unit = unit;
	model.va = high(random_below(rng, 64) * 512 * unit);
	for (unsigned op = 0; op < 60; op++) {
		unsigned at = random_below(rng, MODEL_UNITS);
		unsigned room = MODEL_UNITS - at;
		unsigned count = 1 + random_below(rng, room);

		if (random_below(rng, 2))
			count = 1 + random_below(rng, room < 16 ? room : 16);
		if (random_below(rng, 3) == 0)
			model_unmap(at, count);
		else
			model_map(at, count, rng);
		if (op % 4 == 0)
			model_check();
	}
	model_check();
	judge();
	end();
}

static void random_maps_and_unmaps_agree_with_the_model(void **state)
{
	uint64_t rng = random_seed();

	(void)state;
	for (unsigned round = 0; round < 20; round++)
		for (size_t i = 0; i < COUNT(formats); i++)
			model_run(formats[i], round % 2 ? KIB4 : MIB2, &rng);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_table_is_empty),
		cmocka_unit_test(the_biggest_leaves_are_used),
		cmocka_unit_test(addresses_that_do_not_agree_get_small_leaves),
		cmocka_unit_test(a_leaf_carries_what_was_asked),
		cmocka_unit_test(rights_that_no_table_may_hold_are_refused),
		cmocka_unit_test(ranges_that_cannot_be_are_refused),
		cmocka_unit_test(a_range_does_not_cross_the_hole),
		cmocka_unit_test(only_ranges_that_do_not_wrap_are_valid),
		cmocka_unit_test(a_mapping_is_never_changed),
		cmocka_unit_test(unmapping_splits_big_leaves),
		cmocka_unit_test(running_out_of_memory_changes_nothing),
		cmocka_unit_test(a_split_without_memory_keeps_the_leaf),
		cmocka_unit_test(a_visit_ends_when_it_is_told_to),
		cmocka_unit_test(random_maps_and_unmaps_agree_with_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
