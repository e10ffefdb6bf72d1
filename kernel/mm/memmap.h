/*
 * The map of physical memory: flat, sorted, without overlap or pointers, so
 * that it survives the move from physical to virtual addresses. Used by one
 * hart before others start; read-only afterwards.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/range.h"

#define MEMMAP_MAX 128

/* Where two marks overlap, the higher kind wins. */
enum memmap_kind {
	MEMMAP_FREE,
	MEMMAP_RESERVED, /* /reserved-memory, /memreserve/: mapped, not used */
	MEMMAP_INITRD,
	MEMMAP_FDT,
	MEMMAP_TABLES, /* taken early by memmap_alloc() */
	MEMMAP_IMAGE,
	MEMMAP_FIRMWARE, /* assumed: no reservation said where it lies */
	MEMMAP_NOMAP,	 /* /reserved-memory with no-map */
	MEMMAP_ABSENT,	 /* named by a /memory node, but nothing answers */
	MEMMAP_KINDS,
};

struct memmap_region {
	pa_t start;    /* multiple of PAGE_SIZE */
	uint64_t size; /* multiple of PAGE_SIZE, not 0 */
	enum memmap_kind kind;
};

/*
 * Regions ascend and do not overlap; neighbours that touch differ in kind.
 * All zero is an empty map. Addresses end at 2^56, all a page table entry can
 * hold: memory beyond is left out.
 */
struct memmap {
	unsigned count;
	struct memmap_region region[MEMMAP_MAX];
};

/*
 * RAM exists at [@start, @start + @size), rounded inwards to whole pages.
 * What the map knew there before stays. -ENOSPC: the table is full.
 */
int memmap_add(struct memmap *m, pa_t start, uint64_t size);

/*
 * The RAM in [@start, @start + @size), rounded outwards to whole pages, is
 * @kind where it was a lower kind. Outside RAM nothing happens. -ENOSPC: the
 * table is full, nothing changed.
 */
int memmap_mark(struct memmap *m, pa_t start, uint64_t size,
		enum memmap_kind kind);

/*
 * Take @size bytes (rounded up to pages) at a multiple of @align (a power of
 * two, at least PAGE_SIZE) out of FREE memory, as high as possible with the
 * end at most @limit, and mark them @kind. -ENOMEM nothing fits; -EINVAL
 * @size 0 or a bad @align; -ENOSPC as above.
 */
int memmap_alloc(struct memmap *m, uint64_t size, uint64_t align, pa_t limit,
		 enum memmap_kind kind, pa_t *out);

/*
 * Fill the empty map @m from a checked device tree: its memory, less its
 * reservations, the initrd of /chosen, and the kernel's own @image. Where no
 * reservation lies in the first 2 MiB of the memory range that holds the
 * image, these (up to the image) are taken to be the firmware's.
 * A text for the operator goes to @why on error: -ENOENT "no memory node",
 * -ENOSPC "memory map full", -EFAULT "image outside memory", -EADDRINUSE
 * "image in reserved memory" (no-map). A malformed initrd is left out.
 */
int memmap_from_fdt(struct memmap *m, const void *fdt,
		    const struct range *image, const char **why);

/* Mark what the checked tree @fdt reserves. -ENOSPC as above. */
int memmap_mark_reserved(struct memmap *m, const void *fdt);

/* The region that holds @pa, or NULL outside RAM. */
const struct memmap_region *memmap_find(const struct memmap *m, pa_t pa);

/* Is all of [@start, @start + @size) of one @kind? False for size 0. */
bool memmap_is(const struct memmap *m, pa_t start, uint64_t size,
	       enum memmap_kind kind);

/* Does RAM of any kind lie in [@start, @start + @size)? */
bool memmap_touches(const struct memmap *m, pa_t start, uint64_t size);

/* Bytes of @kind; MEMMAP_KINDS means of all kinds but ABSENT. */
uint64_t memmap_total(const struct memmap *m, enum memmap_kind kind);

/* Lower-case name of @kind, for the operator. */
const char *memmap_kind_name(enum memmap_kind kind);
