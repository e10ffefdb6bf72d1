/* Sources: arch/riscv/boot/layout.c arch/riscv/mm/pagetable.c
 * kernel/mm/memmap.c kernel/fdt/memory.c kernel/fdt/chosen.c kernel/fdt/dt.c
 * kernel/fdt/address.c lib/range.c lib/mix.c test/host/fake/pages.c libfdt */
/*
 * The kernel's address space over random machines, in all three modes. The
 * tables are read by a walker of this file's own, bit by bit from the
 * specification, and judged against lists of what must be where.
 */
#include "arch/riscv/boot/layout.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "test/host/fake/pages.h"
#include "test/host/random.h"

#define RW	   (PROT_R | PROT_W)
#define RX	   (PROT_R | PROT_X)
#define PA_TOP	   (1ull << 56)
#define POOL_SIZE  (FAKE_PAGES_MAX * PAGE_SIZE)
#define LEAVES_MAX 100000u
#define STACKS_MAX 9u
#define BANKS_MAX  4u

static const struct pagetable_format *const formats[] = {
	&pagetable_sv39, &pagetable_sv48, &pagetable_sv57};

/* One machine, one image, and the table that was built for them. */
static struct machine {
	struct memmap map;
	struct memmap original; /* before tables were taken from it */
	struct layout_section sections[6];
	struct layout_stack stacks[STACKS_MAX];
	struct layout_input in;
	struct layout_result out;
	struct fake_pages pool;
	struct pagetable pt;
	unsigned pool_region; /* its index in original */
} m;

struct leaf {
	va_t va;
	pa_t pa;
	uint64_t size;
	uint64_t pte;
};

static struct leaf leaves[LEAVES_MAX];
static size_t leaf_count;

/* Tables come from a FREE region: what is taken is marked while building. */

static int table_alloc(void *ctx, unsigned order, pa_t *out)
{
	struct memmap_region *free_region;
	int rc = fake_pages_ops.page_alloc(ctx, order, out);

	if (rc != 0)
		return rc;
	if (m.map.count == m.original.count) {
		unsigned at = m.pool_region;

		memmove(&m.map.region[at + 1], &m.map.region[at],
			(m.map.count - at) * sizeof(m.map.region[0]));
		m.map.count++;
		m.map.region[at].kind = MEMMAP_TABLES;
		m.map.region[at].size = 0;
	}
	free_region = &m.map.region[m.pool_region + 1];
	assert_int_equal(*out, free_region->start);
	m.map.region[m.pool_region].size += PAGE_SIZE << order;
	free_region->start += PAGE_SIZE << order;
	free_region->size -= PAGE_SIZE << order;
	return 0;
}

static struct pagetable_ops ops;

/* Random machines. */

static uint64_t size_random(uint64_t *rng, uint64_t max)
{
	static const uint64_t units[] = {PAGE_SIZE, MIB(2), MIB(2), GIB(1)};
	uint64_t unit = units[random_below(rng, ARRAY_SIZE(units))];
	uint64_t size = (1 + random_below(rng, 20)) * unit;

	if (random_below(rng, 3) == 0)
		size += random_below(rng, 512) * PAGE_SIZE;
	return min_u64(size, max);
}

static void region_add(pa_t start, uint64_t size, enum memmap_kind kind)
{
	struct memmap *map = &m.map;

	assert_true(map->count < MEMMAP_MAX - 1);
	map->region[map->count++] = (struct memmap_region){start, size, kind};
}

/* Cuts one bank of RAM into regions of random kinds. */
static pa_t bank_random(pa_t at, uint64_t *rng)
{
	unsigned pieces = 1 + random_below(rng, 8);

	for (unsigned i = 0; i < pieces; i++) {
		enum memmap_kind kind = MEMMAP_FREE;
		uint64_t size = size_random(rng, GIB(64));

		if (random_below(rng, 2))
			kind = random_below(rng, MEMMAP_KINDS);
		if (kind == MEMMAP_IMAGE)
			kind = MEMMAP_FIRMWARE;
		region_add(at, size, kind);
		at += size;
	}
	return at;
}

static void sections_random(uint64_t *rng)
{
	static const unsigned prot[] = {RX, PROT_R, RW, RW, 0, RW};
	uint64_t at = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(prot); i++) {
		uint64_t size = (1 + random_below(rng, 40)) * PAGE_SIZE;

		if (random_below(rng, 8) == 0)
			size = MIB(2) + PAGE_SIZE * random_below(rng, 600);
		m.sections[i] = (struct layout_section){at, size, prot[i]};
		at += size;
	}
	m.in.sections = m.sections;
	m.in.section_count = ARRAY_SIZE(prot);
	m.in.image_size = at - random_below(rng, PAGE_SIZE);
	m.in.identity = m.sections[0].offset;
	m.in.image_va = layout_image_choose(random_next(rng), m.in.image_size);
}

/* Stacks in the window, their pages wherever the pool does not go. */
static void stacks_random(pa_t pa, uint64_t *rng)
{
	va_t va = LAYOUT_WINDOW_BASE;

	m.in.stacks = m.stacks;
	m.in.stack_count = random_below(rng, STACKS_MAX + 1);
	for (unsigned i = 0; i < m.in.stack_count; i++) {
		uint64_t size = (1 + random_below(rng, 8)) * PAGE_SIZE;

		va += (1 + random_below(rng, 3)) * PAGE_SIZE;
		m.stacks[i] = (struct layout_stack){va, pa, size};
		va += size;
		pa += size;
	}
}

/* A bank with the image in it, and room for tables and stacks behind. */
static pa_t home_random(pa_t at, uint64_t *rng)
{
	pa_t stacks;

	region_add(at, MIB(2), MEMMAP_FIRMWARE);
	at += MIB(2) + random_below(rng, 512) * PAGE_SIZE;
	m.in.image_pa = at;
	region_add(at, align_up(m.in.image_size, PAGE_SIZE), MEMMAP_IMAGE);
	at += align_up(m.in.image_size, PAGE_SIZE);
	/* fake_pages wants its base aligned to 16 KiB. */
	at = align_up(at, KIB(16));
	m.pool_region = m.map.count;
	fake_pages_init(&m.pool, at);
	stacks = at + POOL_SIZE;
	stacks_random(stacks, rng);
	at = stacks + MIB(2) + size_random(rng, GIB(2));
	region_add(m.pool.base, at - m.pool.base, MEMMAP_FREE);
	return bank_random(at, rng);
}

static void machine_random(const struct pagetable_format *format, uint64_t *rng)
{
	uint64_t reach = 1ull << (pagetable_va_bits(format) - 1);
	unsigned banks = 1 + random_below(rng, BANKS_MAX);
	unsigned home = random_below(rng, banks);
	pa_t at = random_below(rng, 64) * MIB(512);

	memset(&m.map, 0, sizeof(m.map));
	memset(&m.in, 0, sizeof(m.in));
	sections_random(rng);
	for (unsigned i = 0; i < banks; i++) {
		at += size_random(rng, GIB(32));
		/* Far away now and then, once the image is placed. */
		if (i > home && random_below(rng, 4) == 0)
			at += random_below(rng, PA_TOP / reach / 4 + 1) * reach;
		at = i == home ? home_random(at, rng) : bank_random(at, rng);
	}
	m.in.map = &m.map;
	m.original = m.map;
	ops = fake_pages_ops;
	ops.page_alloc = table_alloc;
	assert_int_equal(pagetable_init(&m.pt, format, &ops, &m.pool), 0);
}

static int machine_build(void)
{
	int rc = layout_build(&m.pt, &m.in, &m.out);

	assert_int_equal(rc == 0, m.out.problem == NULL);
	return rc;
}

static void machine_end(void)
{
	pagetable_destroy(&m.pt);
	assert_int_equal(m.pool.live, 0);
	fake_pages_end(&m.pool);
}

/* The walker: reads tables as a hart does, and checks every bit it passes. */

static void leaf_judge(uint64_t pte, va_t va, uint64_t size)
{
	pa_t pa = (pte >> 10 & 0xfffffffffff) << 12;

	assert_int_equal(pte >> 54, 0);	      /* nothing reserved, no N */
	assert_int_equal(pte & 0xc0, 0xc0);   /* D and A */
	assert_int_equal(pte & 0x10, 0);      /* not U */
	assert_int_not_equal(pte & 6, 4);     /* never W without R */
	assert_int_not_equal(pte & 0xc, 0xc); /* never W and X */
	assert_int_equal(pa % size, 0);
	assert_true(leaf_count < LEAVES_MAX);
	leaves[leaf_count++] = (struct leaf){va, pa, size, pte};
}

static void table_walk(pa_t table, unsigned level, va_t va)
{
	const uint64_t *entries = ops.to_va(&m.pool, table);
	uint64_t size = 4096ull << 9 * level;

	for (unsigned i = 0; i < 512; i++, va += size) {
		if (!(entries[i] & 1))
			continue;
		if (entries[i] & 0xe) {
			leaf_judge(entries[i], va, size);
			continue;
		}
		/* A pointer: V and the address, nothing else. */
		assert_int_equal(entries[i] & ~(0xfffffffffffull << 10), 1);
		assert_true(level > 0);
		table_walk((entries[i] >> 10) << 12, level - 1, va);
	}
}

static void leaves_collect(void)
{
	unsigned bits = pagetable_va_bits(m.pt.format);

	leaf_count = 0;
	table_walk(m.pt.root, m.pt.format->levels - 1, 0);
	for (size_t i = 0; i < leaf_count; i++)
		if (leaves[i].va >> (bits - 1))
			leaves[i].va |= ~0ull << bits;
}

/* The checks. */

/* The first address at or after pa that is not memory for the direct map. */
static pa_t direct_end(pa_t pa)
{
	static const bool direct[MEMMAP_KINDS] = {
		[MEMMAP_FREE] = true,	[MEMMAP_RESERVED] = true,
		[MEMMAP_INITRD] = true, [MEMMAP_FDT] = true,
		[MEMMAP_TABLES] = true,
	};

	for (unsigned i = 0; i < m.original.count; i++) {
		const struct memmap_region *r = &m.original.region[i];

		if (direct[r->kind] && pa >= r->start &&
		    pa < r->start + r->size)
			pa = r->start + r->size;
	}
	return pa;
}

static pa_t direct_limit(void)
{
	return m.out.direct_pa + layout_direct_span(m.pt.format);
}

/* Whether the leaf's neighbours could have made one bigger leaf with it. */
static bool leaf_could_grow(const struct leaf *l)
{
	uint64_t big = l->size << 9;
	pa_t pa = align_down(l->pa, big);
	va_t va = align_down(l->va, big);

	return l->va - va == l->pa - pa &&
		va >= layout_direct_base(m.pt.format) &&
		pa + big <= direct_limit() && direct_end(pa) >= pa + big;
}

static void direct_leaf_check(const struct leaf *l)
{
	assert_int_equal(l->pte & 0xe, 6);
	assert_int_equal(l->pa - m.out.direct_pa,
			 l->va - layout_direct_base(m.pt.format));
	assert_true(direct_end(l->pa) >= l->pa + l->size);
	assert_true(l->pa + l->size <= direct_limit());
	assert_false(leaf_could_grow(l));
}

static void image_leaf_check(const struct leaf *l)
{
	uint64_t offset = l->va - m.in.image_va;

	assert_int_equal(l->pa - m.in.image_pa, offset);
	for (unsigned i = 0; i < m.in.section_count; i++) {
		const struct layout_section *s = &m.sections[i];

		if (offset < s->offset || offset >= s->offset + s->size)
			continue;
		assert_true(offset + l->size <= s->offset + s->size);
		assert_int_not_equal(s->prot, 0);
		assert_int_equal(l->pte >> 1 & 7, s->prot);
		return;
	}
	fail_msg("a leaf at image offset %#llx, in no section",
		 (unsigned long long)offset);
}

static void stack_leaf_check(const struct leaf *l)
{
	for (unsigned i = 0; i < m.in.stack_count; i++) {
		const struct layout_stack *s = &m.stacks[i];

		if (l->va < s->va || l->va >= s->va + s->size)
			continue;
		assert_int_equal(l->pa - s->pa, l->va - s->va);
		assert_true(l->va + l->size <= s->va + s->size);
		assert_int_equal(l->pte & 0xe, 6);
		return;
	}
	fail_msg("a leaf at %#llx, in no stack", (unsigned long long)l->va);
}

enum zone {
	ZONE_LOW,
	ZONE_DIRECT,
	ZONE_WINDOW,
	ZONE_IMAGE,
	ZONES
};

static enum zone zone_of(va_t va)
{
	if (va < 1ull << 63)
		return ZONE_LOW;
	if (va < LAYOUT_WINDOW_BASE)
		return ZONE_DIRECT;
	return va < LAYOUT_IMAGE_BASE ? ZONE_WINDOW : ZONE_IMAGE;
}

/* Checks each leaf; adds up the bytes of each zone. */
static void leaves_check(uint64_t bytes[ZONES])
{
	memset(bytes, 0, ZONES * sizeof(bytes[0]));
	for (size_t i = 0; i < leaf_count; i++) {
		const struct leaf *l = &leaves[i];
		enum zone zone = zone_of(l->va);

		bytes[zone] += l->size;
		if (zone == ZONE_DIRECT)
			direct_leaf_check(l);
		else if (zone == ZONE_WINDOW)
			stack_leaf_check(l);
		else if (zone == ZONE_IMAGE)
			image_leaf_check(l);
		else {
			assert_int_equal(l->va, m.in.image_pa + m.in.identity);
			assert_int_equal(l->pa, l->va);
			assert_int_equal(l->pte & 0xe, 0xa);
			assert_int_equal(l->size, PAGE_SIZE);
		}
	}
}

static uint64_t direct_bytes_expected(uint64_t *beyond)
{
	uint64_t within = 0;
	uint64_t all = 0;

	for (unsigned i = 0; i < m.original.count; i++) {
		const struct memmap_region *r = &m.original.region[i];
		pa_t end = r->start + r->size;
		pa_t limit = direct_limit();

		if (direct_end(r->start) == r->start)
			continue;
		all += r->size;
		if (r->start < limit)
			within += min_u64(end, limit) - r->start;
	}
	*beyond = all - within;
	return within;
}

/*
 * Leaves are disjoint and each lies inside what may be mapped; when their bytes
 * add up to what must be mapped, exactly that is.
 */
static void machine_check(void)
{
	uint64_t bytes[ZONES];
	uint64_t image = 0;
	uint64_t stacks = 0;
	uint64_t beyond;

	leaves_collect();
	leaves_check(bytes);
	for (unsigned i = 0; i < m.in.section_count; i++)
		image += m.sections[i].prot != 0 ? m.sections[i].size : 0;
	for (unsigned i = 0; i < m.in.stack_count; i++)
		stacks += m.stacks[i].size;
	assert_int_equal(bytes[ZONE_IMAGE], image);
	assert_int_equal(bytes[ZONE_WINDOW], stacks);
	assert_int_equal(bytes[ZONE_DIRECT], direct_bytes_expected(&beyond));
	assert_int_equal(bytes[ZONE_DIRECT], m.out.mapped);
	assert_int_equal(m.out.unreached, beyond);
	assert_int_equal(bytes[ZONE_LOW], PAGE_SIZE);

	assert_int_equal(layout_identity_remove(&m.pt, &m.in), 0);
	leaves_collect();
	leaves_check(bytes);
	assert_int_equal(bytes[ZONE_LOW], 0);
	assert_int_equal(bytes[ZONE_IMAGE], image);
}

static bool identity_fits(void)
{
	return m.in.image_pa >> (pagetable_va_bits(m.pt.format) - 1) == 0;
}

static void random_layouts_keep_every_rule(void **state)
{
	uint64_t rng = random_seed();

	(void)state;
	for (unsigned round = 0; round < 100; round++) {
		for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
			machine_random(formats[i], &rng);
			if (identity_fits()) {
				assert_int_equal(machine_build(), 0);
				machine_check();
			} else {
				assert_int_equal(machine_build(), -ERANGE);
			}
			machine_end();
		}
	}
}

static void too_little_memory_for_tables_is_reported(void **state)
{
	uint64_t rng = random_seed();
	int rc;

	(void)state;
	for (long pages = 1;; pages++) {
		machine_random(&pagetable_sv48, &rng);
		m.pool.fail_after = pages - 1;
		rc = identity_fits() ? machine_build() : -ENOMEM;
		machine_end();
		if (rc == 0)
			break;
		assert_int_equal(rc, -ENOMEM);
	}
}

/*
 * A small machine by hand: 1 GiB at 2 GiB, as QEMU's virt has it; below it
 * memory that a node names but that is not there.
 */
static void machine_plain(const struct pagetable_format *format)
{
	memset(&m.map, 0, sizeof(m.map));
	memset(&m.in, 0, sizeof(m.in));
	for (unsigned i = 0; i < 6; i++)
		m.sections[i] = (struct layout_section){i * 0x4000, 0x4000,
							i == 0 ? RX : RW};
	m.in.sections = m.sections;
	m.in.section_count = 6;
	m.in.image_size = 6 * 0x4000;
	m.in.image_va = LAYOUT_IMAGE_BASE;
	m.in.image_pa = 0x80200000;
	m.in.map = &m.map;
	m.in.stacks = m.stacks;
	m.stacks[0] = (struct layout_stack){LAYOUT_WINDOW_BASE + PAGE_SIZE,
					    0x90000000, 0x4000};
	m.stacks[1] = (struct layout_stack){LAYOUT_WINDOW_BASE + 0x6000,
					    0x90004000, 0x4000};
	m.in.stack_count = 2;
	region_add(0x1000, GIB(1), MEMMAP_ABSENT);
	region_add(0x80000000, MIB(2), MEMMAP_FIRMWARE);
	region_add(0x80200000, 0x18000, MEMMAP_IMAGE);
	m.pool_region = m.map.count;
	region_add(0x80218000, GIB(1) - 0x218000, MEMMAP_FREE);
	fake_pages_init(&m.pool, 0x80218000);
	m.original = m.map;
	ops = fake_pages_ops;
	ops.page_alloc = table_alloc;
	assert_int_equal(pagetable_init(&m.pt, format, &ops, &m.pool), 0);
}

static void build_fails(int rc, const char *problem)
{
	assert_int_equal(machine_build(), rc);
	assert_string_equal(m.out.problem, problem);
	machine_end();
}

static void a_machine_like_virt_is_mapped(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		machine_plain(formats[i]);
		assert_int_equal(machine_build(), 0);
		assert_int_equal(m.out.direct_pa, 0x80000000);
		assert_int_equal(m.out.mapped, GIB(1) - 0x218000);
		machine_check();
		machine_end();
	}
}

static void stacks_without_a_guard_are_refused(void **state)
{
	(void)state;
	machine_plain(&pagetable_sv39);
	m.stacks[1].va -= PAGE_SIZE;
	build_fails(-EEXIST, "a stack without guard page");
	machine_plain(&pagetable_sv39);
	m.stacks[1].va -= 2 * PAGE_SIZE;
	build_fails(-EEXIST, "cannot map a stack");
	machine_plain(&pagetable_sv39);
	m.stacks[0].va -= PAGE_SIZE;
	build_fails(-EINVAL, "cannot map a stack");
	machine_plain(&pagetable_sv39);
	m.stacks[1].va = LAYOUT_IMAGE_BASE - 0x4000;
	build_fails(-EINVAL, "cannot map a stack");
}

static void sections_that_break_a_rule_are_refused(void **state)
{
	static const struct layout_section bad[] = {
		{0x4000, 0x4000, PROT_W | RX}, {0x4000, 0x4000, PROT_W},
		{0x3000, 0x4000, RW},	       {0x4000, 0x4800, RW},
		{0x4800, 0x4000, RW},	       {0x4000, 0x15000, RW},
		{0x19000, 0x1000, RW},	       {0x4000, ~0xfffull, RW},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		machine_plain(&pagetable_sv39);
		m.sections[1] = bad[i];
		build_fails(-EINVAL, "cannot map a section of the image");
	}
}

static void an_image_outside_its_window_is_refused(void **state)
{
	(void)state;
	machine_plain(&pagetable_sv39);
	m.in.image_va = LAYOUT_IMAGE_BASE - PAGE_SIZE;
	build_fails(-EINVAL, "image outside its window");
	machine_plain(&pagetable_sv39);
	m.in.image_va = LAYOUT_IMAGE_TOP - m.in.image_size + PAGE_SIZE;
	build_fails(-EINVAL, "image outside its window");
	machine_plain(&pagetable_sv39);
	m.in.image_va += 8;
	build_fails(-EINVAL, "image not page aligned");
	machine_plain(&pagetable_sv39);
	m.in.identity = m.in.image_size;
	build_fails(-EINVAL, "identity page outside the image");
}

/* Above 256 GiB Sv39 has no low address for the image; Sv48 has. */
static void an_image_too_high_for_sv39_is_refused(void **state)
{
	(void)state;
	machine_plain(&pagetable_sv39);
	m.in.image_pa = 1ull << 38;
	build_fails(-ERANGE, "image too high for an identity page");
	machine_plain(&pagetable_sv48);
	m.in.image_pa = 1ull << 38;
	assert_int_equal(machine_build(), 0);
	machine_end();
	machine_plain(&pagetable_sv39);
	m.in.image_pa = (1ull << 38) - m.in.image_size;
	assert_int_equal(machine_build(), 0);
	machine_end();
}

static void image_addresses_have_18_bits_and_stay_in_the_window(void **state)
{
	const uint64_t size = 0x58123;
	va_t least = ~0ull;
	va_t most = 0;
	uint64_t rng = random_seed();

	(void)state;
	assert_int_equal(layout_image_choose(0, size), LAYOUT_IMAGE_BASE);
	for (unsigned i = 0; i < 100000; i++) {
		va_t va = layout_image_choose(random_next(&rng), size);

		assert_true(va >= LAYOUT_IMAGE_BASE && is_aligned(va, 4096));
		assert_true(va + size <= LAYOUT_IMAGE_TOP);
		least = va < least ? va : least;
		most = va > most ? va : most;
	}
	assert_true((most - least) / 4096 > 1 << 18);
	/* The last step of all is used, too. */
	assert_int_equal(
		layout_image_choose((LAYOUT_IMAGE_TOP - LAYOUT_IMAGE_BASE -
				     align_up(size, PAGE_SIZE)) /
					    PAGE_SIZE,
				    size),
		LAYOUT_IMAGE_TOP - align_up(size, PAGE_SIZE));
}

static void the_direct_map_begins_where_the_mode_says(void **state)
{
	(void)state;
	assert_int_equal(layout_direct_base(&pagetable_sv39),
			 0xffffffc000000000);
	assert_int_equal(layout_direct_base(&pagetable_sv48),
			 0xffff800000000000);
	assert_int_equal(layout_direct_base(&pagetable_sv57),
			 0xff00000000000000);
	assert_int_equal(layout_direct_span(&pagetable_sv39), GIB(252));
}

/* Sv39 spans 252 GiB from the lowest GiB of memory. */
static void memory_out_of_reach_is_left_out(void **state)
{
	static struct memmap map;
	pa_t limit = GIB(2) + GIB(252), table;
	int err = -1;

	(void)state;
	memset(&map, 0, sizeof(map));
	memmap_add(&map, GIB(2) + MIB(5), GIB(1));
	memmap_add(&map, limit - GIB(1), GIB(4));
	assert_int_equal(layout_reach(&map, &pagetable_sv48, &err), 0);
	assert_int_equal(err, 0);
	assert_int_equal(layout_reach(&map, &pagetable_sv39, &err), GIB(3));
	assert_int_equal(err, 0);
	assert_true(memmap_is(&map, limit - GIB(1), GIB(1), MEMMAP_FREE));
	assert_true(memmap_is(&map, limit, GIB(3), MEMMAP_ABSENT));
	/* Not even a table may be put there. */
	assert_int_equal(memmap_alloc(&map, PAGE_SIZE, PAGE_SIZE, UINT64_MAX,
				      MEMMAP_TABLES, &table),
			 0);
	assert_int_equal(table, limit - PAGE_SIZE);
	assert_int_equal(layout_reach(&map, &pagetable_sv39, &err), 0);
}

static void full_map_that_cannot_be_cut_is_reported(void **state)
{
	static struct memmap map;
	pa_t limit = GIB(252);
	int err = 0;

	(void)state;
	memset(&map, 0, sizeof(map));
	for (unsigned i = 0; i < MEMMAP_MAX - 1; i++)
		memmap_add(&map, i * MIB(1), PAGE_SIZE);
	memmap_add(&map, limit - GIB(1), GIB(2));
	assert_int_equal(map.count, MEMMAP_MAX);
	layout_reach(&map, &pagetable_sv39, &err);
	assert_int_equal(err, -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_layouts_keep_every_rule),
		cmocka_unit_test(too_little_memory_for_tables_is_reported),
		cmocka_unit_test(a_machine_like_virt_is_mapped),
		cmocka_unit_test(stacks_without_a_guard_are_refused),
		cmocka_unit_test(sections_that_break_a_rule_are_refused),
		cmocka_unit_test(an_image_outside_its_window_is_refused),
		cmocka_unit_test(an_image_too_high_for_sv39_is_refused),
		cmocka_unit_test(
			image_addresses_have_18_bits_and_stay_in_the_window),
		cmocka_unit_test(the_direct_map_begins_where_the_mode_says),
		cmocka_unit_test(memory_out_of_reach_is_left_out),
		cmocka_unit_test(full_map_that_cannot_be_cut_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
