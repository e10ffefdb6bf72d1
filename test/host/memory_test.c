/* Sources: kernel/fdt/dt.c kernel/fdt/address.c kernel/fdt/memory.c
 *          lib/range.c test/host/fake/dts.c libfdt */
/* Memory nodes and the two kinds of reservations. */
#include "kernel/fdt/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "test/host/fake/dts.h"

static void memory_node(const char *name, uint32_t start, uint32_t size)
{
	dts_node(name);
	dts_string("device_type", "memory");
	dts_cells("reg", 0, start, 0, size);
}

static void *board(void)
{
	const char *why;
	void *fdt;

	dts_reserve(0x1000, 0x2000);
	dts_reserve(UINT64_MAX - 0xfff, 0x2000);
	dts_begin();
	dts_cells("#address-cells", 2);
	dts_cells("#size-cells", 2);
	memory_node("memory@80000000", 0x80000000, 0x1000000);
	dts_end();
	memory_node("memory@90000000", 0x90000000, 0x1000000);
	dts_string("status", "disabled");
	dts_end();
	dts_node("memory-controller");
	dts_cells("reg", 0, 0x70000000, 0, 0x1000);
	dts_end();
	dts_node("ram");
	dts_string("device_type", "memory");
	dts_cells("reg", 1, 0, 0, 0, 2, 0, 1, 0, 0xffffffff, 0, 1, 0);
	dts_end();
	dts_node("short");
	dts_string("device_type", "memory");
	dts_cells("reg", 0, 1, 0);
	dts_end();
	memory_node("late", 0xa0000000, 0x1000);
	dts_end();
	dts_node("reserved-memory");
	dts_cells("#address-cells", 2);
	dts_cells("#size-cells", 2);
	dts_node("firmware@80000000");
	dts_cells("reg", 0, 0x80000000, 0, 0x40000, 0, 0x80050000, 0, 0x10000);
	dts_empty("no-map");
	dts_end();
	dts_node("pool");
	dts_cells("size", 0, 0x100000);
	dts_end();
	dts_node("buffer");
	dts_cells("reg", 0, 0x80800000, 0, 0x1000);
	dts_end();
	dts_node("off");
	dts_cells("reg", 0, 0x80900000, 0, 0x1000);
	dts_string("status", "disabled");
	dts_end();
	dts_end();
	fdt = dts_finish();
	assert_int_equal(dt_check(fdt, DTS_SIZE, &why), 0);
	return fdt;
}

static void memory_of_all_enabled_nodes(void **state)
{
	static const struct range expected[] = {
		{0x80000000, 0x1000000},
		{0x200000000, 0x100000000},
		/* Cut where the address space ends. */
		{0xffffffff00000000, 0x100000000},
		{0xa0000000, 0x1000},
	};
	void *fdt = board();
	struct dt_memory_iter it;
	struct range r;
	unsigned i = 0;

	(void)state;
	dt_memory_begin(fdt, &it);
	for (; dt_memory_next(fdt, &it, &r); i++) {
		assert_true(i < 4);
		assert_int_equal(r.start, expected[i].start);
		assert_int_equal(r.size, expected[i].size);
	}
	assert_int_equal(i, 4);
	assert_false(dt_memory_next(fdt, &it, &r));
}

static void reserved_children_with_a_place(void **state)
{
	static const struct dt_reserved expected[] = {
		{{0x80000000, 0x40000}, true, "firmware@80000000"},
		{{0x80050000, 0x10000}, true, "firmware@80000000"},
		{{0x80800000, 0x1000}, false, "buffer"},
	};
	void *fdt = board();
	struct dt_memory_iter it;
	struct dt_reserved r;
	unsigned i = 0;

	(void)state;
	dt_reserved_begin(fdt, &it);
	for (; dt_reserved_next(fdt, &it, &r); i++) {
		assert_true(i < 3);
		assert_int_equal(r.range.start, expected[i].range.start);
		assert_int_equal(r.range.size, expected[i].range.size);
		assert_int_equal(r.no_map, expected[i].no_map);
		assert_string_equal(r.name, expected[i].name);
	}
	assert_int_equal(i, 3);
}

static void reservation_block(void **state)
{
	void *fdt = board();
	struct range r;

	(void)state;
	assert_true(dt_memreserve(fdt, 0, &r));
	assert_int_equal(r.start, 0x1000);
	assert_int_equal(r.size, 0x2000);
	assert_true(dt_memreserve(fdt, 1, &r));
	assert_int_equal(r.start, UINT64_MAX - 0xfff);
	assert_int_equal(r.size, 0x1000);
	assert_false(dt_memreserve(fdt, 2, &r));
}

static void tree_without_any_of_it(void **state)
{
	struct dt_memory_iter it;
	struct dt_reserved reserved;
	struct range r;
	void *fdt;

	(void)state;
	dts_begin();
	fdt = dts_finish();
	dt_memory_begin(fdt, &it);
	assert_false(dt_memory_next(fdt, &it, &r));
	dt_reserved_begin(fdt, &it);
	assert_false(dt_reserved_next(fdt, &it, &reserved));
	assert_false(dt_memreserve(fdt, 0, &r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_of_all_enabled_nodes),
		cmocka_unit_test(reserved_children_with_a_place),
		cmocka_unit_test(reservation_block),
		cmocka_unit_test(tree_without_any_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
