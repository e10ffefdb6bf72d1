/* Sources: lib/mix.c */
/* The seed pool: repeatable, sensitive to every bit, evenly spread. */
#include "lib/mix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>

#include <cmocka.h>

static uint64_t first_of(const void *seed, size_t len)
{
	struct mix m = {{0, 0}};

	mix_absorb(&m, seed, len);
	return mix_next(&m);
}

static void same_seed_same_numbers(void **state)
{
	(void)state;
	assert_true(first_of("seed", 4) == first_of("seed", 4));
	assert_false(first_of("seed", 4) == first_of("seeD", 4));
}

static void length_and_order_count(void **state)
{
	struct mix ab = {{0, 0}}, ba = {{0, 0}};

	(void)state;
	assert_false(first_of("a", 1) == first_of("a\0", 2));
	assert_false(first_of("", 0) == first_of("\0\0\0\0\0\0\0\0", 8));
	mix_absorb(&ab, "a", 1);
	mix_absorb(&ab, "b", 1);
	mix_absorb(&ba, "b", 1);
	mix_absorb(&ba, "a", 1);
	assert_false(mix_next(&ab) == mix_next(&ba));
}

/* One bit of the seed turns half of the bits of the number, on average. */
static void every_bit_reaches_every_bit(void **state)
{
	uint8_t seed[32] = {1, 2, 3};
	unsigned total = 0, turned[64] = {0};

	(void)state;
	for (unsigned bit = 0; bit < 256; bit++) {
		uint64_t before = first_of(seed, sizeof(seed)), change;

		seed[bit / 8] ^= (uint8_t)(1u << bit % 8);
		change = before ^ first_of(seed, sizeof(seed));
		for (unsigned i = 0; i < 64; i++)
			turned[i] += change >> i & 1;
		total += (unsigned)__builtin_popcountll(change);
		assert_in_range(__builtin_popcountll(change), 12, 52);
	}
	assert_in_range(total / 256, 30, 34);
	for (unsigned i = 0; i < 64; i++)
		assert_in_range(turned[i], 90, 166);
}

static void empty_pool_still_gives_numbers(void **state)
{
	struct mix m = {{0, 0}};
	uint64_t seen[64];

	(void)state;
	for (unsigned i = 0; i < 64; i++) {
		seen[i] = mix_next(&m);
		for (unsigned k = 0; k < i; k++)
			assert_false(seen[k] == seen[i]);
	}
}

/* The 18 bits that KASLR takes: 64 buckets of 1024 each, roughly. */
static void numbers_are_spread_evenly(void **state)
{
	unsigned bucket[64] = {0};
	struct mix m = {{0, 0}};

	(void)state;
	mix_absorb(&m, "x", 1);
	for (unsigned i = 0; i < 65536; i++)
		bucket[mix_next(&m) % 262144 / 4096]++;
	for (unsigned i = 0; i < 64; i++)
		assert_in_range(bucket[i], 850, 1200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_seed_same_numbers),
		cmocka_unit_test(length_and_order_count),
		cmocka_unit_test(every_bit_reaches_every_bit),
		cmocka_unit_test(empty_pool_still_gives_numbers),
		cmocka_unit_test(numbers_are_spread_evenly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
