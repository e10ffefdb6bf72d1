/* Sources: kernel/guest/mmio.c lib/range.c */
/* The guest's bus: who answers, and who does not. */
#include "kernel/guest/mmio.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "test/host/random.h"

#define NOBODY UINT64_MAX

/* A device that tells what it was asked, and refuses offset @refused. */
struct device {
	uint64_t offset, written, refused;
	unsigned accesses;
};

static struct device device[MMIO_REGIONS_MAX + 1];

static int device_access(void *dev, uint64_t offset, struct vcpu_mmio *mmio)
{
	struct device *d = dev;

	if (offset == d->refused)
		return -EINVAL;
	d->accesses++;
	d->offset = offset;
	if (mmio->write)
		d->written = mmio->value;
	else
		mmio->value = 0x40 + (d - device);
	return 0;
}

static struct mmio_bus bus;

static int add(unsigned n, gpa_t start, uint64_t size)
{
	struct mmio_region r = {start, size, device_access, &device[n]};

	return mmio_region_add(&bus, &r);
}

static int read_at(gpa_t gpa, unsigned width, uint64_t *value)
{
	struct vcpu_mmio m = {.gpa = gpa, .width = width};
	int err = mmio_access(&bus, &m);

	*value = m.value;
	return err;
}

static int setup(void **state)
{
	(void)state;
	memset(&bus, 0, sizeof(bus));
	memset(device, 0, sizeof(device));
	for (unsigned i = 0; i <= MMIO_REGIONS_MAX; i++)
		device[i].refused = NOBODY;
	return 0;
}

static void access_reaches_its_device(void **state)
{
	struct vcpu_mmio m = {
		.gpa = 0x2ff8, .width = 8, .write = true, .value = 77};
	uint64_t value;

	(void)state;
	assert_int_equal(add(0, 0x1000, 0x100), 0);
	assert_int_equal(add(1, 0x2000, 0x1000), 0);
	assert_int_equal(read_at(0x1004, 4, &value), 0);
	assert_int_equal(value, 0x40);
	assert_int_equal(device[0].offset, 4);
	assert_int_equal(mmio_access(&bus, &m), 0);
	assert_int_equal(device[1].offset, 0xff8);
	assert_int_equal(device[1].written, 77);
	assert_int_equal(device[0].accesses, 1);
}

static void nobodys_address_is_a_fault(void **state)
{
	uint64_t value;

	(void)state;
	assert_int_equal(read_at(0, 1, &value), -EFAULT);
	assert_int_equal(add(0, 0x1000, 8), 0);
	assert_int_equal(read_at(0xfff, 1, &value), -EFAULT);
	assert_int_equal(read_at(0x1008, 1, &value), -EFAULT);
	assert_int_equal(read_at(NOBODY, 1, &value), -EFAULT);
	assert_int_equal(read_at(0, 8, &value), -EFAULT);
	assert_int_equal(device[0].accesses, 0);
}

static void access_past_the_end_is_a_fault(void **state)
{
	uint64_t value;

	(void)state;
	assert_int_equal(add(0, 0x1000, 6), 0);
	assert_int_equal(add(1, 0x1006, 2), 0);
	assert_int_equal(read_at(0x1000, 4, &value), 0);
	assert_int_equal(read_at(0x1004, 4, &value), -EFAULT);
	assert_int_equal(read_at(0x1000, 8, &value), -EFAULT);
	assert_int_equal(read_at(0x1004, 2, &value), 0);
	assert_int_equal(device[1].accesses, 0);
}

static void misaligned_access_is_a_fault(void **state)
{
	uint64_t value;

	(void)state;
	assert_int_equal(add(0, 0x1000, 0x100), 0);
	for (unsigned width = 2; width <= 8; width *= 2)
		for (unsigned low = 1; low < width; low++)
			assert_int_equal(read_at(0x1000 + low, width, &value),
					 -EFAULT);
	assert_int_equal(device[0].accesses, 0);
}

static void refusal_of_the_device_is_passed_on(void **state)
{
	uint64_t value;

	(void)state;
	assert_int_equal(add(0, 0x1000, 0x100), 0);
	device[0].refused = 8;
	assert_int_equal(read_at(0x1008, 4, &value), -EINVAL);
	assert_int_equal(read_at(0x100c, 4, &value), 0);
}

static void regions_do_not_overlap(void **state)
{
	(void)state;
	assert_int_equal(add(0, 0x1000, 0x1000), 0);
	assert_int_equal(add(1, 0x1fff, 1), -EEXIST);
	assert_int_equal(add(1, 0x800, 0x801), -EEXIST);
	assert_int_equal(add(1, 0, NOBODY), -EEXIST);
	assert_int_equal(add(1, 0x2000, 1), 0);
	assert_int_equal(add(1, 0xfff, 1), 0);
	assert_int_equal(bus.count, 3);
}

static void bad_regions_are_refused(void **state)
{
	struct mmio_region none = {0x1000, 0x1000, NULL, NULL};
	uint64_t value;

	(void)state;
	assert_int_equal(add(0, 0x1000, 0), -EINVAL);
	assert_int_equal(add(0, NOBODY, 2), -EINVAL);
	assert_int_equal(mmio_region_add(&bus, &none), -EINVAL);
	/* Up to the last byte is good. */
	assert_int_equal(add(0, NOBODY - 7, 8), 0);
	assert_int_equal(read_at(NOBODY - 7, 8, &value), 0);
	assert_int_equal(read_at(NOBODY, 1, &value), 0);
	assert_int_equal(device[0].offset, 7);
}

static void table_full(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MMIO_REGIONS_MAX; i++)
		assert_int_equal(add(i, 0x1000 * i, 0x1000), 0);
	assert_int_equal(add(MMIO_REGIONS_MAX, 0x100000, 1), -ENOSPC);
}

/* Who owns all bytes of an access; -1 when no single one, or misaligned. */
static int owner_of(const int owner[256], unsigned address, unsigned width)
{
	for (unsigned i = 1; i < width; i++)
		if (address + i > 255 || owner[address + i] != owner[address])
			return -1;
	return address % width ? -1 : owner[address];
}

/* Every address of a small space against a map of it, byte by byte. */
static void random_buses_match_a_byte_map(void **state)
{
	uint64_t seed = random_seed(), value;
	int owner[256], n, err;

	(void)state;
	for (unsigned round = 0; round < 300; round++) {
		setup(NULL);
		memset(owner, -1, sizeof(owner));
		for (n = 0; n < 10; n++) {
			unsigned start = random_below(&seed, 250);
			unsigned size = random_below(&seed, 256 - start);
			bool good = size > 0;

			for (unsigned a = start; a < start + size; a++)
				good = good && owner[a] < 0;
			assert_int_equal(add(n, start, size) == 0, good);
			for (unsigned a = start; good && a < start + size; a++)
				owner[a] = n;
		}
		for (unsigned a = 0; a < 256; a++) {
			unsigned width = 1u << random_below(&seed, 4);

			n = owner_of(owner, a, width);
			err = read_at(a, width, &value);
			assert_int_equal(err, n < 0 ? -EFAULT : 0);
			if (!err)
				assert_int_equal(value, 0x40 + n);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(access_reaches_its_device, setup),
		cmocka_unit_test_setup(nobodys_address_is_a_fault, setup),
		cmocka_unit_test_setup(access_past_the_end_is_a_fault, setup),
		cmocka_unit_test_setup(misaligned_access_is_a_fault, setup),
		cmocka_unit_test_setup(refusal_of_the_device_is_passed_on,
				       setup),
		cmocka_unit_test_setup(regions_do_not_overlap, setup),
		cmocka_unit_test_setup(bad_regions_are_refused, setup),
		cmocka_unit_test_setup(table_full, setup),
		cmocka_unit_test_setup(random_buses_match_a_byte_map, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
