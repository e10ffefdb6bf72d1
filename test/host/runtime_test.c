/* Sources: lib/runtime.c */
/* Bit counts, against the definition. */
#include "lib/runtime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "test/host/random.h"

static void check(uint64_t x)
{
	int low = 0, high = 0;

	while (!(x >> low & 1))
		low++;
	while (!(x << high >> 63))
		high++;
	assert_int_equal(__ctzdi2(x), low);
	assert_int_equal(__clzdi2(x), high);
}

static void every_pair_of_ends(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 64; i++)
		for (unsigned j = 0; j < 64; j++)
			check(1ull << i | 1ull << j);
	check(UINT64_MAX);
}

static void random_words(void **state)
{
	uint64_t seed = random_seed();

	(void)state;
	for (unsigned i = 0; i < 10000; i++)
		check((random_next(&seed) | 1) << random_below(&seed, 64));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_of_ends),
		cmocka_unit_test(random_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
