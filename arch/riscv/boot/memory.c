/*
 * The memory map at start-up: what the tree says, checked against what
 * answers. A /memory node may name memory that the machine does not have, so
 * each free region is tried at its ends before anything is put there.
 */
#include "arch/riscv/boot/memory.h"

#include <inttypes.h>
#include <stdbool.h>

#include "kernel/boot.h"
#include "arch/riscv/boot/early.h"
#include "arch/riscv/boot/image.h"
#include "arch/riscv/extable.h"
#include "kernel/fdt/chosen.h"
#include "kernel/log.h"
#include "kernel/mm/memmap.h"
#include "kernel/panic.h"

/* Is there memory at @pa that keeps what is written to it? */
static bool memory_answers(pa_t pa)
{
	uint64_t old, now;
	bool kept;

	if (!probe_read64(pa, &old) || !probe_write64(pa, ~old))
		return false;
	kept = probe_read64(pa, &now) && now == ~old;
	probe_write64(pa, old);
	return kept;
}

/*
 * The end of the memory that answers in the free region @r, whose last word
 * does not: after the last page of those that were tried whose own last word
 * does, so that what is kept passes the same trial again.
 */
static pa_t memory_end(const struct memmap_region *r)
{
	uint64_t good = 0, bad = r->size / PAGE_SIZE;

	while (bad - good > 1) {
		uint64_t mid = good + (bad - good) / 2;

		if (memory_answers(r->start + mid * PAGE_SIZE - 8))
			good = mid;
		else
			bad = mid;
	}
	return r->start + good * PAGE_SIZE;
}

static void memory_probe(struct memmap *map)
{
	pa_t end;
	unsigned i;

	for (i = 0; i < map->count; i++) {
		struct memmap_region r = map->region[i];

		if (r.kind != MEMMAP_FREE)
			continue;
		end = r.start;
		if (memory_answers(r.start)) {
			if (memory_answers(r.start + r.size - 8))
				continue;
			end = memory_end(&r);
		}
		log_warn("boot",
			 "memory 0x%" PRIx64 "-0x%" PRIx64
			 " does not answer, left out",
			 end, r.start + r.size - 1);
		if (memmap_mark(map, end, r.start + r.size - end,
				MEMMAP_ABSENT))
			panic("memory map is full");
		i = 0;
	}
}

/* A boot loader's mistake that would else show as a guest that is not there. */
static void initrd_check(const struct memmap *map, const void *fdt)
{
	struct range initrd;

	if (!dt_initrd(fdt, &initrd) && initrd.size &&
	    !memmap_is(map, initrd.start, initrd.size, MEMMAP_INITRD))
		log_warn("boot",
			 "initrd 0x%" PRIx64 "-0x%" PRIx64
			 " is not wholly in free memory",
			 initrd.start, range_end(&initrd) - 1);
}

/*
 * A tree that is used where it lies: it must stay there, and be in memory that
 * the direct map reaches.
 */
static void tree_keep(struct boot_info *info)
{
	if (memmap_mark(&info->memmap, info->fdt_pa, info->fdt_size,
			MEMMAP_FDT))
		panic("memory map is full");
	if (!memmap_is(&info->memmap, info->fdt_pa, info->fdt_size, MEMMAP_FDT))
		panic("device tree at 0x%" PRIx64 ": %" PRIu64
		      " bytes in memory that is not ours; at most %u can be "
		      "copied",
		      info->fdt_pa, info->fdt_size, FDT_BUFFER_SIZE);
}

void memory_map_build(struct boot_info *info, const void *fdt)
{
	struct memmap *map = &info->memmap;
	const struct range image = {info->image_pa, info->image_size};
	const char *why;

	if (memmap_from_fdt(map, fdt, &image, &why))
		panic("memory map: %s (image at 0x%" PRIx64 ")", why,
		      info->image_pa);
	if (info->fdt_pa - info->image_pa >= info->image_size)
		tree_keep(info);
	memory_probe(map);
	initrd_check(map, fdt);
	if (memmap_total(map, MEMMAP_FREE) < MIB(1))
		panic("out of memory: %" PRIu64 " KiB free, 1024 needed",
		      memmap_total(map, MEMMAP_FREE) / KIB(1));
}
