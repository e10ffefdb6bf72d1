/*
 * The bus is a short table, searched in the order devices were added: put the
 * busiest first. Misaligned accesses are refused here, so that no device has
 * to think of an access that spans two registers.
 */
#include "kernel/guest/mmio.h"

#include <errno.h>

#include "lib/range.h"

static struct range region_range(const struct mmio_region *r)
{
	return (struct range){r->start, r->size};
}

int mmio_region_add(struct mmio_bus *bus, const struct mmio_region *region)
{
	struct range taken, range = region_range(region);
	unsigned i;

	if (!region->size || !region->handler ||
	    region->size - 1 > UINT64_MAX - region->start)
		return -EINVAL;
	for (i = 0; i < bus->count; i++) {
		taken = region_range(&bus->region[i]);
		if (range_overlaps(&taken, &range))
			return -EEXIST;
	}
	if (bus->count == MMIO_REGIONS_MAX)
		return -ENOSPC;
	bus->region[bus->count++] = *region;
	return 0;
}

static int region_access(const struct mmio_region *r, struct vcpu_mmio *mmio)
{
	uint64_t offset = mmio->gpa - r->start;

	if (r->size - offset < mmio->width)
		return -EFAULT;
	return r->handler(r->dev, offset, mmio);
}

int mmio_access(const struct mmio_bus *bus, struct vcpu_mmio *mmio)
{
	const struct mmio_region *r = bus->region;

	if (!is_aligned(mmio->gpa, mmio->width))
		return -EFAULT;
	/* A region that is not there is empty. */
	while (mmio->gpa - r->start >= r->size)
		if (++r >= bus->region + bus->count)
			return -EFAULT;
	return region_access(r, mmio);
}
