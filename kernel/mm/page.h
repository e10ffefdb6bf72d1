/*
 * Page allocator: buddy blocks of 4 KiB to 1 GiB, aligned to their size.
 * Every function may be called on any hart, in interrupts too.
 */
#pragma once

#include <stdint.h>

#include "kernel/mm/memmap.h"
#include "lib/addr.h"

#define PAGE_ORDER_MAX 18 /* 4 KiB << 18 = 1 GiB */

struct page_stats {
	uint64_t total;	   /* bytes this allocator manages */
	uint64_t free;	   /* of these not handed out */
	int largest_order; /* of the largest free block; -1 when full */
	uint64_t blocks[PAGE_ORDER_MAX + 1]; /* free blocks per order */
};

/*
 * Take over all FREE memory of @map, once. The cost depends on the number of
 * regions and GiB, not on the number of pages. Memory of more than 64 separate
 * stretches and stretches too small for their own bookkeeping are left out,
 * and logged. -ENOMEM: no page at all.
 */
int page_init(const struct memmap *map);

/*
 * 2^@order pages, aligned to their size, contents undefined. -ENOMEM none
 * left, -EINVAL @order above PAGE_ORDER_MAX.
 */
int page_alloc(unsigned order, pa_t *out);

/* The same, all bytes zero. */
int page_alloc_zero(unsigned order, pa_t *out);

/*
 * Give back what page_alloc() handed out at @pa. Anything else (freed before,
 * inside a block, not ours) is found out for certain and is a panic.
 */
void page_free(pa_t pa);

/* The smallest order whose block holds @size bytes; above the maximum: -1. */
int page_order(uint64_t size);

void page_stats_read(struct page_stats *out);
