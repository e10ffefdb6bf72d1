/* Sources: kernel/console_choice.c kernel/driver.c kernel/error.c
 * drivers/uart/8250.c drivers/uart/sifive.c kernel/fdt/dt.c
 * kernel/fdt/address.c kernel/fdt/chosen.c lib/mix.c lib/range.c
 * test/host/fake/mmio.c test/host/fake/log.c test/host/fake/panic.c
 * test/host/fake/firmware.c libfdt */
/*
 * The console of real boards: every device tree of Debian's kernel package and
 * QEMU's own, with node, driver, stride, width and address as their sources
 * have them. Trees that set-up has not fetched are skipped.
 */
#include "kernel/console_choice.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/uart/8250.h"
#include "drivers/uart/sifive.h"
#include "test/host/fake/drivers.h"
#include "test/host/fake/firmware.h"

DRIVERS_LIST(2, &uart_8250_driver, &uart_sifive_driver);

#define NS_1_1	   "ns16550a stride 1 width 1"
#define NS_4_4	   "ns16550a stride 4 width 4"
#define DW_4_4	   "snps,dw-apb-uart stride 4 width 4"
#define JH7110_4_4 "starfive,jh7110-uart stride 4 width 4"
#define SIFIVE	   "sifive,uart0 stride 4 width 4"
#define SBI	   "sbi dbcn"

static const struct board {
	const char *name; /* file without .dtb; qemu/ for QEMU's own */
	const char *node;
	const char *uart;
	uint64_t base;
} boards[] = {
	{"allwinner/sun20i-d1-clockworkpi-v3.14", "/soc/serial@2500000", DW_4_4,
	 0x2500000},
	{"allwinner/sun20i-d1-devterm-v3.14", "/soc/serial@2500000", DW_4_4,
	 0x2500000},
	{"allwinner/sun20i-d1-dongshan-nezha-stu", "/soc/serial@2500000",
	 DW_4_4, 0x2500000},
	{"allwinner/sun20i-d1-lichee-rv-86-panel-480p", "/soc/serial@2500000",
	 DW_4_4, 0x2500000},
	{"allwinner/sun20i-d1-lichee-rv-86-panel-720p", "/soc/serial@2500000",
	 DW_4_4, 0x2500000},
	{"allwinner/sun20i-d1-lichee-rv-dock", "/soc/serial@2500000", DW_4_4,
	 0x2500000},
	{"allwinner/sun20i-d1-lichee-rv", "/soc/serial@2500000", DW_4_4,
	 0x2500000},
	{"allwinner/sun20i-d1-mangopi-mq-pro", "/soc/serial@2500000", DW_4_4,
	 0x2500000},
	{"allwinner/sun20i-d1-nezha", "/soc/serial@2500000", DW_4_4, 0x2500000},
	{"allwinner/sun20i-d1s-mangopi-mq", "/soc/serial@2500c00", DW_4_4,
	 0x2500c00},
	{"canaan/canaan_kd233", "/soc/serial@38000000", SIFIVE, 0x38000000},
	{"canaan/k210_generic", "/soc/serial@38000000", SIFIVE, 0x38000000},
	{"canaan/sipeed_maix_bit", "/soc/serial@38000000", SIFIVE, 0x38000000},
	{"canaan/sipeed_maix_dock", "/soc/serial@38000000", SIFIVE, 0x38000000},
	{"canaan/sipeed_maix_go", "/soc/serial@38000000", SIFIVE, 0x38000000},
	{"canaan/sipeed_maixduino", "/soc/serial@38000000", SIFIVE, 0x38000000},
	{"microchip/mpfs-beaglev-fire", "/soc/serial@20000000", NS_4_4,
	 0x20000000},
	{"microchip/mpfs-icicle-kit", "/soc/serial@20100000", NS_4_4,
	 0x20100000},
	{"microchip/mpfs-m100pfsevp", "/soc/serial@20100000", NS_4_4,
	 0x20100000},
	{"microchip/mpfs-polarberry", "/soc/serial@20000000", NS_4_4,
	 0x20000000},
	{"microchip/mpfs-sev-kit", "/soc/serial@20100000", NS_4_4, 0x20100000},
	{"microchip/mpfs-tysom-m", "/soc/serial@20100000", NS_4_4, 0x20100000},
	{"sifive/hifive-unleashed-a00", "/soc/serial@10010000", SIFIVE,
	 0x10010000},
	{"sifive/hifive-unmatched-a00", "/soc/serial@10010000", SIFIVE,
	 0x10010000},
	{"sophgo/cv1800b-milkv-duo", "/soc/serial@4140000", DW_4_4, 0x4140000},
	{"sophgo/cv1812h-huashan-pi", "/soc/serial@4140000", DW_4_4, 0x4140000},
	{"sophgo/sg2042-milkv-pioneer", "/soc/serial@7040000000", DW_4_4,
	 0x7040000000},
	{"starfive/jh7100-beaglev-starlight", "/soc/serial@12440000", DW_4_4,
	 0x12440000},
	{"starfive/jh7100-starfive-visionfive-v1", "/soc/serial@12440000",
	 DW_4_4, 0x12440000},
	{"starfive/jh7110-milkv-mars", "/soc/serial@10000000", JH7110_4_4,
	 0x10000000},
	{"starfive/jh7110-pine64-star64", "/soc/serial@10000000", JH7110_4_4,
	 0x10000000},
	{"starfive/jh7110-starfive-visionfive-2-v1.2a", "/soc/serial@10000000",
	 JH7110_4_4, 0x10000000},
	{"starfive/jh7110-starfive-visionfive-2-v1.3b", "/soc/serial@10000000",
	 JH7110_4_4, 0x10000000},
	{"thead/th1520-beaglev-ahead", "/soc/serial@ffe7014000", DW_4_4,
	 0xffe7014000},
	{"thead/th1520-lichee-pi-4a", "/soc/serial@ffe7014000", DW_4_4,
	 0xffe7014000},
	{"qemu/sifive_u", "/soc/serial@10010000", SIFIVE, 0x10010000},
	{"qemu/spike", "", SBI, 0x0},
	{"qemu/virt-8g", "/soc/serial@10000000", NS_1_1, 0x10000000},
	{"qemu/virt-aplic-imsic-guests", "/soc/serial@10000000", NS_1_1,
	 0x10000000},
	{"qemu/virt-aplic-imsic", "/soc/serial@10000000", NS_1_1, 0x10000000},
	{"qemu/virt-aplic", "/soc/serial@10000000", NS_1_1, 0x10000000},
	{"qemu/virt-numa", "/soc/serial@10000000", NS_1_1, 0x10000000},
	{"qemu/virt-smp4", "/soc/serial@10000000", NS_1_1, 0x10000000},
	{"qemu/virt", "/soc/serial@10000000", NS_1_1, 0x10000000},
};

#define BOARDS	  (sizeof(boards) / sizeof(boards[0]))
#define TREE_SIZE 0x20000u

static uint64_t blob[TREE_SIZE / 8];

/* Read a tree of set-up's into blob; false when it is not there. */
static bool tree_read(const char *path)
{
	FILE *f = fopen(path, "rb");
	const char *why;
	size_t len;

	if (!f)
		return false;
	len = fread(blob, 1, sizeof(blob), f);
	fclose(f);
	assert_true(len > 0 && len < sizeof(blob));
	if (dt_check(blob, len, &why))
		fail_msg("%s: %s", path, why);
	return true;
}

static const char *build_dir(void)
{
	const char *dir = getenv("BUILD");

	return dir ? dir : "build";
}

static bool board_read(const struct board *b)
{
	bool qemu = !strncmp(b->name, "qemu/", 5);
	char path[256];

	snprintf(path, sizeof(path), "%s/%s/%s.dtb", build_dir(),
		 qemu ? "dtbs-qemu" : "debian/dtbs",
		 qemu ? b->name + 5 : b->name);
	return tree_read(path);
}

static void board_check(const struct board *b)
{
	struct console_choice choice;
	char want[160], text[160];

	console_choose(blob, NULL, &choice);
	console_choice_describe(blob, &choice, text, sizeof(text));
	snprintf(want, sizeof(want), "%s%s%s", b->node, *b->node ? " " : "",
		 b->uart);
	if (strcmp(text, want))
		fail_msg("%s: console %s, should be %s", b->name, text, want);
	assert_int_equal(choice.firmware, !*b->node);
	if (*b->node) {
		assert_int_equal(choice.source, CONSOLE_STDOUT);
		assert_true(choice.regs.base == b->base);
	}
}

static void every_board_has_its_console(void **state)
{
	unsigned i, seen = 0;

	(void)state;
	fake_firmware_reset();
	for (i = 0; i < BOARDS; i++) {
		if (!board_read(&boards[i]))
			continue;
		board_check(&boards[i]);
		seen++;
	}
	printf("%u of %zu trees\n", seen, BOARDS);
	if (!seen)
		skip();
}

/* A tree that set-up fetched and this file does not know is looked at too. */
static void no_tree_is_left_out(void **state)
{
	char pattern[256];
	unsigned i;
	glob_t found;
	size_t n;

	(void)state;
	snprintf(pattern, sizeof(pattern), "%s/debian/dtbs/*/*.dtb",
		 build_dir());
	if (glob(pattern, 0, NULL, &found))
		skip();
	for (n = 0; n < found.gl_pathc; n++) {
		for (i = 0; i < BOARDS; i++)
			if (strstr(found.gl_pathv[n], boards[i].name))
				break;
		if (i == BOARDS)
			fail_msg("%s is not in the list of this test",
				 found.gl_pathv[n]);
	}
	globfree(&found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_board_has_its_console),
		cmocka_unit_test(no_tree_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
