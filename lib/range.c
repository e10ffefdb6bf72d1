/*
 * Range arithmetic. A range that touches the end of the address space has an
 * end of 2^64, which no 64-bit number holds; sizes and differences are compared
 * instead of ends wherever that matters.
 */
#include "lib/range.h"

struct range range_make(uint64_t start, uint64_t size)
{
	uint64_t room = 0 - start; /* 0 means 2^64 */

	if (start && size > room)
		size = room;
	return (struct range){start, size};
}

struct range range_between(uint64_t start, uint64_t end)
{
	return (struct range){start, end > start ? end - start : 0};
}

uint64_t range_end(const struct range *r)
{
	return r->size > UINT64_MAX - r->start ? UINT64_MAX
					       : r->start + r->size;
}

bool range_contains(const struct range *r, uint64_t addr)
{
	return addr >= r->start && addr - r->start < r->size;
}

bool range_overlaps(const struct range *a, const struct range *b)
{
	if (!a->size || !b->size)
		return false;
	return range_contains(a, b->start) || range_contains(b, a->start);
}

bool range_covers(const struct range *outer, const struct range *inner)
{
	uint64_t skip = inner->start - outer->start;

	return inner->size && range_contains(outer, inner->start) &&
		inner->size <= outer->size - skip;
}

struct range range_intersect(const struct range *a, const struct range *b)
{
	const struct range *low = a->start <= b->start ? a : b;
	const struct range *high = low == a ? b : a;
	uint64_t skip = high->start - low->start;
	uint64_t left = low->size > skip ? low->size - skip : 0;

	return (struct range){high->start,
			      left < high->size ? left : high->size};
}
