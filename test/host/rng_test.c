/* The seed generator: its cipher against the RFC's vectors, and its promises.
 *
 * Sources: kernel/guest/rng.c sodium test/host/fake/lock.c */
#include "kernel/guest/rng.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <crypto_core_hchacha20.h>
#include <crypto_stream/chacha20/ref/chacha20_ref.h>

/* RFC 8439, appendix A.1, test vector #1: key, nonce and counter 0. */
static void the_cipher_is_chacha20(void **state)
{
	static const uint8_t zero[32] = {0};
	static const uint8_t want[32] = {
		0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90,
		0x40, 0x5d, 0x6a, 0xe5, 0x53, 0x86, 0xbd, 0x28,
		0xbd, 0xd2, 0x19, 0xb8, 0xa0, 0x8d, 0xed, 0x1a,
		0xa8, 0x36, 0xef, 0xcc, 0x8b, 0x77, 0x0d, 0xc7};
	uint8_t got[32];

	(void)state;
	crypto_stream_chacha20_ref_implementation.stream(got, sizeof(got), zero,
							 zero);
	assert_memory_equal(got, want, sizeof(want));
}

/* draft-irtf-cfrg-xchacha-03, section 2.2.1. */
static void the_mixer_is_hchacha20(void **state)
{
	static const uint8_t nonce[16] = {0, 0, 0, 9, 0,    0,	  0,	0x4a,
					  0, 0, 0, 0, 0x31, 0x41, 0x59, 0x27};
	static const uint8_t want[32] = {
		0x82, 0x41, 0x3b, 0x42, 0x27, 0xb2, 0x7b, 0xfe,
		0xd3, 0x0e, 0x42, 0x50, 0x8a, 0x87, 0x7d, 0x73,
		0xa0, 0xf9, 0xe4, 0xd5, 0x8a, 0x74, 0xa8, 0x53,
		0xc1, 0x2e, 0xc4, 0x13, 0x26, 0xd3, 0xec, 0xdc};
	uint8_t key[32], got[32];

	(void)state;
	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	crypto_core_hchacha20(got, nonce, key, NULL);
	assert_memory_equal(got, want, sizeof(want));
}

static void without_entropy_there_is_none(void **state)
{
	uint8_t out[32], before[32];

	(void)state;
	rng_reset();
	memset(out, 0x5a, sizeof(out));
	memcpy(before, out, sizeof(out));
	assert_false(rng_ready());
	assert_int_equal(rng_take(out, sizeof(out)), -ENODATA);
	assert_memory_equal(out, before, sizeof(out));
	rng_add("", 0);
	assert_false(rng_ready());
	rng_add("x", 1);
	assert_true(rng_ready());
	assert_int_equal(rng_take(out, sizeof(out)), 0);
	assert_memory_not_equal(out, before, sizeof(out));
}

/* The first bytes after one reset and these seeds. */
static void first(uint8_t out[32], const void *seed, size_t size,
		  const void *more, size_t more_size)
{
	rng_reset();
	rng_add(seed, size);
	rng_add(more, more_size);
	assert_int_equal(rng_take(out, 32), 0);
}

static void every_bit_of_the_seed_counts(void **state)
{
	uint8_t seed[48] = {0}, base[32], got[32];

	(void)state;
	first(base, seed, sizeof(seed), NULL, 0);
	first(got, seed, sizeof(seed), NULL, 0);
	assert_memory_equal(got, base, 32);
	for (unsigned bit = 0; bit < sizeof(seed) * 8; bit++) {
		seed[bit / 8] ^= (uint8_t)(1u << bit % 8);
		first(got, seed, sizeof(seed), NULL, 0);
		assert_memory_not_equal(got, base, 32);
		seed[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	/* So do its length, its division and its order. */
	first(got, seed, sizeof(seed) - 1, NULL, 0);
	assert_memory_not_equal(got, base, 32);
	first(got, seed, 32, seed, 16);
	assert_memory_not_equal(got, base, 32);
	first(base, "ab", 2, "c", 1);
	first(got, "c", 1, "ab", 2);
	assert_memory_not_equal(got, base, 32);
}

static void no_two_takes_are_alike(void **state)
{
	static uint8_t taken[200][32];

	(void)state;
	rng_reset();
	rng_add("seed", 4);
	for (unsigned i = 0; i < 200; i++) {
		assert_int_equal(rng_take(taken[i], 32), 0);
		for (unsigned k = 0; k < i; k++)
			assert_memory_not_equal(taken[i], taken[k], 32);
	}
}

static void any_length_is_filled_to_its_end(void **state)
{
	uint8_t longest[300], out[301];

	(void)state;
	first(longest, "seed", 4, NULL, 0);
	rng_reset();
	rng_add("seed", 4);
	assert_int_equal(rng_take(longest, sizeof(longest)), 0);
	for (size_t size = 0; size <= sizeof(longest); size++) {
		memset(out, 0xa5, sizeof(out));
		rng_reset();
		rng_add("seed", 4);
		assert_int_equal(rng_take(out, size), 0);
		assert_memory_equal(out, longest, size);
		assert_int_equal(out[size], 0xa5);
	}
}

/* Half of all bits are set: 4 sigma of 2^16 fair coins are 512. */
static void bits_are_balanced(void **state)
{
	static uint8_t out[8192];
	unsigned ones = 0;

	(void)state;
	rng_reset();
	rng_add("seed", 4);
	assert_int_equal(rng_take(out, sizeof(out)), 0);
	for (size_t i = 0; i < sizeof(out); i++)
		ones += (unsigned)__builtin_popcount(out[i]);
	assert_in_range(ones, 32768 - 512, 32768 + 512);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_cipher_is_chacha20),
		cmocka_unit_test(the_mixer_is_hchacha20),
		cmocka_unit_test(without_entropy_there_is_none),
		cmocka_unit_test(every_bit_of_the_seed_counts),
		cmocka_unit_test(no_two_takes_are_alike),
		cmocka_unit_test(any_length_is_filled_to_its_end),
		cmocka_unit_test(bits_are_balanced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
