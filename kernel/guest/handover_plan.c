/*
 * Plain arithmetic on a memory map. What this kernel uses is as good as free:
 * by the time something is written there it is gone. What stays is what was
 * not its own from the start: reservations, firmware, memory that does not
 * answer; and the bundle, until the last of it was read.
 */
#include "kernel/guest/handover_plan.h"

#include <errno.h>

/* Linux maps itself by leaves of this size; it is wrong anywhere else. */
#define IMAGE_ALIGN MIB(2)
#define NOWHERE	    UINT64_MAX

static int refuse(struct loader_error *error, int number, const char *file,
		  const char *why)
{
	error->file = file;
	error->why = why;
	return number;
}

int handover_map(struct memmap *out, const struct memmap *boot, const void *fdt,
		 const struct range *bundle)
{
	int err;

	*out = *boot;
	for (unsigned i = 0; i < out->count; i++) {
		enum memmap_kind *kind = &out->region[i].kind;

		if (*kind == MEMMAP_FDT || *kind == MEMMAP_TABLES ||
		    *kind == MEMMAP_IMAGE || *kind == MEMMAP_INITRD)
			*kind = MEMMAP_FREE;
	}
	/* Once more, for those marks hide them; this joins neighbours, too. */
	err = memmap_mark_reserved(out, fdt);
	return err
		? err
		: memmap_mark(out, bundle->start, bundle->size, MEMMAP_INITRD);
}

/* The lowest place for @size bytes from @from on; NOWHERE. */
static pa_t image_place(const struct memmap *map, uint64_t size, pa_t from)
{
	pa_t start = from, end = NOWHERE;

	for (unsigned i = 0; i < map->count; i++) {
		const struct memmap_region *r = &map->region[i];

		if (r->kind != MEMMAP_FREE && r->kind != MEMMAP_INITRD)
			continue;
		/* Free memory and bundle side by side are one stretch. */
		if (r->start != end)
			start = align_up(max_u64(r->start, from), IMAGE_ALIGN);
		end = r->start + r->size;
		if (end >= start && end - start >= size)
			return start;
	}
	return NOWHERE;
}

static int image_plan(struct memmap *map, const struct image_header *header,
		      uint64_t file, struct range *out,
		      struct loader_error *error)
{
	const char *why = image_header_problem(header, file);
	pa_t base = map->count ? map->region[0].start : 0, at;

	if (!why && header->text_offset % IMAGE_ALIGN)
		why = "text_offset is not a multiple of 2 MiB";
	if (why)
		return refuse(error, -ENOEXEC, "Image", why);
	at = image_place(map, header->image_size, base + header->text_offset);
	if (at == NOWHERE)
		at = image_place(map, header->image_size, 0);
	if (at == NOWHERE ||
	    memmap_mark(map, at, header->image_size, MEMMAP_IMAGE))
		return refuse(error, -ENOSPC, "Image",
			      "no stretch of memory holds image_size bytes");
	*out = range_make(at, header->image_size);
	return 0;
}

/* Near the Image if that can be, else anywhere. */
static int beside(struct memmap *map, pa_t limit, uint64_t size,
		  struct range *out)
{
	int err = memmap_alloc(map, size, PAGE_SIZE, limit, MEMMAP_IMAGE,
			       &out->start);

	if (err)
		err = memmap_alloc(map, size, PAGE_SIZE, UINT64_MAX,
				   MEMMAP_IMAGE, &out->start);
	out->size = size;
	return err;
}

int handover_plan(struct memmap *map, const struct image_header *header,
		  const struct handover_sizes *sizes, struct handover_plan *out,
		  struct loader_error *error)
{
	pa_t limit;
	int err = image_plan(map, header, sizes->file, &out->image, error);

	if (err)
		return err;
	limit = out->image.start + HANDOVER_WINDOW;
	if (beside(map, limit, sizes->tree, &out->tree))
		return refuse(error, -ENOSPC, "device tree",
			      "no room beside the Image");
	out->initrd = range_make(0, 0);
	if (sizes->initrd && beside(map, limit, sizes->initrd, &out->initrd))
		return refuse(error, -ENOSPC, "initrd",
			      "no room beside Image and bundle");
	return 0;
}

bool handover_plan_touches(const struct handover_plan *plan,
			   const struct range *r)
{
	return range_overlaps(&plan->image, r) ||
		range_overlaps(&plan->initrd, r) ||
		range_overlaps(&plan->tree, r);
}
