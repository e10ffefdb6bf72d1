/*
 * Builds the kernel's address space in one go, from values that a test can
 * make up. What must never be mapped is left out here, not unmapped later: on
 * some harts a leaf that reaches over memory the firmware protects makes every
 * access through it fault, whatever the address (docs/memory.md).
 */
#include "arch/riscv/boot/layout.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

va_t layout_direct_base(const struct pagetable_format *format)
{
	return ~0ull << (pagetable_va_bits(format) - 1);
}

uint64_t layout_direct_span(const struct pagetable_format *format)
{
	return LAYOUT_WINDOW_BASE - layout_direct_base(format);
}

pa_t layout_direct_pa(const struct memmap *map)
{
	for (unsigned i = 0; i < map->count; i++)
		if (map->region[i].kind != MEMMAP_ABSENT)
			return align_down(map->region[i].start,
					  LAYOUT_DIRECT_ALIGN);
	return 0;
}

uint64_t layout_reach(struct memmap *map, const struct pagetable_format *format,
		      int *err)
{
	pa_t limit = layout_direct_pa(map) + layout_direct_span(format);
	uint64_t before = memmap_total(map, MEMMAP_KINDS);

	/* Past the end of the address space nothing is out of reach. */
	*err = limit < layout_direct_span(format)
		? 0
		: memmap_mark(map, limit, ~0ull - limit, MEMMAP_ABSENT);
	return before - memmap_total(map, MEMMAP_KINDS);
}

va_t layout_image_choose(uint64_t random, uint64_t size)
{
	uint64_t room = LAYOUT_IMAGE_TOP - LAYOUT_IMAGE_BASE;
	uint64_t steps = (room - align_up(size, PAGE_SIZE)) / PAGE_SIZE + 1;

	return LAYOUT_IMAGE_BASE + random % steps * PAGE_SIZE;
}

static int fail(struct layout_result *out, int rc, const char *problem)
{
	if (rc != 0)
		out->problem = problem;
	return rc;
}

static int image_check(const struct layout_input *in, struct layout_result *out)
{
	if (!is_aligned(in->image_pa | in->image_va, PAGE_SIZE))
		return fail(out, -EINVAL, "image not page aligned");
	if (in->image_va < LAYOUT_IMAGE_BASE ||
	    in->image_size > LAYOUT_IMAGE_TOP - in->image_va)
		return fail(out, -EINVAL, "image outside its window");
	return 0;
}

static int section_map(struct pagetable *pt, const struct layout_input *in,
		       const struct layout_section *s, uint64_t *end)
{
	uint64_t size = align_up(in->image_size, PAGE_SIZE);

	if (!is_aligned(s->offset | s->size, PAGE_SIZE) || s->offset < *end ||
	    s->offset > size || s->size > size - s->offset)
		return -EINVAL;
	*end = s->offset + s->size;
	if (s->prot == 0 || s->size == 0)
		return 0;
	return pagetable_map(pt, in->image_va + s->offset,
			     in->image_pa + s->offset, s->size, s->prot);
}

static int image_map(struct pagetable *pt, const struct layout_input *in,
		     struct layout_result *out)
{
	uint64_t end = 0;
	int rc = image_check(in, out);

	for (unsigned i = 0; rc == 0 && i < in->section_count; i++)
		rc = fail(out, section_map(pt, in, &in->sections[i], &end),
			  "cannot map a section of the image");
	return rc;
}

static bool stack_in_window(const struct layout_stack *s)
{
	return s->va >= LAYOUT_WINDOW_BASE + PAGE_SIZE &&
		s->va < LAYOUT_IMAGE_BASE - PAGE_SIZE &&
		s->size <= LAYOUT_IMAGE_BASE - PAGE_SIZE - s->va;
}

static int stacks_map(struct pagetable *pt, const struct layout_input *in,
		      struct layout_result *out)
{
	for (unsigned i = 0; i < in->stack_count; i++) {
		const struct layout_stack *s = &in->stacks[i];
		int rc = -EINVAL;

		if (stack_in_window(s))
			rc = pagetable_map(pt, s->va, s->pa, s->size,
					   PROT_R | PROT_W);
		if (rc != 0)
			return fail(out, rc, "cannot map a stack");
	}
	return 0;
}

/*
 * After all the stacks are mapped, so that none lies in another's guard. Only
 * stacks are in the window: where each has a free page below, each has one
 * above, or the end of the window.
 */
static int guards_check(const struct pagetable *pt,
			const struct layout_input *in,
			struct layout_result *out)
{
	for (unsigned i = 0; i < in->stack_count; i++) {
		const struct layout_stack *s = &in->stacks[i];
		struct pagetable_entry e;

		if (pagetable_lookup(pt, s->va - 1, &e) != -ENOENT)
			return fail(out, -EEXIST, "a stack without guard page");
	}
	return 0;
}

static bool kind_is_direct(enum memmap_kind kind)
{
	switch (kind) {
	case MEMMAP_FREE:
	case MEMMAP_RESERVED:
	case MEMMAP_INITRD:
	case MEMMAP_FDT:
	case MEMMAP_TABLES:
		return true;
	case MEMMAP_IMAGE:
	case MEMMAP_FIRMWARE:
	case MEMMAP_NOMAP:
	case MEMMAP_ABSENT:
	case MEMMAP_KINDS:
		break;
	}
	return false;
}

/*
 * Finds the first stretch of the direct map from *start on, over all regions
 * that follow each other without a gap: a leaf may span several. By address and
 * not by index, for allocating a table changes the regions, but never where the
 * stretches begin and end.
 */
static bool direct_next(const struct memmap *map, pa_t *start, pa_t *end)
{
	bool found = false;

	for (unsigned i = 0; i < map->count; i++) {
		const struct memmap_region *r = &map->region[i];
		pa_t from = r->start < *start ? *start : r->start;

		if (!kind_is_direct(r->kind) || r->start + r->size <= *start)
			continue;
		if (found && from != *end)
			return true;
		if (!found)
			*start = from;
		*end = r->start + r->size;
		found = true;
	}
	return found;
}

static int direct_map(struct pagetable *pt, const struct layout_input *in,
		      struct layout_result *out)
{
	va_t base = layout_direct_base(pt->format);
	pa_t limit = out->direct_pa + layout_direct_span(pt->format);
	pa_t start = 0;
	pa_t end = 0;

	for (; direct_next(in->map, &start, &end); start = end) {
		pa_t from = align_up(start, PAGE_SIZE);
		pa_t to = align_down(end < limit ? end : limit, PAGE_SIZE);
		int rc;

		if (end > limit)
			out->unreached += end - (start < limit ? limit : start);
		if (from >= to)
			continue;
		rc = pagetable_map(pt, base + (from - out->direct_pa), from,
				   to - from, PROT_R | PROT_W);
		if (rc != 0)
			return fail(out, rc, "cannot map memory");
		out->mapped += to - from;
	}
	return 0;
}

static int identity_map(struct pagetable *pt, const struct layout_input *in,
			struct layout_result *out)
{
	pa_t pa = in->image_pa + in->identity;
	int rc;

	if (in->identity >= in->image_size)
		return fail(out, -EINVAL, "identity page outside the image");
	/* The low half, one bit short of what the format translates. */
	if (pa >> (pagetable_va_bits(pt->format) - 1) != 0)
		return fail(out, -ERANGE,
			    "image too high for an identity page");
	rc = pagetable_map(pt, pa, pa, PAGE_SIZE, PROT_R | PROT_X);
	return fail(out, rc, "cannot map the identity page");
}

int layout_build(struct pagetable *pt, const struct layout_input *in,
		 struct layout_result *out)
{
	int rc;

	*out = (struct layout_result){.direct_pa = layout_direct_pa(in->map)};
	rc = image_map(pt, in, out);
	if (rc == 0)
		rc = stacks_map(pt, in, out);
	if (rc == 0)
		rc = guards_check(pt, in, out);
	if (rc == 0)
		rc = direct_map(pt, in, out);
	if (rc == 0)
		rc = identity_map(pt, in, out);
	return rc;
}

int layout_identity_remove(struct pagetable *pt, const struct layout_input *in)
{
	return pagetable_unmap(pt, in->image_pa + in->identity, PAGE_SIZE);
}
