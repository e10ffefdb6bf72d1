/* Sources: kernel/fdt/dt.c kernel/fdt/address.c kernel/fdt/interrupt.c
 *          lib/range.c test/host/fake/dts.c libfdt */
/* reg through ranges, and interrupts with their controllers. */
#include "kernel/fdt/dt.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "test/host/fake/dts.h"

/* The node at @path of a finished tree that must be well-formed. */
static struct dt_node node_at(const void *fdt, const char *path)
{
	struct dt_node n;
	const char *why;

	assert_int_equal(dt_check(fdt, DTS_SIZE, &why), 0);
	assert_int_equal(dt_find_path(fdt, path, &n), 0);
	return n;
}

static void expect_reg(const void *fdt, const char *path, unsigned index,
		       uint64_t start, uint64_t size)
{
	struct dt_node n = node_at(fdt, path);
	struct range r;

	assert_int_equal(dt_reg(fdt, &n, index, &r), 0);
	assert_int_equal(r.start, start);
	assert_int_equal(r.size, size);
}

static void expect_no_reg(const void *fdt, const char *path, unsigned index,
			  int error)
{
	struct dt_node n = node_at(fdt, path);
	struct range r;

	assert_int_equal(dt_reg(fdt, &n, index, &r), error);
}

static void reg_without_cells_is_two_and_one(void **state)
{
	void *fdt;

	(void)state;
	dts_begin();
	dts_node("memory");
	dts_cells("reg", 1, 0, 0x1000, 2, 0, 0x2000);
	dts_end();
	dts_node("odd");
	dts_cells("reg", 1, 2);
	dts_end();
	fdt = dts_finish();
	expect_reg(fdt, "/memory", 0, 0x100000000, 0x1000);
	expect_reg(fdt, "/memory", 1, 0x200000000, 0x2000);
	expect_no_reg(fdt, "/memory", 2, -ENOENT);
	expect_no_reg(fdt, "/odd", 0, -EINVAL);
	expect_no_reg(fdt, "/", 0, -ENOENT);
}

static void reg_is_translated_by_every_bus(void **state)
{
	void *fdt;

	(void)state;
	dts_begin();
	dts_cells("#address-cells", 2);
	dts_cells("#size-cells", 2);
	dts_node("soc");
	dts_cells("#address-cells", 1);
	dts_cells("#size-cells", 1);
	dts_cells("ranges", 0, 0x10, 0, 0x1000, 0x8000, 0x20, 0, 0x1000);
	dts_node("bus");
	dts_cells("#address-cells", 1);
	dts_cells("#size-cells", 1);
	dts_cells("ranges", 0x100, 0x8100, 0x100);
	dts_node("a");
	dts_cells("reg", 0x110, 0x10);
	dts_end();
	dts_node("outside");
	dts_cells("reg", 0x200, 0x10);
	dts_end();
	dts_end();
	dts_node("same");
	dts_empty("ranges");
	dts_cells("#address-cells", 1);
	dts_cells("#size-cells", 0);
	dts_node("b");
	dts_cells("reg", 0x20);
	dts_end();
	dts_end();
	dts_end();
	fdt = dts_finish();
	expect_reg(fdt, "/soc/bus/a", 0, 0x2000000110, 0x10);
	expect_no_reg(fdt, "/soc/bus/outside", 0, -ERANGE);
	expect_reg(fdt, "/soc/same/b", 0, 0x1000000020, 0);
}

static void reg_that_cannot_be_translated_is_reported(void **state)
{
	void *fdt;

	(void)state;
	dts_begin();
	dts_node("i2c");
	dts_cells("#address-cells", 1);
	dts_cells("#size-cells", 0);
	dts_node("chip");
	dts_cells("reg", 0x50);
	dts_end();
	dts_end();
	dts_node("pci");
	dts_cells("#address-cells", 3);
	dts_cells("#size-cells", 2);
	dts_cells("ranges", 0x2000000, 0, 0, 0, 0, 0, 0x1000);
	dts_node("device");
	dts_cells("reg", 0x800, 0, 0, 0, 0);
	dts_end();
	dts_end();
	dts_node("high");
	dts_cells("#address-cells", 2);
	dts_cells("ranges", 0, 0, 0xffffffff, 0xfffff000, 0x7fffffff);
	dts_node("end");
	dts_cells("reg", 0, 0x800, 0x1000);
	dts_end();
	dts_node("past");
	dts_cells("reg", 0, 0x1000, 0x1000);
	dts_end();
	dts_end();
	dts_node("wild");
	dts_cells("#address-cells", 0x40000000);
	dts_cells("#size-cells", 0x40000000);
	dts_node("child");
	dts_cells("reg", 1, 2, 3, 4);
	dts_end();
	dts_end();
	dts_node("none");
	dts_cells("#address-cells", 0);
	dts_cells("#size-cells", 0);
	dts_node("child");
	dts_cells("reg", 1);
	dts_end();
	dts_end();
	fdt = dts_finish();
	expect_no_reg(fdt, "/i2c/chip", 0, -ERANGE);
	expect_no_reg(fdt, "/pci/device", 0, -ERANGE);
	expect_no_reg(fdt, "/pci/device", 1, -ENOENT);
	expect_reg(fdt, "/high/end", 0, 0xfffffffffffff800, 0x800);
	expect_no_reg(fdt, "/high/past", 0, -ERANGE);
	expect_no_reg(fdt, "/wild/child", 0, -EINVAL);
	expect_no_reg(fdt, "/none/child", 0, -EINVAL);
}

static void *interrupts(void)
{
	dts_begin();
	dts_cells("interrupt-parent", 1);
	dts_node("plic");
	dts_cells("phandle", 1);
	dts_cells("#interrupt-cells", 1);
	dts_end();
	dts_node("aplic");
	dts_cells("phandle", 2);
	dts_cells("#interrupt-cells", 2);
	dts_end();
	dts_node("wild");
	dts_cells("phandle", 3);
	dts_cells("#interrupt-cells", 5);
	dts_end();
	dts_node("soc");
	dts_node("uart");
	dts_cells("interrupts", 10, 11);
	dts_end();
	dts_node("own");
	dts_cells("interrupt-parent", 2);
	dts_cells("interrupts", 5, 4);
	dts_end();
	dts_node("extended");
	dts_cells("interrupts-extended", 2, 7, 1, 1, 8, 1, 9);
	dts_cells("interrupts", 99);
	dts_end();
	dts_node("short");
	dts_cells("interrupts-extended", 1, 3, 2, 7);
	dts_end();
	dts_node("gone");
	dts_cells("interrupts-extended", 77, 3);
	dts_end();
	dts_node("odd");
	dts_cells("interrupt-parent", 2);
	dts_cells("interrupts", 1, 2, 3);
	dts_end();
	dts_node("five");
	dts_cells("interrupt-parent", 3);
	dts_cells("interrupts", 1, 2, 3, 4, 5);
	dts_end();
	dts_node("none");
	dts_end();
	dts_end();
	return dts_finish();
}

static void expect_irq(const char *path, unsigned index, uint32_t parent,
		       unsigned cells, const uint32_t *cell)
{
	void *fdt = interrupts();
	struct dt_node n = node_at(fdt, path), controller;
	struct dt_irq irq;

	assert_int_equal(dt_irq(fdt, &n, index, &irq), 0);
	assert_int_equal(irq.parent_phandle, parent);
	assert_int_equal(dt_find_phandle(fdt, parent, &controller), 0);
	assert_int_equal(irq.parent_offset, controller.offset);
	assert_int_equal(irq.cells, cells);
	assert_memory_equal(irq.cell, cell, cells * 4);
}

static void expect_no_irq(const char *path, unsigned index, int error)
{
	void *fdt = interrupts();
	struct dt_node n = node_at(fdt, path);
	struct dt_irq irq;

	assert_int_equal(dt_irq(fdt, &n, index, &irq), error);
}

static void irq_of_the_inherited_parent(void **state)
{
	(void)state;
	expect_irq("/soc/uart", 0, 1, 1, (const uint32_t[]){10});
	expect_irq("/soc/uart", 1, 1, 1, (const uint32_t[]){11});
	expect_no_irq("/soc/uart", 2, -ENOENT);
	expect_irq("/soc/own", 0, 2, 2, (const uint32_t[]){5, 4});
	expect_no_irq("/soc/own", 1, -ENOENT);
}

static void irq_extended_comes_first(void **state)
{
	(void)state;
	expect_irq("/soc/extended", 0, 2, 2, (const uint32_t[]){7, 1});
	expect_irq("/soc/extended", 1, 1, 1, (const uint32_t[]){8});
	expect_irq("/soc/extended", 2, 1, 1, (const uint32_t[]){9});
	expect_no_irq("/soc/extended", 3, -ENOENT);
}

static void irq_malformed_is_reported(void **state)
{
	(void)state;
	expect_irq("/soc/short", 0, 1, 1, (const uint32_t[]){3});
	expect_no_irq("/soc/short", 1, -EINVAL);
	expect_no_irq("/soc/gone", 0, -EINVAL);
	expect_no_irq("/soc/odd", 0, -EINVAL);
	expect_no_irq("/soc/five", 0, -EINVAL);
	expect_no_irq("/soc/none", 0, -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reg_without_cells_is_two_and_one),
		cmocka_unit_test(reg_is_translated_by_every_bus),
		cmocka_unit_test(reg_that_cannot_be_translated_is_reported),
		cmocka_unit_test(irq_of_the_inherited_parent),
		cmocka_unit_test(irq_extended_comes_first),
		cmocka_unit_test(irq_malformed_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
