/* Physical memory for page tables, with every page's life accounted for. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "arch/riscv/mm/pagetable.h"

#define FAKE_PAGES_MAX 4096u

struct fake_pages {
	pa_t base;		       /* of page 0; a multiple of 16 KiB */
	uint8_t *memory;	       /* FAKE_PAGES_MAX pages */
	uint8_t order[FAKE_PAGES_MAX]; /* order + 1 of a block's first page */
	size_t live;		       /* pages that are allocated */
	size_t next;		       /* where the next search begins */
	long fail_after;	       /* so many more succeed; -1: all */
	size_t flushes;		       /* calls of flush */
};

/* The operations over a struct fake_pages as ctx. They fail the test when a
 * page is freed that was not allocated, or reached when it is not. */
extern const struct pagetable_ops fake_pages_ops;

/* Nothing allocated; every page is filled with junk. */
void fake_pages_init(struct fake_pages *pages, pa_t base);

/* Gives the memory back. */
void fake_pages_end(struct fake_pages *pages);
