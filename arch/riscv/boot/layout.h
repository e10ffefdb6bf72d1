/*
 * The kernel's address space, built from plain values: no CSR, no symbol.
 *
 *	0xffffffffffffffff	+----------------------------------+
 *				| never mapped: the last page      |
 *				| image, at a random 4 KiB step    |
 *	LAYOUT_IMAGE_BASE	+----------------------------------+
 *				| window: registers, stacks with   |
 *				| unmapped guard pages             |
 *	LAYOUT_WINDOW_BASE	+----------------------------------+
 *				| direct map of RAM, never         |
 *				| executable, without the image,   |
 *				| firmware and no-map regions      |
 *	layout_direct_base()	+----------------------------------+
 *				| not canonical                    |
 *				+----------------------------------+
 *				| one page of the image at its     |
 *				| physical address, while the MMU  |
 *				| is turned on                     |
 *	0x0000000000000000	+----------------------------------+
 */
#pragma once

#include <stdint.h>

#include "arch/riscv/mm/pagetable.h"
#include "kernel/mm/memmap.h"

#define LAYOUT_IMAGE_BASE  0xffffffff80000000ull
#define LAYOUT_IMAGE_TOP   0xfffffffffffff000ull
#define LAYOUT_WINDOW_BASE 0xffffffff00000000ull

/* The direct map and memory agree on addresses modulo this: its leaves can be
 * as big as memory allows. */
#define LAYOUT_DIRECT_ALIGN (1ull << 30)

/* A part of the image; offset and size are multiples of 4096. */
struct layout_section {
	uint64_t offset;
	uint64_t size;
	unsigned prot; /* PROT_*; 0: a guard, stays unmapped */
};

/* A stack in the window; the page below and the page above stay unmapped. */
struct layout_stack {
	va_t va; /* lowest address */
	pa_t pa;
	uint64_t size; /* multiple of 4096 */
};

struct layout_input {
	const struct memmap *map; /* page_alloc() may mark TABLES meanwhile */
	pa_t image_pa;
	va_t image_va;
	uint64_t image_size; /* from the header to the end of bss */
	uint64_t identity;   /* offset of the page that turns the MMU on */
	const struct layout_section *sections;
	unsigned section_count;
	unsigned stack_count;
	const struct layout_stack *stacks;
};

/* What of the memory is in the direct map. */
struct layout_result {
	uint64_t direct_pa;  /* physical address at layout_direct_base() */
	uint64_t mapped;     /* bytes */
	uint64_t unreached;  /* bytes of RAM beyond the end of the direct map */
	const char *problem; /* static text that goes with an error */
};

/* Where the direct map of a format starts: its lowest address of the high half.
 * Source: RISC-V Privileged Architecture, Sv39/48/57 "Addressing". */
va_t layout_direct_base(const struct pagetable_format *format);

/* The bytes that the direct map of a format can span. */
uint64_t layout_direct_span(const struct pagetable_format *format);

/* The physical address that goes to layout_direct_base(): that of the lowest
 * RAM, rounded down to LAYOUT_DIRECT_ALIGN. 0 for an empty map. */
pa_t layout_direct_pa(const struct memmap *map);

/*
 * Marks memory that the direct map of a format cannot reach ABSENT, so that
 * nothing is put there, not even a table. Returns the bytes lost; -ENOSPC in
 * *err when the map is full, else 0.
 */
uint64_t layout_reach(struct memmap *map, const struct pagetable_format *format,
		      int *err);

/*
 * Picks where an image of size bytes (at most 1 GiB) runs: one of its possible
 * 4 KiB steps, over 2^18 of them, by 64 random bits.
 */
va_t layout_image_choose(uint64_t random, uint64_t size);

/*
 * Fills an empty S-stage table with the picture above: the image by sections,
 * the stacks, the direct map of all memory of kinds FREE, RESERVED, INITRD, FDT
 * and TABLES, and the identity page (read, execute).
 *
 * Returns 0, or with out->problem set: -EINVAL an input that breaks a rule of
 * this file (out of order, misaligned, outside its window, write and execute);
 * -EEXIST two parts meet; -ERANGE the image lies too high for an identity page
 * in this format; or page_alloc()'s error. The table is then to be destroyed.
 */
int layout_build(struct pagetable *pt, const struct layout_input *in,
		 struct layout_result *out);

/* Unmaps the identity page. The caller flushes. 0, or what unmapping says. */
int layout_identity_remove(struct pagetable *pt, const struct layout_input *in);
