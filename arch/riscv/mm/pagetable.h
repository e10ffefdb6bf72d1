/* Page tables of all six formats: map, unmap, look up, walk. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/mmu.h"
#include "arch/riscv/mm/pte.h"

/*
 * Where a table gets its pages and how it reaches them. A table is one page
 * (order 0), the root of an x4 format four (order 2), aligned to its size.
 */
struct pagetable_ops {
	/* Finds zeroed memory of 2^order pages: 0 and its address, or -errno,
	 * which the caller of the page table gets to see. */
	int (*page_alloc)(void *ctx, unsigned order, pa_t *out);
	/* Takes back what page_alloc() gave; no hart can reach it any more. */
	void (*page_free)(void *ctx, pa_t pa);
	/* Where the table at pa can be read and written. */
	void *(*to_va)(void *ctx, pa_t pa);
	/* Makes every hart forget its translations for [va, va + size), called
	 * before the page of a table that is no longer linked is freed. NULL:
	 * no hart uses this table yet. */
	void (*flush)(void *ctx, va_t va, uint64_t size);
};

struct pagetable {
	const struct pagetable_format *format;
	const struct pagetable_ops *ops;
	void *ctx;	  /* handed to ops */
	pa_t root;	  /* for satp or hgatp */
	uint64_t io_bits; /* set in PROT_IO leaves: PTE_PBMT_IO, or 0 */
};

/* A valid entry, as pagetable_visit() and pagetable_lookup() find it. */
struct pagetable_entry {
	va_t va;	/* first address it translates, sign-extended */
	uint64_t size;	/* bytes it spans */
	pa_t pa;	/* where it leads: memory, or the next table */
	uint64_t pte;	/* as it lies in the table */
	unsigned level; /* 0: spans 4 KiB; each level up 512 times that */
	unsigned prot;	/* PROT_*; 0: it points at the next table */
};

/* Locking of all the calls is the caller's. None of them fences: after a change
 * the caller flushes the range, on every hart that uses the table. */

/*
 * Makes an empty table. ops must outlive it; io_bits starts as 0. Returns 0 or
 * page_alloc()'s error.
 */
int pagetable_init(struct pagetable *pt, const struct pagetable_format *format,
		   const struct pagetable_ops *ops, void *ctx);

/* Frees every table, the root too; what the leaves map is not touched. */
void pagetable_destroy(struct pagetable *pt);

/*
 * Maps [va, va + size) to [pa, pa + size) with the biggest leaves that the
 * alignment of both allows, with A and D set. An existing leaf is never
 * changed. prot is of PROT_*.
 *
 * Returns 0, or with the table as it was before: -EINVAL va, pa or size is not
 * a multiple of 4096, size is 0, or prot is one that no table may hold (W
 * without R; nothing at all; X and IO; W and X but in an x4 format, where the
 * guest's own table decides); -ERANGE va is not canonical in this format or pa
 * beyond 56 bits; -EEXIST part of the range is mapped; or page_alloc()'s error.
 */
int pagetable_map(struct pagetable *pt, va_t va, pa_t pa, uint64_t size,
		  unsigned prot);

/*
 * Unmaps [va, va + size), of which parts may be unmapped already. Leaves that
 * reach beyond it are split, tables that become empty are freed.
 *
 * Returns 0; -EINVAL, -ERANGE as above; page_alloc()'s error where a leaf was
 * to be split: then the range is unmapped up to that leaf.
 */
int pagetable_unmap(struct pagetable *pt, va_t va, uint64_t size);

/* Finds the leaf that translates va: 0 and *out, or -ENOENT, or -ERANGE. */
int pagetable_lookup(const struct pagetable *pt, va_t va,
		     struct pagetable_entry *out);

/*
 * Calls fn for every valid entry in the order of addresses, for one that points
 * at a table before those in the table. fn must not change the table. Returns
 * 0, or the first non-zero result of fn, which ends the walk.
 */
int pagetable_visit(const struct pagetable *pt,
		    int (*fn)(void *arg, const struct pagetable_entry *entry),
		    void *arg);

/* The address bits that format translates: 39, 48, 57, or 41, 50, 59. */
unsigned pagetable_va_bits(const struct pagetable_format *format);

/* Whether [va, va + size) is not empty, does not wrap, and can be translated.
 */
bool pagetable_va_valid(const struct pagetable_format *format, va_t va,
			uint64_t size);
