/*
 * Device registers for host tests: arch/io.h and arch_io_map() over models.
 * An access fails the test when it is misaligned, hits no model, crosses a
 * model's end or a part that was not mapped; the models judge width and
 * offset.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"

#define MMIO_DEVICES_MAX 8u

struct mmio_device {
	pa_t base;
	uint64_t size;
	void *ctx;
	uint64_t (*read)(void *ctx, uint64_t offset, unsigned width);
	void (*write)(void *ctx, uint64_t offset, unsigned width,
		      uint64_t value);
};

/* Forget all devices and mappings. */
void mmio_reset(void);

/* There is a device at @device->base from now on. */
void mmio_add(const struct mmio_device *device);

/* Calls of arch_io_map() answer @err while it is not 0. */
void mmio_map_fail(int err);

/* Bytes mapped so far. */
uint64_t mmio_mapped(void);

/* Accesses so far, reads and writes. */
unsigned long mmio_accesses(void);
