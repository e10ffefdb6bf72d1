/* Sources: kernel/mm/memmap.c kernel/fdt/dt.c kernel/fdt/address.c
 *          kernel/fdt/memory.c kernel/fdt/chosen.c lib/range.c lib/mix.c
 *          test/host/fake/dts.c libfdt */
/* The memory map, by hand, against a model of single pages, and from trees. */
#include "kernel/mm/memmap.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/fdt/dt.h"
#include "test/host/fake/dts.h"
#include "test/host/random.h"

static struct memmap map;

static int setup(void **state)
{
	(void)state;
	memset(&map, 0, sizeof(map));
	return 0;
}

static void expect_region(unsigned i, pa_t start, uint64_t size,
			  enum memmap_kind kind)
{
	assert_true(i < map.count);
	assert_int_equal(map.region[i].start, start);
	assert_int_equal(map.region[i].size, size);
	assert_int_equal(map.region[i].kind, kind);
}

static void memory_is_joined_and_sorted(void **state)
{
	(void)state;
	assert_int_equal(memmap_add(&map, 0x5000, 0x1000), 0);
	assert_int_equal(memmap_add(&map, 0x1000, 0x1000), 0);
	assert_int_equal(memmap_add(&map, 0x2000, 0x1000), 0);
	assert_int_equal(map.count, 2);
	assert_int_equal(memmap_add(&map, 0, 0x8000), 0);
	assert_int_equal(map.count, 1);
	expect_region(0, 0, 0x8000, MEMMAP_FREE);
}

static void memory_shrinks_and_marks_grow_to_pages(void **state)
{
	(void)state;
	assert_int_equal(memmap_add(&map, 0x1001, 0x8fff), 0);
	expect_region(0, 0x2000, 0x8000, MEMMAP_FREE);
	assert_int_equal(memmap_mark(&map, 0x3fff, 2, MEMMAP_FDT), 0);
	assert_int_equal(map.count, 3);
	expect_region(1, 0x3000, 0x2000, MEMMAP_FDT);
	assert_int_equal(memmap_add(&map, 0x20001, 0xffe), 0);
	assert_int_equal(map.count, 3);
}

static void higher_kind_wins(void **state)
{
	(void)state;
	memmap_add(&map, 0, 0x10000);
	memmap_mark(&map, 0x4000, 0x4000, MEMMAP_NOMAP);
	memmap_mark(&map, 0x2000, 0x8000, MEMMAP_RESERVED);
	memmap_mark(&map, 0x5000, 0x1000, MEMMAP_IMAGE);
	assert_int_equal(map.count, 5);
	expect_region(0, 0, 0x2000, MEMMAP_FREE);
	expect_region(1, 0x2000, 0x2000, MEMMAP_RESERVED);
	expect_region(2, 0x4000, 0x4000, MEMMAP_NOMAP);
	expect_region(3, 0x8000, 0x2000, MEMMAP_RESERVED);
	expect_region(4, 0xa000, 0x6000, MEMMAP_FREE);
	/* Adding what is known changes nothing. */
	memmap_add(&map, 0, 0x10000);
	assert_int_equal(map.count, 5);
}

static void marks_outside_memory_are_ignored(void **state)
{
	(void)state;
	memmap_add(&map, 0x10000, 0x10000);
	assert_int_equal(memmap_mark(&map, 0, 0x1000, MEMMAP_NOMAP), 0);
	assert_int_equal(memmap_mark(&map, 0x30000, 0x1000, MEMMAP_NOMAP), 0);
	assert_int_equal(memmap_mark(&map, 0x12000, 0, MEMMAP_NOMAP), 0);
	assert_int_equal(map.count, 1);
	assert_int_equal(memmap_mark(&map, 0, UINT64_MAX, MEMMAP_ABSENT), 0);
	assert_int_equal(map.count, 1);
	expect_region(0, 0x10000, 0x10000, MEMMAP_ABSENT);
}

static void addresses_end_at_2_to_the_56(void **state)
{
	(void)state;
	assert_int_equal(memmap_add(&map, 1ull << 56, 0x1000), 0);
	assert_int_equal(map.count, 0);
	assert_int_equal(memmap_add(&map, (1ull << 56) - 0x2000, UINT64_MAX),
			 0);
	expect_region(0, (1ull << 56) - 0x2000, 0x2000, MEMMAP_FREE);
	assert_int_equal(memmap_mark(&map, UINT64_MAX, 1, MEMMAP_NOMAP), 0);
	expect_region(0, (1ull << 56) - 0x2000, 0x2000, MEMMAP_FREE);
}

static void full_table_changes_nothing(void **state)
{
	struct memmap before;

	(void)state;
	for (uint64_t i = 0; i < MEMMAP_MAX - 1; i++)
		assert_int_equal(memmap_add(&map, i * 0x10000, 0x8000), 0);
	before = map;
	/* Two cuts need two entries, one is left. */
	assert_int_equal(memmap_mark(&map, 0x1000, 0x1000, MEMMAP_FDT),
			 -ENOSPC);
	assert_memory_equal(&map, &before, sizeof(map));
	assert_int_equal(memmap_add(&map, 0, 0x30000), -ENOSPC);
	assert_memory_equal(&map, &before, sizeof(map));
	assert_int_equal(memmap_mark(&map, 0, 0x1000, MEMMAP_FDT), 0);
	assert_int_equal(map.count, MEMMAP_MAX);
	assert_int_equal(memmap_mark(&map, 0, 0x2000, MEMMAP_FDT), -ENOSPC);
	assert_int_equal(memmap_mark(&map, 0, 0x8000, MEMMAP_FDT), 0);
	assert_int_equal(map.count, MEMMAP_MAX - 1);
}

static void alloc_takes_the_highest_that_fits(void **state)
{
	pa_t pa;

	(void)state;
	memmap_add(&map, 0x80000000, 0x800000);
	memmap_add(&map, 0x100000000, 0x10000);
	assert_int_equal(memmap_alloc(&map, 1, PAGE_SIZE, UINT64_MAX,
				      MEMMAP_TABLES, &pa),
			 0);
	assert_int_equal(pa, 0x10000f000);
	assert_true(memmap_is(&map, pa, PAGE_SIZE, MEMMAP_TABLES));
	assert_int_equal(memmap_alloc(&map, 0x3000, PAGE_SIZE, GIB(4),
				      MEMMAP_TABLES, &pa),
			 0);
	assert_int_equal(pa, 0x807fd000);
	assert_int_equal(memmap_alloc(&map, 0x1000, MIB(2), UINT64_MAX,
				      MEMMAP_TABLES, &pa),
			 0);
	assert_int_equal(pa, 0x100000000);
	assert_int_equal(memmap_alloc(&map, 0x200000, MIB(2), UINT64_MAX,
				      MEMMAP_TABLES, &pa),
			 0);
	assert_int_equal(pa, 0x80400000);
	assert_int_equal(memmap_alloc(&map, GIB(1), PAGE_SIZE, UINT64_MAX,
				      MEMMAP_TABLES, &pa),
			 -ENOMEM);
	assert_int_equal(memmap_alloc(&map, 0x1000, PAGE_SIZE, 0x80000fff,
				      MEMMAP_TABLES, &pa),
			 -ENOMEM);
	assert_int_equal(memmap_alloc(&map, 0, PAGE_SIZE, UINT64_MAX,
				      MEMMAP_TABLES, &pa),
			 -EINVAL);
	assert_int_equal(memmap_alloc(&map, UINT64_MAX, PAGE_SIZE, UINT64_MAX,
				      MEMMAP_TABLES, &pa),
			 -EINVAL);
	assert_int_equal(
		memmap_alloc(&map, 1, 0x1800, UINT64_MAX, MEMMAP_TABLES, &pa),
		-EINVAL);
}

static void questions_about_the_map(void **state)
{
	(void)state;
	memmap_add(&map, 0x10000, 0x10000);
	memmap_mark(&map, 0x14000, 0x1000, MEMMAP_IMAGE);
	memmap_mark(&map, 0x1f000, 0x1000, MEMMAP_ABSENT);
	assert_null(memmap_find(&map, 0xffff));
	assert_null(memmap_find(&map, 0x20000));
	assert_int_equal(memmap_find(&map, 0x14fff)->kind, MEMMAP_IMAGE);
	assert_int_equal(memmap_find(&map, 0x15000)->kind, MEMMAP_FREE);
	assert_true(memmap_is(&map, 0x14001, 0xfff, MEMMAP_IMAGE));
	assert_false(memmap_is(&map, 0x14001, 0x1000, MEMMAP_IMAGE));
	assert_false(memmap_is(&map, 0x14000, 0, MEMMAP_IMAGE));
	assert_false(memmap_is(&map, 0x14000, UINT64_MAX, MEMMAP_IMAGE));
	assert_true(memmap_touches(&map, 0, 0x10001));
	assert_true(memmap_touches(&map, 0x1ffff, 1));
	assert_false(memmap_touches(&map, 0, 0x10000));
	assert_false(memmap_touches(&map, 0x20000, UINT64_MAX));
	assert_false(memmap_touches(&map, 0x14000, 0));
	assert_int_equal(memmap_total(&map, MEMMAP_FREE), 0xe000);
	assert_int_equal(memmap_total(&map, MEMMAP_KINDS), 0xf000);
	assert_string_equal(memmap_kind_name(MEMMAP_NOMAP), "no-map");
}

/* ---- against a model ---- */

#define MODEL_PAGES 256
#define MODEL_NONE  -1

static int model[MODEL_PAGES];

static void expect_model(void)
{
	for (unsigned i = 0; i < MODEL_PAGES; i++) {
		const struct memmap_region *r =
			memmap_find(&map, i * PAGE_SIZE);

		assert_int_equal(r ? (int)r->kind : MODEL_NONE, model[i]);
	}
	for (unsigned i = 0; i < map.count; i++) {
		const struct memmap_region *r = &map.region[i];

		assert_true(r->size &&
			    is_aligned(r->start | r->size, PAGE_SIZE));
		if (i + 1 == map.count)
			break;
		assert_true(r->start + r->size <= r[1].start);
		assert_true(r->start + r->size < r[1].start ||
			    r->kind != r[1].kind);
	}
}

static void random_marks_match_a_model_of_pages(void **state)
{
	uint64_t seed = random_seed();

	(void)state;
	for (int round = 0; round < 200; round++) {
		memset(&map, 0, sizeof(map));
		for (unsigned i = 0; i < MODEL_PAGES; i++)
			model[i] = MODEL_NONE;
		for (int step = 0; step < 40; step++) {
			unsigned first = random_below(&seed, MODEL_PAGES);
			unsigned n = random_below(&seed, MODEL_PAGES - first);
			int kind = (int)random_below(&seed, MEMMAP_KINDS);
			pa_t start = first * PAGE_SIZE;
			int error = kind
				? memmap_mark(&map, start, n * PAGE_SIZE, kind)
				: memmap_add(&map, start, n * PAGE_SIZE);

			assert_int_equal(error, 0);
			for (unsigned i = first; i < first + n; i++)
				if (kind ? model[i] != MODEL_NONE &&
						    model[i] < kind
					 : model[i] == MODEL_NONE)
					model[i] = kind;
		}
		expect_model();
	}
}

/* ---- from a tree ---- */

static void begin_board(void)
{
	dts_begin();
	dts_cells("#address-cells", 2);
	dts_cells("#size-cells", 2);
	dts_node("memory@80000000");
	dts_string("device_type", "memory");
	dts_cells("reg", 0, 0x80000000, 0, 0x8000000, 1, 0, 0, 0x1000000);
	dts_end();
}

static int from_tree(uint64_t image, const char *text)
{
	const struct range where = {image, 0x20000};
	const char *why = NULL;
	void *fdt = dts_finish();
	int error;

	memset(&map, 0, sizeof(map));
	assert_int_equal(dt_check(fdt, DTS_SIZE, &why), 0);
	error = memmap_from_fdt(&map, fdt, &where, &why);
	if (text)
		assert_string_equal(why, text);
	return error;
}

static void reserved(const char *name, uint32_t start, uint32_t size,
		     bool no_map)
{
	dts_node("reserved-memory");
	dts_cells("#address-cells", 2);
	dts_cells("#size-cells", 2);
	dts_empty("ranges");
	dts_node(name);
	dts_cells("reg", 0, start, 0, size);
	if (no_map)
		dts_empty("no-map");
	dts_end();
	dts_end();
}

static void tree_with_reservations(void **state)
{
	(void)state;
	dts_reserve(0x81000000, 0x1000);
	begin_board();
	reserved("firmware", 0x80000000, 0x40000, true);
	dts_node("chosen");
	dts_cells("linux,initrd-start", 0x84000000);
	dts_cells("linux,initrd-end", 0x84000001);
	dts_end();
	assert_int_equal(from_tree(0x80200000, NULL), 0);
	assert_int_equal(map.count, 9);
	expect_region(0, 0x80000000, 0x40000, MEMMAP_NOMAP);
	expect_region(1, 0x80040000, 0x1c0000, MEMMAP_FREE);
	expect_region(2, 0x80200000, 0x20000, MEMMAP_IMAGE);
	expect_region(4, 0x81000000, 0x1000, MEMMAP_RESERVED);
	expect_region(6, 0x84000000, 0x1000, MEMMAP_INITRD);
	expect_region(8, 0x100000000, 0x1000000, MEMMAP_FREE);
}

static void firmware_nobody_mentions_is_kept_out(void **state)
{
	(void)state;
	begin_board();
	assert_int_equal(from_tree(0x80400000, NULL), 0);
	expect_region(0, 0x80000000, 0x200000, MEMMAP_FIRMWARE);
	expect_region(1, 0x80200000, 0x200000, MEMMAP_FREE);
	/* The image may lie closer than 2 MiB, or at the very start. */
	begin_board();
	assert_int_equal(from_tree(0x80001000, NULL), 0);
	expect_region(0, 0x80000000, 0x1000, MEMMAP_FIRMWARE);
	expect_region(1, 0x80001000, 0x20000, MEMMAP_IMAGE);
	begin_board();
	assert_int_equal(from_tree(0x80000000, NULL), 0);
	expect_region(0, 0x80000000, 0x20000, MEMMAP_IMAGE);
	/* In the second range its start is the firmware's. */
	begin_board();
	assert_int_equal(from_tree(0x100300000, NULL), 0);
	expect_region(0, 0x80000000, 0x8000000, MEMMAP_FREE);
	expect_region(1, 0x100000000, 0x200000, MEMMAP_FIRMWARE);
}

static void initrd_in_low_memory_is_no_firmware(void **state)
{
	(void)state;
	begin_board();
	dts_node("chosen");
	dts_cells("linux,initrd-start", 0x80100000);
	dts_cells("linux,initrd-end", 0x80101000);
	dts_end();
	assert_int_equal(from_tree(0x80400000, NULL), 0);
	expect_region(0, 0x80000000, 0x200000, MEMMAP_FIRMWARE);
}

static void image_in_the_wrong_place(void **state)
{
	(void)state;
	begin_board();
	assert_int_equal(from_tree(0x70000000, "image outside memory"),
			 -EFAULT);
	begin_board();
	assert_int_equal(from_tree(0x87ff0000, "image outside memory"),
			 -EFAULT);
	begin_board();
	reserved("firmware", 0x80210000, 0x1000, true);
	assert_int_equal(from_tree(0x80200000, "image in reserved memory"),
			 -EADDRINUSE);
	begin_board();
	reserved("loader", 0x80210000, 0x1000, false);
	assert_int_equal(from_tree(0x80200000, NULL), 0);
}

static void tree_without_memory(void **state)
{
	(void)state;
	dts_begin();
	assert_int_equal(from_tree(0x80200000, "no memory node"), -ENOENT);
}

static void tree_with_too_many_regions(void **state)
{
	(void)state;
	dts_begin();
	dts_cells("#address-cells", 1);
	dts_cells("#size-cells", 1);
	for (uint32_t i = 0; i <= MEMMAP_MAX; i++) {
		dts_node("memory");
		dts_string("device_type", "memory");
		dts_cells("reg", 0x80000000 + i * 0x2000, 0x1000);
		dts_end();
	}
	assert_int_equal(from_tree(0x80200000, "memory map full"), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(memory_is_joined_and_sorted, setup),
		cmocka_unit_test_setup(memory_shrinks_and_marks_grow_to_pages,
				       setup),
		cmocka_unit_test_setup(higher_kind_wins, setup),
		cmocka_unit_test_setup(marks_outside_memory_are_ignored, setup),
		cmocka_unit_test_setup(addresses_end_at_2_to_the_56, setup),
		cmocka_unit_test_setup(full_table_changes_nothing, setup),
		cmocka_unit_test_setup(alloc_takes_the_highest_that_fits,
				       setup),
		cmocka_unit_test_setup(questions_about_the_map, setup),
		cmocka_unit_test(random_marks_match_a_model_of_pages),
		cmocka_unit_test(tree_with_reservations),
		cmocka_unit_test(firmware_nobody_mentions_is_kept_out),
		cmocka_unit_test(initrd_in_low_memory_is_no_firmware),
		cmocka_unit_test(image_in_the_wrong_place),
		cmocka_unit_test(tree_without_memory),
		cmocka_unit_test(tree_with_too_many_regions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
