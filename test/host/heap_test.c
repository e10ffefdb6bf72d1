/* Sources: kernel/mm/heap.c kernel/mm/page.c kernel/mm/memmap.c
 *          kernel/fdt/dt.c kernel/fdt/address.c kernel/fdt/memory.c
 *          kernel/fdt/chosen.c lib/range.c lib/mix.c
 *          test/host/fake/memory.c test/host/fake/lock.c
 *          test/host/fake/log.c test/host/fake/panic.c libfdt */
/* Small objects over the real page allocator. */
#include "kernel/mm/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/mmu.h"
#include "kernel/mm/page.h"
#include "test/host/fake/memory.h"
#include "test/host/fake/panic.h"
#include "test/host/random.h"

#define BASE 0x80000000ull

static int start(void **state)
{
	static struct memmap map;

	(void)state;
	fake_memory_init(BASE, MIB(8));
	fake_memory_fill(BASE, MIB(8), 0xee);
	memmap_add(&map, BASE, MIB(8));
	return page_init(&map);
}

static uint64_t pages_free(void)
{
	struct page_stats stats;

	page_stats_read(&stats);
	return stats.free >> PAGE_SHIFT;
}

static bool is_zero(const uint8_t *p, size_t size)
{
	while (size && !p[size - 1])
		size--;
	return size == 0;
}

static void objects_are_zero_and_aligned(void **state)
{
	(void)state;
	for (size_t size = 0; size < 20000; size += 1 + size / 7) {
		for (int i = 0; i < 3; i++) {
			uint8_t *p = heap_alloc(size);

			assert_non_null(p);
			assert_true(is_aligned((uintptr_t)p, 16));
			if (size > HEAP_SMALL_MAX)
				assert_true(
					is_aligned((uintptr_t)p, PAGE_SIZE));
			assert_true(is_zero(p, size));
			memset(p, 0xff, size);
			heap_free(p);
		}
	}
	heap_free(NULL);
}

static void random_use_keeps_objects_apart(void **state)
{
	static struct {
		uint8_t *p;
		size_t size;
		uint8_t fill;
	} taken[600];
	uint64_t seed = random_seed();
	struct heap_stats stats;
	unsigned count = 0;

	(void)state;
	for (int step = 0; step < 50000; step++) {
		unsigned i = (unsigned)random_below(&seed, 600);

		if (i < count) {
			for (size_t k = 0; k < taken[i].size; k++)
				assert_int_equal(taken[i].p[k], taken[i].fill);
			heap_free(taken[i].p);
			taken[i] = taken[--count];
			continue;
		}
		taken[count].size = random_below(
			&seed, random_below(&seed, 8) ? 600 : 6000);
		taken[count].p = heap_alloc(taken[count].size);
		taken[count].fill = (uint8_t)step;
		assert_non_null(taken[count].p);
		memset(taken[count].p, step, taken[count].size);
		count++;
	}
	heap_stats_read(&stats);
	assert_int_equal(stats.objects, count);
	while (count)
		heap_free(taken[--count].p);
	heap_stats_read(&stats);
	assert_int_equal(stats.objects, 0);
	/* No more than one slab per size class is kept for the next one. */
	assert_true(stats.slabs <= 14);
}

static void small_objects_share_a_page(void **state)
{
	uint64_t before = pages_free();
	void *p[252];

	(void)state;
	p[0] = heap_alloc(16);
	before = pages_free();
	for (unsigned i = 1; i < 252; i++)
		p[i] = heap_alloc(1 + i % 16);
	assert_int_equal(pages_free(), before);
	heap_free(heap_alloc(16));
	for (unsigned i = 0; i < 252; i++)
		heap_free(p[i]);
	assert_true(pages_free() >= before);
}

static void wrong_frees_are_found_out(void **state)
{
	uint8_t *p = heap_alloc(100), *q = heap_alloc(100);
	uint8_t *large = heap_alloc(5000);

	(void)state;
	expect_panic(heap_free(p + 1), "heap_free");
	expect_panic(heap_free(p + 16), "heap_free");
	expect_panic(heap_free(large + 16), "heap_free");
	expect_panic(heap_free(large + PAGE_SIZE), "inside a block");
	heap_free(p);
	expect_panic(heap_free(p), "heap_free");
	heap_free(q);
	heap_free(large);
	expect_panic(heap_free(large), "page_free");
}

static void memory_used_up_is_null(void **state)
{
	static void *p[4096];
	uint64_t before = pages_free();
	unsigned count = 0;

	(void)state;
	assert_null(heap_alloc(MIB(16)));
	assert_null(heap_alloc(SIZE_MAX));
	assert_null(heap_alloc_array(SIZE_MAX / 2, 4));
	while ((p[count] = heap_alloc(2016)) != NULL)
		count++;
	assert_true(count > 1000 && count < 4096);
	assert_int_equal(pages_free(), 0);
	while (count)
		heap_free(p[--count]);
	assert_true(pages_free() + 1 >= before);
	p[0] = heap_alloc_array(3, 100);
	assert_non_null(p[0]);
	heap_free(p[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_are_zero_and_aligned),
		cmocka_unit_test(random_use_keeps_objects_apart),
		cmocka_unit_test(small_objects_share_a_page),
		cmocka_unit_test(wrong_frees_are_found_out),
		cmocka_unit_test(memory_used_up_is_null),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
