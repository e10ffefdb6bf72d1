/* Sources: lib/range.c */
/* Ranges at the ends of the address space, and against plain counting. */
#include "lib/range.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void ranges_are_cut_at_the_end(void **state)
{
	struct range r = range_make(UINT64_MAX - 9, 100);

	(void)state;
	assert_int_equal(r.size, 10);
	assert_int_equal(range_end(&r), UINT64_MAX);
	assert_true(range_contains(&r, UINT64_MAX));
	assert_false(range_contains(&r, 0));
	r = range_make(0, UINT64_MAX);
	assert_int_equal(r.size, UINT64_MAX);
	r = range_make(5, 0);
	assert_int_equal(r.size, 0);
	assert_int_equal(range_end(&r), 5);
	assert_false(range_contains(&r, 5));
}

static void between_never_runs_backwards(void **state)
{
	(void)state;
	assert_int_equal(range_between(3, 8).size, 5);
	assert_int_equal(range_between(8, 3).size, 0);
	assert_int_equal(range_between(8, 3).start, 8);
}

static void ends_of_the_space_do_not_meet(void **state)
{
	struct range low = {0, 16}, high = range_make(UINT64_MAX - 15, 16);

	(void)state;
	assert_false(range_overlaps(&low, &high));
	assert_false(range_covers(&high, &low));
	assert_int_equal(range_intersect(&low, &high).size, 0);
	assert_int_equal(range_intersect(&high, &low).size, 0);
}

static bool in(const struct range *r, unsigned i)
{
	return i >= r->start && i < r->start + r->size;
}

/* All pairs of ranges below 7, by looking at every number. */
static void small_ranges_by_counting(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 7 * 7 * 7 * 7; n++) {
		struct range a = {n % 7, n / 7 % 7};
		struct range b = {n / 49 % 7, n / 343};
		struct range shared = range_intersect(&a, &b);
		unsigned both = 0, only_b = 0;

		for (unsigned i = 0; i < 16; i++) {
			both += in(&a, i) && in(&b, i);
			only_b += !in(&a, i) && in(&b, i);
			assert_int_equal(range_contains(&a, i), in(&a, i));
			if (shared.size)
				assert_int_equal(in(&shared, i),
						 in(&a, i) && in(&b, i));
		}
		assert_int_equal(range_overlaps(&a, &b), both > 0);
		assert_int_equal(range_covers(&a, &b), both && !only_b);
		assert_int_equal(shared.size, both);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_are_cut_at_the_end),
		cmocka_unit_test(between_never_runs_backwards),
		cmocka_unit_test(ends_of_the_space_do_not_meet),
		cmocka_unit_test(small_ranges_by_counting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
