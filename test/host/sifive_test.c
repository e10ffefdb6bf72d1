/* Sources: drivers/uart/sifive.c kernel/fdt/dt.c kernel/fdt/address.c
 * lib/range.c test/host/fake/mmio.c test/host/fake/tree.c
 * libfdt */
/*
 * The SiFive UART against a model with FIFOs of 8 bytes (FU540-C000 manual,
 * chapter "UART"): only whole 32-bit registers, each at its own offset.
 */
#include "drivers/uart/sifive.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "arch/mmu.h"
#include "kernel/uart.h"
#include "test/host/fake/mmio.h"
#include "test/host/fake/tree.h"

#define DEVICE 0x10010000u
#define NODE   "/soc/serial@10010000"
#define DEPTH  8u

static const struct uart_ops *ops;
static struct uart uart;
static struct tree tree;

static struct model {
	unsigned waiting, slowness, polls;
	uint32_t txctrl, rxctrl, ie, div;
	bool dead, absent;
	char sent[256];
	size_t sent_len;
	const char *received;
	size_t received_len;
	unsigned long reads;
} model;

static uint32_t txdata_read(void)
{
	if (model.waiting && !model.dead && ++model.polls > model.slowness) {
		model.polls = 0;
		model.waiting--;
	}
	return model.waiting == DEPTH ? 0x80000000u : 0;
}

static uint32_t rxdata_read(void)
{
	if (!model.received_len || !(model.rxctrl & 1))
		return 0x80000000u;
	model.received_len--;
	return (uint8_t)*model.received++;
}

/* txwm is pending while fewer than txcnt bytes wait. */
static uint32_t ip_read(void)
{
	txdata_read();
	return model.waiting < (model.txctrl >> 16 & 7);
}

static uint64_t model_read(void *ctx, uint64_t offset, unsigned width)
{
	(void)ctx;
	assert_int_equal(width, 4);
	model.reads++;
	if (model.absent)
		return 0xffffffffu;
	switch (offset) {
	case 0x00:
		return txdata_read();
	case 0x04:
		return rxdata_read();
	case 0x08:
		return model.txctrl;
	case 0x0c:
		return model.rxctrl;
	case 0x10:
		return model.ie;
	case 0x14:
		return ip_read();
	default:
		fail_msg("read of offset %#llx", (unsigned long long)offset);
		return 0;
	}
}

static void txdata_write(uint64_t value)
{
	assert_true(model.txctrl & 1);
	assert_true(value < 0x100);
	if (model.waiting == DEPTH)
		fail_msg("transmitter overrun");
	model.waiting++;
	assert_true(model.sent_len < sizeof(model.sent));
	model.sent[model.sent_len++] = value;
}

static void model_write(void *ctx, uint64_t offset, unsigned width,
			uint64_t value)
{
	(void)ctx;
	assert_int_equal(width, 4);
	switch (offset) {
	case 0x00:
		txdata_write(value);
		break;
	case 0x08:
		model.txctrl = value;
		break;
	case 0x0c:
		model.rxctrl = value;
		break;
	case 0x10:
		model.ie = value;
		break;
	default:
		fail_msg("write to offset %#llx", (unsigned long long)offset);
	}
}

static int setup(void **state)
{
	const struct mmio_device device = {.base = DEVICE,
					   .size = 0x1000,
					   .read = model_read,
					   .write = model_write};
	volatile void *base;

	(void)state;
	mmio_reset();
	mmio_add(&device);
	memset(&model, 0, sizeof(model));
	memset(&uart, 0, sizeof(uart));
	ops = uart_sifive_driver.ops;
	assert_int_equal(arch_io_map(DEVICE, 0x1000, &base), 0);
	uart.base = base;
	return 0;
}

static void text_longer_than_the_fifo_is_sent_whole(void **state)
{
	static const char text[] = "Zwoelf Boxkaempfer jagen Viktor\xff\r\n";
	size_t done = 0;
	unsigned looks;

	(void)state;
	model.slowness = 5;
	assert_int_equal(ops->start(&uart), 0);
	for (looks = 0; done < sizeof(text) && looks < 10000; looks++)
		done += ops->send(&uart, text + done, sizeof(text) - done);
	assert_int_equal(done, sizeof(text));
	assert_int_equal(model.sent_len, sizeof(text));
	assert_memory_equal(model.sent, text, sizeof(text));
}

static void start_keeps_stop_bits_and_interrupts_off(void **state)
{
	(void)state;
	model.txctrl = 0x70002; /* nstop, a watermark of others */
	model.ie = 3;
	assert_int_equal(ops->start(&uart), 0);
	assert_int_equal(model.txctrl, 0x10003);
	assert_int_equal(model.rxctrl, 1);
	assert_int_equal(model.ie, 0);
}

static void bytes_are_received_once(void **state)
{
	(void)state;
	assert_int_equal(ops->start(&uart), 0);
	model.received = "a\xff";
	model.received_len = 2;
	assert_int_equal(ops->read(&uart), 'a');
	assert_int_equal(ops->read(&uart), 0xff);
	assert_int_equal(ops->read(&uart), -1);
}

static void receive_interrupt_comes_with_the_first_byte(void **state)
{
	(void)state;
	assert_int_equal(ops->start(&uart), 0);
	ops->interrupts_set(&uart, true, false);
	assert_int_equal(model.ie, 2);
	assert_int_equal(model.rxctrl >> 16, 0);
}

static void room_interrupt_comes_with_an_empty_fifo(void **state)
{
	(void)state;
	assert_int_equal(ops->start(&uart), 0);
	ops->interrupts_set(&uart, true, true);
	assert_int_equal(model.ie, 3);
	assert_int_equal(model.txctrl >> 16, 1);
	ops->interrupts_set(&uart, false, false);
	assert_int_equal(model.ie, 0);
}

static void fast_transmitter_does_not_keep_us(void **state)
{
	char text[64] = "";

	(void)state;
	assert_int_equal(ops->start(&uart), 0);
	model.slowness = 0;
	assert_int_equal(ops->send(&uart, text, sizeof(text)), DEPTH);
}

static void it_takes_what_fits_and_does_not_wait(void **state)
{
	char text[20] = "12345678901234567890";

	(void)state;
	assert_int_equal(ops->start(&uart), 0);
	model.dead = true;
	assert_int_equal(ops->send(&uart, text, sizeof(text)), DEPTH);
	model.reads = 0;
	assert_int_equal(ops->send(&uart, text, sizeof(text)), 0);
	assert_int_equal(model.reads, 1);
}

static void stop_waits_and_turns_interrupts_off(void **state)
{
	(void)state;
	model.txctrl = 2; /* nstop */
	model.slowness = 5;
	assert_int_equal(ops->start(&uart), 0);
	ops->interrupts_set(&uart, true, true);
	assert_int_equal(ops->send(&uart, "last", 4), 4);
	assert_int_not_equal(model.waiting, 0);
	ops->stop(&uart);
	assert_int_equal(model.waiting, 0);
	assert_int_equal(model.ie, 0);
	assert_int_equal(model.txctrl, 0x10003);
	model.dead = true;
	assert_int_equal(ops->send(&uart, "x", 1), 1);
	model.reads = 0;
	ops->stop(&uart);
	assert_true(model.reads <= UART_POLLS_MAX + 20);
}

static void nothing_there_is_found_out(void **state)
{
	(void)state;
	model.absent = true;
	assert_int_equal(ops->start(&uart), -ENODEV);
}

static int node_read(struct uart_regs *out)
{
	struct dt_node node;

	assert_int_equal(dt_find_path(tree.blob, NODE, &node), 0);
	return ops->regs_read(tree.blob, &node, out);
}

static void node_gives_stride_and_width_4(void **state)
{
	struct uart_regs regs;

	(void)state;
	tree_init(&tree);
	tree_cells(&tree, NODE, "reg", 0, DEVICE, 0, 0x1000);
	assert_int_equal(node_read(&regs), 0);
	assert_int_equal(regs.base, DEVICE);
	assert_int_equal(regs.size, 0x1000);
	assert_int_equal(regs.shift, 2);
	assert_int_equal(regs.width, 4);
}

static void bad_nodes_are_refused(void **state)
{
	struct uart_regs regs;

	(void)state;
	tree_init(&tree);
	tree_cells(&tree, NODE, "reg", 0, DEVICE, 0, 0x18);
	assert_int_equal(node_read(&regs), -EINVAL);
	tree_cells(&tree, NODE, "reg", 0, DEVICE + 2, 0, 0x1000);
	assert_int_equal(node_read(&regs), -EINVAL);
	tree_init(&tree);
	tree_string(&tree, NODE, "compatible", "sifive,uart0");
	assert_int_equal(node_read(&regs), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(text_longer_than_the_fifo_is_sent_whole,
				       setup),
		cmocka_unit_test_setup(start_keeps_stop_bits_and_interrupts_off,
				       setup),
		cmocka_unit_test_setup(bytes_are_received_once, setup),
		cmocka_unit_test_setup(
			receive_interrupt_comes_with_the_first_byte, setup),
		cmocka_unit_test_setup(room_interrupt_comes_with_an_empty_fifo,
				       setup),
		cmocka_unit_test_setup(fast_transmitter_does_not_keep_us,
				       setup),
		cmocka_unit_test_setup(it_takes_what_fits_and_does_not_wait,
				       setup),
		cmocka_unit_test_setup(stop_waits_and_turns_interrupts_off,
				       setup),
		cmocka_unit_test_setup(nothing_there_is_found_out, setup),
		cmocka_unit_test_setup(node_gives_stride_and_width_4, setup),
		cmocka_unit_test_setup(bad_nodes_are_refused, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
