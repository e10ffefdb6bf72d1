/*
 * Seed mixing. The state steps as xoroshiro128+ (Blackman and Vigna, 2018:
 * period 2^128 - 1); every absorbed word and every output passes through a
 * bijective finalizer of multiplications and shifts (constants of Stafford's
 * "Mix13"), so that seeds differing in one bit lead to unrelated pools.
 */
#include "lib/mix.h"

#define GOLDEN 0x9e3779b97f4a7c15ull /* 2^64 / golden ratio, odd */

static uint64_t rotate(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static uint64_t scatter(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static void step(struct mix *m)
{
	uint64_t a = m->s[0];
	uint64_t b = m->s[1] ^ a;

	m->s[0] = rotate(a, 24) ^ b ^ b << 16;
	m->s[1] = rotate(b, 37);
}

/* Both halves of the state change with every bit of @word. */
static void absorb_word(struct mix *m, uint64_t word)
{
	m->s[0] = scatter(m->s[0] ^ word) + GOLDEN;
	m->s[1] = scatter(m->s[1] + m->s[0]);
	step(m);
}

void mix_absorb(struct mix *m, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t word = 0;

	for (size_t i = 0; i < len; i++) {
		word |= (uint64_t)p[i] << i % 8 * 8;
		if (i % 8 == 7) {
			absorb_word(m, word);
			word = 0;
		}
	}
	/* The length too: "a" and "a\0" are different seeds. */
	absorb_word(m, word);
	absorb_word(m, len);
}

uint64_t mix_next(struct mix *m)
{
	uint64_t sum = m->s[0] + m->s[1];

	/* The all-zero state is the one that steps to itself. */
	if (!(m->s[0] | m->s[1]))
		m->s[0] = GOLDEN;
	step(m);
	return scatter(sum + GOLDEN);
}
