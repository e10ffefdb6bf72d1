/* Sources: kernel/console_choice.c kernel/driver.c kernel/error.c
 * drivers/uart/8250.c drivers/uart/sifive.c kernel/fdt/dt.c
 * kernel/fdt/address.c kernel/fdt/chosen.c lib/mix.c lib/range.c
 * test/host/fake/mmio.c test/host/fake/log.c test/host/fake/panic.c
 * test/host/fake/firmware.c test/host/fake/tree.c libfdt */
/*
 * Which UART becomes the console. The fake MMIO has no device, so that a
 * choice which touches one fails the test.
 */
#include "kernel/console_choice.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/uart/8250.h"
#include "drivers/uart/sifive.h"
#include "test/host/fake/drivers.h"
#include "test/host/fake/firmware.h"
#include "test/host/fake/tree.h"
#include "test/host/random.h"

DRIVERS_LIST(2, &uart_sifive_driver, &uart_8250_driver);

static struct tree tree;
static struct console_choice choice;
static char text[128];

static void uart_add(const char *path, uint32_t base, const char *compatible)
{
	tree_cells(&tree, path, "reg", 0, base, 0, 0x1000);
	tree_string(&tree, path, "compatible", compatible);
}

/* A tree order of a, b, sif, dw (libfdt puts new nodes first). */
static int setup(void **state)
{
	(void)state;
	fake_firmware_reset();
	tree_init(&tree);
	uart_add("/soc/dw@4000", 0x4000, "snps,dw-apb-uart");
	tree_cells(&tree, "/soc/dw@4000", "reg-shift", 2);
	tree_cells(&tree, "/soc/dw@4000", "reg-io-width", 4);
	uart_add("/soc/sif@3000", 0x3000, "sifive,uart0");
	uart_add("/soc/b@2000", 0x2000, "ns16550a");
	uart_add("/soc/a@1000", 0x1000, "ns16550");
	tree_string(&tree, "/soc/other@5000", "compatible", "x,other");
	tree_string(&tree, "/aliases", "serial0", "/soc/dw@4000");
	tree_string(&tree, "/aliases", "serial2", "/soc/sif@3000");
	return 0;
}

static void stdout_path(const char *value)
{
	tree_string(&tree, "/chosen", "stdout-path", value);
}

/* Choose by console=@arg; the result must read @want. */
static void expect(const char *arg, const char *want,
		   enum console_source source)
{
	console_choose(tree.blob, arg, &choice);
	console_choice_describe(tree.blob, &choice, text, sizeof(text));
	assert_string_equal(text, want);
	assert_int_equal(choice.source, source);
}

#define TEXT_A	"/soc/a@1000 ns16550 stride 1 width 1"
#define TEXT_B	"/soc/b@2000 ns16550a stride 1 width 1"
#define TEXT_S	"/soc/sif@3000 sifive,uart0 stride 4 width 4"
#define TEXT_DW "/soc/dw@4000 snps,dw-apb-uart stride 4 width 4"

static void stdout_path_alias(void **state)
{
	(void)state;
	stdout_path("serial0");
	expect(NULL, TEXT_DW, CONSOLE_STDOUT);
	assert_int_equal(choice.regs.base, 0x4000);
	assert_int_equal(choice.stdout_error, 0);
}

static void stdout_path_alias_with_options(void **state)
{
	(void)state;
	stdout_path("serial2:115200n8");
	expect(NULL, TEXT_S, CONSOLE_STDOUT);
}

static void stdout_path_full_path_with_options(void **state)
{
	(void)state;
	stdout_path("/soc/b@2000:9600");
	expect(NULL, TEXT_B, CONSOLE_STDOUT);
}

static void no_stdout_path_takes_the_first_uart(void **state)
{
	(void)state;
	expect(NULL, TEXT_A, CONSOLE_SCAN);
	assert_int_equal(choice.stdout_error, 0);
	assert_int_equal(choice.arg_error, 0);
}

static void stdout_path_that_leads_nowhere_is_told(void **state)
{
	(void)state;
	stdout_path("/soc/none");
	expect(NULL, TEXT_A, CONSOLE_SCAN);
	assert_int_equal(choice.stdout_error, -ENOENT);
	stdout_path("/soc/other@5000");
	expect(NULL, TEXT_A, CONSOLE_SCAN);
	assert_int_equal(choice.stdout_error, -ENODEV);
	tree_bytes(&tree, "/chosen", "stdout-path", "serial0", 7);
	expect(NULL, TEXT_A, CONSOLE_SCAN);
}

static void disabled_stdout_is_not_used(void **state)
{
	(void)state;
	stdout_path("/soc/a@1000");
	tree_string(&tree, "/soc/a@1000", "status", "disabled");
	expect(NULL, TEXT_B, CONSOLE_SCAN);
	assert_int_equal(choice.stdout_error, -EACCES);
}

static void bad_registers_are_passed_over(void **state)
{
	(void)state;
	stdout_path("/soc/a@1000");
	tree_cells(&tree, "/soc/a@1000", "reg-shift", 9);
	expect(NULL, TEXT_B, CONSOLE_SCAN);
	assert_int_equal(choice.stdout_error, -EINVAL);
}

static void bus_that_is_not_translated_is_passed_over(void **state)
{
	(void)state;
	uart_add("/island/u@0", 0, "ns16550a");
	tree_cells(&tree, "/island", "#address-cells", 2);
	tree_cells(&tree, "/island", "#size-cells", 2);
	stdout_path("/island/u@0");
	expect(NULL, TEXT_A, CONSOLE_SCAN);
	assert_int_equal(choice.stdout_error, -ERANGE);
}

static void argument_goes_before_stdout_path(void **state)
{
	(void)state;
	stdout_path("serial0");
	expect("/soc/b@2000", TEXT_B, CONSOLE_ARG);
	expect("/soc/b@2000:115200n8", TEXT_B, CONSOLE_ARG);
	expect("serial2", TEXT_S, CONSOLE_ARG);
	expect("serial2:9600", TEXT_S, CONSOLE_ARG);
}

static void tty_number_is_the_alias(void **state)
{
	(void)state;
	expect("ttyS0", TEXT_DW, CONSOLE_ARG);
	expect("ttyS0,115200n8", TEXT_DW, CONSOLE_ARG);
	expect("ttySIF2", TEXT_S, CONSOLE_ARG);
}

static void tty_number_without_alias_is_a_count(void **state)
{
	(void)state;
	expect("ttyS1", TEXT_B, CONSOLE_ARG);
	expect("ttySIF0", TEXT_S, CONSOLE_ARG);
	/* serial2 is a SiFive UART: ttyS2 counts. */
	expect("ttyS2", TEXT_DW, CONSOLE_ARG);
	tree_string(&tree, "/soc/a@1000", "status", "disabled");
	expect("ttyS1", TEXT_DW, CONSOLE_ARG);
}

static void firmware_by_name(void **state)
{
	(void)state;
	stdout_path("serial0");
	expect("sbi", "sbi dbcn", CONSOLE_ARG);
	expect("hvc0", "sbi dbcn", CONSOLE_ARG);
	expect("hvc0,115200", "sbi dbcn", CONSOLE_ARG);
	assert_true(choice.firmware);
}

static void unknown_argument_falls_back_and_is_told(void **state)
{
	static const char *const unknown[] = {
		"",	  "tty",       "ttyS",
		"ttyS99", "ttySIF1",   "ttyUSB0",
		"ttyS0x", "ttyS00001", "sbix",
		"hvc1",	  "/nowhere",  "serial9",
		":",	  ",",	       "ttyS-1",
		"/",	  "//",	       "ttyAMA0,115200n8",
	};
	unsigned i;

	(void)state;
	stdout_path("serial0:115200n8");
	for (i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		expect(unknown[i], TEXT_DW, CONSOLE_STDOUT);
		assert_true(choice.arg_error < 0);
	}
}

static void argument_for_a_disabled_uart_is_told(void **state)
{
	(void)state;
	stdout_path("serial0");
	tree_string(&tree, "/soc/sif@3000", "status", "disabled");
	expect("serial2", TEXT_DW, CONSOLE_STDOUT);
	assert_int_equal(choice.arg_error, -EACCES);
	expect("/soc/other@5000", TEXT_DW, CONSOLE_STDOUT);
	assert_int_equal(choice.arg_error, -ENODEV);
}

static void no_uart_at_all_means_the_firmware(void **state)
{
	(void)state;
	tree_init(&tree);
	expect(NULL, "sbi dbcn", CONSOLE_FIRMWARE);
	expect("ttyS0", "sbi dbcn", CONSOLE_FIRMWARE);
	assert_int_equal(choice.arg_error, -ENOENT);
	assert_true(choice.firmware);
}

/* Any bytes may stand in bootargs and stdout-path: there is always an answer
 * that names a UART of this tree or the firmware. */
static void junk_always_ends_in_a_console(void **state)
{
	static const char alphabet[] = "ttySIFhvcsbi/:,@0129aserialo\xff";
	uint64_t seed = random_seed();
	char junk[24];
	unsigned i, n;

	(void)state;
	for (i = 0; i < 3000; i++) {
		for (n = 0; n < random_below(&seed, sizeof(junk)); n++)
			junk[n] = alphabet[random_below(&seed,
							sizeof(alphabet) - 1)];
		junk[n] = 0;
		if (i % 2)
			stdout_path(junk);
		console_choose(tree.blob, i % 3 ? junk : NULL, &choice);
		console_choice_describe(tree.blob, &choice, text, sizeof(text));
		assert_true(!strcmp(text, TEXT_A) || !strcmp(text, TEXT_B) ||
			    !strcmp(text, TEXT_S) || !strcmp(text, TEXT_DW) ||
			    !strcmp(text, "sbi dbcn"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(stdout_path_alias, setup),
		cmocka_unit_test_setup(stdout_path_alias_with_options, setup),
		cmocka_unit_test_setup(stdout_path_full_path_with_options,
				       setup),
		cmocka_unit_test_setup(no_stdout_path_takes_the_first_uart,
				       setup),
		cmocka_unit_test_setup(stdout_path_that_leads_nowhere_is_told,
				       setup),
		cmocka_unit_test_setup(disabled_stdout_is_not_used, setup),
		cmocka_unit_test_setup(bad_registers_are_passed_over, setup),
		cmocka_unit_test_setup(
			bus_that_is_not_translated_is_passed_over, setup),
		cmocka_unit_test_setup(argument_goes_before_stdout_path, setup),
		cmocka_unit_test_setup(tty_number_is_the_alias, setup),
		cmocka_unit_test_setup(tty_number_without_alias_is_a_count,
				       setup),
		cmocka_unit_test_setup(firmware_by_name, setup),
		cmocka_unit_test_setup(unknown_argument_falls_back_and_is_told,
				       setup),
		cmocka_unit_test_setup(argument_for_a_disabled_uart_is_told,
				       setup),
		cmocka_unit_test_setup(no_uart_at_all_means_the_firmware,
				       setup),
		cmocka_unit_test_setup(junk_always_ends_in_a_console, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
