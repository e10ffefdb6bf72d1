/*
 * Absorbing is a cascade of HChaCha20: each 16 bytes of seed, keyed by what was
 * before, make the next key (Dodis and others, "Randomness Extraction and Key
 * Derivation Using the CBC, Cascade and HMAC Modes", 2004, section 4). The
 * length goes in last, so that no seed is the beginning of another.
 */
#include "kernel/guest/rng.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <crypto_core_hchacha20.h>
#include <crypto_stream/chacha20/ref/chacha20_ref.h>
#include <utils.h>

#include "arch/lock.h"

#define KEY_SIZE   32u
#define CHUNK_SIZE 16u

static struct {
	struct spinlock lock;
	bool ready;
	uint8_t key[KEY_SIZE];
} rng;

/*
 * All that the cipher wants of the rest of libsodium. The barrier makes the
 * compiler keep the stores to memory that nobody reads again.
 */
void sodium_memzero(void *const p, const size_t size)
{
	memset(p, 0, size);
	__asm__ volatile("" : : "r"(p) : "memory");
}

static void key_absorb(const uint8_t chunk[CHUNK_SIZE])
{
	uint8_t next[KEY_SIZE];

	crypto_core_hchacha20(next, chunk, rng.key, NULL);
	memcpy(rng.key, next, sizeof(next));
	sodium_memzero(next, sizeof(next));
}

void rng_add(const void *seed, size_t size)
{
	uint8_t chunk[CHUNK_SIZE];
	unsigned long flags;
	uint64_t length = size;

	if (!size)
		return;
	flags = spin_lock_irqsave(&rng.lock);
	for (size_t at = 0; at < size; at += CHUNK_SIZE) {
		size_t part = size - at < CHUNK_SIZE ? size - at : CHUNK_SIZE;

		memset(chunk, 0, sizeof(chunk));
		memcpy(chunk, (const uint8_t *)seed + at, part);
		key_absorb(chunk);
	}
	memset(chunk, 0, sizeof(chunk));
	memcpy(chunk, &length, sizeof(length));
	key_absorb(chunk);
	rng.ready = true;
	spin_unlock_irqrestore(&rng.lock, flags);
	sodium_memzero(chunk, sizeof(chunk));
}

bool rng_ready(void)
{
	unsigned long flags = spin_lock_irqsave(&rng.lock);
	bool ready = rng.ready;

	spin_unlock_irqrestore(&rng.lock, flags);
	return ready;
}

/* The key for @out, and a new one for the next call. */
static int key_take(uint8_t out[KEY_SIZE])
{
	static const uint8_t nonce[8] = {0};
	uint8_t both[2 * KEY_SIZE];
	unsigned long flags = spin_lock_irqsave(&rng.lock);
	bool ready = rng.ready;

	if (ready) {
		crypto_stream_chacha20_ref_implementation.stream(
			both, sizeof(both), nonce, rng.key);
		memcpy(rng.key, both, KEY_SIZE);
		memcpy(out, both + KEY_SIZE, KEY_SIZE);
	}
	spin_unlock_irqrestore(&rng.lock, flags);
	sodium_memzero(both, sizeof(both));
	return ready ? 0 : -ENODATA;
}

int rng_take(void *out, size_t size)
{
	static const uint8_t nonce[8] = {0};
	uint8_t key[KEY_SIZE];
	int result = key_take(key);

	if (result)
		return result;
	crypto_stream_chacha20_ref_implementation.stream(out, size, nonce, key);
	sodium_memzero(key, sizeof(key));
	return 0;
}

void rng_reset(void)
{
	unsigned long flags = spin_lock_irqsave(&rng.lock);

	rng.ready = false;
	sodium_memzero(rng.key, sizeof(rng.key));
	spin_unlock_irqrestore(&rng.lock, flags);
}
