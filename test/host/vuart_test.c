/* Sources: kernel/guest/vuart.c test/host/fake/lock.c lib/ring.c */
/*
 * The guest's serial port: register by register, its interrupts, what happens
 * when the console takes nothing, and a driver that works by interrupts over
 * random consoles without losing a byte.
 */
#include "kernel/guest/vuart.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "test/host/random.h"

enum {
	THR = 0,
	RBR = 0,
	IER = 1,
	IIR = 2,
	FCR = 2,
	LCR = 3,
	MCR = 4,
	LSR = 5,
	MSR = 6,
	SCR = 7
};

#define LSR_DR	 0x01
#define LSR_OE	 0x02
#define LSR_IDLE 0x60 /* THRE and TEMT */

static struct vuart uart;

/* The other end: takes @room bytes, all when negative. */
static struct {
	int room;
	uint8_t taken[4096];
	unsigned count;
	bool line;
	unsigned line_changes, room_calls;
} console;

static bool take(void *arg, uint8_t byte)
{
	assert_ptr_equal(arg, &console);
	assert_true(uart.lock.word);
	if (!console.room)
		return false;
	if (console.room > 0)
		console.room--;
	console.taken[console.count++ % sizeof(console.taken)] = byte;
	return true;
}

static void line(void *arg, bool level)
{
	assert_ptr_equal(arg, &console);
	assert_true(console.line != level);
	console.line = level;
	console.line_changes++;
}

static void input_room(void *arg)
{
	assert_ptr_equal(arg, &console);
	console.room_calls++;
}

static const struct vuart_ops ops = {take, line, input_room};

static uint8_t in(unsigned reg)
{
	struct vcpu_mmio m = {.width = 1, .value = ~0ull};

	assert_int_equal(vuart_access(&uart, reg, &m), 0);
	assert_true(m.value <= 0xff);
	return m.value;
}

static void out(unsigned reg, uint8_t value)
{
	struct vcpu_mmio m = {.width = 1, .write = true, .value = value};

	assert_int_equal(vuart_access(&uart, reg, &m), 0);
}

static int setup(void **state)
{
	(void)state;
	memset(&console, 0, sizeof(console));
	console.room = -1;
	vuart_init(&uart, &ops, &console);
	return 0;
}

static void input(const char *text)
{
	for (; *text; text++)
		assert_true(vuart_input(&uart, *text));
}

static void after_reset_it_is_idle(void **state)
{
	(void)state;
	assert_int_equal(in(LSR), LSR_IDLE);
	assert_int_equal(in(IIR), 0x01);
	assert_int_equal(in(IER), 0);
	assert_int_equal(in(LCR), 0);
	assert_int_equal(in(MCR), 0);
	assert_int_equal(in(MSR), 0xb0);
	assert_int_equal(in(RBR), 0);
	assert_false(console.line);
}

static void registers_keep_what_they_can(void **state)
{
	(void)state;
	out(SCR, 0xa5);
	out(LCR, 0x1b);
	out(IER, 0xff);
	out(MCR, 0xff & ~0x10);
	assert_int_equal(in(SCR), 0xa5);
	assert_int_equal(in(LCR), 0x1b);
	assert_int_equal(in(IER), 0x0f);
	assert_int_equal(in(MCR), 0x0f);
	/* Read only. */
	out(LSR, 0xff);
	out(MSR, 0xff);
	assert_int_equal(in(LSR), LSR_IDLE);
	assert_int_equal(in(MSR), 0xb0);
}

static void divisor_hides_data_and_ier(void **state)
{
	(void)state;
	out(IER, 0x05);
	out(LCR, 0x83);
	out(0, 0x34);
	out(1, 0x12);
	assert_int_equal(in(0), 0x34);
	assert_int_equal(in(1), 0x12);
	assert_int_equal(in(LSR), LSR_IDLE);
	out(LCR, 0x03);
	assert_int_equal(in(IER), 0x05);
	assert_int_equal(console.count, 0);
	out(THR, 'x');
	assert_int_equal(console.count, 1);
	assert_int_equal(console.taken[0], 'x');
}

static void fifos_are_seen_in_iir(void **state)
{
	(void)state;
	out(FCR, 0xc0); /* without bit 0: nothing */
	assert_int_equal(in(IIR), 0x01);
	out(FCR, 0x01);
	assert_int_equal(in(IIR), 0xc1);
	out(FCR, 0x00);
	assert_int_equal(in(IIR), 0x01);
}

static void input_by_trigger_level(void **state)
{
	(void)state;
	out(IER, 0x01);
	out(FCR, 0x41); /* 4 bytes */
	input("abc");
	assert_true(console.line);
	assert_int_equal(in(IIR), 0xcc); /* fewer, and the line is idle */
	input("d");
	assert_int_equal(in(IIR), 0xc4);
	assert_int_equal(in(LSR), LSR_IDLE | LSR_DR);
	assert_int_equal(in(RBR), 'a');
	assert_int_equal(in(IIR), 0xcc);
	assert_int_equal(in(RBR), 'b');
	assert_int_equal(in(RBR), 'c');
	assert_true(console.line);
	assert_int_equal(in(RBR), 'd');
	assert_false(console.line);
	assert_int_equal(in(IIR), 0xc1);
	assert_int_equal(in(LSR), LSR_IDLE);
}

static void input_waits_while_the_fifo_is_full(void **state)
{
	unsigned i;

	(void)state;
	out(FCR, 0x01);
	for (i = 0; i < VUART_FIFO; i++)
		assert_true(vuart_input(&uart, i));
	assert_false(vuart_input(&uart, 99));
	assert_int_equal(console.room_calls, 0);
	for (i = 0; i < VUART_FIFO; i++)
		assert_int_equal(in(RBR), i);
	assert_int_equal(console.room_calls, 1);
	assert_int_equal(in(LSR), LSR_IDLE);
}

static void without_fifos_one_byte_fits(void **state)
{
	(void)state;
	input("a");
	assert_false(vuart_input(&uart, 'b'));
	assert_int_equal(in(RBR), 'a');
	assert_int_equal(console.room_calls, 1);
	input("b");
	/* Turning FIFOs on empties both. */
	out(FCR, 0x01);
	assert_int_equal(in(LSR), LSR_IDLE);
	input("cd");
	out(FCR, 0x03);
	assert_int_equal(in(LSR), LSR_IDLE);
}

static void output_waits_while_the_console_is_full(void **state)
{
	(void)state;
	out(FCR, 0x01);
	console.room = 2;
	out(THR, '1');
	out(THR, '2');
	assert_int_equal(in(LSR), LSR_IDLE);
	out(THR, '3');
	out(THR, '4');
	assert_int_equal(in(LSR), 0);
	console.room = 1;
	vuart_drain(&uart);
	assert_int_equal(in(LSR), 0);
	console.room = -1;
	vuart_drain(&uart);
	assert_int_equal(in(LSR), LSR_IDLE);
	assert_int_equal(console.count, 4);
	assert_memory_equal(console.taken, "1234", 4);
}

static void writes_to_a_full_fifo_are_lost_alone(void **state)
{
	unsigned i;

	(void)state;
	out(FCR, 0x01);
	console.room = 0;
	for (i = 0; i < 3 * VUART_FIFO; i++)
		out(THR, i);
	console.room = -1;
	vuart_drain(&uart);
	assert_int_equal(console.count, VUART_FIFO);
	for (i = 0; i < VUART_FIFO; i++)
		assert_int_equal(console.taken[i], i);
}

static void empty_thr_interrupts_once(void **state)
{
	(void)state;
	out(FCR, 0x01);
	assert_false(console.line);
	out(IER, 0x02);
	assert_true(console.line);
	assert_int_equal(in(IIR), 0xc2); /* reading it is the answer */
	assert_false(console.line);
	assert_int_equal(in(IIR), 0xc1);
	out(THR, 'x');
	assert_true(console.line);
	assert_int_equal(in(IIR), 0xc2);
	/* On again is told again (8250 drivers test for it). */
	out(IER, 0x00);
	out(IER, 0x02);
	assert_int_equal(in(IIR), 0xc2);
	/* Left on, it is not. */
	out(IER, 0x06);
	out(IER, 0x02);
	assert_false(console.line);
	/* Nothing while the byte waits. */
	console.room = 0;
	out(THR, 'y');
	assert_false(console.line);
	out(IER, 0x00);
	out(IER, 0x02);
	assert_false(console.line);
	console.room = -1;
	vuart_drain(&uart);
	assert_true(console.line);
	out(FCR, 0x05);
	assert_true(console.line);
}

static void drain_of_an_empty_port_is_silent(void **state)
{
	(void)state;
	out(IER, 0x02);
	assert_int_equal(in(IIR), 0x02);
	vuart_drain(&uart);
	assert_false(console.line);
}

static void reading_iir_answers_only_what_it_shows(void **state)
{
	(void)state;
	out(FCR, 0x01);
	out(IER, 0x03);
	input("k");
	assert_int_equal(in(IIR), 0xc4);
	assert_int_equal(in(RBR), 'k');
	assert_true(console.line);
	assert_int_equal(in(IIR), 0xc2);
	assert_false(console.line);
}

static void loopback_returns_bytes_and_lines(void **state)
{
	(void)state;
	out(FCR, 0x01);
	in(MSR);
	out(MCR, 0x1a); /* as 8250 drivers probe: RTS and OUT2 */
	assert_int_equal(in(MSR)&0xf0, 0x90);
	out(THR, 'L');
	assert_int_equal(console.count, 0);
	assert_int_equal(in(LSR), LSR_IDLE | LSR_DR);
	assert_int_equal(in(RBR), 'L');
	/* Sent is sent, also in the loop. */
	out(IER, 0x02);
	assert_int_equal(in(IIR), 0xc2);
	out(THR, 'M');
	assert_int_equal(in(IIR), 0xc2);
	assert_int_equal(in(RBR), 'M');
	/* The terminal's bytes wait outside. */
	assert_false(vuart_input(&uart, 'T'));
	out(MCR, 0x00);
	assert_int_equal(console.room_calls, 1);
	input("T");
	assert_int_equal(in(RBR), 'T');
}

static void loopback_keeps_output_that_waits(void **state)
{
	(void)state;
	out(FCR, 0x01);
	console.room = 0;
	out(THR, 'w');
	out(MCR, 0x10);
	out(THR, 'l');
	assert_int_equal(in(RBR), 'l');
	out(MCR, 0x00);
	console.room = -1;
	vuart_drain(&uart);
	assert_int_equal(console.count, 1);
	assert_int_equal(console.taken[0], 'w');
}

static void looped_bytes_overrun(void **state)
{
	(void)state;
	out(MCR, 0x10);
	out(IER, 0x04);
	out(THR, 'a');
	assert_false(console.line);
	out(THR, 'b');
	assert_true(console.line);
	assert_int_equal(in(IIR), 0x06);
	assert_int_equal(in(LSR), LSR_IDLE | LSR_DR | LSR_OE);
	assert_false(console.line);
	assert_int_equal(in(LSR), LSR_IDLE | LSR_DR);
	assert_int_equal(in(RBR), 'a');
}

static void modem_lines_interrupt(void **state)
{
	(void)state;
	out(IER, 0x08);
	assert_false(console.line);
	out(MCR, 0x10); /* CTS, DSR and DCD go */
	assert_true(console.line);
	assert_int_equal(in(IIR), 0x00);
	assert_int_equal(in(MSR), 0x0b);
	assert_false(console.line);
	out(MCR, 0x14); /* RI begins: no event */
	assert_int_equal(in(MSR), 0x40);
	out(MCR, 0x10); /* and ends */
	assert_int_equal(in(MSR), 0x04);
	assert_int_equal(in(IIR), 0x01);
}

static void reset_forgets_all(void **state)
{
	(void)state;
	out(FCR, 0x01);
	out(IER, 0x0f);
	out(SCR, 1);
	out(LCR, 0x83);
	console.room = 0;
	out(LCR, 0x03);
	out(THR, 'x');
	while (vuart_input(&uart, 'i'))
		;
	assert_true(console.line);
	vuart_reset(&uart);
	assert_false(console.line);
	assert_int_equal(console.room_calls, 1);
	console.room = -1;
	vuart_drain(&uart);
	assert_int_equal(console.count, 0);
	after_reset_it_is_idle(NULL);
	assert_int_equal(in(SCR), 0);
}

static void only_bytes_are_accepted(void **state)
{
	struct vcpu_mmio m = {.width = 4};

	(void)state;
	assert_int_equal(vuart_access(&uart, THR, &m), -EINVAL);
	m.width = 1;
	assert_int_equal(vuart_access(&uart, VUART_SIZE, &m), -EINVAL);
}

/*
 * A driver that only works when the line is up: a byte or interrupt lost would
 * leave it asleep with work undone.
 */
static struct {
	unsigned sent, received, to_send;
} driver;

static void driver_interrupt(void)
{
	unsigned iir, room = VUART_FIFO;

	while (console.line && !((iir = in(IIR)) & 1)) {
		if ((iir & 0x0f) == 0x02) {
			while (room-- && driver.sent < driver.to_send)
				out(THR, driver.sent++ & 0xff);
			room = VUART_FIFO;
			continue;
		}
		while (in(LSR)&LSR_DR)
			assert_int_equal(in(RBR), driver.received++ & 0xff);
	}
}

static void check_taken(unsigned from)
{
	for (; from < console.count; from++)
		assert_int_equal(console.taken[from % 4096], from & 0xff);
}

static void interrupt_driver_loses_nothing(void **state)
{
	uint64_t seed = random_seed();
	unsigned given = 0, checked = 0;

	(void)state;
	memset(&driver, 0, sizeof(driver));
	out(FCR, 0x81);
	out(IER, 0x03);
	for (unsigned i = 0; i < 200000; i++) {
		switch (random_below(&seed, 5)) {
		case 0:
			console.room = random_below(&seed, 40);
			vuart_drain(&uart);
			break;
		case 1:
			given += vuart_input(&uart, given & 0xff);
			break;
		case 2: /* the writer wakes it as start_tx does */
			driver.to_send += random_below(&seed, 20);
			out(IER, 0x01);
			out(IER, 0x03);
			break;
		default:
			driver_interrupt();
			break;
		}
		check_taken(checked);
		checked = console.count;
	}
	console.room = -1;
	vuart_drain(&uart);
	driver_interrupt();
	assert_int_equal(driver.sent, driver.to_send);
	assert_int_equal(console.count, driver.to_send);
	assert_int_equal(driver.received, given);
	assert_true(given > 1000 && driver.sent > 1000);
	assert_int_equal(in(LSR), LSR_IDLE);
}

/* Two ports to which the same happens; bytes sent go into their rings. */
static struct twin {
	struct vuart uart;
	struct ring ring;
	uint8_t bytes[32];
	bool line;
} twin[2];

static bool twin_take(void *arg, uint8_t byte)
{
	struct twin *t = arg;

	return ring_put(&t->ring, byte);
}

static void twin_line(void *arg, bool level)
{
	struct twin *t = arg;

	t->line = level;
}

static void twin_room(void *arg)
{
	(void)arg;
}

static const struct vuart_ops twin_ops = {twin_take, twin_line, twin_room};

static uint8_t twin_access(struct twin *t, unsigned reg, int value)
{
	struct vcpu_mmio m = {
		.width = 1, .write = value >= 0, .value = value & 0xff};

	assert_int_equal(vuart_access(&t->uart, reg, &m), 0);
	return m.value;
}

/* As switch.S does it. */
static bool sent_straight(struct twin *t, uint8_t byte)
{
	return t->uart.straight && *t->uart.listened &&
		ring_put(t->uart.outlet, byte);
}

/* What the guest and the console see is the same for both. */
static void twins_check(unsigned reg)
{
	assert_int_equal(twin_access(&twin[0], reg, -1),
			 twin_access(&twin[1], reg, -1));
	assert_int_equal(twin[0].line, twin[1].line);
	assert_int_equal(ring_used(&twin[0].ring), ring_used(&twin[1].ring));
}

/* What waits in FIFOs is not always asked for as soon as there is room. */
static void twins_console(unsigned bytes, bool drain)
{
	while (bytes--)
		assert_int_equal(ring_get(&twin[0].ring),
				 ring_get(&twin[1].ring));
	for (unsigned i = 0; drain && i < 2; i++)
		vuart_drain(&twin[i].uart);
}

static void bytes_sent_straight_look_like_others(void **state)
{
	static const uint32_t listened = 1;
	static const uint8_t value[] = {0, 1, 2, 3, 7, 0x80, 0x83, 0x10, 0xc7};
	uint64_t seed = random_seed();
	unsigned straight = 0;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		ring_init(&twin[i].ring, twin[i].bytes, sizeof(twin[i].bytes));
		vuart_init(&twin[i].uart, &twin_ops, &twin[i]);
	}
	vuart_outlet_set(&twin[0].uart, &twin[0].ring, &listened);
	for (unsigned n = 0; n < 200000; n++) {
		uint64_t r = random_next(&seed);
		unsigned reg = 1 + r % 7;
		int byte = value[(r >> 8) % sizeof(value)];

		switch (r >> 32 & 7) {
		case 0:
			for (unsigned i = 0; i < 2; i++)
				twin_access(&twin[i], reg, byte);
			break;
		case 1:
			twins_console(r >> 16 & 15, r >> 20 & 1);
			break;
		case 2: /* what sends by itself soon ends */
			for (unsigned i = 0; i < 2; i++)
				twin_access(&twin[i], IER, byte & 3);
			break;
		case 3:
			for (unsigned i = 0; i < 2; i++) {
				twin_access(&twin[i], LCR, 3);
				twin_access(&twin[i], MCR, 0);
			}
			break;
		default:
			if (sent_straight(&twin[0], r >> 16))
				straight++;
			else
				twin_access(&twin[0], THR, r >> 16 & 0xff);
			twin_access(&twin[1], THR, r >> 16 & 0xff);
			break;
		}
		assert_false(twin[1].uart.straight);
		twins_check(r >> 40 & 7);
	}
	assert_true(straight > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(after_reset_it_is_idle, setup),
		cmocka_unit_test_setup(registers_keep_what_they_can, setup),
		cmocka_unit_test_setup(divisor_hides_data_and_ier, setup),
		cmocka_unit_test_setup(fifos_are_seen_in_iir, setup),
		cmocka_unit_test_setup(input_by_trigger_level, setup),
		cmocka_unit_test_setup(input_waits_while_the_fifo_is_full,
				       setup),
		cmocka_unit_test_setup(without_fifos_one_byte_fits, setup),
		cmocka_unit_test_setup(output_waits_while_the_console_is_full,
				       setup),
		cmocka_unit_test_setup(writes_to_a_full_fifo_are_lost_alone,
				       setup),
		cmocka_unit_test_setup(empty_thr_interrupts_once, setup),
		cmocka_unit_test_setup(drain_of_an_empty_port_is_silent, setup),
		cmocka_unit_test_setup(reading_iir_answers_only_what_it_shows,
				       setup),
		cmocka_unit_test_setup(loopback_returns_bytes_and_lines, setup),
		cmocka_unit_test_setup(loopback_keeps_output_that_waits, setup),
		cmocka_unit_test_setup(looped_bytes_overrun, setup),
		cmocka_unit_test_setup(modem_lines_interrupt, setup),
		cmocka_unit_test_setup(reset_forgets_all, setup),
		cmocka_unit_test_setup(only_bytes_are_accepted, setup),
		cmocka_unit_test_setup(interrupt_driver_loses_nothing, setup),
		cmocka_unit_test(bytes_sent_straight_look_like_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
