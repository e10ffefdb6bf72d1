/* Repeatable random numbers for tests: SEED in the environment, 1 without. */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Splitmix64 (Steele, Lea, Flood 2014): any state is a good one. */
static inline uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* 0 to bound - 1; bound is not 0. */
static inline uint64_t random_below(uint64_t *state, uint64_t bound)
{
	return random_next(state) % bound;
}

/* The state to start with; prints the seed, to repeat a failure by. */
static inline uint64_t random_seed(void)
{
	const char *text = getenv("SEED");
	uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : 1;

	fprintf(stderr, "SEED=%llu\n", (unsigned long long)seed);
	return seed;
}
