/* Sources: kernel/console.c kernel/console_choice.c kernel/driver.c
 * kernel/error.c kernel/irq.c kernel/cmdline.c drivers/uart/8250.c
 * kernel/fdt/dt.c kernel/fdt/address.c kernel/fdt/chosen.c
 * kernel/fdt/interrupt.c kernel/fdt/cpus.c lib/mix.c lib/range.c lib/ring.c
 * test/host/fake/hart.c test/host/fake/log.c test/host/fake/panic.c
 * test/host/fake/mmio.c test/host/fake/firmware.c test/host/fake/tree.c
 * test/host/fake/uart_8250.c libfdt */
/*
 * The console in use: the real 8250 driver on a register model, a controller
 * with one line, the firmware's console as what remains.
 */
#include "kernel/console.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/boot.h"
#include "drivers/uart/8250.h"
#include "kernel/irq.h"
#include "kernel/timer.h"
#include "kernel/uart.h"
#include "test/host/fake/drivers.h"
#include "test/host/fake/firmware.h"
#include "test/host/fake/hart.h"
#include "test/host/fake/log.h"
#include "test/host/fake/mmio.h"
#include "test/host/fake/tree.h"
#include "test/host/fake/uart_8250.h"

DRIVERS_LIST(1, &uart_8250_driver);

#define NODE "/soc/serial@10000000"

static struct tree tree;
static struct uart_8250 model;
static struct boot_info info;
static void (*sink)(const char *buf, size_t len);

const struct boot_info *boot_info(void)
{
	return &info;
}

const void *boot_fdt(void)
{
	return tree.blob;
}

void log_sink_set(void (*write)(const char *buf, size_t len));
void log_sink_set(void (*write)(const char *buf, size_t len))
{
	sink = write;
}

/* The controller: line 10 is the UART's. */
static irq_handler *line_fn;
static void *line_arg;

static int line_request(struct irqchip *chip, const struct dt_irq *irq,
			irq_handler *fn, void *arg)
{
	(void)chip;
	assert_int_equal(irq->cell[0], 10);
	line_fn = fn;
	line_arg = arg;
	return 0;
}

static struct irqchip chip = {
	.name = "chip", .phandle = 1, .request = line_request};

/* The one timer that may be asked for. */
static struct timer *timer, *last_timer;
static uint64_t deadline;

void timer_start(struct timer *t, uint64_t when)
{
	timer = last_timer = t;
	deadline = when;
}

static void time_pass(void)
{
	fake_hart.now = deadline;
	timer->fn(timer);
}

static int setup(void **state)
{
	static bool registered;

	(void)state;
	if (!registered)
		irqchip_register(&chip);
	registered = true;
	timer = NULL;
	memset(&info, 0, sizeof(info));
	mmio_reset();
	fake_hart_reset();
	fake_firmware_reset();
	fake_log_clear();
	tree_init(&tree);
	tree_cells(&tree, "/controller", "phandle", 1);
	tree_cells(&tree, "/controller", "#interrupt-cells", 1);
	tree_string(&tree, NODE, "compatible", "ns16550a");
	tree_cells(&tree, NODE, "reg", 0, 0x10000000, 0, 0x100);
	tree_cells(&tree, NODE, "interrupts", 10);
	tree_string(&tree, "/chosen", "stdout-path", NODE);
	memset(&model, 0, sizeof(model));
	model.base = 0x10000000;
	model.width = 1;
	uart_8250_add(&model, 0x10000000, 0x100);
	return 0;
}

static void write_text(const char *text)
{
	console_write(text, strlen(text));
}

static void expect_sent(const char *text)
{
	assert_int_equal(model.sent_len, strlen(text));
	assert_memory_equal(model.sent, text, strlen(text));
}

static void type(const char *text)
{
	model.received = text;
	model.received_len = strlen(text);
}

static void before_it_starts_the_firmware_speaks(void **state)
{
	(void)state;
	fake_firmware.at_once = 3;
	console_write_panic("early\nwords\n", 12);
	assert_string_equal(fake_firmware.sent, "early\r\nwords\r\n");
}

static void newline_becomes_cr_lf(void **state)
{
	(void)state;
	assert_int_equal(console_init(), 0);
	assert_ptr_equal(sink, console_write_log);
	write_text("\none\n\ntwo");
	expect_sent("\r\none\r\n\r\ntwo");
	assert_string_equal(console_description(),
			    NODE " ns16550a stride 1 width 1");
	assert_int_equal(fake_firmware.sent_len, 0);
}

static void fifo_is_used_for_lines(void **state)
{
	unsigned long before;

	(void)state;
	assert_int_equal(console_init(), 0);
	before = model.lsr_reads;
	model.slowness = 1;
	write_text("sixteen letters!");
	assert_int_equal(model.lsr_reads - before, 1);
}

static void dead_uart_hands_over_to_the_firmware(void **state)
{
	(void)state;
	assert_int_equal(console_init(), 0);
	write_text("x");
	model.dead = true;
	write_text("in the dead one");
	write_text("lost?\n");
	assert_string_equal(fake_firmware.sent,
			    "\r\nconsole: the UART takes no more bytes, going "
			    "on by SBI\r\nlost?\r\n");
	model.lsr_reads = 0;
	write_text("more\n");
	assert_int_equal(model.lsr_reads, 0);
}

/* What the UART took is not said twice. */
static void dying_uart_leaves_the_rest_to_the_firmware(void **state)
{
	(void)state;
	assert_int_equal(console_init(), 0);
	model.slowness = UART_POLLS_MAX + 1;
	write_text("0123456789abcdefrest");
	expect_sent("0123456789abcdef");
	assert_string_equal(fake_firmware.sent + fake_firmware.sent_len - 6,
			    "\r\nrest");
}

static void absent_uart_leaves_the_firmware(void **state)
{
	(void)state;
	model.absent = true;
	assert_int_equal(console_init(), 0);
	assert_string_equal(console_description(), "sbi dbcn");
	assert_non_null(strstr(fake_log_text, "the UART does not start"));
	write_text("still here");
	assert_string_equal(fake_firmware.sent, "still here");
}

static void registers_that_cannot_be_mapped(void **state)
{
	(void)state;
	mmio_map_fail(-EBUSY);
	assert_int_equal(console_init(), 0);
	assert_string_equal(console_description(), "sbi dbcn");
	assert_int_equal(mmio_accesses(), 0);
}

static void firmware_that_takes_nothing_does_not_hang(void **state)
{
	(void)state;
	fake_firmware.room = 2;
	write_text("abc\n");
	assert_string_equal(fake_firmware.sent, "ab");
}

static void argument_is_followed_or_told(void **state)
{
	(void)state;
	strcpy(info.args, "quiet console=nonsense console=ttyUSB3 x");
	assert_int_equal(console_init(), 0);
	assert_non_null(strstr(fake_log_text,
			       "console: console=ttyUSB3 not used: "
			       "there is no such node"));
	assert_string_equal(console_description(),
			    NODE " ns16550a stride 1 width 1");
	strcpy(info.args, "console=sbi");
	fake_log_clear();
	assert_int_equal(console_init(), 0);
	assert_string_equal(console_description(), "sbi dbcn");
	assert_string_equal(fake_log_text, "");
}

static void overlong_argument_is_told(void **state)
{
	(void)state;
	strcpy(info.args, "console=");
	memset(info.args + 8, 'x', 500);
	assert_int_equal(console_init(), 0);
	assert_non_null(strstr(fake_log_text, "not used"));
}

static void input_is_polled_until_interrupts_are_up(void **state)
{
	(void)state;
	assert_int_equal(console_init(), 0);
	assert_int_equal(console_getc(), -1);
	type("ab");
	assert_int_equal(console_getc(), 'a');
	assert_false(console_waiting());
	assert_int_equal(console_getc(), 'b');
	assert_int_equal(model.ier, 0);
}

static void input_comes_by_interrupt(void **state)
{
	(void)state;
	assert_int_equal(console_init(), 0);
	console_interrupts_enable();
	assert_string_equal(console_input_description(), "chip 10");
	assert_int_equal(model.ier, 1);
	type("hello");
	/* Only the interrupt takes bytes from the UART now. */
	assert_int_equal(console_getc(), -1);
	line_fn(line_arg);
	assert_false(uart_8250_interrupt(&model));
	assert_int_equal(console_getc(), 'h');
	assert_int_equal(console_getc(), 'e');
	type("!");
	line_fn(line_arg);
	assert_int_equal(console_getc(), 'l');
	assert_int_equal(console_getc(), 'l');
	assert_int_equal(console_getc(), 'o');
	assert_int_equal(console_getc(), '!');
	assert_int_equal(console_getc(), -1);
	/* No timer runs for nothing. */
	assert_null(timer);
}

static void flood_of_input_is_cut_not_stuck(void **state)
{
	static char flood[1000];
	unsigned n, i;

	(void)state;
	assert_int_equal(console_init(), 0);
	console_interrupts_enable();
	memset(flood, 'f', sizeof(flood) - 1);
	type(flood);
	line_fn(line_arg);
	/* One interrupt does not take for ever. */
	assert_true(model.received_len > 800);
	for (i = 0; i < 100 && uart_8250_interrupt(&model); i++)
		line_fn(line_arg);
	assert_int_equal(model.received_len, 0);
	for (n = 0; console_getc() == 'f'; n++)
		;
	assert_int_equal(n, 256);
}

static void without_a_line_a_timer_polls(void **state)
{
	(void)state;
	/* No driver has started this controller. */
	tree_cells(&tree, "/controller", "phandle", 2);
	tree_cells(&tree, "/soc", "interrupt-parent", 2);
	assert_int_equal(console_init(), 0);
	console_interrupts_enable();
	assert_string_equal(console_input_description(), "poll");
	assert_non_null(strstr(fake_log_text, "console: input by poll"));
	type("k");
	assert_int_equal(console_getc(), -1);
	assert_true(deadline <= 10000);
	time_pass();
	assert_int_equal(console_getc(), 'k');
	assert_true(deadline <= 20000);
}

static void firmware_input_is_polled_by_timer(void **state)
{
	(void)state;
	strcpy(info.args, "console=hvc0");
	assert_int_equal(console_init(), 0);
	console_interrupts_enable();
	fake_firmware.typed = "ok";
	time_pass();
	assert_int_equal(console_getc(), 'o');
	assert_int_equal(console_getc(), 'k');
	assert_int_equal(console_getc(), -1);
}

static void a_byte_waits_until_it_is_read(void **state)
{
	(void)state;
	assert_int_equal(console_init(), 0);
	console_interrupts_enable();
	assert_false(console_waiting());
	type("w");
	assert_false(console_waiting());
	line_fn(line_arg);
	assert_true(console_waiting());
	assert_int_equal(console_getc(), 'w');
	assert_false(console_waiting());
}

/* ---- whose line it is ---- */

static void each_line_has_one_author(void **state)
{
	(void)state;
	assert_int_equal(console_init(), 0);
	write_text("prompt> ");
	assert_true(console_line_is_open());
	write_text("ty");
	expect_sent("prompt> ty");
	console_write_log("log\n", 4);
	assert_false(console_line_is_open());
	write_text("ped\n");
	assert_false(console_line_is_open());
	console_write_log("log\n", 4);
	write_text("more");
	console_write_panic("panic: ", 7);
	console_write_panic("now\n", 4);
	expect_sent("prompt> ty\r\nlog\r\nped\r\nlog\r\nmore\r\n"
		    "panic: now\r\n");
}

/* A source that has one piece. */
static const char *piece;
static const char *piece_owner;
static unsigned asked;

static size_t one_piece(char *buf, const void **owner, uint64_t *again)
{
	size_t len = piece ? strlen(piece) : 0;

	assert_int_equal(fake_hart.interrupts, false);
	asked++;
	*again = UINT64_MAX;
	*owner = piece_owner;
	if (len)
		memcpy(buf, piece, len);
	piece = NULL;
	return len;
}

static void source_is_asked_soon_after_a_kick(void **state)
{
	(void)state;
	assert_int_equal(console_init(), 0);
	console_interrupts_enable();
	console_source_set(one_piece);
	timer = NULL;
	asked = 0;
	piece = "a line\r\n";
	console_kick();
	assert_int_equal(asked, 0);
	assert_non_null(timer);
	assert_in_range(deadline, fake_hart.now + 1, fake_hart.now + 1000);
	/* Kicks before that are nothing. */
	timer = NULL;
	console_kick();
	assert_null(timer);
	timer = last_timer;
	time_pass();
	expect_sent("a line\r\n");
	assert_int_equal(model.ier, 1);
	console_source_set(NULL);
}

static void piece_goes_on_with_its_owners_line_alone(void **state)
{
	static const char owners[2];

	(void)state;
	assert_int_equal(console_init(), 0);
	console_interrupts_enable();
	console_source_set(one_piece);
	for (unsigned i = 0; i < 3; i++) {
		piece = "part";
		piece_owner = &owners[i / 2];
		console_kick();
		time_pass();
		while (uart_8250_interrupt(&model))
			line_fn(line_arg);
	}
	expect_sent("partpart\r\npart");
	/* The log finishes what is under way. */
	model.throttled = true;
	piece = ", longer than the UART's FIFO is";
	console_kick();
	time_pass();
	assert_int_equal(model.ier, 3);
	model.throttled = false;
	console_write_log("log\n", 4);
	expect_sent("partpart\r\npart"
		    ", longer than the UART's FIFO is\r\nlog\r\n");
	console_source_set(NULL);
}

/* Quiet, but a panic can still be told. */
static void stop_quietens_the_uart(void **state)
{
	(void)state;
	assert_int_equal(console_init(), 0);
	console_interrupts_enable();
	assert_int_not_equal(model.ier, 0);
	model.slowness = 3;
	console_write("bye\n", 4);
	console_stop();
	assert_int_equal(model.ier, 0);
	assert_int_equal(model.waiting, 0);
	assert_memory_equal(model.sent + model.sent_len - 5, "bye\r\n", 5);
	console_write_panic("!", 1);
	assert_int_equal(model.sent[model.sent_len - 1], '!');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(before_it_starts_the_firmware_speaks,
				       setup),
		cmocka_unit_test_setup(newline_becomes_cr_lf, setup),
		cmocka_unit_test_setup(fifo_is_used_for_lines, setup),
		cmocka_unit_test_setup(dead_uart_hands_over_to_the_firmware,
				       setup),
		cmocka_unit_test_setup(
			dying_uart_leaves_the_rest_to_the_firmware, setup),
		cmocka_unit_test_setup(absent_uart_leaves_the_firmware, setup),
		cmocka_unit_test_setup(registers_that_cannot_be_mapped, setup),
		cmocka_unit_test_setup(
			firmware_that_takes_nothing_does_not_hang, setup),
		cmocka_unit_test_setup(argument_is_followed_or_told, setup),
		cmocka_unit_test_setup(overlong_argument_is_told, setup),
		cmocka_unit_test_setup(input_is_polled_until_interrupts_are_up,
				       setup),
		cmocka_unit_test_setup(input_comes_by_interrupt, setup),
		cmocka_unit_test_setup(flood_of_input_is_cut_not_stuck, setup),
		cmocka_unit_test_setup(without_a_line_a_timer_polls, setup),
		cmocka_unit_test_setup(firmware_input_is_polled_by_timer,
				       setup),
		cmocka_unit_test_setup(a_byte_waits_until_it_is_read, setup),
		cmocka_unit_test_setup(each_line_has_one_author, setup),
		cmocka_unit_test_setup(source_is_asked_soon_after_a_kick,
				       setup),
		cmocka_unit_test_setup(piece_goes_on_with_its_owners_line_alone,
				       setup),
		cmocka_unit_test_setup(stop_quietens_the_uart, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
