/* Sources: drivers/irqchip/plic.c kernel/irq.c kernel/driver.c
 * kernel/error.c kernel/fdt/dt.c kernel/fdt/address.c kernel/fdt/interrupt.c
 * kernel/fdt/cpus.c lib/range.c test/host/fake/hart.c test/host/fake/heap.c
 * test/host/fake/log.c test/host/fake/panic.c test/host/fake/mmio.c
 * test/host/fake/tree.c libfdt */
/*
 * The PLIC driver against a model of the PLIC specification 1.0: gateways,
 * priorities, enables, claim and completion. Machine-level contexts are the
 * firmware's: a write to one fails the test.
 */
#include "drivers/irqchip/plic.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/irq.h"
#include "test/host/fake/drivers.h"
#include "test/host/fake/hart.h"
#include "test/host/fake/heap.h"
#include "test/host/fake/log.h"
#include "test/host/fake/mmio.h"
#include "test/host/fake/tree.h"

DRIVERS_LIST(1, &plic_driver);

#define BASE	 0x0c000000u
#define NODE	 "/soc/plic@c000000"
#define SOURCES	 95u
#define CONTEXTS 5u /* as on VisionFive 2: hart 0 has no supervisor level */

static struct tree tree;

static struct model {
	uint32_t priority[1024];
	uint32_t enable[CONTEXTS][32];
	uint32_t threshold[CONTEXTS];
	bool wire[1024];       /* level of the interrupt */
	bool in_service[1024]; /* claimed and not completed */
	unsigned completions;
} model;

static bool is_machine(unsigned context)
{
	return context == 0 || context == 1 || context == 3;
}

static bool is_pending(unsigned context, unsigned source)
{
	return model.wire[source] && !model.in_service[source] &&
		model.priority[source] > model.threshold[context] &&
		model.enable[context][source / 32] >> source % 32 & 1;
}

static unsigned claim(unsigned context)
{
	unsigned source;

	for (source = 1; source <= SOURCES; source++) {
		if (!is_pending(context, source))
			continue;
		model.in_service[source] = true;
		return source;
	}
	return 0;
}

static void complete(unsigned context, unsigned source)
{
	model.completions++;
	assert_true(source <= SOURCES);
	/* Dropped unless the source is enabled for the context. */
	if (model.enable[context][source / 32] >> source % 32 & 1)
		model.in_service[source] = false;
}

static uint32_t *enable_word(uint64_t offset)
{
	unsigned context = (offset - 0x2000) / 0x80;

	assert_true(context < CONTEXTS);
	return &model.enable[context][(offset - 0x2000) % 0x80 / 4];
}

static uint64_t model_read(void *ctx, uint64_t offset, unsigned width)
{
	unsigned context = (offset - 0x200000) / 0x1000;

	(void)ctx;
	assert_int_equal(width, 4);
	if (offset >= 0x2000 && offset < 0x2000 + CONTEXTS * 0x80)
		return *enable_word(offset);
	if (offset >= 0x200000 && offset % 0x1000 == 4 && context < CONTEXTS)
		return claim(context);
	fail_msg("read of offset %#llx", (unsigned long long)offset);
	return 0;
}

static void context_write(uint64_t offset, uint64_t value)
{
	unsigned context = (offset - 0x200000) / 0x1000;

	assert_true(context < CONTEXTS);
	assert_false(is_machine(context));
	if (offset % 0x1000 == 0)
		model.threshold[context] = value;
	else if (offset % 0x1000 == 4)
		complete(context, value);
	else
		fail_msg("write to offset %#llx", (unsigned long long)offset);
}

static void model_write(void *ctx, uint64_t offset, unsigned width,
			uint64_t value)
{
	(void)ctx;
	assert_int_equal(width, 4);
	if (offset >= 4 && offset <= 4 * SOURCES) {
		model.priority[offset / 4] = value;
	} else if (offset >= 0x2000 && offset < 0x2000 + CONTEXTS * 0x80) {
		assert_false(is_machine((offset - 0x2000) / 0x80));
		*enable_word(offset) = value;
	} else if (offset >= 0x200000) {
		context_write(offset, value);
	} else {
		fail_msg("write to offset %#llx", (unsigned long long)offset);
	}
}

static void node_make(void)
{
	tree_cells(&tree, NODE, "reg", 0, BASE, 0, 0x4000000);
	tree_string(&tree, NODE, "compatible", "sifive,plic-1.0.0");
	tree_cells(&tree, NODE, "#interrupt-cells", 1);
	tree_cells(&tree, NODE, "phandle", 1);
	tree_cells(&tree, NODE, "riscv,ndev", SOURCES);
	tree_cells(&tree, NODE, "interrupts-extended", 0x10, 11, 0x11, 11, 0x11,
		   9, 0x12, 11, 0x12, 9);
}

/*
 * The controllers a test registers stay known to kernel/irq.c: each test uses
 * a phandle of its own, and the fake MMIO forgets the old one's registers.
 */
static uint32_t phandle;

static int setup(void **state)
{
	const struct mmio_device device = {.base = BASE,
					   .size = 0x4000000,
					   .read = model_read,
					   .write = model_write};

	(void)state;
	mmio_reset();
	mmio_add(&device);
	fake_hart_reset();
	fake_log_clear();
	fake_heap_left = -1;
	memset(&model, 0, sizeof(model));
	fake_hart.hart = 2;
	tree_init(&tree);
	tree_harts(&tree, 3, "rv64imac");
	node_make();
	tree_cells(&tree, NODE, "phandle", ++phandle);
	return 0;
}

static int probe(void)
{
	driver_scan(tree.blob);
	return driver_probe_class(tree.blob, DRIVER_IRQCHIP);
}

static struct dt_irq line(unsigned source)
{
	return (struct dt_irq){
		.parent_phandle = phandle, .cells = 1, .cell = {source}};
}

/* A handler that takes down the wire of line @arg. */
static unsigned handled, handled_last;

static void handler(void *arg)
{
	handled++;
	handled_last = (unsigned)(uintptr_t)arg;
	model.wire[handled_last] = false;
}

static void request(unsigned source)
{
	struct dt_irq irq = line(source);

	assert_int_equal(irq_request(&irq, handler, (void *)(uintptr_t)source),
			 0);
}

static void every_context_of_ours_starts_closed(void **state)
{
	unsigned ctx;

	(void)state;
	memset(model.enable, 0xff, sizeof(model.enable));
	model.threshold[4] = 7;
	assert_int_equal(probe(), 1);
	for (ctx = 0; ctx < CONTEXTS; ctx++)
		assert_int_equal(model.enable[ctx][0] | model.enable[ctx][1] |
					 model.enable[ctx][2],
				 is_machine(ctx) ? 0xffffffff : 0);
	assert_int_equal(model.threshold[4], 0);
	assert_string_equal(fake_log_text, "");
}

static void only_what_is_used_is_mapped(void **state)
{
	(void)state;
	assert_int_equal(probe(), 1);
	assert_true(mmio_mapped() < 0x2000);
}

static void line_is_handled_and_completed(void **state)
{
	(void)state;
	assert_int_equal(probe(), 1);
	request(10);
	request(64);
	request(31);
	assert_int_equal(model.enable[4][0], 1u << 10 | 1u << 31);
	assert_int_equal(model.enable[4][2], 1);
	assert_int_equal(model.enable[2][0], 0);
	handled = 0;
	model.wire[64] = true;
	irq_handle_external();
	assert_int_equal(handled, 1);
	assert_int_equal(handled_last, 64);
	assert_false(model.in_service[64]);
	/* It comes again. */
	model.wire[64] = model.wire[10] = true;
	irq_handle_external();
	assert_int_equal(handled, 3);
	assert_int_equal(model.completions, 3);
}

static void nothing_pending_is_harmless(void **state)
{
	(void)state;
	assert_int_equal(probe(), 1);
	irq_handle_external();
	assert_int_equal(model.completions, 0);
}

static void line_of_nobody_is_silenced(void **state)
{
	(void)state;
	assert_int_equal(probe(), 1);
	request(3);
	/* As if someone else had opened it. */
	model.enable[4][0] |= 1u << 7;
	model.priority[7] = 1;
	model.wire[7] = true;
	irq_handle_external();
	assert_int_equal(model.priority[7], 0);
	assert_false(model.in_service[7]);
}

/* Whoever has the machine next finds it as after reset. */
static void stop_leaves_nothing_behind(void **state)
{
	unsigned source, ctx, word;

	(void)state;
	assert_int_equal(probe(), 1);
	request(10);
	request(64);
	/* One is pending still: it is served, not left claimed. */
	model.wire[64] = true;
	model.threshold[4] = 0;
	handled = 0;
	irq_stop();
	assert_int_equal(handled, 1);
	for (source = 1; source <= SOURCES; source++) {
		assert_int_equal(model.priority[source], 0);
		assert_false(model.in_service[source]);
	}
	for (ctx = 0; ctx < CONTEXTS; ctx++)
		for (word = 0; word < 3; word++)
			assert_int_equal(model.enable[ctx][word], 0);
	assert_int_equal(model.threshold[4], 0);
	/* And takes no more. */
	model.wire[10] = true;
	irq_handle_external();
	assert_int_equal(handled, 1);
}

static void bad_lines_are_refused(void **state)
{
	struct dt_irq irq;

	(void)state;
	assert_int_equal(probe(), 1);
	irq = line(0);
	assert_int_equal(irq_request(&irq, handler, NULL), -EINVAL);
	irq = line(SOURCES + 1);
	assert_int_equal(irq_request(&irq, handler, NULL), -EINVAL);
	request(5);
	irq = line(5);
	assert_int_equal(irq_request(&irq, handler, NULL), -EBUSY);
	irq.parent_phandle = 0x99;
	assert_int_equal(irq_request(&irq, handler, NULL), -ENODEV);
	assert_string_equal(irq_chip_name(&irq), "?");
	irq.parent_phandle = phandle;
	assert_string_equal(irq_chip_name(&irq), "plic");
}

static void plic_of_other_harts_is_passed_over(void **state)
{
	(void)state;
	fake_hart.hart = 0;
	assert_int_equal(probe(), 0);
	assert_string_equal(fake_log_text, "");
	assert_int_equal(mmio_accesses(), 0);
}

static void bad_nodes_are_told(void **state)
{
	(void)state;
	tree_cells(&tree, NODE, "riscv,ndev", 1024);
	assert_int_equal(probe(), 0);
	assert_non_null(strstr(fake_log_text, "plic not started: malformed"));
	node_make();
	tree_cells(&tree, NODE, "reg", 0, BASE, 0, 0x200000);
	assert_int_equal(probe(), 0);
	node_make();
	fake_heap_left = 0;
	assert_int_equal(probe(), 0);
	assert_non_null(strstr(fake_log_text, "out of memory"));
	fake_heap_left = -1;
	mmio_map_fail(-ENOMEM);
	fake_heap_live = 0;
	assert_int_equal(probe(), 0);
	assert_int_equal(fake_heap_live, 0);
	assert_int_equal(mmio_accesses(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(plic_of_other_harts_is_passed_over,
				       setup),
		cmocka_unit_test_setup(bad_nodes_are_told, setup),
		cmocka_unit_test_setup(every_context_of_ours_starts_closed,
				       setup),
		cmocka_unit_test_setup(only_what_is_used_is_mapped, setup),
		cmocka_unit_test_setup(line_is_handled_and_completed, setup),
		cmocka_unit_test_setup(nothing_pending_is_harmless, setup),
		cmocka_unit_test_setup(line_of_nobody_is_silenced, setup),
		cmocka_unit_test_setup(stop_leaves_nothing_behind, setup),
		cmocka_unit_test_setup(bad_lines_are_refused, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
