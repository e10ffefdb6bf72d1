/*
 * Where a guest goes that gets the machine itself. The picture of memory
 * during the last step is in docs/guest.md, "Handover".
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "kernel/guest/loader.h"
#include "kernel/mm/memmap.h"
#include "lib/image.h"
#include "lib/range.h"

/* How far from the Image tree and initrd are put where there is room. */
#define HANDOVER_WINDOW MIB(256)

/* Physical memory; initrd.size 0: there is none. */
struct handover_plan {
	struct range image; /* image_size bytes: bss is its own, too */
	struct range initrd;
	struct range tree;
};

/* Bytes to find a place for. */
struct handover_sizes {
	uint64_t file;	 /* of the Image, unpacked, without bss */
	uint64_t initrd; /* 0: none */
	uint64_t tree;
};

/*
 * The memory that the next kernel may be put into: in @out FREE is what nobody
 * but this kernel has, whatever it keeps there now; INITRD is the @bundle, from
 * which things are still to be taken. From the map @boot of start-up and the
 * reservations of its checked tree @fdt. -ENOSPC: @out is full.
 */
int handover_map(struct memmap *out, const struct memmap *boot, const void *fdt,
		 const struct range *bundle);

/*
 * Places for all in @map, which is marked with them: the Image at the lowest
 * multiple of 2 MiB from the start of RAM + text_offset on, also over the
 * bundle; tree and initrd, page-aligned, outside of both. Returns 0, or with
 * @error set: -ENOEXEC the header is not good; -ENOSPC something does not fit.
 */
int handover_plan(struct memmap *map, const struct image_header *header,
		  const struct handover_sizes *sizes, struct handover_plan *out,
		  struct loader_error *error);

/* Does anything of @plan go to where @r is? */
bool handover_plan_touches(const struct handover_plan *plan,
			   const struct range *r);
