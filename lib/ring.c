/*
 * Byte ring with free-running indices: used = head - tail in unsigned
 * arithmetic, so full and empty differ without a spare byte.
 */
#include "lib/ring.h"

void ring_init(struct ring *r, void *buf, uint32_t size)
{
	*r = (struct ring){.buf = buf, .mask = size - 1};
}

/* The other side's index, and with it the bytes it is done with. */
static uint32_t index_acquire(const uint32_t *index)
{
	return __atomic_load_n(index, __ATOMIC_ACQUIRE);
}

uint32_t ring_used(const struct ring *r)
{
	uint32_t tail = index_acquire(&r->tail);

	return index_acquire(&r->head) - tail;
}

uint32_t ring_free(const struct ring *r)
{
	return r->mask + 1 - ring_used(r);
}

int ring_get(struct ring *r)
{
	uint32_t tail = r->tail;
	int byte;

	if (index_acquire(&r->head) == tail)
		return -1;
	byte = r->buf[tail & r->mask];
	/* Release: the byte is read before its place is given back. */
	__atomic_store_n(&r->tail, tail + 1, __ATOMIC_RELEASE);
	return byte;
}

void ring_drop(struct ring *r, uint32_t n)
{
	__atomic_store_n(&r->tail, r->tail + n, __ATOMIC_RELEASE);
}
