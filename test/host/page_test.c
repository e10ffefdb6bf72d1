/* Sources: kernel/mm/page.c kernel/mm/memmap.c kernel/fdt/dt.c
 *          kernel/fdt/address.c kernel/fdt/memory.c kernel/fdt/chosen.c
 *          lib/range.c lib/mix.c test/host/fake/memory.c
 *          test/host/fake/lock.c test/host/fake/log.c
 *          test/host/fake/panic.c libfdt */
/*
 * The page allocator over memory full of junk. It can be started once only, so
 * every test runs in a process of its own (see run()).
 */
#include "kernel/mm/page.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "arch/mmu.h"
#include "test/host/fake/log.h"
#include "test/host/fake/memory.h"
#include "test/host/fake/panic.h"
#include "test/host/random.h"

#define BASE 0x80000000ull

static struct memmap map;

static void start(pa_t base, uint64_t size)
{
	memset(&map, 0, sizeof(map));
	fake_memory_init(base, size);
	memmap_add(&map, base, size);
}

static uint64_t free_bytes(void)
{
	struct page_stats stats;

	page_stats_read(&stats);
	return stats.free;
}

static void blocks_are_aligned_and_apart(void **state)
{
	static const unsigned orders[] = {0, 9, 3, 0, 12, 1, 9, 5};
	struct range taken[ARRAY_SIZE(orders)];
	pa_t pa;

	(void)state;
	start(BASE, MIB(64));
	/* Junk that looks like heads of taken and free blocks. */
	fake_memory_fill(BASE, MIB(1), 0x83);
	assert_int_equal(page_init(&map), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(orders); i++) {
		assert_int_equal(page_alloc(orders[i], &pa), 0);
		assert_true(is_aligned(pa, PAGE_SIZE << orders[i]));
		taken[i] = range_make(pa, PAGE_SIZE << orders[i]);
		fake_memory_fill(pa, taken[i].size, 0x83);
		for (unsigned k = 0; k < i; k++)
			assert_false(range_overlaps(&taken[i], &taken[k]));
	}
}

static void everything_comes_back_together(void **state)
{
	struct page_stats before, after;
	static pa_t taken[1u << 14];
	unsigned count = 0;

	(void)state;
	start(BASE, MIB(64));
	fake_memory_fill(BASE, MIB(1), 0x45);
	memmap_mark(&map, BASE + MIB(3), 0x5000, MEMMAP_IMAGE);
	assert_int_equal(page_init(&map), 0);
	page_stats_read(&before);
	while (!page_alloc(0, &taken[count]))
		count++;
	assert_int_equal(count, before.total >> PAGE_SHIFT);
	assert_int_equal(free_bytes(), 0);
	page_stats_read(&after);
	assert_int_equal(after.largest_order, -1);
	/* Odd ones first, so that nothing joins until the end. */
	for (unsigned i = 1; i < count; i += 2)
		page_free(taken[i]);
	for (unsigned i = 0; i < count; i += 2)
		page_free(taken[i]);
	page_stats_read(&after);
	assert_int_equal(after.free, before.free);
	assert_memory_equal(after.blocks, before.blocks, sizeof(after.blocks));
	assert_int_equal(before.largest_order, 13);
}

static void nothing_but_free_memory_is_handed_out(void **state)
{
	uint64_t total = 0;
	pa_t pa;

	(void)state;
	start(BASE, MIB(8));
	memmap_mark(&map, BASE, MIB(2), MEMMAP_FIRMWARE);
	memmap_mark(&map, BASE + MIB(2), 0x21000, MEMMAP_IMAGE);
	memmap_mark(&map, BASE + MIB(5) + 0x1000, 0x1000, MEMMAP_NOMAP);
	memmap_mark(&map, BASE + MIB(5) + 0x3000, 0x1000, MEMMAP_NOMAP);
	fake_log_clear();
	assert_int_equal(page_init(&map), 0);
	/* One page between two others cannot hold its own bookkeeping. */
	assert_string_equal(fake_log_text,
			    "memory: 4 KiB in too small pieces\n");
	for (; !page_alloc(0, &pa); total += PAGE_SIZE) {
		assert_true(memmap_is(&map, pa, PAGE_SIZE, MEMMAP_FREE));
		fake_memory_fill(pa, PAGE_SIZE, 0xff);
	}
	/* Two zones with a page of bytes each, and the one page left out. */
	assert_int_equal(total, memmap_total(&map, MEMMAP_FREE) - 0x3000);
}

static void random_use_keeps_blocks_apart(void **state)
{
	static struct {
		pa_t pa;
		unsigned order;
	} taken[512];
	uint64_t seed = random_seed(), total;
	unsigned count = 0;

	(void)state;
	start(BASE + 0x3000, MIB(32) - 0x3000);
	fake_memory_fill(BASE + 0x3000, MIB(1), 0x80);
	assert_int_equal(page_init(&map), 0);
	total = free_bytes();
	for (int step = 0; step < 100000; step++) {
		unsigned i = (unsigned)random_below(&seed, 512);
		unsigned order = (unsigned)random_below(&seed, 10);
		uint64_t *mark;

		if (i < count) {
			mark = arch_pa_to_va(taken[i].pa);
			assert_int_equal(mark[0], taken[i].pa);
			assert_int_equal(
				mark[(PAGE_SIZE << taken[i].order) / 8 - 1],
				taken[i].pa);
			page_free(taken[i].pa);
			taken[i] = taken[--count];
		} else if (!page_alloc(order, &taken[count].pa)) {
			/* Both ends belong to this block alone. */
			mark = arch_pa_to_va(taken[count].pa);
			mark[0] = taken[count].pa;
			mark[(PAGE_SIZE << order) / 8 - 1] = taken[count].pa;
			taken[count++].order = order;
		}
	}
	while (count)
		page_free(taken[--count].pa);
	assert_int_equal(free_bytes(), total);
}

static void wrong_frees_are_found_out(void **state)
{
	pa_t block, page, other;

	(void)state;
	start(BASE, MIB(16));
	memmap_mark(&map, BASE, MIB(2), MEMMAP_FIRMWARE);
	/* The worst junk: every page looks like a taken block. */
	fake_memory_fill(BASE, MIB(16), 0x80);
	assert_int_equal(page_init(&map), 0);
	assert_int_equal(page_alloc(4, &block), 0);
	assert_int_equal(page_alloc(0, &page), 0);
	assert_int_equal(page_alloc(0, &other), 0);
	expect_panic(page_free(block + PAGE_SIZE), "inside a block");
	expect_panic(page_free(block + 8 * PAGE_SIZE), "inside a block");
	expect_panic(page_free(BASE), "not ours");
	expect_panic(page_free(BASE + MIB(2)), "not ours");
	expect_panic(page_free(BASE + MIB(16)), "not ours");
	expect_panic(page_free(0), "not ours");
	expect_panic(page_free(page + 8), "not a page");
	page_free(page);
	expect_panic(page_free(page), "free already");
	page_free(other);
	/* Joined into a larger block by now. */
	expect_panic(page_free(page), "");
	expect_panic(page_free(other), "");
	page_free(block);
	expect_panic(page_free(block), "");
}

/* Every page of the zone but the heads of taken blocks, with junk about. */
static void no_page_can_be_freed_that_was_not_handed_out(void **state)
{
	uint64_t seed = random_seed();
	static uint8_t is_head[MIB(4) >> PAGE_SHIFT];
	uint64_t before;
	pa_t pa;

	(void)state;
	start(BASE, MIB(4));
	for (uint64_t i = 0; i < MIB(4); i += 8)
		*(uint64_t *)arch_pa_to_va(BASE + i) = random_next(&seed);
	assert_int_equal(page_init(&map), 0);
	for (unsigned i = 0; i < 100; i++)
		if (!page_alloc((unsigned)random_below(&seed, 5), &pa))
			is_head[(pa - BASE) >> PAGE_SHIFT] = 1;
	before = free_bytes();
	for (pa = BASE; pa < BASE + MIB(4); pa += PAGE_SIZE)
		if (!is_head[(pa - BASE) >> PAGE_SHIFT])
			expect_panic(page_free(pa), "page_free");
	assert_int_equal(free_bytes(), before);
}

/* The last block's buddy would lie behind the zone, and so would its byte. */
static void nothing_is_joined_across_the_end(void **state)
{
	pa_t pa;

	(void)state;
	start(BASE + 3 * PAGE_SIZE, 2 * PAGE_SIZE);
	/* Junk that says: a free block of one page. */
	fake_memory_fill(BASE + 3 * PAGE_SIZE, 2 * PAGE_SIZE, 0x40);
	assert_int_equal(page_init(&map), 0);
	assert_int_equal(page_alloc(0, &pa), 0);
	assert_int_equal(pa, BASE + 4 * PAGE_SIZE);
	page_free(pa);
	assert_int_equal(free_bytes(), PAGE_SIZE);
	assert_int_equal(page_alloc(0, &pa), 0);
}

static void orders_and_sizes(void **state)
{
	pa_t pa;

	(void)state;
	assert_int_equal(page_order(0), 0);
	assert_int_equal(page_order(PAGE_SIZE), 0);
	assert_int_equal(page_order(PAGE_SIZE + 1), 1);
	assert_int_equal(page_order(MIB(2)), 9);
	assert_int_equal(page_order(GIB(1)), PAGE_ORDER_MAX);
	assert_int_equal(page_order(GIB(1) + 1), -1);
	assert_int_equal(page_order(UINT64_MAX), -1);
	start(BASE, MIB(4));
	assert_int_equal(page_init(&map), 0);
	assert_int_equal(page_alloc(PAGE_ORDER_MAX + 1, &pa), -EINVAL);
	assert_int_equal(page_alloc(10, &pa), -ENOMEM);
	fake_memory_fill(BASE + MIB(2), MIB(2), 0x11);
}

static void zeroed_pages_are_zero(void **state)
{
	uint64_t *p;
	pa_t pa;

	(void)state;
	start(BASE, MIB(1));
	fake_memory_fill(BASE, MIB(1), 0x99);
	assert_int_equal(page_init(&map), 0);
	assert_int_equal(page_alloc_zero(3, &pa), 0);
	p = arch_pa_to_va(pa);
	for (unsigned i = 0; i < 8 * PAGE_SIZE / 8; i++)
		assert_int_equal(p[i], 0);
}

static void no_memory_at_all(void **state)
{
	(void)state;
	start(BASE, PAGE_SIZE);
	assert_int_equal(page_init(&map), -ENOMEM);
}

/* 64 GiB: as many pages are touched as the blocks have heads. */
static void start_does_not_touch_all_memory(void **state)
{
	struct page_stats stats;
	pa_t pa;

	(void)state;
	start(BASE, GIB(64));
	memmap_mark(&map, BASE, MIB(3), MEMMAP_FIRMWARE);
	assert_int_equal(page_init(&map), 0);
	assert_true(fake_memory_touched() < 200);
	page_stats_read(&stats);
	assert_int_equal(stats.largest_order, PAGE_ORDER_MAX);
	assert_true(stats.blocks[PAGE_ORDER_MAX] >= 63);
	assert_true(stats.total > GIB(64) - MIB(20));
	assert_int_equal(page_alloc(PAGE_ORDER_MAX, &pa), 0);
	assert_true(is_aligned(pa, GIB(1)));
	page_free(pa);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(blocks_are_aligned_and_apart),
	cmocka_unit_test(everything_comes_back_together),
	cmocka_unit_test(nothing_but_free_memory_is_handed_out),
	cmocka_unit_test(random_use_keeps_blocks_apart),
	cmocka_unit_test(wrong_frees_are_found_out),
	cmocka_unit_test(no_page_can_be_freed_that_was_not_handed_out),
	cmocka_unit_test(nothing_is_joined_across_the_end),
	cmocka_unit_test(orders_and_sizes),
	cmocka_unit_test(zeroed_pages_are_zero),
	cmocka_unit_test(no_memory_at_all),
	cmocka_unit_test(start_does_not_touch_all_memory),
};

/* Run one test in a child, which starts with an allocator never used. */
static int run(const struct CMUnitTest *test)
{
	const struct CMUnitTest one[] = {*test};
	int status;
	pid_t child = fork();

	if (!child)
		exit(cmocka_run_group_tests_name(test->name, one, NULL, NULL));
	if (child < 0 || waitpid(child, &status, 0) != child)
		return 1;
	return !WIFEXITED(status) || WEXITSTATUS(status) ? 1 : 0;
}

int main(void)
{
	int failed = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(tests); i++)
		failed += run(&tests[i]);
	return failed;
}
