/* Sources: drivers/uart/8250.c kernel/fdt/dt.c kernel/fdt/address.c
 * lib/range.c test/host/fake/mmio.c test/host/fake/tree.c
 * test/host/fake/uart_8250.c libfdt */
/*
 * The 8250 driver against a model that fails the test on an access of the
 * wrong width or place, an overrun of the transmitter, or a touched divisor.
 */
#include "drivers/uart/8250.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "arch/mmu.h"
#include "kernel/uart.h"
#include "test/host/fake/mmio.h"
#include "test/host/fake/tree.h"
#include "test/host/fake/uart_8250.h"

#define DEVICE 0x10000000u
#define NODE   "/soc/serial@10000000"
#define TEXT   "The quick brown fox jumps over the lazy dog, 0123456789.\r\n"

static const struct uart_ops *ops;
static struct tree tree;
static struct uart_8250 model;
static struct uart uart;

static int setup(void **state)
{
	(void)state;
	mmio_reset();
	memset(&model, 0, sizeof(model));
	memset(&uart, 0, sizeof(uart));
	ops = uart_8250_driver.ops;
	model.base = DEVICE;
	model.width = 1;
	return 0;
}

/* Put the model where its fields say, and a uart as the console makes it. */
static void uart_make(uintptr_t data)
{
	volatile void *base;

	uart_8250_add(&model, DEVICE, 0x400);
	uart.regs.base = model.base;
	uart.regs.size = 0x400 - (model.base - DEVICE);
	uart.regs.shift = model.shift;
	uart.regs.width = model.width;
	assert_int_equal(arch_io_map(model.base, uart.regs.size, &base), 0);
	uart.base = base;
	uart.data = data;
}

static uintptr_t match_data(const char *compatible)
{
	const struct driver_match *m;

	for (m = uart_8250_driver.match; m->compatible; m++)
		if (!strcmp(m->compatible, compatible))
			return m->data;
	fail_msg("no match for %s", compatible);
	return 0;
}

/* As the console does when it waits. */
static void send(const char *text)
{
	size_t len = strlen(text), done = 0;
	unsigned looks;

	for (looks = 0; done < len && looks < 10000; looks++)
		done += ops->send(&uart, text + done, len - done);
	assert_int_equal(done, len);
}

static void expect_sent(const char *text)
{
	assert_int_equal(model.sent_len, strlen(text));
	assert_memory_equal(model.sent, text, strlen(text));
}

static void every_stride_width_and_offset(void **state)
{
	unsigned shift, width, offset;

	for (shift = 0; shift <= 3; shift++)
		for (width = 1; width <= 4 && width <= 1u << shift; width *= 2)
			for (offset = 0; offset <= 0x100; offset += 0x80) {
				setup(state);
				model.shift = shift;
				model.width = width;
				model.base = DEVICE + offset;
				uart_make(0);
				assert_int_equal(ops->start(&uart), 0);
				send(TEXT);
				expect_sent(TEXT);
				model.received = "k";
				model.received_len = 1;
				assert_int_equal(ops->read(&uart), 'k');
				assert_int_equal(ops->read(&uart), -1);
			}
}

static void baud_and_format_are_inherited(void **state)
{
	(void)state;
	model.designware = true;
	uart_make(match_data("snps,dw-apb-uart"));
	assert_int_equal(ops->start(&uart), 0);
	send(TEXT);
	assert_int_equal(model.lcr_writes, 0);
	assert_int_equal(model.divisor_writes, 0);
	assert_int_equal(model.lcr, 3);
	assert_int_equal(model.ier, 0);
}

static void divisor_latch_left_open_is_closed(void **state)
{
	(void)state;
	uart_make(0);
	model.lcr = 0x83;
	assert_int_equal(ops->start(&uart), 0);
	send(TEXT);
	expect_sent(TEXT);
	assert_int_equal(model.lcr, 3);
	assert_int_equal(model.divisor_writes, 0);
}

static void loaders_last_words_get_out(void **state)
{
	(void)state;
	model.slowness = 50;
	uart_make(0);
	model.waiting = 1;
	assert_int_equal(ops->start(&uart), 0);
	assert_int_equal(model.lost, 0);
	assert_true(model.fifo);
}

static void fifo_is_filled_to_its_depth(void **state)
{
	unsigned long before;

	(void)state;
	uart_make(0);
	assert_int_equal(ops->start(&uart), 0);
	before = model.lsr_reads;
	model.slowness = 1;
	send("0123456789abcdef");
	assert_int_equal(model.lsr_reads - before, 1);
	/* 16 polls let the first lot out, then the rest fits. */
	send("0123456789abcdef");
	assert_int_equal(model.lsr_reads - before, 17);
}

static void uart_without_fifo_takes_bytes_one_by_one(void **state)
{
	(void)state;
	model.depth = 1;
	model.slowness = 7;
	uart_make(0);
	assert_int_equal(ops->start(&uart), 0);
	assert_int_equal(uart.depth, 1);
	send(TEXT);
	expect_sent(TEXT);
}

static void it_takes_what_fits_and_does_not_wait(void **state)
{
	(void)state;
	uart_make(0);
	assert_int_equal(ops->start(&uart), 0);
	model.throttled = true;
	assert_int_equal(ops->send(&uart, TEXT, strlen(TEXT)), 16);
	model.lsr_reads = 0;
	assert_int_equal(ops->send(&uart, TEXT, strlen(TEXT)), 0);
	uart_8250_pass(&model, 15);
	assert_int_equal(ops->send(&uart, TEXT, strlen(TEXT)), 0);
	uart_8250_pass(&model, 1);
	assert_int_equal(ops->send(&uart, TEXT, 3), 3);
	assert_int_equal(model.lsr_reads, 3);
}

static void one_that_never_sends_does_not_start(void **state)
{
	(void)state;
	model.dead = true;
	uart_make(0);
	assert_int_equal(ops->start(&uart), -ENODEV);
	assert_true(model.lsr_reads <= UART_POLLS_MAX + 2);
}

static void nothing_there_is_found_out_at_once(void **state)
{
	unsigned long before = mmio_accesses();

	(void)state;
	model.absent = true;
	uart_make(0);
	uart.depth = 16;
	assert_int_equal(ops->start(&uart), -ENODEV);
	assert_int_equal(ops->read(&uart), -1);
	assert_int_equal(ops->send(&uart, TEXT, 3), -ENODEV);
	assert_true(mmio_accesses() - before < 10);
}

static void breaks_are_not_typed_bytes(void **state)
{
	(void)state;
	uart_make(0);
	assert_int_equal(ops->start(&uart), 0);
	model.received = "a\0b";
	model.received_len = 3;
	model.break_at = 2;
	assert_int_equal(ops->read(&uart), 'a');
	assert_int_equal(ops->read(&uart), 'b');
	assert_int_equal(ops->read(&uart), -1);
}

static void all_eight_bits_come_through(void **state)
{
	(void)state;
	uart_make(0);
	assert_int_equal(ops->start(&uart), 0);
	model.received = "\xff\x80";
	model.received_len = 2;
	assert_int_equal(ops->read(&uart), 0xff);
	assert_int_equal(ops->read(&uart), 0x80);
}

static void receive_interrupt_rises_and_falls(void **state)
{
	(void)state;
	uart_make(0);
	assert_int_equal(ops->start(&uart), 0);
	model.received = "z";
	model.received_len = 1;
	assert_false(uart_8250_interrupt(&model));
	ops->interrupts_set(&uart, true, false);
	assert_int_equal(model.ier, 1);
	assert_int_equal(model.mcr & 0x0b, 0x0b);
	assert_true(uart_8250_interrupt(&model));
	assert_int_equal(ops->read(&uart), 'z');
	assert_false(uart_8250_interrupt(&model));
}

static void room_interrupt_rises_and_falls(void **state)
{
	(void)state;
	uart_make(0);
	assert_int_equal(ops->start(&uart), 0);
	model.throttled = true;
	assert_int_equal(ops->send(&uart, TEXT, 16), 16);
	ops->interrupts_set(&uart, true, true);
	assert_int_equal(model.ier, 3);
	assert_false(uart_8250_interrupt(&model));
	uart_8250_pass(&model, 16);
	assert_true(uart_8250_interrupt(&model));
	/* Not answered by looking for input. */
	assert_int_equal(ops->read(&uart), -1);
	assert_true(uart_8250_interrupt(&model));
	assert_int_equal(ops->send(&uart, TEXT, 1), 1);
	assert_false(uart_8250_interrupt(&model));
	uart_8250_pass(&model, 1);
	ops->interrupts_set(&uart, true, false);
	assert_false(uart_8250_interrupt(&model));
}

static void designware_interrupts_that_stick_are_cleared(void **state)
{
	(void)state;
	model.designware = true;
	model.shift = 2;
	model.width = 4;
	uart_make(match_data("starfive,jh7110-uart"));
	assert_int_equal(ops->start(&uart), 0);
	model.busy_detect = true;
	assert_int_equal(ops->read(&uart), -1);
	assert_int_equal(model.usr_reads, 1);
	assert_false(uart_8250_interrupt(&model));
	model.timeout_stuck = true;
	assert_int_equal(ops->read(&uart), -1);
	assert_false(uart_8250_interrupt(&model));
}

static void plain_16550_has_no_usr(void **state)
{
	(void)state;
	uart_make(match_data("ns16550a"));
	assert_int_equal(ops->start(&uart), 0);
	model.busy_detect = true;
	assert_int_equal(ops->read(&uart), -1);
	assert_int_equal(model.usr_reads, 0);
}

/* ---- the node ---- */

static int node_read(struct uart_regs *out)
{
	struct dt_node node;

	assert_int_equal(dt_find_path(tree.blob, NODE, &node), 0);
	return ops->regs_read(tree.blob, &node, out);
}

static void node_make(void)
{
	tree_init(&tree);
	tree_cells(&tree, NODE, "reg", 0, DEVICE, 0, 0x100);
}

static void bindings_defaults(void **state)
{
	struct uart_regs regs;

	(void)state;
	node_make();
	assert_int_equal(node_read(&regs), 0);
	assert_int_equal(regs.base, DEVICE);
	assert_int_equal(regs.size, 0x100);
	assert_int_equal(regs.shift, 0);
	assert_int_equal(regs.width, 1);
}

static void properties_are_followed(void **state)
{
	struct uart_regs regs;

	(void)state;
	node_make();
	tree_cells(&tree, NODE, "reg-shift", 2);
	tree_cells(&tree, NODE, "reg-io-width", 4);
	tree_cells(&tree, NODE, "reg-offset", 0x40);
	assert_int_equal(node_read(&regs), 0);
	assert_int_equal(regs.base, DEVICE + 0x40);
	assert_int_equal(regs.size, 0xc0);
	assert_int_equal(regs.shift, 2);
	assert_int_equal(regs.width, 4);
}

/* The last words get out, then nothing of it interrupts any more. */
static void stop_waits_and_turns_interrupts_off(void **state)
{
	(void)state;
	uart_make(0);
	assert_int_equal(ops->start(&uart), 0);
	ops->interrupts_set(&uart, true, true);
	model.slowness = 3;
	send("last words");
	assert_int_not_equal(model.waiting, 0);
	ops->stop(&uart);
	assert_int_equal(model.waiting, 0);
	assert_int_equal(model.ier, 0);
	assert_int_equal(model.lost, 0);
	assert_int_equal(model.divisor_writes, 0);
	/* One that is dead is not waited for without end. */
	model.dead = true;
	ops->interrupts_set(&uart, true, true);
	ops->stop(&uart);
	assert_int_equal(model.ier, 0);
}

static void bad_properties_are_refused(void **state)
{
	static const struct {
		uint32_t shift, width, offset, size;
	} bad[] = {
		{4, 1, 0, 0x100},	   /* no such shift */
		{2, 3, 0, 0x100},	   /* no such width */
		{2, 8, 0, 0x100},	   /* wider than a register */
		{0, 4, 0, 0x100},	   /* wider than the distance */
		{2, 4, 2, 0x100},	   /* misaligned */
		{0, 1, 0, 5},		   /* LSR is outside */
		{2, 4, 0, 0x17},	   /* LSR is outside */
		{0, 1, 0x101, 0x100},	   /* all is outside */
		{0, 1, 0xffffffff, 0x100}, /* far outside */
	};
	struct uart_regs regs;
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		tree_init(&tree);
		tree_cells(&tree, NODE, "reg", 0, DEVICE, 0, bad[i].size);
		tree_cells(&tree, NODE, "reg-shift", bad[i].shift);
		tree_cells(&tree, NODE, "reg-io-width", bad[i].width);
		tree_cells(&tree, NODE, "reg-offset", bad[i].offset);
		assert_int_equal(node_read(&regs), -EINVAL);
	}
	tree_init(&tree);
	tree_string(&tree, NODE, "compatible", "ns16550a");
	assert_int_equal(node_read(&regs), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_stride_width_and_offset, setup),
		cmocka_unit_test_setup(baud_and_format_are_inherited, setup),
		cmocka_unit_test_setup(divisor_latch_left_open_is_closed,
				       setup),
		cmocka_unit_test_setup(loaders_last_words_get_out, setup),
		cmocka_unit_test_setup(fifo_is_filled_to_its_depth, setup),
		cmocka_unit_test_setup(uart_without_fifo_takes_bytes_one_by_one,
				       setup),
		cmocka_unit_test_setup(it_takes_what_fits_and_does_not_wait,
				       setup),
		cmocka_unit_test_setup(one_that_never_sends_does_not_start,
				       setup),
		cmocka_unit_test_setup(nothing_there_is_found_out_at_once,
				       setup),
		cmocka_unit_test_setup(breaks_are_not_typed_bytes, setup),
		cmocka_unit_test_setup(all_eight_bits_come_through, setup),
		cmocka_unit_test_setup(receive_interrupt_rises_and_falls,
				       setup),
		cmocka_unit_test_setup(room_interrupt_rises_and_falls, setup),
		cmocka_unit_test_setup(
			designware_interrupts_that_stick_are_cleared, setup),
		cmocka_unit_test_setup(plain_16550_has_no_usr, setup),
		cmocka_unit_test_setup(bindings_defaults, setup),
		cmocka_unit_test_setup(properties_are_followed, setup),
		cmocka_unit_test_setup(stop_waits_and_turns_interrupts_off,
				       setup),
		cmocka_unit_test_setup(bad_properties_are_refused, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
