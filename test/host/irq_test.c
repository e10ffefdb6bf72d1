/* Sources: kernel/irq.c kernel/fdt/cpus.c kernel/fdt/dt.c kernel/fdt/address.c
 * lib/range.c test/host/fake/hart.c test/host/fake/tree.c libfdt */
/* Interrupt controllers: who is asked, who dispatches, which context is ours.
 */
#include "kernel/irq.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "test/host/fake/hart.h"
#include "test/host/fake/tree.h"

static const struct irqchip *requested;
static unsigned dispatched[3];

static int request(struct irqchip *chip, const struct dt_irq *irq,
		   irq_handler *fn, void *arg)
{
	assert_ptr_equal(arg, &requested);
	assert_null(fn);
	requested = chip;
	return irq->cell[0] == 7 ? -EBUSY : 0;
}

static void dispatch(struct irqchip *chip)
{
	dispatched[chip->phandle]++;
}

static unsigned stopped[3], stops;

static void stop(struct irqchip *chip)
{
	stopped[stops++] = chip->phandle;
}

static struct irqchip chip[3] = {
	{.name = "zero",
	 .phandle = 0,
	 .request = request,
	 .dispatch = dispatch,
	 .stop = stop},
	{.name = "one", .phandle = 1, .request = request, .stop = stop},
	{.name = "two",
	 .phandle = 2,
	 .request = request,
	 .dispatch = dispatch,
	 .stop = stop},
};

static void before_any_is_registered(void **state)
{
	struct dt_irq line = {.parent_phandle = 1};

	(void)state;
	irq_handle_external();
	assert_int_equal(irq_request(&line, NULL, NULL), -ENODEV);
	assert_string_equal(irq_chip_name(&line), "?");
	irqchip_register(&chip[1]);
	irqchip_register(&chip[2]);
}

static void line_goes_to_its_controller(void **state)
{
	struct dt_irq line = {.cells = 1, .cell = {5}};

	(void)state;
	for (line.parent_phandle = 1; line.parent_phandle < 3;
	     line.parent_phandle++) {
		requested = NULL;
		assert_int_equal(irq_request(&line, NULL, &requested), 0);
		assert_ptr_equal(requested, &chip[line.parent_phandle]);
		assert_string_equal(irq_chip_name(&line),
				    chip[line.parent_phandle].name);
	}
	line.parent_phandle = 0;
	assert_int_equal(irq_request(&line, NULL, &requested), -ENODEV);
	line.parent_phandle = 2;
	line.cell[0] = 7;
	assert_int_equal(irq_request(&line, NULL, &requested), -EBUSY);
}

/* One that delivers through another has no dispatch of its own. */
static void all_that_can_dispatch(void **state)
{
	(void)state;
	irqchip_register(&chip[0]);
	irq_handle_external();
	assert_int_equal(dispatched[0], 1);
	assert_int_equal(dispatched[1], 0);
	assert_int_equal(dispatched[2], 1);
}

/* What sends messages stops before what receives them. */
static void all_stop_the_last_one_first(void **state)
{
	(void)state;
	irq_stop();
	assert_int_equal(stops, 3);
	assert_int_equal(stopped[0], 0);
	assert_int_equal(stopped[1], 2);
	assert_int_equal(stopped[2], 1);
}

static void contexts_of_a_controller(void **state)
{
	static struct tree tree;
	struct dt_node plic, none;
	unsigned index = 99;

	(void)state;
	fake_hart_reset();
	tree_init(&tree);
	tree_harts(&tree, 3, "rv64imac");
	/* Machine and supervisor of 0, one not connected, 2, nobody's. */
	tree_cells(&tree, "/plic", "interrupts-extended", 0x10, 11, 0x10, 9,
		   0x11, 0xffffffff, 0x12, 9, 0x77, 9);
	tree_cells(&tree, "/none", "reg", 0, 0, 0, 0);
	assert_int_equal(dt_find_path(tree.blob, "/plic", &plic), 0);
	assert_int_equal(dt_find_path(tree.blob, "/none", &none), 0);
	fake_hart.hart = 2;
	assert_int_equal(irq_context(tree.blob, &plic, 0), -EINVAL);
	assert_int_equal(irq_context(tree.blob, &plic, 1), 0);
	assert_int_equal(irq_context(tree.blob, &plic, 2), -EINVAL);
	assert_int_equal(irq_context(tree.blob, &plic, 3), 1);
	assert_int_equal(irq_context(tree.blob, &plic, 4), -EINVAL);
	assert_int_equal(irq_context(tree.blob, &plic, 5), -ENOENT);
	assert_int_equal(irq_context_own(tree.blob, &plic, &index), 0);
	assert_int_equal(index, 3);
	fake_hart.hart = 0;
	assert_int_equal(irq_context_own(tree.blob, &plic, &index), 0);
	assert_int_equal(index, 1);
	index = 99;
	fake_hart.hart = 1;
	assert_int_equal(irq_context_own(tree.blob, &plic, &index), -ENODEV);
	assert_int_equal(irq_context_own(tree.blob, &none, &index), -ENODEV);
	assert_int_equal(index, 99);
}

/* In this order: controllers are registered for good. */
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_any_is_registered),
		cmocka_unit_test(line_goes_to_its_controller),
		cmocka_unit_test(all_that_can_dispatch),
		cmocka_unit_test(all_stop_the_last_one_first),
		cmocka_unit_test(contexts_of_a_controller),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
