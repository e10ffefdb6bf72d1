/* Half-open ranges of a 64-bit address space that never overflow. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* [start, start + size); start + size may be 2^64, see range_end(). */
struct range {
	uint64_t start;
	uint64_t size;
};

/*
 * The range of @size bytes at @start, cut where the address space ends: a
 * range that would reach past 2^64 - 1 ends there.
 */
struct range range_make(uint64_t start, uint64_t size);

/* The range [@start, @end); empty at @start when @end <= @start. */
struct range range_between(uint64_t start, uint64_t end);

/* First address after @r, at most UINT64_MAX. */
uint64_t range_end(const struct range *r);

/* Do @a and @b share an address? An empty range shares none. */
bool range_overlaps(const struct range *a, const struct range *b);

/* Does @addr lie in @r? */
bool range_contains(const struct range *r, uint64_t addr);

/* Does all of @inner lie in @outer? An empty @inner does not. */
bool range_covers(const struct range *outer, const struct range *inner);

/* What @a and @b share; size 0 when they share nothing. */
struct range range_intersect(const struct range *a, const struct range *b);
