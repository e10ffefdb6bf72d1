/*
 * Small objects. Every function may be called on any hart, in interrupts too.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Larger ones take whole pages (a power of two of them). */
#define HEAP_SMALL_MAX 2016

struct heap_stats {
	uint64_t objects; /* handed out, large ones included */
	uint64_t slabs;	  /* pages that hold small objects */
};

/*
 * @size bytes, all zero, aligned to 16, more than HEAP_SMALL_MAX to a page.
 * NULL when memory is used up. Size 0 gives a distinct object of 16 bytes.
 */
void *heap_alloc(size_t size);

/* As heap_alloc(@count * @size); NULL also when the product overflows. */
void *heap_alloc_array(size_t count, size_t size);

/*
 * Give back what heap_alloc() returned; NULL is ignored. A pointer that is not
 * an object handed out now is a panic.
 */
void heap_free(void *p);

void heap_stats_read(struct heap_stats *out);
