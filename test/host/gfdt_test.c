/* The guest's tree for 1 to 64 vcpus: read back by libfdt and by the kernel's
 * own readers, and taken by dtc without a word.
 *
 * Sources: kernel/guest/gfdt.c kernel/fdt/dt.c kernel/fdt/address.c
 *          kernel/fdt/interrupt.c kernel/fdt/chosen.c kernel/fdt/cpus.c
 *          kernel/fdt/memory.c lib/range.c lib/mix.c libfdt */
#include "kernel/guest/gfdt.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <libfdt.h>

#include "kernel/fdt/chosen.h"
#include "kernel/fdt/cpus.h"
#include "kernel/fdt/dt.h"
#include "kernel/guest/layout.h"
#include "lib/addr.h"

static uint64_t room[GFDT_ROOM / 8];
static const uint8_t seed[32] = "0123456789abcdef0123456789abcde";

static struct gfdt_input usual(void)
{
	return (struct gfdt_input){
		.memory = MIB(256),
		.vcpus = 1,
		.isa = "rv64imafdc_zicbom_zicboz_zicntr_zicsr_zifencei_sstc",
		.mmu_type = "riscv,sv57",
		.cbom = 64,
		.cboz = 64,
		.timebase = 10000000,
		.bootargs = "console=ttyS0,115200 root=\"a b\"",
		.initrd = {0x8fe00000, 1617457},
		.seed = seed,
		.seed_len = sizeof(seed)};
}

static const void *build(const struct gfdt_input *in)
{
	const char *why = NULL;

	memset(room, 0xa5, sizeof(room));
	assert_int_equal(gfdt_build(room, sizeof(room), in), 0);
	assert_int_equal(fdt_check_full(room, sizeof(room)), 0);
	assert_int_equal(dt_check(room, sizeof(room), &why), 0);
	return room;
}

static const void *prop(const void *fdt, const char *path, const char *name,
			int *len)
{
	int node = fdt_path_offset(fdt, path);

	assert_true(node >= 0);
	return fdt_getprop(fdt, node, name, len);
}

static void text_is(const void *fdt, const char *path, const char *name,
		    const char *want)
{
	int len = 0;
	const char *text = prop(fdt, path, name, &len);

	assert_non_null(text);
	assert_string_equal(text, want);
}

static void cells_are(const void *fdt, const char *path, const char *name,
		      unsigned count, const uint32_t *want)
{
	int len = 0;
	const fdt32_t *cell = prop(fdt, path, name, &len);

	assert_non_null(cell);
	assert_int_equal(len, count * 4);
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(fdt32_to_cpu(cell[i]), want[i]);
}

#define CELLS(fdt, path, name, ...)                                     \
	cells_are(fdt, path, name,                                      \
		  sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), \
		  (uint32_t[]){__VA_ARGS__})

static void what_linux_reads_is_there(void **state)
{
	static const char uart[] = "/soc/serial@10000000";
	static const char plic[] = "/soc/interrupt-controller@c000000";
	struct gfdt_input in = usual();
	const void *fdt = build(&in);

	(void)state;
	CELLS(fdt, "/memory@80000000", "reg", 0, 0x80000000, 0, 0x10000000);
	CELLS(fdt, "/cpus", "timebase-frequency", 10000000);
	text_is(fdt, "/cpus/cpu@0", "mmu-type", "riscv,sv57");
	text_is(fdt, "/cpus/cpu@0", "riscv,isa", in.isa);
	CELLS(fdt, "/cpus/cpu@0", "riscv,cbom-block-size", 64);
	CELLS(fdt, "/cpus/cpu@0", "riscv,cboz-block-size", 64);
	text_is(fdt, "/chosen", "bootargs", in.bootargs);
	text_is(fdt, "/chosen", "stdout-path", "serial0:115200n8");
	text_is(fdt, "/aliases", "serial0", uart);
	CELLS(fdt, "/chosen", "linux,initrd-start", 0, 0x8fe00000);
	CELLS(fdt, "/chosen", "linux,initrd-end", 0, 0x8fe00000 + 1617457);
	text_is(fdt, uart, "compatible", "ns16550a");
	CELLS(fdt, uart, "reg", 0, 0x10000000, 0, 8);
	CELLS(fdt, uart, "interrupts", 10);
	CELLS(fdt, plic, "reg", 0, 0xc000000, 0, 0x600000);
	CELLS(fdt, plic, "riscv,ndev", 31);
	CELLS(fdt, plic, "phandle", 1);
	CELLS(fdt, uart, "interrupt-parent", 1);
}

static void the_isa_is_listed_name_by_name(void **state)
{
	static const char want[] =
		"i\0m\0a\0f\0d\0c\0zicbom\0zicboz\0zicntr\0zicsr\0zifencei\0"
		"sstc";
	struct gfdt_input in = usual();
	const void *list;
	int len = 0;

	(void)state;
	list = prop(build(&in), "/cpus/cpu@0", "riscv,isa-extensions", &len);
	assert_int_equal(len, sizeof(want));
	assert_memory_equal(list, want, sizeof(want));
	text_is(room, "/cpus/cpu@0", "riscv,isa-base", "rv64i");
	in.isa = "rv64i";
	list = prop(build(&in), "/cpus/cpu@0", "riscv,isa-extensions", &len);
	assert_int_equal(len, 2);
	assert_string_equal(list, "i");
}

static void what_is_not_given_is_not_there(void **state)
{
	struct gfdt_input in = usual();
	int len;

	(void)state;
	in.cbom = in.cboz = in.seed_len = 0;
	in.initrd.size = 0;
	in.bootargs = "";
	build(&in);
	assert_null(prop(room, "/cpus/cpu@0", "riscv,cbom-block-size", &len));
	assert_null(prop(room, "/cpus/cpu@0", "riscv,cboz-block-size", &len));
	assert_null(prop(room, "/chosen", "rng-seed", &len));
	assert_null(prop(room, "/chosen", "bootargs", &len));
	assert_null(prop(room, "/chosen", "linux,initrd-start", &len));
	assert_null(prop(room, "/chosen", "linux,initrd-end", &len));
}

static void the_seed_is_passed_on(void **state)
{
	struct gfdt_input in = usual();
	const void *got;
	int len = 0;

	(void)state;
	got = prop(build(&in), "/chosen", "rng-seed", &len);
	assert_int_equal(len, sizeof(seed));
	assert_memory_equal(got, seed, sizeof(seed));
}

/* As our own kernel would see it, were it the guest. */
static void every_count_of_vcpus(void **state)
{
	struct gfdt_input in = usual();

	(void)state;
	for (in.vcpus = 1; in.vcpus <= GUEST_VCPUS_MAX; in.vcpus++) {
		const void *fdt = build(&in);
		struct dt_cpu_iter it;
		struct dt_hart_map map;
		struct dt_node plic;
		struct dt_cpu cpu;
		unsigned count = 0;
		uint32_t cause;
		uint64_t hart;

		dt_cpu_begin(fdt, &it);
		for (; dt_cpu_next(fdt, &it, &cpu); count++) {
			assert_int_equal(cpu.hart, count);
			assert_true(cpu.usable);
			assert_int_equal(cpu.mmu_levels, 5);
			assert_int_equal(cpu.cboz_size, 64);
			assert_true(dt_isa_has(fdt, cpu.offset, "sstc"));
			assert_false(dt_isa_has(fdt, cpu.offset, "h"));
		}
		assert_int_equal(count, in.vcpus);
		dt_hart_map(fdt, &map);
		assert_int_equal(dt_find_phandle(fdt, 1, &plic), 0);
		for (unsigned i = 0; i < count; i++) {
			assert_int_equal(
				dt_context(fdt, &plic, &map, i, &hart, &cause),
				0);
			assert_int_equal(hart, i);
			assert_int_equal(cause, 9);
		}
		assert_int_equal(
			dt_context(fdt, &plic, &map, count, &hart, &cause),
			-ENOENT);
	}
}

/*
 * dtc says nothing to the tree, nor to the text it makes of it, and the way
 * there and back changes nothing. One of its checks wants references where
 * text made from a binary tree can only have numbers.
 */
#define TO_TEXT "dtc -I dtb -O dts "
#define TO_TREE "dtc -W no-interrupts_extended_property -I dts -O dtb "

static void dtc_has_no_warning(void **state)
{
	char path[] = "/tmp/gfdt-XXXXXX", command[512], line[256] = "";
	struct gfdt_input in = usual();
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	snprintf(command, sizeof(command),
		 "{ a=$(" TO_TEXT "%s) && b=$(echo \"$a\" | " TO_TREE
		 "| " TO_TEXT ") && test \"$a\" = \"$b\" && echo fine; } 2>&1",
		 path);
	for (in.vcpus = 1; in.vcpus <= GUEST_VCPUS_MAX; in.vcpus++) {
		size_t size = fdt_totalsize(build(&in));
		FILE *p;

		assert_int_equal(pwrite(fd, room, size, 0), size);
		assert_int_equal(ftruncate(fd, (off_t)size), 0);
		p = popen(command, "r");
		assert_non_null(p);
		assert_non_null(fgets(line, sizeof(line), p));
		assert_int_equal(pclose(p), 0);
		assert_string_equal(line, "fine\n");
	}
	close(fd);
	unlink(path);
}

static void the_largest_tree_fits(void **state)
{
	struct gfdt_input in = usual();
	static char isa[1024], bootargs[1024];

	(void)state;
	strcpy(isa, "rv64imafdc");
	while (strlen(isa) + 6 < sizeof(isa))
		strcat(isa, "_zabcd");
	memset(bootargs, 'b', sizeof(bootargs) - 1);
	in.isa = isa;
	in.bootargs = bootargs;
	in.vcpus = GUEST_VCPUS_MAX;
	build(&in);
}

static void too_little_room_is_said(void **state)
{
	struct gfdt_input in = usual();
	size_t need = fdt_totalsize(build(&in));

	(void)state;
	for (size_t size = 0; size < need; size += 8) {
		uint8_t *small = malloc(size ? size : 1);

		assert_non_null(small);
		assert_int_equal(gfdt_build(small, size, &in), -ENOSPC);
		free(small);
	}
}

static void refuses(struct gfdt_input in)
{
	assert_int_equal(gfdt_build(room, sizeof(room), &in), -EINVAL);
}

static void input_against_the_rules(void **state)
{
	static const char *const isas[] = {
		"",	      "rv64",	    "rv32i",	    "rv64gc",
		"rv64imafdC", "rv64i_",	    "rv64i__zicsr", "rv64i_zicsr_",
		"rv64i2p0",   "rv64i_Zicsr"};
	static char longest[1025];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(isas); i++) {
		struct gfdt_input in = usual();

		in.isa = isas[i];
		refuses(in);
	}
	for (unsigned what = 0; what < 6; what++) {
		struct gfdt_input in = usual();

		memset(longest, 'c', 1024);
		memcpy(longest, "rv64i", 5);
		in.vcpus = what == 0 ? 0 : what == 1 ? 65 : 1;
		in.memory = what == 2 ? 0 : MIB(2);
		in.timebase = what == 3 ? 0 : what == 4 ? 1ull << 32 : 1;
		in.isa = what == 5 ? longest : "rv64i";
		refuses(in);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_linux_reads_is_there),
		cmocka_unit_test(the_isa_is_listed_name_by_name),
		cmocka_unit_test(what_is_not_given_is_not_there),
		cmocka_unit_test(the_seed_is_passed_on),
		cmocka_unit_test(every_count_of_vcpus),
		cmocka_unit_test(dtc_has_no_warning),
		cmocka_unit_test(the_largest_tree_fits),
		cmocka_unit_test(too_little_room_is_said),
		cmocka_unit_test(input_against_the_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
