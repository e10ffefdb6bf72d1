/* Sources: drivers/irqchip/imsic.c kernel/irq.c kernel/driver.c
 * kernel/error.c kernel/fdt/dt.c kernel/fdt/address.c kernel/fdt/interrupt.c
 * kernel/fdt/cpus.c lib/range.c test/host/fake/hart.c test/host/fake/imsic.c
 * test/host/fake/log.c test/host/fake/panic.c test/host/fake/tree.c libfdt */
/*
 * The IMSIC driver on a fake interrupt file, and the hart numbers that it
 * tells senders to use. It can be started once, so tests run in this order.
 */
#include "drivers/irqchip/imsic.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/irq.h"
#include "test/host/fake/drivers.h"
#include "test/host/fake/hart.h"
#include "test/host/fake/imsic.h"
#include "test/host/fake/log.h"
#include "test/host/fake/tree.h"

DRIVERS_LIST(1, &imsic_driver);

#define NODE "/soc/imsics@28000000"

static struct tree tree;

/* Four harts in two groups of two, three guest files each; this is the last:
 * group 1, hart 1. */
static void node_make(const char *isa)
{
	tree_init(&tree);
	tree_harts(&tree, 4, isa);
	tree_string(&tree, NODE, "compatible", "riscv,imsics");
	tree_cells(&tree, NODE, "reg", 0, 0x28000000, 0, 0x8000, 0, 0x29000000,
		   0, 0x8000);
	tree_cells(&tree, NODE, "phandle", 6);
	tree_cells(&tree, NODE, "#interrupt-cells", 0);
	tree_cells(&tree, NODE, "riscv,num-ids", 255);
	tree_cells(&tree, NODE, "riscv,guest-index-bits", 2);
	tree_cells(&tree, NODE, "riscv,hart-index-bits", 1);
	tree_cells(&tree, NODE, "riscv,group-index-bits", 1);
	tree_cells(&tree, NODE, "riscv,group-index-shift", 24);
	tree_cells(&tree, NODE, "interrupts-extended", 0x10, 9, 0x11, 9, 0x12,
		   9, 0x13, 9);
}

static int setup(void **state)
{
	(void)state;
	fake_hart_reset();
	fake_hart.hart = 3;
	fake_log_clear();
	node_make("rv64imac_ssaia");
	return 0;
}

static int probe(void)
{
	driver_scan(tree.blob);
	return driver_probe_class(tree.blob, DRIVER_IRQCHIP);
}

static void handler(void *arg)
{
	++*(unsigned *)arg;
}

static void machine_level_is_passed_over(void **state)
{
	(void)state;
	fake_imsic_reset(true);
	tree_cells(&tree, NODE, "interrupts-extended", 0x10, 11, 0x11, 11, 0x12,
		   11, 0x13, 11);
	assert_int_equal(probe(), 0);
	assert_string_equal(fake_log_text, "");
	assert_int_equal(fake_imsic.accesses, 0);
	assert_false(imsic_started(6));
}

static void hart_without_the_extension_keeps_its_hands_off(void **state)
{
	(void)state;
	fake_imsic_reset(true);
	node_make("rv64imac");
	assert_int_equal(probe(), 0);
	assert_non_null(strstr(fake_log_text, "imsic not started"));
	assert_int_equal(fake_imsic.accesses, 0);
}

static void bad_nodes_are_told(void **state)
{
	static const struct {
		const char *name;
		uint32_t value;
	} bad[] = {
		{"riscv,num-ids", 62},	       {"riscv,num-ids", 2048},
		{"riscv,guest-index-bits", 8}, {"riscv,hart-index-bits", 16},
		{"riscv,group-index-bits", 8}, {"riscv,group-index-shift", 56},
	};
	unsigned i;

	(void)state;
	fake_imsic_reset(true);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		node_make("rv64imac_ssaia");
		tree_cells(&tree, NODE, bad[i].name, bad[i].value);
		fake_log_clear();
		assert_int_equal(probe(), 0);
		assert_non_null(strstr(fake_log_text, "malformed"));
	}
	/* No file for the fourth hart. */
	node_make("rv64imac_ssaia");
	tree_cells(&tree, NODE, "reg", 0, 0x28000000, 0, 0x8000);
	assert_int_equal(probe(), 0);
	assert_int_equal(fake_imsic.accesses, 0);
}

static void nothing_is_handed_out_before_it_starts(void **state)
{
	struct imsic_target target;
	unsigned n = 0;

	(void)state;
	assert_int_equal(imsic_request(6, handler, &n, &target), -EAGAIN);
}

static void start_closes_what_a_loader_left_open(void **state)
{
	unsigned i;

	(void)state;
	fake_imsic_reset(true);
	assert_int_equal(probe(), 1);
	for (i = 0; i < 4; i++)
		assert_true(fake_imsic.enabled[i] == 0);
	assert_true(fake_imsic.threshold == 0);
	assert_true(fake_imsic.delivery == 1);
	assert_true(imsic_started(6));
	assert_false(imsic_started(5));
}

static void target_is_group_and_hart(void **state)
{
	struct imsic_target target;
	static unsigned n;

	(void)state;
	assert_int_equal(imsic_request(6, handler, &n, &target), 0);
	assert_int_equal(target.hart_index, 3);
	assert_int_equal(target.identity, 1);
	fake_imsic_message(1);
	assert_true(fake_imsic_interrupt());
	irq_handle_external();
	assert_int_equal(n, 1);
	assert_false(fake_imsic_interrupt());
}

static void each_message_has_its_own_handler(void **state)
{
	static unsigned n[2];
	struct imsic_target a, b;

	(void)state;
	assert_int_equal(imsic_request(6, handler, &n[0], &a), 0);
	assert_int_equal(imsic_request(6, handler, &n[1], &b), 0);
	fake_imsic_message(b.identity);
	irq_handle_external();
	assert_int_equal(n[0], 0);
	assert_int_equal(n[1], 1);
	fake_imsic_message(b.identity);
	fake_imsic_message(a.identity);
	irq_handle_external();
	assert_int_equal(n[0], 1);
	assert_int_equal(n[1], 2);
}

static void identities_run_out(void **state)
{
	struct imsic_target target;
	static unsigned n;
	int err;

	(void)state;
	do
		err = imsic_request(6, handler, &n, &target);
	while (!err);
	assert_int_equal(err, -ENOSPC);
	assert_int_equal(target.identity, 63);
	assert_true(fake_imsic.enabled[1] == 0);
}

static void stop_leaves_nothing_behind(void **state)
{
	unsigned i;

	(void)state;
	fake_imsic_message(1);
	fake_imsic_message(200); /* late, and nobody's */
	irq_stop();
	assert_true(fake_imsic.delivery == 0);
	assert_true(fake_imsic.threshold == 0);
	for (i = 0; i < 4; i++) {
		assert_true(fake_imsic.enabled[i] == 0);
		assert_true(fake_imsic.pending[i] == 0);
	}
}

static void second_one_is_refused(void **state)
{
	(void)state;
	assert_int_equal(probe(), 0);
	assert_non_null(strstr(fake_log_text, "imsic not started"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(machine_level_is_passed_over, setup),
		cmocka_unit_test_setup(
			hart_without_the_extension_keeps_its_hands_off, setup),
		cmocka_unit_test_setup(bad_nodes_are_told, setup),
		cmocka_unit_test_setup(nothing_is_handed_out_before_it_starts,
				       setup),
		cmocka_unit_test_setup(start_closes_what_a_loader_left_open,
				       setup),
		cmocka_unit_test_setup(target_is_group_and_hart, setup),
		cmocka_unit_test_setup(each_message_has_its_own_handler, setup),
		cmocka_unit_test_setup(identities_run_out, setup),
		cmocka_unit_test_setup(second_one_is_refused, setup),
		cmocka_unit_test_setup(stop_leaves_nothing_behind, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
