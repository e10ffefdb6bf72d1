/*
 * A small pool that mixes seeds for KASLR and the stack protector's canary.
 * Every absorbed bit reaches every output bit, and outputs are not repeated
 * for 2^128 - 1 steps, but this is no cryptographic generator: one who sees
 * outputs can compute the others. Use it for addresses, never for keys.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* All zero is a valid, empty pool. */
struct mix {
	uint64_t s[2];
};

/* Mix @len bytes at @data into @m; order and length count. */
void mix_absorb(struct mix *m, const void *data, size_t len);

/* The next 64 bits of @m. */
uint64_t mix_next(struct mix *m);
