/* Sources: drivers/irqchip/aplic.c drivers/irqchip/imsic.c kernel/irq.c
 * kernel/driver.c kernel/error.c kernel/fdt/dt.c kernel/fdt/address.c
 * kernel/fdt/interrupt.c kernel/fdt/cpus.c lib/range.c test/host/fake/hart.c
 * test/host/fake/heap.c test/host/fake/imsic.c test/host/fake/log.c
 * test/host/fake/panic.c test/host/fake/mmio.c test/host/fake/tree.c libfdt */
/*
 * The APLIC driver in both delivery modes against a model of one
 * supervisor-level domain (AIA 1.0, chapter 4), with wires that rise and fall
 * and, by messages, the real IMSIC driver on a fake interrupt file.
 */
#include "drivers/irqchip/aplic.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "arch/mmu.h"
#include "drivers/irqchip/imsic.h"
#include "kernel/irq.h"
#include "test/host/fake/drivers.h"
#include "test/host/fake/hart.h"
#include "test/host/fake/heap.h"
#include "test/host/fake/imsic.h"
#include "test/host/fake/log.h"
#include "test/host/fake/mmio.h"
#include "test/host/fake/tree.h"

DRIVERS_LIST(2, &aplic_driver, &imsic_driver);

#define BASE	0x0d000000u
#define NODE	"/soc/aplic@d000000"
#define IMSIC	"/soc/imsics@28000000"
#define SOURCES 96u
#define OWN	2u /* this hart's index */

/* A bit of @mode says: inverted, level-sensitive. */
enum {
	EDGE1 = 4,
	EDGE0 = 5,
	LEVEL1 = 6,
	LEVEL0 = 7
};

static struct tree tree;
static uint32_t phandle; /* as in plic_test.c: one per test */

static struct model {
	bool big_endian, direct_only, messages_only;
	bool setipnum_forces; /* without a look at the wire: QEMU 7.2 */
	uint32_t domaincfg;
	uint32_t mode[SOURCES + 1], target[SOURCES + 1];
	bool wire[SOURCES + 1], pending[SOURCES + 1], enabled[SOURCES + 1];
	uint32_t idelivery, ithreshold;
	unsigned messages;
} model;

static bool rectified(unsigned i)
{
	return model.wire[i] != (model.mode[i] & 1);
}

static bool is_level(unsigned i)
{
	return model.mode[i] >= LEVEL1;
}

static bool by_messages(void)
{
	return model.domaincfg & 4;
}

/* Send what is pending, by messages; a level-sensitive source is then ignored
 * until its wire has fallen. */
static void forward(void)
{
	unsigned i;

	if (!by_messages() || !(model.domaincfg & 0x100))
		return;
	for (i = 1; i <= SOURCES; i++) {
		if (!model.pending[i] || !model.enabled[i])
			continue;
		model.pending[i] = false;
		model.messages++;
		assert_int_equal(model.target[i] >> 18, OWN);
		assert_int_equal(model.target[i] >> 11 & 0x7f, 0);
		fake_imsic_message(model.target[i] & 0x7ff);
	}
}

static void wire_set(unsigned i, bool level)
{
	bool before = rectified(i), now;

	model.wire[i] = level;
	now = rectified(i);
	if (!model.mode[i])
		return;
	if (now && !before)
		model.pending[i] = true;
	if (!now && is_level(i))
		model.pending[i] = false;
	forward();
}

static uint32_t topi(void)
{
	unsigned i;

	for (i = 1; i <= SOURCES; i++)
		if (model.pending[i] && model.enabled[i] &&
		    model.target[i] >> 18 == OWN)
			return i << 16 | (model.target[i] & 0xff);
	return 0;
}

static uint32_t claimi(void)
{
	uint32_t value = topi();
	unsigned i = value >> 16;

	/* In direct mode a level-sensitive pending bit is the wire itself. */
	if (i)
		model.pending[i] = is_level(i) && rectified(i);
	return value;
}

static bool direct_interrupt(void)
{
	return model.domaincfg & 0x100 && !by_messages() &&
		model.idelivery == 1 && model.ithreshold == 0 && topi();
}

static uint32_t wires_read(unsigned first)
{
	uint32_t value = 0;
	unsigned i;

	for (i = first; i < first + 32 && i <= SOURCES; i++)
		value |= (uint32_t)(model.mode[i] && rectified(i))
			<< (i - first);
	return value;
}

static uint64_t model_read(void *ctx, uint64_t offset, unsigned width)
{
	(void)ctx;
	assert_int_equal(width, 4);
	if (offset == 0)
		return model.big_endian ? 0x80 : 0x80000000u | model.domaincfg;
	if (offset >= 0x1d00 && offset <= 0x1d00 + SOURCES / 32 * 4)
		return wires_read((offset - 0x1d00) * 8);
	if (offset == 0x4000 + 32 * OWN + 0x1c)
		return claimi();
	fail_msg("read of offset %#llx", (unsigned long long)offset);
	return 0;
}

static void domaincfg_write(uint32_t value)
{
	model.domaincfg = value & 0x104;
	if (model.direct_only)
		model.domaincfg &= ~4u;
	if (model.messages_only)
		model.domaincfg |= 4;
}

static void sourcecfg_write(unsigned i, uint32_t value)
{
	assert_true(value == 0 || (value >= EDGE1 && value <= LEVEL0));
	model.mode[i] = value;
	model.target[i] = 0x5a5a5a5a; /* UNSPECIFIED once active */
	/* Read-only zero while the source is inactive (AIA 1.0, 4.5.2). */
	model.pending[i] &= value != 0;
	model.enabled[i] &= value != 0;
}

static void setipnum_write(uint32_t i)
{
	assert_true(i > 0 && i <= SOURCES);
	if (!is_level(i) || rectified(i) || model.setipnum_forces)
		model.pending[i] = true;
}

static void idc_write(uint64_t offset, uint32_t value)
{
	assert_false(by_messages());
	if (offset == 0x4000 + 32 * OWN)
		model.idelivery = value;
	else if (offset == 0x4000 + 32 * OWN + 8)
		model.ithreshold = value;
	else
		fail_msg("write to offset %#llx", (unsigned long long)offset);
}

static void model_write(void *ctx, uint64_t offset, unsigned width,
			uint64_t value)
{
	unsigned i;

	(void)ctx;
	assert_int_equal(width, 4);
	if (offset == 0) {
		domaincfg_write(value);
	} else if (offset <= 4 * SOURCES) {
		sourcecfg_write(offset / 4, value);
	} else if (offset == 0x1cdc) {
		setipnum_write(value);
	} else if (offset == 0x1edc) {
		assert_true(value > 0 && value <= SOURCES);
		model.enabled[value] = model.mode[value] != 0;
	} else if (offset >= 0x1f00 && offset <= 0x1f00 + SOURCES / 32 * 4) {
		for (i = 0; i < 32; i++)
			if (value >> i & 1 &&
			    (offset - 0x1f00) * 8 + i <= SOURCES)
				model.enabled[(offset - 0x1f00) * 8 + i] =
					false;
	} else if (offset >= 0x3004 && offset <= 0x3000 + 4 * SOURCES) {
		i = (offset - 0x3000) / 4;
		/* Read-only zero while the source is inactive. */
		if (model.mode[i])
			model.target[i] = value;
	} else {
		idc_write(offset, value);
	}
	forward();
}

static void domain_make(void)
{
	tree_string(&tree, NODE, "compatible", "riscv,aplic");
	tree_cells(&tree, NODE, "reg", 0, BASE, 0, 0x8000);
	tree_cells(&tree, NODE, "phandle", phandle);
	tree_cells(&tree, NODE, "#interrupt-cells", 2);
	tree_cells(&tree, NODE, "riscv,num-sources", SOURCES);
}

static int setup(void **state)
{
	const struct mmio_device device = {.base = BASE,
					   .size = 0x8000,
					   .read = model_read,
					   .write = model_write};

	(void)state;
	mmio_reset();
	mmio_add(&device);
	fake_hart_reset();
	fake_hart.hart = OWN;
	fake_log_clear();
	fake_heap_left = -1;
	memset(&model, 0, sizeof(model));
	memset(model.enabled, 1, sizeof(model.enabled));
	phandle++;
	tree_init(&tree);
	tree_harts(&tree, 3, "rv64imac_ssaia");
	domain_make();
	return 0;
}

static void make_direct(void)
{
	tree_cells(&tree, NODE, "interrupts-extended", 0x10, 9, 0x11, 9, 0x12,
		   9);
}

/* The IMSIC driver is started once for all tests. */
static void make_messages(void)
{
	static bool started;

	tree_cells(&tree, NODE, "msi-parent", 0x106);
	if (started)
		return;
	started = true;
	tree_string(&tree, IMSIC, "compatible", "riscv,imsics");
	tree_cells(&tree, IMSIC, "reg", 0, 0x28000000, 0, 0x3000);
	tree_cells(&tree, IMSIC, "phandle", 0x106);
	tree_cells(&tree, IMSIC, "#interrupt-cells", 0);
	tree_cells(&tree, IMSIC, "riscv,num-ids", 255);
	tree_cells(&tree, IMSIC, "interrupts-extended", 0x10, 9, 0x11, 9, 0x12,
		   9);
	fake_imsic_reset(true);
}

static int probe(void)
{
	driver_scan(tree.blob);
	return driver_probe_class(tree.blob, DRIVER_IRQCHIP);
}

static unsigned handled;
static unsigned causes; /* that the device still has: keeps its wire up */

static void handler(void *arg)
{
	unsigned i = (unsigned)(uintptr_t)arg;

	handled++;
	if (causes && --causes)
		return;
	wire_set(i, !model.wire[i]);
}

static int request(unsigned source, uint32_t type)
{
	struct dt_irq irq = {
		.parent_phandle = phandle, .cells = 2, .cell = {source, type}};

	return irq_request(&irq, handler, (void *)(uintptr_t)source);
}

static void direct_domain_starts_closed(void **state)
{
	unsigned i;

	(void)state;
	make_direct();
	assert_int_equal(probe(), 1);
	assert_int_equal(model.domaincfg, 0x100);
	assert_int_equal(model.idelivery, 1);
	assert_int_equal(model.ithreshold, 0);
	for (i = 1; i <= SOURCES; i++)
		assert_false(model.enabled[i]);
	assert_string_equal(fake_log_text, "");
}

static void all_is_as_after_reset(void)
{
	unsigned i;

	assert_int_equal(model.domaincfg & 0x100, 0);
	for (i = 1; i <= SOURCES; i++) {
		assert_int_equal(model.mode[i], 0);
		assert_false(model.enabled[i]);
		assert_false(model.pending[i]);
	}
	assert_int_equal(model.idelivery, 0);
	assert_int_equal(model.ithreshold, 0);
}

static void direct_stop_leaves_nothing_behind(void **state)
{
	(void)state;
	make_direct();
	assert_int_equal(probe(), 1);
	assert_int_equal(request(10, 4), 0);
	assert_int_equal(request(96, 1), 0);
	causes = 99;
	wire_set(10, true);
	wire_set(96, true);
	handled = 0;
	irq_stop();
	assert_false(direct_interrupt());
	all_is_as_after_reset();
	causes = 0;
}

static void direct_level_line(void **state)
{
	(void)state;
	make_direct();
	assert_int_equal(probe(), 1);
	assert_int_equal(request(10, 4), 0);
	assert_int_equal(model.mode[10], LEVEL1);
	assert_int_equal(model.target[10], OWN << 18 | 1);
	handled = 0;
	causes = 3;
	wire_set(10, true);
	assert_true(direct_interrupt());
	irq_handle_external();
	assert_int_equal(handled, 3);
	assert_false(direct_interrupt());
}

static void direct_hart_index_from_the_tree(void **state)
{
	(void)state;
	tree_cells(&tree, NODE, "interrupts-extended", 0x12, 9, 0x10, 9);
	tree_cells(&tree, NODE, "riscv,hart-indexes", OWN, 7);
	assert_int_equal(probe(), 1);
	assert_int_equal(model.idelivery, 1);
	assert_int_equal(request(96, 8), 0);
	assert_int_equal(model.target[96], OWN << 18 | 1);
	assert_int_equal(model.mode[96], LEVEL0);
}

static void trigger_types_become_source_modes(void **state)
{
	(void)state;
	make_direct();
	assert_int_equal(probe(), 1);
	assert_int_equal(request(1, 1), 0);
	assert_int_equal(request(2, 2), 0);
	assert_int_equal(model.mode[1], EDGE1);
	assert_int_equal(model.mode[2], EDGE0);
	assert_int_equal(request(3, 0), -EINVAL);
	assert_int_equal(request(3, 3), -EINVAL);
	assert_int_equal(request(3, 9), -EINVAL);
	assert_int_equal(request(3, 0xffffffff), -EINVAL);
	assert_int_equal(model.mode[3], 0);
}

static void bad_lines_are_refused(void **state)
{
	struct dt_irq irq = {.cells = 1, .cell = {4}};

	(void)state;
	make_direct();
	assert_int_equal(probe(), 1);
	assert_int_equal(request(0, 4), -EINVAL);
	assert_int_equal(request(SOURCES + 1, 4), -EINVAL);
	assert_int_equal(request(4, 4), 0);
	assert_int_equal(request(4, 4), -EBUSY);
	irq.parent_phandle = phandle;
	assert_int_equal(irq_request(&irq, handler, NULL), -EINVAL);
}

static void messages_wait_for_the_imsic(void **state)
{
	(void)state;
	/* libfdt puts the IMSIC, made last, first: swap them by probing the
	 * domain alone. */
	make_messages();
	tree_string(&tree, IMSIC, "status", "disabled");
	assert_int_equal(probe(), 0);
	assert_string_equal(fake_log_text, "");
	tree_string(&tree, IMSIC, "status", "okay");
	tree_string(&tree, IMSIC, "compatible", "x,unknown");
	assert_int_equal(probe(), 0);
	assert_non_null(strstr(fake_log_text, "what it needs is not there"));
	assert_int_equal(mmio_accesses(), 0);
	fake_log_clear();
	tree_string(&tree, IMSIC, "compatible", "riscv,imsics");
	assert_int_equal(probe(), 2);
	assert_int_equal(model.domaincfg, 0x104);
	assert_string_equal(fake_log_text, "");
}

static void message_for_an_edge(void **state)
{
	(void)state;
	make_messages();
	assert_int_equal(probe(), 1);
	assert_int_equal(request(20, 1), 0);
	handled = 0;
	causes = 0;
	model.messages = 0;
	wire_set(20, true);
	assert_int_equal(model.messages, 1);
	assert_true(fake_imsic_interrupt());
	irq_handle_external();
	assert_int_equal(handled, 1);
	assert_false(fake_imsic_interrupt());
	wire_set(20, true);
	irq_handle_external();
	assert_int_equal(handled, 2);
}

/* The wire stays up while the device has more to say: without another message
 * the rest would never be heard. */
static void message_for_a_level_that_stays_up_is_repeated(void **state)
{
	(void)state;
	make_messages();
	assert_int_equal(probe(), 1);
	assert_int_equal(request(11, 4), 0);
	handled = 0;
	causes = 4;
	model.messages = 0;
	wire_set(11, true);
	irq_handle_external();
	assert_int_equal(handled, 4);
	assert_int_equal(model.messages, 4);
	assert_false(model.wire[11]);
	assert_false(fake_imsic_interrupt());
}

static void message_stop_leaves_nothing_behind(void **state)
{
	volatile void *base;

	(void)state;
	make_messages();
	assert_int_equal(probe(), 1);
	assert_int_equal(request(30, 4), 0);
	causes = 99;
	wire_set(30, true);
	/* The domains of other tests, which are still known, are direct. */
	assert_int_equal(arch_io_map(BASE, 0x8000, &base), 0);
	irq_stop();
	all_is_as_after_reset();
	assert_false(fake_imsic_interrupt());
	assert_int_equal(fake_imsic.pending[0], 0);
	/* A stopped IMSIC has nothing to give: the last test with it. */
	causes = 0;
}

static void message_for_a_level_that_fell_is_not_repeated(void **state)
{
	(void)state;
	make_messages();
	model.setipnum_forces = true;
	assert_int_equal(probe(), 1);
	assert_int_equal(request(63, 4), 0);
	handled = 0;
	causes = 2;
	model.messages = 0;
	wire_set(63, true);
	irq_handle_external();
	assert_int_equal(handled, 2);
	assert_int_equal(model.messages, 2);
}

static void wire_that_is_up_before_is_not_missed(void **state)
{
	(void)state;
	make_messages();
	wire_set(12, true);
	assert_int_equal(probe(), 1);
	handled = 0;
	causes = 1;
	assert_int_equal(request(12, 4), 0);
	irq_handle_external();
	assert_int_equal(handled, 1);
}

static void domain_that_cannot_deliver_so_is_told(void **state)
{
	(void)state;
	make_direct();
	model.messages_only = true;
	assert_int_equal(probe(), 0);
	assert_non_null(strstr(fake_log_text, "aplic not started"));
	fake_log_clear();
	model.messages_only = false;
	model.big_endian = true;
	assert_int_equal(probe(), 0);
	assert_non_null(strstr(fake_log_text, "aplic not started"));
	model.big_endian = false;
	fake_log_clear();
	make_messages();
	model.direct_only = true;
	assert_int_equal(probe(), 0);
	assert_non_null(strstr(fake_log_text, "aplic not started"));
}

static void machine_level_is_passed_over(void **state)
{
	(void)state;
	tree_cells(&tree, NODE, "interrupts-extended", 0x10, 11, 0x11, 11, 0x12,
		   11);
	tree_cells(&tree, NODE, "msi-parent", 0x105);
	assert_int_equal(probe(), 0);
	assert_string_equal(fake_log_text, "");
	assert_int_equal(mmio_accesses(), 0);
}

static void bad_nodes_are_told(void **state)
{
	(void)state;
	make_direct();
	fake_heap_live = 0;
	tree_cells(&tree, NODE, "riscv,num-sources", 1024);
	assert_int_equal(probe(), 0);
	tree_cells(&tree, NODE, "riscv,num-sources", 0);
	assert_int_equal(probe(), 0);
	domain_make();
	tree_cells(&tree, NODE, "reg", 0, BASE, 0, 0x4040);
	assert_int_equal(probe(), 0);
	domain_make();
	tree_cells(&tree, NODE, "riscv,hart-indexes", 0, 1, 16384);
	assert_int_equal(probe(), 0);
	assert_non_null(strstr(fake_log_text, "malformed"));
	fake_heap_left = 0;
	assert_int_equal(probe(), 0);
	assert_int_equal(fake_heap_live, 0);
	assert_int_equal(mmio_accesses(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* Direct domains stay known and would be asked: they go last.
		 */
		cmocka_unit_test_setup(machine_level_is_passed_over, setup),
		cmocka_unit_test_setup(bad_nodes_are_told, setup),
		cmocka_unit_test_setup(messages_wait_for_the_imsic, setup),
		cmocka_unit_test_setup(message_for_an_edge, setup),
		cmocka_unit_test_setup(
			message_for_a_level_that_stays_up_is_repeated, setup),
		cmocka_unit_test_setup(
			message_for_a_level_that_fell_is_not_repeated, setup),
		cmocka_unit_test_setup(wire_that_is_up_before_is_not_missed,
				       setup),
		cmocka_unit_test_setup(direct_domain_starts_closed, setup),
		cmocka_unit_test_setup(direct_level_line, setup),
		cmocka_unit_test_setup(direct_stop_leaves_nothing_behind,
				       setup),
		cmocka_unit_test_setup(direct_hart_index_from_the_tree, setup),
		cmocka_unit_test_setup(trigger_types_become_source_modes,
				       setup),
		cmocka_unit_test_setup(bad_lines_are_refused, setup),
		cmocka_unit_test_setup(domain_that_cannot_deliver_so_is_told,
				       setup),
		cmocka_unit_test_setup(message_stop_leaves_nothing_behind,
				       setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
