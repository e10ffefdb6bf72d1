/*
 * Random bytes for guests' rng-seed: ChaCha20 of libsodium, compiled unmodified
 * from the source that set-up fetches, as a generator with fast key erasure:
 * every call replaces the key, so that what was given out cannot be computed
 * from what is kept, nor one guest's seed from another's. D. J. Bernstein,
 * "Fast-key-erasure random-number generators", 2017.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Mix @size bytes of entropy at @seed (kaslr-seed, rng-seed, Zkr's words, or
 * the pool these went into) into the key. Any context, any number of times;
 * nothing happens for size 0. What is no secret must not be all it ever gets.
 */
void rng_add(const void *seed, size_t size);

/* Has anything been mixed in? Where not, guests get no seed. */
bool rng_ready(void);

/*
 * @size random bytes into @out. Returns 0; -ENODATA when nothing was ever mixed
 * in, @out is unchanged then. Any context.
 */
int rng_take(void *out, size_t size);

/* Forget key and state, as at start. */
void rng_reset(void);
