/* Sources: drivers/reset/syscon.c kernel/driver.c kernel/error.c
 * kernel/fdt/dt.c kernel/fdt/address.c lib/range.c test/host/fake/log.c
 * test/host/fake/panic.c test/host/fake/mmio.c test/host/fake/tree.c libfdt */
/* Power off and reboot by a system controller's register. */
#include "drivers/reset/syscon.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/reset.h"
#include "test/host/fake/drivers.h"
#include "test/host/fake/log.h"
#include "test/host/fake/mmio.h"
#include "test/host/fake/tree.h"

DRIVERS_LIST(1, &syscon_reset_driver);

#define BASE 0x100000u

static struct tree tree;
static void (*registered[2])(void);
static uint32_t reg[4]; /* of the controller */

void reset_register(enum firmware_reset type, void (*reset)(void))
{
	registered[type] = reset;
}

static uint64_t reg_read(void *ctx, uint64_t offset, unsigned width)
{
	(void)ctx;
	assert_int_equal(width, 4);
	return reg[offset / 4];
}

static void reg_write(void *ctx, uint64_t offset, unsigned width,
		      uint64_t value)
{
	(void)ctx;
	assert_int_equal(width, 4);
	reg[offset / 4] = value;
}

static int setup(void **state)
{
	const struct mmio_device device = {.base = BASE,
					   .size = sizeof(reg),
					   .read = reg_read,
					   .write = reg_write};

	(void)state;
	mmio_reset();
	mmio_add(&device);
	fake_log_clear();
	memset(registered, 0, sizeof(registered));
	memset(reg, 0xff, sizeof(reg));
	tree_init(&tree);
	tree_cells(&tree, "/soc/test@100000", "reg", 0, BASE, 0, 0x10);
	tree_cells(&tree, "/soc/test@100000", "phandle", 9);
	return 0;
}

static int probe(void)
{
	driver_scan(tree.blob);
	return driver_probe_class(tree.blob, DRIVER_DEVICE);
}

static void node(const char *path, const char *compatible)
{
	tree_string(&tree, path, "compatible", compatible);
	tree_cells(&tree, path, "regmap", 9);
}

static void as_on_virt(void **state)
{
	(void)state;
	node("/poweroff", "syscon-poweroff");
	tree_cells(&tree, "/poweroff", "offset", 0);
	tree_cells(&tree, "/poweroff", "value", 0x5555);
	node("/reboot", "syscon-reboot");
	tree_cells(&tree, "/reboot", "offset", 0);
	tree_cells(&tree, "/reboot", "value", 0x7777);
	assert_int_equal(probe(), 2);
	assert_int_equal(mmio_accesses(), 0);
	registered[FIRMWARE_POWEROFF]();
	assert_int_equal(reg[0], 0x5555);
	registered[FIRMWARE_REBOOT]();
	assert_int_equal(reg[0], 0x7777);
	assert_int_equal(reg[1], 0xffffffff);
}

static void mask_keeps_other_bits(void **state)
{
	(void)state;
	node("/reboot", "syscon-reboot");
	tree_cells(&tree, "/reboot", "offset", 8);
	tree_cells(&tree, "/reboot", "value", 0x12);
	tree_cells(&tree, "/reboot", "mask", 0xff);
	assert_int_equal(probe(), 1);
	assert_null(registered[FIRMWARE_POWEROFF]);
	registered[FIRMWARE_REBOOT]();
	assert_int_equal(reg[2], 0xffffff12);
}

static void mask_alone_is_the_value(void **state)
{
	(void)state;
	node("/reboot", "syscon-reboot");
	tree_cells(&tree, "/reboot", "offset", 4);
	tree_cells(&tree, "/reboot", "mask", 1);
	assert_int_equal(probe(), 1);
	registered[FIRMWARE_REBOOT]();
	assert_int_equal(reg[1], 1);
}

static void parent_is_the_controller_without_regmap(void **state)
{
	const char *path = "/soc/test@100000/poweroff";

	(void)state;
	tree_string(&tree, path, "compatible", "syscon-poweroff");
	tree_cells(&tree, path, "offset", 12);
	tree_cells(&tree, path, "value", 3);
	assert_int_equal(probe(), 1);
	registered[FIRMWARE_POWEROFF]();
	assert_int_equal(reg[3], 3);
}

static void bad_nodes_register_nothing(void **state)
{
	static const struct {
		const char *name;
		uint32_t value;
	} bad[] = {
		{"offset", 16},
		{"offset", 2},
		{"offset", 0xfffffffc},
		{"regmap", 77},
	};
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		setup(state);
		node("/poweroff", "syscon-poweroff");
		tree_cells(&tree, "/poweroff", "offset", 0);
		tree_cells(&tree, "/poweroff", "value", 1);
		tree_cells(&tree, "/poweroff", bad[i].name, bad[i].value);
		assert_int_equal(probe(), 0);
		assert_null(registered[FIRMWARE_POWEROFF]);
		assert_non_null(strstr(fake_log_text, "not started"));
	}
	/* Neither value nor mask. */
	setup(state);
	node("/poweroff", "syscon-poweroff");
	tree_cells(&tree, "/poweroff", "offset", 0);
	assert_int_equal(probe(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(as_on_virt, setup),
		cmocka_unit_test_setup(mask_keeps_other_bits, setup),
		cmocka_unit_test_setup(mask_alone_is_the_value, setup),
		cmocka_unit_test_setup(parent_is_the_controller_without_regmap,
				       setup),
		cmocka_unit_test_setup(bad_nodes_register_nothing, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
