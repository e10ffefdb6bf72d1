/* Sources: kernel/fdt/dt.c kernel/fdt/address.c kernel/fdt/cpus.c lib/range.c
 *          test/host/fake/dts.c libfdt */
/* Harts, their extensions and their interrupt controllers. */
#include "kernel/fdt/cpus.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "test/host/fake/dts.h"

struct hart {
	uint32_t id[2];
	const char *status;
	const char *mmu;
	uint32_t intc;
};

/* Two-cell ids: large and sparse ones occur. */
static const struct hart harts[] = {
	{{0, 0}, "disabled", NULL, 10},
	{{0, 1}, NULL, "riscv,sv39", 11},
	{{0, 9}, "okay", "riscv,sv48", 12},
	{{0x12, 0x34}, "okay", "riscv,sv57", 13},
	{{0, 5}, "okay", NULL, 14},
	{{0, 6}, "disabled", "riscv,sv39", 15},
	{{0, 7}, "okay", "riscv,none", 0},
};

static void hart_write(const struct hart *h)
{
	char name[32];

	snprintf(name, sizeof(name), "cpu@%x%08x", h->id[0], h->id[1]);
	dts_node(name);
	dts_string("device_type", "cpu");
	dts_cells("reg", h->id[0], h->id[1]);
	dts_string("riscv,isa", "rv64imac");
	if (h->status)
		dts_string("status", h->status);
	if (h->mmu)
		dts_string("mmu-type", h->mmu);
	dts_cells("riscv,cbom-block-size", 64);
	dts_cells("riscv,cboz-block-size", 48);
	if (h->intc) {
		dts_node("interrupt-controller");
		dts_empty("interrupt-controller");
		dts_cells("phandle", h->intc);
		dts_end();
	}
	dts_end();
}

static void *board(void)
{
	const char *why;
	void *fdt;

	dts_begin();
	dts_node("cpus");
	dts_cells("#address-cells", 2);
	dts_cells("#size-cells", 0);
	dts_cells("timebase-frequency", 0x2, 0x540be400);
	for (size_t i = 0; i < sizeof(harts) / sizeof(harts[0]); i++)
		hart_write(&harts[i]);
	dts_node("cpu-map");
	dts_node("cluster0");
	dts_end();
	dts_end();
	dts_end();
	dts_node("plic");
	dts_cells("interrupts-extended", 10, UINT32_MAX, 11, 11, 11, 9, 13, 9,
		  99, 9);
	dts_end();
	fdt = dts_finish();
	assert_int_equal(dt_check(fdt, DTS_SIZE, &why), 0);
	return fdt;
}

static void only_harts_with_status_and_mmu_are_usable(void **state)
{
	static const uint64_t ids[] = {0, 1, 9, 0x1200000034, 5, 6, 7};
	static const unsigned levels[] = {0, 3, 4, 5, 0, 3, 0};
	void *fdt = board();
	struct dt_cpu_iter it;
	struct dt_cpu cpu;
	unsigned i = 0;

	(void)state;
	dt_cpu_begin(fdt, &it);
	for (; dt_cpu_next(fdt, &it, &cpu); i++) {
		assert_int_equal(cpu.hart, ids[i]);
		assert_int_equal(cpu.mmu_levels, levels[i]);
		assert_int_equal(cpu.usable, i >= 1 && i <= 3);
		assert_int_equal(cpu.intc_phandle, harts[i].intc);
		assert_int_equal(cpu.cbom_size, 64);
		assert_int_equal(cpu.cboz_size, 0);
		assert_string_equal(cpu.isa, "rv64imac");
	}
	assert_int_equal(i, 7);
	assert_false(dt_cpu_next(fdt, &it, &cpu));
}

static void hart_by_id(void **state)
{
	void *fdt = board();
	struct dt_cpu cpu;

	(void)state;
	assert_int_equal(dt_cpu_find(fdt, 0x1200000034, &cpu), 0);
	assert_int_equal(cpu.mmu_levels, 5);
	assert_int_equal(dt_cpu_find(fdt, 0x34, &cpu), -ENOENT);
}

static void no_cpus_at_all(void **state)
{
	struct dt_cpu_iter it;
	struct dt_cpu cpu;
	uint64_t hz;
	void *fdt;

	(void)state;
	dts_begin();
	fdt = dts_finish();
	dt_cpu_begin(fdt, &it);
	assert_false(dt_cpu_next(fdt, &it, &cpu));
	assert_int_equal(dt_timebase(fdt, &hz), -ENOENT);
}

static void timebase_of_cpus_or_of_a_cpu(void **state)
{
	uint64_t hz = 0;
	void *fdt;

	(void)state;
	assert_int_equal(dt_timebase(board(), &hz), 0);
	assert_int_equal(hz, 10000000000);
	for (uint32_t value = 0; value < 2; value++) {
		dts_begin();
		dts_node("cpus");
		dts_node("cpu@0");
		dts_end();
		dts_node("cpu@1");
		dts_cells("timebase-frequency", value);
		dts_end();
		dts_end();
		fdt = dts_finish();
		assert_int_equal(dt_timebase(fdt, &hz), value ? 0 : -EINVAL);
	}
	assert_int_equal(hz, 1);
}

static bool isa_has(const char *isa, const char *ext)
{
	struct dt_node n;
	void *fdt;

	dts_begin();
	dts_node("cpu");
	dts_string("riscv,isa", isa);
	dts_end();
	fdt = dts_finish();
	dt_find_path(fdt, "/cpu", &n);
	return dt_isa_has(fdt, n.offset, ext);
}

static void isa_string_letters(void **state)
{
	(void)state;
	assert_true(isa_has("rv64imafdch_sstc", "h"));
	assert_true(isa_has("rv64imafdch", "c"));
	assert_true(isa_has("RV64IMAC", "a"));
	assert_true(isa_has("rv64i2p1m2p0ac", "m"));
	assert_true(isa_has("rv64i2p1m2p0ac", "c"));
	assert_true(isa_has("rv64gch", "d"));
	assert_true(isa_has("rv64gc", "zifencei"));
	assert_true(isa_has("rv64gc", "zicsr"));
	assert_false(isa_has("rv64gc", "h"));
	assert_false(isa_has("rv64i2p1", "p"));
	/* An h inside a longer name is not the extension. */
	assert_false(isa_has("rv64imac_zihpm_shcounterenw", "h"));
	assert_false(isa_has("rv64imac", "v"));
	assert_false(isa_has("x86", "x"));
	assert_false(isa_has("", "i"));
}

static void isa_string_names(void **state)
{
	(void)state;
	assert_true(isa_has("rv64imac_zicsr_sstc", "sstc"));
	assert_true(isa_has("rv64imac_zicsr_sstc_svinval", "zicsr"));
	assert_true(isa_has("rv64imac_Svpbmt", "svpbmt"));
	assert_true(isa_has("rv64imaczicsr2p0_zba1p0_sstc1", "zicsr"));
	assert_true(isa_has("rv64imac_zba1p0_zbb", "zba"));
	assert_true(isa_has("rv64imac_zvl128b_zve64x", "zve64x"));
	assert_false(isa_has("rv64imac_sstcx", "sstc"));
	assert_false(isa_has("rv64imac_xsstc", "sstc"));
	assert_false(isa_has("rv64imac_sst", "sstc"));
	assert_false(isa_has("rv64imac", "zicsr"));
}

static void isa_extensions_are_believed_alone(void **state)
{
	struct dt_node n;
	void *fdt;

	(void)state;
	dts_begin();
	dts_node("cpu");
	dts_strings("riscv,isa-extensions", "i\0m\0Zicbom\0svpbmt");
	dts_string("riscv,isa", "rv64imac_sstc");
	dts_end();
	dts_node("open");
	dts_bytes("riscv,isa-extensions", "i\0m", 3);
	dts_end();
	fdt = dts_finish();
	assert_int_equal(dt_find_path(fdt, "/cpu", &n), 0);
	assert_true(dt_isa_has(fdt, n.offset, "svpbmt"));
	assert_true(dt_isa_has(fdt, n.offset, "zicbom"));
	assert_true(dt_isa_has(fdt, n.offset, "m"));
	assert_false(dt_isa_has(fdt, n.offset, "c"));
	assert_false(dt_isa_has(fdt, n.offset, "svpbm"));
	assert_false(dt_isa_has(fdt, n.offset, "sstc"));
	assert_int_equal(dt_find_path(fdt, "/open", &n), 0);
	assert_false(dt_isa_has(fdt, n.offset, "i"));
}

static void contexts_lead_to_harts(void **state)
{
	void *fdt = board();
	struct dt_hart_map map;
	struct dt_node plic;
	uint64_t hart;
	uint32_t cause;

	(void)state;
	dt_hart_map(fdt, &map);
	assert_int_equal(map.count, 6);
	assert_int_equal(dt_find_path(fdt, "/plic", &plic), 0);
	assert_int_equal(dt_context(fdt, &plic, &map, 0, &hart, &cause), 0);
	assert_int_equal(hart, 0);
	assert_int_equal(cause, UINT32_MAX);
	assert_int_equal(dt_context(fdt, &plic, &map, 2, &hart, &cause), 0);
	assert_int_equal(hart, 1);
	assert_int_equal(cause, 9);
	assert_int_equal(dt_context(fdt, &plic, &map, 3, &hart, &cause), 0);
	assert_int_equal(hart, 0x1200000034);
	assert_int_equal(dt_context(fdt, &plic, &map, 4, &hart, &cause),
			 -ENODEV);
	assert_int_equal(dt_context(fdt, &plic, &map, 5, &hart, &cause),
			 -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_harts_with_status_and_mmu_are_usable),
		cmocka_unit_test(hart_by_id),
		cmocka_unit_test(no_cpus_at_all),
		cmocka_unit_test(timebase_of_cpus_or_of_a_cpu),
		cmocka_unit_test(isa_string_letters),
		cmocka_unit_test(isa_string_names),
		cmocka_unit_test(isa_extensions_are_believed_alone),
		cmocka_unit_test(contexts_lead_to_harts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
