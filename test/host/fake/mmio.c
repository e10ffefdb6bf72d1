/* Device registers for host tests. Mapped addresses are the physical ones:
 * nothing lies there on the host, so a plain access to one faults. */
#include "test/host/fake/mmio.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

#include "arch/io.h"
#include "arch/mmu.h"
#include "lib/range.h"

static struct {
	struct mmio_device device[MMIO_DEVICES_MAX];
	unsigned devices;
	struct range mapping[32];
	unsigned mappings;
	int map_error;
	unsigned long accesses;
} state;

void mmio_reset(void)
{
	memset(&state, 0, sizeof(state));
}

void mmio_add(const struct mmio_device *device)
{
	assert_true(state.devices < MMIO_DEVICES_MAX);
	state.device[state.devices++] = *device;
}

void mmio_map_fail(int err)
{
	state.map_error = err;
}

uint64_t mmio_mapped(void)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < state.mappings; i++)
		sum += state.mapping[i].size;
	return sum;
}

unsigned long mmio_accesses(void)
{
	return state.accesses;
}

int arch_io_map(pa_t pa, uint64_t size, volatile void **out)
{
	if (state.map_error)
		return state.map_error;
	assert_true(size > 0);
	assert_true(state.mappings < ARRAY_SIZE(state.mapping));
	state.mapping[state.mappings++] = range_make(pa, size);
	*out = (volatile void *)(uintptr_t)pa;
	return 0;
}

static bool is_mapped(const struct range *access)
{
	unsigned i;

	for (i = 0; i < state.mappings; i++)
		if (range_covers(&state.mapping[i], access))
			return true;
	return false;
}

static const struct mmio_device *device_find(uint64_t at, unsigned width)
{
	struct range access = range_make(at, width);
	unsigned i;

	state.accesses++;
	if (at % width)
		fail_msg("misaligned access to %#llx, width %u",
			 (unsigned long long)at, width);
	if (!is_mapped(&access))
		fail_msg("access to %#llx, which is not mapped",
			 (unsigned long long)at);
	for (i = 0; i < state.devices; i++) {
		struct range device =
			range_make(state.device[i].base, state.device[i].size);

		if (range_covers(&device, &access))
			return &state.device[i];
	}
	fail_msg("access to %#llx, where no device is", (unsigned long long)at);
	return NULL;
}

static uint64_t device_read(const volatile void *reg, unsigned width)
{
	uint64_t at = (uintptr_t)reg;
	const struct mmio_device *d = device_find(at, width);

	return d->read(d->ctx, at - d->base, width);
}

static void device_write(volatile void *reg, unsigned width, uint64_t value)
{
	uint64_t at = (uintptr_t)reg;
	const struct mmio_device *d = device_find(at, width);

	d->write(d->ctx, at - d->base, width, value);
}

uint8_t arch_read8(const volatile void *reg)
{
	return device_read(reg, 1);
}

uint16_t arch_read16(const volatile void *reg)
{
	return device_read(reg, 2);
}

uint32_t arch_read32(const volatile void *reg)
{
	return device_read(reg, 4);
}

uint64_t arch_read64(const volatile void *reg)
{
	return device_read(reg, 8);
}

void arch_write8(volatile void *reg, uint8_t value)
{
	device_write(reg, 1, value);
}

void arch_write16(volatile void *reg, uint16_t value)
{
	device_write(reg, 2, value);
}

void arch_write32(volatile void *reg, uint32_t value)
{
	device_write(reg, 4, value);
}

void arch_write64(volatile void *reg, uint64_t value)
{
	device_write(reg, 8, value);
}
