/*
 * The map of physical memory. Every change first cuts regions so that borders
 * lie where the change begins and ends, then alters whole regions, then joins
 * equal neighbours again: three small steps instead of one with many cases.
 * Room is checked before the first cut, so that a full table changes nothing.
 */
#include "kernel/mm/memmap.h"

#include <errno.h>
#include <string.h>

#include "kernel/fdt/chosen.h"
#include "kernel/fdt/memory.h"

#define ADDRESS_LIMIT (1ull << 56)
#define FIRMWARE_SIZE MIB(2)

static pa_t region_end(const struct memmap_region *r)
{
	return r->start + r->size;
}

/* The first region that ends above @pa; m->count when none does. */
static unsigned region_above(const struct memmap *m, pa_t pa)
{
	unsigned i = 0;

	while (i < m->count && region_end(&m->region[i]) <= pa)
		i++;
	return i;
}

/* Make room for one region at @i. The caller made sure that there is some. */
static void region_insert(struct memmap *m, unsigned i, pa_t start, pa_t end,
			  enum memmap_kind kind)
{
	memmove(&m->region[i + 1], &m->region[i],
		(m->count - i) * sizeof(m->region[0]));
	m->region[i] = (struct memmap_region){start, end - start, kind};
	m->count++;
}

/* Let no region reach across @pa. */
static void region_cut(struct memmap *m, pa_t pa)
{
	unsigned i = region_above(m, pa);
	struct memmap_region *r = &m->region[i];
	pa_t end;

	if (i == m->count || r->start >= pa)
		return;
	end = region_end(r);
	r->size = pa - r->start;
	region_insert(m, i + 1, pa, end, r->kind);
}

static void regions_join(struct memmap *m)
{
	unsigned kept = 0;

	for (unsigned i = 1; i < m->count; i++) {
		struct memmap_region *last = &m->region[kept];
		const struct memmap_region *r = &m->region[i];

		if (last->kind == r->kind && region_end(last) == r->start)
			last->size += r->size;
		else
			m->region[++kept] = *r;
	}
	if (m->count)
		m->count = kept + 1;
}

/* Whole pages inside (or around, @outwards) a range, below the limit. */
static void pages_of(pa_t *start, pa_t *end, uint64_t size, bool outwards)
{
	struct range r = range_make(*start, size);

	*start = min_u64(*start, ADDRESS_LIMIT);
	*end = min_u64(range_end(&r), ADDRESS_LIMIT);
	if (outwards) {
		*start = align_down(*start, PAGE_SIZE);
		*end = align_up(*end, PAGE_SIZE);
	} else {
		*start = align_up(*start, PAGE_SIZE);
		*end = align_down(*end, PAGE_SIZE);
	}
}

/* Holes of the map inside [@start, @end). */
static unsigned holes_count(const struct memmap *m, pa_t start, pa_t end)
{
	unsigned holes = 0;

	for (unsigned i = region_above(m, start); start < end; i++) {
		if (i == m->count || m->region[i].start >= end)
			return holes + 1;
		holes += start < m->region[i].start;
		start = region_end(&m->region[i]);
	}
	return holes;
}

int memmap_add(struct memmap *m, pa_t start, uint64_t size)
{
	pa_t end;

	pages_of(&start, &end, size, false);
	if (start >= end)
		return 0;
	if (holes_count(m, start, end) > MEMMAP_MAX - m->count)
		return -ENOSPC;
	for (unsigned i = region_above(m, start); start < end; i++) {
		pa_t stop = end;

		if (i < m->count)
			stop = min_u64(end, m->region[i].start);
		if (start < stop)
			region_insert(m, i, start, stop, MEMMAP_FREE);
		start = region_end(&m->region[i]);
	}
	regions_join(m);
	return 0;
}

/* Does a region of a kind below @kind reach across @pa? */
static bool needs_cut(const struct memmap *m, pa_t pa, enum memmap_kind kind)
{
	unsigned i = region_above(m, pa);

	return i < m->count && m->region[i].start < pa &&
		m->region[i].kind < kind;
}

int memmap_mark(struct memmap *m, pa_t start, uint64_t size,
		enum memmap_kind kind)
{
	bool low, high;
	pa_t end;

	pages_of(&start, &end, size, true);
	if (!size || start >= end)
		return 0;
	low = needs_cut(m, start, kind);
	high = needs_cut(m, end, kind);
	if ((unsigned)low + high > MEMMAP_MAX - m->count)
		return -ENOSPC;
	if (low)
		region_cut(m, start);
	if (high)
		region_cut(m, end);
	for (unsigned i = region_above(m, start);
	     i < m->count && m->region[i].start < end; i++)
		if (m->region[i].kind < kind)
			m->region[i].kind = kind;
	regions_join(m);
	return 0;
}

int memmap_alloc(struct memmap *m, uint64_t size, uint64_t align, pa_t limit,
		 enum memmap_kind kind, pa_t *out)
{
	if (!size || size > ADDRESS_LIMIT || align < PAGE_SIZE ||
	    !is_aligned(align, align))
		return -EINVAL;
	size = align_up(size, PAGE_SIZE);
	for (unsigned i = m->count; i-- > 0;) {
		const struct memmap_region *r = &m->region[i];
		pa_t end = min_u64(region_end(r), limit);
		pa_t start;

		if (r->kind != MEMMAP_FREE || end < size)
			continue;
		start = align_down(end - size, align);
		if (start < r->start)
			continue;
		*out = start;
		return memmap_mark(m, start, size, kind);
	}
	return -ENOMEM;
}

const struct memmap_region *memmap_find(const struct memmap *m, pa_t pa)
{
	unsigned i = region_above(m, pa);

	if (i == m->count || m->region[i].start > pa)
		return NULL;
	return &m->region[i];
}

bool memmap_is(const struct memmap *m, pa_t start, uint64_t size,
	       enum memmap_kind kind)
{
	const struct memmap_region *r = memmap_find(m, start);

	/* Neighbours differ in kind: one region holds all of it or none does.
	 */
	return size && r && r->kind == kind && size <= region_end(r) - start;
}

bool memmap_touches(const struct memmap *m, pa_t start, uint64_t size)
{
	unsigned i = region_above(m, start);

	if (!size || i == m->count)
		return false;
	return m->region[i].start <= start || m->region[i].start - start < size;
}

uint64_t memmap_total(const struct memmap *m, enum memmap_kind kind)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < m->count; i++) {
		enum memmap_kind k = m->region[i].kind;

		if (k == kind || (kind == MEMMAP_KINDS && k != MEMMAP_ABSENT))
			total += m->region[i].size;
	}
	return total;
}

const char *memmap_kind_name(enum memmap_kind kind)
{
	/* Characters, not pointers: it must read the same in both phases. */
	static const char names[MEMMAP_KINDS][12] = {
		[MEMMAP_FREE] = "free",		[MEMMAP_RESERVED] = "reserved",
		[MEMMAP_INITRD] = "initrd",	[MEMMAP_FDT] = "fdt",
		[MEMMAP_TABLES] = "tables",	[MEMMAP_IMAGE] = "image",
		[MEMMAP_FIRMWARE] = "firmware", [MEMMAP_NOMAP] = "no-map",
		[MEMMAP_ABSENT] = "absent",
	};

	return kind < MEMMAP_KINDS ? names[kind] : "?";
}

/* ---- from the device tree ---- */

static int mark_range(struct memmap *m, const struct range *r,
		      enum memmap_kind kind)
{
	return memmap_mark(m, r->start, r->size, kind);
}

/* Add all memory; @home gets the range that holds @pa, if one does. */
static int add_memory(struct memmap *m, const void *fdt, pa_t pa,
		      struct range *home)
{
	struct dt_memory_iter it;
	struct range r;
	int error = 0;

	dt_memory_begin(fdt, &it);
	while (!error && dt_memory_next(fdt, &it, &r)) {
		error = memmap_add(m, r.start, r.size);
		if (range_contains(&r, pa))
			*home = r;
	}
	return error ? error : m->count ? 0 : -ENOENT;
}

int memmap_mark_reserved(struct memmap *m, const void *fdt)
{
	struct dt_memory_iter it;
	struct dt_reserved reserved;
	struct range r;
	int error = 0;

	for (unsigned i = 0; !error && dt_memreserve(fdt, i, &r); i++)
		error = mark_range(m, &r, MEMMAP_RESERVED);
	dt_reserved_begin(fdt, &it);
	while (!error && dt_reserved_next(fdt, &it, &reserved))
		error = mark_range(m, &reserved.range,
				   reserved.no_map ? MEMMAP_NOMAP
						   : MEMMAP_RESERVED);
	return error;
}

/*
 * A loader that says nothing about the firmware's memory has put it where the
 * RISC-V boot protocol does: at the start of RAM, below the kernel's 2 MiB.
 */
static int mark_firmware(struct memmap *m, const struct range *home, pa_t image)
{
	uint64_t size = min_u64(FIRMWARE_SIZE, image - home->start);
	pa_t start = align_up(home->start, PAGE_SIZE);

	size = align_down(size, PAGE_SIZE);
	if (!memmap_is(m, start, size, MEMMAP_FREE))
		return 0;
	return memmap_mark(m, start, size, MEMMAP_FIRMWARE);
}

static int fail(const char **why, int error)
{
	*why = error == -ENOENT	       ? "no memory node"
		: error == -ENOSPC     ? "memory map full"
		: error == -EADDRINUSE ? "image in reserved memory"
				       : "image outside memory";
	return error;
}

int memmap_from_fdt(struct memmap *m, const void *fdt,
		    const struct range *image, const char **why)
{
	struct range initrd, home = *image;
	int error = add_memory(m, fdt, image->start, &home);

	if (!error)
		error = memmap_mark_reserved(m, fdt);
	if (!error)
		error = mark_firmware(m, &home, image->start);
	if (!error && !dt_initrd(fdt, &initrd))
		error = mark_range(m, &initrd, MEMMAP_INITRD);
	if (!error)
		error = mark_range(m, image, MEMMAP_IMAGE);
	if (error)
		return fail(why, error);
	if (memmap_is(m, image->start, image->size, MEMMAP_IMAGE))
		return 0;
	if (memmap_find(m, image->start) &&
	    memmap_find(m, range_end(image) - 1))
		return fail(why, -EADDRINUSE);
	return fail(why, -EFAULT);
}
