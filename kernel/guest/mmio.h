/*
 * A guest's bus: which device answers at which guest-physical address. Devices
 * are plain models behind one call; what nobody claims is a fault in the guest.
 */
#pragma once

#include "arch/vcpu.h"

/* Two devices now, eight virtio-mmio windows, and room for AIA. */
#define MMIO_REGIONS_MAX 16u

/*
 * Carry out @mmio at @offset of the device @dev: of a read, fill in value. 0,
 * or -errno when the device has no such register or not of this width: then
 * nothing happened. The access lies within the region and is aligned to its
 * width. Any hart may call, several at once, with interrupts off.
 */
typedef int mmio_handler(void *dev, uint64_t offset, struct vcpu_mmio *mmio);

struct mmio_region {
	gpa_t start;
	uint64_t size; /* bytes */
	mmio_handler *handler;
	void *dev;
};

struct mmio_bus {
	unsigned count;
	struct mmio_region region[MMIO_REGIONS_MAX];
};

/*
 * Give @region to its device. Before the guest runs only. -EINVAL: empty, past
 * the end of the address space, or without a handler; -EEXIST: part of it is
 * taken; -ENOSPC: the table is full.
 */
int mmio_region_add(struct mmio_bus *bus, const struct mmio_region *region);

/*
 * Let the device at mmio->gpa do the access. 0; -EFAULT when it is not all one
 * device's or misaligned; the device's own error when it refuses. The guest
 * gets an access fault for any. The value read has no bits above the width.
 */
int mmio_access(const struct mmio_bus *bus, struct vcpu_mmio *mmio);
