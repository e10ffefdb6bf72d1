/*
 * Byte ring over a caller's buffer. One producer and one consumer may use it
 * at the same time without a lock, also an interrupt and the code it
 * interrupts: each side writes its own index only, after the byte.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
	uint8_t *buf;
	uint32_t mask;
	uint32_t head; /* bytes ever put, modulo 2^32; the producer's */
	uint32_t tail; /* bytes ever taken, modulo 2^32; the consumer's */
};

/* An empty ring over @buf of @size bytes, a power of two below 2^31. */
void ring_init(struct ring *r, void *buf, uint32_t size);

/* Producer: append @byte; false (and nothing stored) when it is full. */
static inline bool ring_put(struct ring *r, uint8_t byte)
{
	uint32_t head = r->head;

	/* Acquire: the consumer is done with the bytes it gave back. */
	if (head - __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE) > r->mask)
		return false;
	r->buf[head & r->mask] = byte;
	/* Release: the byte is there before the index says so. */
	__atomic_store_n(&r->head, head + 1, __ATOMIC_RELEASE);
	return true;
}

/* Consumer: take the oldest byte, 0 to 255; -1 when it is empty. */
int ring_get(struct ring *r);

/* Consumer: the byte that ring_get() will give after @i others; that many
 * must wait. */
static inline uint8_t ring_peek(const struct ring *r, uint32_t i)
{
	return r->buf[(r->tail + i) & r->mask];
}

/* Consumer: take @n bytes that wait. */
void ring_drop(struct ring *r, uint32_t n);

/* Bytes waiting, and room left; either side may ask. */
uint32_t ring_used(const struct ring *r);
uint32_t ring_free(const struct ring *r);
