/* Sources: kernel/guest/vconsole.c kernel/guest/vuart.c kernel/console.c
 * kernel/console_choice.c kernel/driver.c kernel/error.c kernel/irq.c
 * kernel/cmdline.c kernel/timer.c drivers/uart/8250.c kernel/fdt/dt.c
 * kernel/fdt/address.c kernel/fdt/chosen.c kernel/fdt/interrupt.c
 * kernel/fdt/cpus.c lib/mix.c lib/range.c lib/ring.c lib/runtime.c
 * test/host/fake/hart.c test/host/fake/heap.c test/host/fake/log.c
 * test/host/fake/panic.c test/host/fake/mmio.c test/host/fake/firmware.c
 * test/host/fake/tree.c test/host/fake/uart_8250.c libfdt */
/*
 * Guests' consoles from the UART that a guest sees to the UART of the machine:
 * whose bytes come out when, that all of them do, in order and in lines of
 * their own, and that only the guest waits whose ring is full. The machine's
 * transmitter is as slow as a test wants; time passes by pass() alone.
 */
#include "kernel/guest/vconsole.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/uart/8250.h"
#include "kernel/boot.h"
#include "kernel/console.h"
#include "kernel/guest/devices.h"
#include "kernel/guest/vm.h"
#include "kernel/irq.h"
#include "kernel/timer.h"
#include "kernel/uart.h"
#include "test/host/fake/drivers.h"
#include "test/host/fake/firmware.h"
#include "test/host/fake/hart.h"
#include "test/host/fake/heap.h"
#include "test/host/fake/log.h"
#include "test/host/fake/mmio.h"
#include "test/host/fake/tree.h"
#include "test/host/fake/uart_8250.h"
#include "test/host/random.h"

DRIVERS_LIST(1, &uart_8250_driver);

#define NODE   "/soc/serial@10000000"
#define GUESTS 4
#define STEP   100u /* ticks of 1 us: the machine's time goes by these */
#define TENTH  100000u
#define RING   4096u
#define LSR    5u
#define THRE   0x20u

static struct tree tree;
static struct uart_8250 model;
static struct boot_info info;
static unsigned speed; /* bytes that the machine's UART sends per STEP */
static unsigned interrupts, ended;

static struct guest {
	struct vm vm;
	struct vm_devices devices;
	bool line;
} guest[GUESTS];

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
	(void)write;
}

/* ---- the machine ---- */

static irq_handler *line_fn;
static void *line_arg;

static int line_request(struct irqchip *chip, const struct dt_irq *irq,
			irq_handler *fn, void *arg)
{
	(void)chip;
	(void)irq;
	line_fn = fn;
	line_arg = arg;
	return 0;
}

static struct irqchip chip = {
	.name = "chip", .phandle = 1, .request = line_request};

/* What a hart does that has nothing else to do. */
static void serve(void)
{
	unsigned n;

	if (fake_hart.deadline[0] <= fake_hart.now) {
		interrupts++;
		timer_interrupt();
	}
	for (n = 0; line_fn && uart_8250_interrupt(&model); n++) {
		assert_true(n < 10000);
		interrupts++;
		line_fn(line_arg);
	}
	assert_int_equal(fake_hart.locks, 0);
}

static void pass(uint64_t ticks)
{
	uint64_t until = fake_hart.now + ticks;

	while (fake_hart.now < until) {
		fake_hart.now += STEP;
		uart_8250_pass(&model, speed);
		serve();
	}
}

static void machine_start(bool with_line)
{
	mmio_reset();
	fake_firmware_reset();
	memset(&info, 0, sizeof(info));
	memset(&model, 0, sizeof(model));
	tree_init(&tree);
	tree_cells(&tree, "/controller", "phandle", with_line ? 1 : 2);
	tree_cells(&tree, "/controller", "#interrupt-cells", 1);
	tree_string(&tree, NODE, "compatible", "ns16550a");
	tree_cells(&tree, NODE, "reg", 0, 0x10000000, 0, 0x100);
	tree_cells(&tree, NODE, "interrupts", 10);
	tree_string(&tree, "/chosen", "stdout-path", NODE);
	model.base = 0x10000000;
	model.width = 1;
	uart_8250_add(&model, 0x10000000, 0x100);
	line_fn = NULL;
	assert_int_equal(console_init(), 0);
	console_interrupts_enable();
	model.throttled = true;
	speed = 16;
}

/* ---- the guests ---- */

static void uart_line(void *arg, bool level)
{
	container_of((struct vm *)arg, struct guest, vm)->line = level;
}

static void uart_input_room(void *arg)
{
	vconsole_input_room(arg);
}

static const struct vuart_ops uart_ops = {vconsole_output, uart_line,
					  uart_input_room};

static void vm_ended(struct vm *vm)
{
	assert_ptr_equal(vm, &guest[0].vm);
	ended++;
}

static void guest_make(unsigned i)
{
	struct guest *g = &guest[i];

	memset(g, 0, sizeof(*g));
	snprintf(g->vm.name, sizeof(g->vm.name), "g%u", i);
	g->vm.state = VM_UP;
	g->vm.devices = &g->devices;
	g->vm.ended = vm_ended;
	assert_int_equal(vconsole_create(&g->vm), 0);
	vuart_init(&g->devices.uart, &uart_ops, &g->vm);
	vconsole_connect(&g->vm);
}

static int setup(void **state)
{
	static bool registered;

	(void)state;
	if (!registered) {
		fake_hart_reset();
		irqchip_register(&chip);
	}
	registered = true;
	machine_start(true);
	vconsole_init();
	vconsole_attach(NULL);
	for (unsigned i = 0; i < GUESTS; i++)
		guest_make(i);
	/* No line is left open by the test before. */
	model.instant = true;
	console_write_log("-\n", 2);
	machine_start(true);
	interrupts = ended = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	model.instant = true;
	speed = 16;
	pass(4 * TENTH);
	for (unsigned i = 0; i < GUESTS; i++)
		vconsole_destroy(&guest[i].vm);
	assert_int_equal(fake_heap_live, 0);
	return 0;
}

static uint8_t reg(unsigned i, unsigned at)
{
	struct vcpu_mmio m = {.width = 1};

	assert_int_equal(vuart_access(&guest[i].devices.uart, at, &m), 0);
	return m.value;
}

static void reg_set(unsigned i, unsigned at, uint8_t value)
{
	struct vcpu_mmio m = {.width = 1, .write = true, .value = value};

	assert_int_equal(vuart_access(&guest[i].devices.uart, at, &m), 0);
}

/* Guest @i writes by its UART as a driver that polls; bytes written. */
static size_t say_some(unsigned i, const char *text, size_t len)
{
	size_t n;

	for (n = 0; n < len && reg(i, LSR) & THRE; n++)
		reg_set(i, 0, text[n]);
	return n;
}

static void say(unsigned i, const char *text)
{
	assert_int_equal(say_some(i, text, strlen(text)), strlen(text));
}

/* As much as guest @i gets rid of. */
static size_t flood(unsigned i, const char *line)
{
	size_t n, all = 0;

	do
		all += n = say_some(i, line, strlen(line));
	while (n == strlen(line));
	return all;
}

static void expect_sent(const char *text)
{
	assert_int_equal(model.sent_len, strlen(text));
	assert_memory_equal(model.sent, text, strlen(text));
}

/* Where @text was sent, from @from on; -1: nowhere. */
static long sent_find(const char *text, size_t from)
{
	size_t len = strlen(text);

	for (; from + len <= model.sent_len; from++)
		if (!memcmp(model.sent + from, text, len))
			return (long)from;
	return -1;
}

/* A hart that has seen *u->listened set, in its guest's vector (switch.S), and
 * puts its byte while it has the UART's lock. */
static struct vuart *late;

static void put_late(struct spinlock *lock)
{
	if (!late || lock != &late->lock || *late->listened)
		return;
	assert_true(late->straight);
	assert_true(ring_put(late->outlet, 'b'));
	late = NULL;
}

static void a_byte_put_without_a_kick_is_seen(void **state)
{
	(void)state;
	vconsole_attach(&guest[0].vm);
	say(0, "a");
	late = &guest[0].devices.uart;
	fake_hart.other_hart = put_late;
	pass(TENTH);
	fake_hart.other_hart = NULL;
	/* Its lock was not waited for: it puts the byte all the same. */
	if (late)
		ring_put(late->outlet, 'b');
	pass(TENTH);
	expect_sent("ab");
	assert_null(late);
}

/* ---- lines ---- */

static void lines_have_their_guests_name(void **state)
{
	(void)state;
	say(0, "one\r\ntwo\n");
	say(1, "other\r\n");
	say(0, "\r\nlast\n");
	pass(30 * STEP);
	expect_sent("g0| one\r\ng1| other\r\ng0| two\r\ng0| \r\n"
		    "g0| last\r\n");
}

static void unfinished_line_is_shown_after_100_ms(void **state)
{
	(void)state;
	say(0, "login: ");
	pass(TENTH - 5 * STEP);
	expect_sent("");
	pass(20 * STEP);
	expect_sent("g0| login: \r\n");
	/* A newline then is the end of that line, not an empty one. */
	say(0, "\r\nnext\n");
	pass(20 * STEP);
	expect_sent("g0| login: \r\ng0| next\r\n");
}

static void slow_writer_is_shown_100_ms_after_it_began(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		say(0, "x");
		pass(10000);
	}
	assert_true(model.sent_len > 2 * 4);
	assert_memory_equal(model.sent, "g0| xxxxxxxxx", 13);
}

static void trickling_guest_holds_others_once(void **state)
{
	(void)state;
	vconsole_attach(&guest[0].vm);
	say(0, ".");
	pass(TENTH / 2);
	say(1, "line\n");
	pass(TENTH / 4);
	assert_int_equal(sent_find("g1| line", 0), -1);
	say(0, ".");
	pass(TENTH / 2);
	assert_true(sent_find("g1| line", 0) > 0);
	/* Not again before the line has ended. */
	say(0, ".");
	pass(10 * STEP);
	say(1, "next\n");
	pass(TENTH / 4);
	assert_true(sent_find("g1| next", 0) > 0);
	say(0, "\n# ");
	pass(10 * STEP);
	say(1, "third\n");
	pass(TENTH / 4);
	assert_int_equal(sent_find("g1| third", 0), -1);
	pass(TENTH);
	assert_true(sent_find("g1| third", 0) > 0);
}

static void type(unsigned i, const char *text)
{
	for (; *text; text++)
		vconsole_type(&guest[i].vm, (uint8_t)*text);
}

static void expect_read(unsigned i, size_t most, const char *text)
{
	char buf[64] = "";

	assert_int_equal(vm_console_read(&guest[i].vm, buf, most),
			 strlen(text));
	assert_string_equal(buf, text);
}

static void typed_bytes_are_one_stream(void **state)
{
	(void)state;
	type(0, "a");
	expect_read(0, 32, "a");
	type(0, "bcd");
	expect_read(0, 2, "bc");
	type(0, "e");
	assert_int_equal(reg(0, 0), 'd');
	assert_int_equal(reg(0, 0), 'e');
	expect_read(0, 32, "");
	reg_set(0, 2, 1); /* FCR: FIFOs on */
	type(0, "0123456789abcdefghijkl");
	assert_int_equal(reg(0, 0), '0');
	expect_read(0, 3, "123");
	assert_int_equal(reg(0, 0), '4');
	expect_read(0, 32, "56789abcdefghijkl");
	assert_int_equal(reg(0, LSR) & 1, 0);
	type(0, "m");
	assert_int_equal(reg(0, 0), 'm');
	/* A read makes room in the UART for what was refused there. */
	reg_set(0, 1, 1); /* IER: receive */
	type(0, "0123456789abcdefghijkl");
	expect_read(0, 16, "0123456789abcdef");
	assert_true(guest[0].line);
	assert_int_equal(guest[0].devices.uart.polled & 1, 1);
	expect_read(0, 32, "ghijkl");
	/* What a guest loops to itself was not typed. */
	reg_set(0, 4, 0x10); /* MCR: loop */
	reg_set(0, 0, 'x');
	expect_read(0, 32, "");
	type(0, "n");
	expect_read(0, 32, "n");
	assert_int_equal(reg(0, 0), 'x');
}

static void long_line_is_shown_by_256_bytes(void **state)
{
	char text[700], expected[1500];

	(void)state;
	memset(text, 'y', 600);
	strcpy(text + 600, "\n");
	say(0, text);
	pass(100 * STEP);
	snprintf(expected, sizeof(expected),
		 "g0| %.256s\r\ng0| %.256s\r\ng0| %.88s\r\n", text, text, text);
	expect_sent(expected);
	/* One that is exactly as long is one. */
	model.sent_len = 0;
	strcpy(text + 256, "\r\n");
	say(0, text);
	say(0, "z\n");
	pass(100 * STEP);
	snprintf(expected, sizeof(expected), "g0| %.256s\r\ng0| z\r\n", text);
	expect_sent(expected);
}

static void what_a_terminal_acts_on_is_not_shown(void **state)
{
	(void)state;
	say(0, "a\x1b[2J\tb\x7f\a\rc\xc3\xa4\xc2\x9bx6n\xc2\xa0\n");
	pass(30 * STEP);
	expect_sent("g0| a?[2J\tb??c\xc3\xa4\xc2?x6n\xc2\xa0\r\n");
	model.sent_len = 0;
	vconsole_attach(&guest[0].vm);
	say(0, "a\x1b[2J\rb\n");
	pass(30 * STEP);
	expect_sent("a\x1b[2J\rb\n");
}

static void longest_name_and_line_fit(void **state)
{
	char text[300];

	(void)state;
	memset(guest[0].vm.name, 'n', VM_NAME_MAX - 1);
	memset(text, 't', 256);
	text[256] = 0;
	say(0, text);
	pass(100 * STEP);
	assert_int_equal(model.sent_len, VM_NAME_MAX - 1 + 2 + 256 + 2);
}

/* ---- several authors ---- */

static void nobody_writes_into_anothers_line(void **state)
{
	(void)state;
	vconsole_attach(&guest[0].vm);
	say(0, "raw");
	pass(30 * STEP);
	assert_false(console_line_is_open());
	console_write_log("log\n", 4);
	say(0, "more\r\n# ");
	pass(30 * STEP);
	console_write("aloft> ", 7);
	assert_true(console_line_is_open());
	console_write("he", 2);
	say(1, "line\n");
	pass(2 * TENTH);
	assert_false(console_line_is_open());
	console_write("lp\n", 3);
	expect_sent("raw\r\nlog\r\nmore\r\n# \r\naloft> he\r\ng1| line\r\n"
		    "lp\r\n");
}

static void attached_guests_line_is_not_broken_for_a_while(void **state)
{
	(void)state;
	vconsole_attach(&guest[0].vm);
	say(0, "begun");
	say(1, "other\n");
	pass(TENTH / 2);
	expect_sent("begun");
	say(0, ", done\r\n");
	pass(30 * STEP);
	expect_sent("begun, done\r\ng1| other\r\n");
	/* One that stays unfinished does not hold the others up for long. */
	model.sent_len = 0;
	say(0, "# ");
	pass(30 * STEP);
	say(1, "other\n");
	pass(TENTH + 10 * STEP);
	expect_sent("# \r\ng1| other\r\n");
	/* Nor does one without end. */
	model.sent_len = 0;
	say(1, "again\n");
	for (unsigned i = 0; i < 300; i++) {
		say(0, "e");
		pass(STEP);
	}
	pass(30 * STEP);
	assert_true(sent_find("\r\ng1| again\r\n", 0) >= 0);
}

static void log_finishes_the_line_under_way(void **state)
{
	(void)state;
	say(0, "a line that is longer than the FIFO of the UART\n");
	speed = 0;
	pass(20 * STEP);
	assert_int_equal(model.sent_len, 16);
	model.throttled = false;
	console_write_log("log\n", 4);
	expect_sent("g0| a line that is longer than the FIFO of the UART\r\n"
		    "log\r\n");
}

/* ---- who waits ---- */

static void full_ring_stops_its_guest_alone(void **state)
{
	const char line[] = "a flood of lines\n";
	char more[100];
	size_t said;

	(void)state;
	reg_set(0, 2, 1); /* FCR: FIFOs */
	speed = 0;
	said = flood(0, line);
	/* One byte waits in the UART and tells the guest to. */
	assert_int_equal(said, RING + 1);
	assert_int_equal(reg(0, LSR) & 0x60, 0);
	assert_int_equal(vm_console_write(&guest[0].vm, "x", 1), 0);
	pass(30 * STEP);
	/* One line is under way: DBCN takes what that left, in order behind
	 * the UART's. */
	memset(more, 'm', sizeof(more));
	assert_int_equal(vm_console_write(&guest[0].vm, more, sizeof(more)),
			 strlen(line) - 1);
	/* Others and the kernel go on. */
	say(1, "quiet\n");
	model.throttled = false;
	console_write_log("log\n", 4);
	model.throttled = true;
	assert_true(sent_find("log\r\n", 0) >= 0);
	speed = 16;
	pass(20 * STEP);
	assert_true(sent_find("g1| quiet\r\n", 0) >= 0);
	assert_true(model.sent_len < 400);
}

static void guest_is_told_when_half_its_ring_is_free(void **state)
{
	unsigned told = 0;
	size_t said;

	(void)state;
	reg_set(0, 2, 1);
	reg_set(0, 1, 2); /* IER: THR empty */
	assert_true(guest[0].line);
	assert_int_equal(reg(0, 2), 0xc2);
	speed = 0;
	said = flood(0, "tell me when there is room\n");
	assert_false(guest[0].line);
	pass(30 * STEP);
	speed = 16;
	while (!guest[0].line && told++ < 1000)
		pass(STEP);
	/* Prefix and CR LF come with each line. */
	assert_in_range(model.sent_len, RING / 2, RING);
	assert_int_equal(reg(0, LSR) & 0x60, 0x60);
	assert_true(said > RING);
}

static void turns_are_fair(void **state)
{
	unsigned long lines[GUESTS] = {0}, most = 0, least = ~0ul;
	char text[GUESTS][200];
	size_t i;

	(void)state;
	for (unsigned g = 0; g < GUESTS; g++) {
		memset(text[g], 'a' + g, 150);
		strcpy(text[g] + 10 + 40 * g, "\n");
	}
	for (unsigned n = 0; n < 400; n++) {
		for (unsigned g = 0; g < GUESTS; g++)
			flood(g, text[g]);
		pass(3 * STEP);
	}
	for (i = 0; i + 1 < model.sent_len; i++)
		if (model.sent[i] == 'g' && model.sent[i + 2] == '|')
			lines[model.sent[i + 1] - '0']++;
	for (unsigned g = 0; g < GUESTS; g++) {
		most = lines[g] > most ? lines[g] : most;
		least = lines[g] < least ? lines[g] : least;
	}
	assert_true(least > 30);
	assert_true(most - least <= 1);
}

static void quiet_guest_waits_for_one_turn_of_each_other(void **state)
{
	char text[300];
	size_t before;
	long at;

	(void)state;
	memset(text, 'f', 256);
	strcpy(text + 256, "\n");
	for (unsigned n = 0; n < 20; n++) {
		for (unsigned g = 1; g < GUESTS; g++)
			flood(g, text);
		before = model.sent_len;
		say(0, "here I am\n");
		pass(60 * STEP);
		at = sent_find("g0| here I am", before);
		assert_in_range(at, before, before + 4 * 262);
	}
}

/* ---- interrupts ---- */

static void bytes_of_a_line_cost_one_timer(void **state)
{
	const char line[] = "exactly sixty-three bytes and their newline, "
			    "written one by one.\n";

	(void)state;
	model.instant = true;
	for (unsigned n = 0; n < 100; n++) {
		interrupts = 0;
		model.lsr_reads = 0;
		say(0, line);
		assert_int_equal(model.lsr_reads, 0);
		pass(20 * STEP);
		assert_int_equal(model.sent_len,
				 (n + 1) * (sizeof(line) - 1 + 5));
		assert_int_equal(interrupts, 1);
		/* And one look at the machine's UART for 16 bytes. */
		assert_true(model.lsr_reads <= 6);
	}
	assert_int_equal(model.ier, 1);
}

static void room_interrupt_is_on_while_there_is_output(void **state)
{
	(void)state;
	speed = 8;
	for (unsigned n = 0; n < 10; n++)
		say(0, "some text, more than the transmitter takes\n");
	pass(11 * STEP);
	assert_int_equal(model.ier, 3);
	interrupts = 0;
	pass(100 * STEP);
	assert_int_equal(model.ier, 1);
	/* One per FIFO, and one that finds nothing. */
	assert_int_equal(model.sent_len, 10 * 48);
	assert_in_range(interrupts, 10 * 48 / 16 - 1, 10 * 48 / 16 + 3);
}

static void lost_interrupt_is_made_up_for(void **state)
{
	(void)state;
	speed = 0;
	say(0, "a line that is longer than the FIFO\n");
	pass(20 * STEP);
	uart_8250_pass(&model, 16);
	model.empty_told = false;
	speed = 16;
	pass(TENTH + 10 * STEP);
	expect_sent("g0| a line that is longer than the FIFO\r\n");
}

static void without_an_interrupt_a_timer_sends(void **state)
{
	char expected[32 * 25 + 1] = "";

	(void)state;
	machine_start(false);
	assert_string_equal(console_input_description(), "poll");
	for (unsigned n = 0; n < 32; n++) {
		say(0, "with a timer alone\n");
		strcat(expected, "g0| with a timer alone\r\n");
	}
	pass(30 * STEP);
	assert_true(model.sent_len <= 3 * 16);
	pass(600 * STEP);
	expect_sent(expected);
	assert_int_equal(model.ier, 0);
}

static void firmware_console_is_fed_by_a_timer(void **state)
{
	(void)state;
	strcpy(info.args, "console=sbi");
	line_fn = NULL;
	assert_int_equal(console_init(), 0);
	console_interrupts_enable();
	fake_firmware.at_once = 7;
	say(0, "to the firmware's console\n");
	pass(200 * STEP);
	assert_string_equal(fake_firmware.sent,
			    "g0| to the firmware's console\r\n");
	/* It takes nothing for a while: nothing is lost. */
	fake_firmware.room = fake_firmware.sent_len;
	say(0, "again\n");
	pass(200 * STEP);
	fake_firmware.room = 4000;
	pass(20 * STEP);
	assert_string_equal(fake_firmware.sent,
			    "g0| to the firmware's console\r\n"
			    "g0| again\r\n");
}

/* Another hart's interrupt comes while the log's line waits for room. */
static void interrupt_from_elsewhere(void)
{
	if (model.lsr_reads == 5)
		line_fn(line_arg);
}

static void interrupt_does_not_wait_for_a_writer(void **state)
{
	(void)state;
	say(0, "a line that is longer than the FIFO\n");
	say(0, "and another\n");
	speed = 0;
	pass(20 * STEP);
	assert_int_equal(model.ier, 3);
	model.throttled = false;
	model.slowness = 3;
	model.lsr_reads = 0;
	model.looked = interrupt_from_elsewhere;
	console_write_log("log\n", 4);
	model.looked = NULL;
	speed = 16;
	pass(100 * STEP);
	expect_sent("g0| a line that is longer than the FIFO\r\nlog\r\n"
		    "g0| and another\r\n");
}

static void dead_uart_leaves_guests_to_the_firmware(void **state)
{
	(void)state;
	say(0, "before\n");
	pass(20 * STEP);
	expect_sent("g0| before\r\n");
	model.dead = true;
	model.throttled = false;
	speed = 0;
	say(0, "in the FIFO of the dead UART\n");
	say(0, "after\n");
	pass(20 * STEP);
	console_write_log("log\n", 4);
	assert_int_equal(model.ier, 0);
	pass(200 * STEP);
	assert_non_null(strstr(fake_firmware.sent, "going on by SBI"));
	assert_non_null(strstr(fake_firmware.sent,
			       "dead UART\r\nlog\r\ng0| after\r\n"));
	/* What it receives is nobody's, and interrupts no one. */
	model.received = "lost";
	model.received_len = 4;
	assert_false(uart_8250_interrupt(&model));
	fake_firmware.typed = "k";
	pass(200 * STEP);
	assert_int_equal(console_getc(), 'k');
	assert_int_equal(console_getc(), -1);
	assert_string_equal(console_input_description(), "poll");
}

static void uart_that_vanishes_leaves_guests_to_the_firmware(void **state)
{
	(void)state;
	model.absent = true;
	say(0, "who is there\n");
	pass(200 * STEP);
	assert_non_null(strstr(fake_firmware.sent, "g0| who is there\r\n"));
	fake_firmware.typed = "k";
	pass(200 * STEP);
	assert_int_equal(console_getc(), 'k');
}

/* ---- attach, detach, the end ---- */

static void switching_keeps_what_is_in_the_ring(void **state)
{
	(void)state;
	speed = 0;
	say(0, "first\r\nsecond\r\nthi");
	pass(20 * STEP);
	vconsole_attach(&guest[0].vm);
	say(0, "rd\r\nfourth\r\n");
	speed = 16;
	pass(20 * STEP);
	say(0, "fif");
	pass(20 * STEP);
	vconsole_attach(NULL);
	say(0, "th\r\nsixth\r\n");
	pass(20 * STEP);
	/* The second line was under way already. */
	expect_sent("g0| first\r\ng0| second\r\nthird\r\nfourth\r\n"
		    "fif\r\ng0| th\r\ng0| sixth\r\n");
}

static void last_words_are_shown_before_the_end(void **state)
{
	size_t said;

	(void)state;
	assert_true(vconsole_shown(&guest[0].vm));
	reg_set(0, 2, 1);
	speed = 0;
	said = flood(0, "last words, and many\n");
	pass(30 * STEP);
	guest[0].vm.state = VM_DOWN;
	assert_false(vconsole_shown(&guest[0].vm));
	pass(TENTH);
	assert_int_equal(ended, 0);
	speed = 16;
	for (unsigned n = 0; n < 1000 && !ended; n++)
		pass(STEP);
	assert_int_equal(ended, 1);
	assert_true(vconsole_shown(&guest[0].vm));
	model.throttled = false;
	console_write_log("stopped\n", 8);
	/* All of it, the UART's own last byte and an unfinished line too. */
	assert_int_equal(model.sent_len,
			 said - said / 21 + (said / 21 + 1) * 6 + 9);
	assert_memory_equal(model.sent + model.sent_len - 9, "stopped\r\n", 9);
	pass(3 * TENTH);
	assert_int_equal(ended, 1);
}

static void one_that_is_gone_is_not_touched(void **state)
{
	(void)state;
	speed = 0;
	flood(0, "of one that is gone\n");
	pass(30 * STEP);
	vconsole_attach(&guest[0].vm);
	vconsole_destroy(&guest[0].vm);
	assert_null(vconsole_attached());
	memset(&guest[0].vm, 0xee, sizeof(guest[0].vm));
	speed = 16;
	say(1, "there\n");
	pass(100 * STEP);
	assert_true(sent_find("g1| there", 0) >= 0);
	guest_make(0);
}

/* ---- everything at once ---- */

/* What guest @i says next: lines of its own letter, of any length. */
static struct {
	char text[1 << 17];
	size_t len, at;
} speech[GUESTS + 2];

static void speech_make(uint64_t *random, unsigned who, const char *letters)
{
	size_t len = 0, n;

	while (len < sizeof(speech[0].text) / 8) {
		n = random_below(random, 8) ? random_below(random, 100)
					    : random_below(random, 900);
		for (; n; n--)
			speech[who].text[len++] =
				letters[random_below(random, 10)];
		if (random_below(random, 4))
			speech[who].text[len++] = '\r';
		speech[who].text[len++] = '\n';
	}
	speech[who].len = len;
	speech[who].at = 0;
}

static void guest_speaks(uint64_t *random, unsigned i)
{
	const char *text = speech[i].text + speech[i].at;
	size_t len = random_below(random, 300);

	if (len > speech[i].len - speech[i].at)
		len = speech[i].len - speech[i].at;
	if (random_below(random, 3))
		speech[i].at += say_some(i, text, len);
	else
		speech[i].at += vm_console_write(&guest[i].vm, text, len);
}

/* Log and shell: the one lines, the other any parts. */
static void kernel_speaks(uint64_t *random)
{
	unsigned who = GUESTS + random_below(random, 2);
	const char *text = speech[who].text + speech[who].at, *end;
	size_t len = speech[who].len - speech[who].at;

	if (!len)
		return;
	end = memchr(text, '\n', len);
	len = end + 1 - text;
	if (who == GUESTS) {
		console_write_log(text, len);
	} else {
		len = 1 + random_below(random, len);
		console_write(text, len);
	}
	speech[who].at += len;
}

/* Whose letter is @c? */
static int author(char c)
{
	static const char base[GUESTS + 2] = {'a', 'k', 'A', 'K', '0', '!'};

	for (int i = 0; i < GUESTS + 2; i++)
		if (c >= base[i] && c < base[i] + 10)
			return i;
	fail_msg("byte %#x is nobody's", c);
	return -1;
}

/* One line of the console: all of it is one author's, and goes on with what he
 * said. */
static void line_check(const char *line, size_t len)
{
	int who = -1;

	if (len >= 4 && line[0] == 'g' && line[2] == '|') {
		who = line[1] - '0';
		line += 4;
		len -= 4;
	}
	for (; len; line++, len--) {
		char *text, c = *line;

		if (c == '\r')
			continue;
		if (who < 0)
			who = author(c);
		assert_int_equal(who, author(c));
		text = speech[who].text + speech[who].at;
		while (*text == '\r' || *text == '\n')
			text++;
		assert_int_equal(*text, c);
		speech[who].at = text + 1 - speech[who].text;
	}
}

static void check_all(void)
{
	const char *at = model.sent, *end = at + model.sent_len, *stop;
	size_t i;

	for (i = 0; i < GUESTS + 2; i++) {
		assert_int_equal(speech[i].at, speech[i].len);
		speech[i].at = 0;
		speech[i].text[speech[i].len] = 0;
	}
	for (; at < end; at = stop + 1) {
		stop = memchr(at, '\n', end - at);
		assert_non_null(stop);
		line_check(at, stop - at);
	}
	for (i = 0; i < GUESTS + 2; i++)
		assert_true(strspn(speech[i].text + speech[i].at, "\r\n") ==
			    speech[i].len - speech[i].at);
}

static bool all_is_said(void)
{
	for (unsigned i = 0; i < GUESTS + 2; i++)
		if (speech[i].at < speech[i].len)
			return false;
	return true;
}

static void random_step(uint64_t *random)
{
	switch (random_below(random, 12)) {
	case 0:
		vconsole_attach(
			random_below(random, 2)
				? &guest[random_below(random, GUESTS)].vm
				: NULL);
		break;
	case 1:
		/* Polled output must not wait for pass(). */
		model.throttled = false;
		kernel_speaks(random);
		model.throttled = true;
		break;
	case 2:
		speed = random_below(random, 3) ? random_below(random, 20) : 0;
		break;
	case 3:
		pass(STEP * random_below(random, 300));
		break;
	case 4:
		pass(random_below(random, TENTH));
		break;
	case 5:
		uart_8250_pass(&model, 20);
		serve();
		break;
	default:
		guest_speaks(random, random_below(random, GUESTS));
		break;
	}
}

static void every_byte_comes_out_in_order(void **state)
{
	static const char *const letters[] = {"abcdefghij", "klmnopqrst",
					      "ABCDEFGHIJ", "KLMNOPQRST",
					      "0123456789", "!\"#$%&'()*"};
	uint64_t random = random_seed();
	unsigned round, i, steps;

	for (round = 0; round < 12; round++) {
		if (round) {
			teardown(state);
			setup(state);
		}
		if (round % 4 == 3)
			machine_start(false);
		for (i = 0; i < GUESTS + 2; i++)
			speech_make(&random, i, letters[i]);
		for (steps = 0; !all_is_said(); steps++) {
			assert_true(steps < 1000000);
			random_step(&random);
		}
		vconsole_attach(NULL);
		speed = 16;
		pass(100 * TENTH);
		check_all();
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_byte_put_without_a_kick_is_seen),
		TEST(lines_have_their_guests_name),
		TEST(unfinished_line_is_shown_after_100_ms),
		TEST(slow_writer_is_shown_100_ms_after_it_began),
		TEST(trickling_guest_holds_others_once),
		TEST(typed_bytes_are_one_stream),
		TEST(long_line_is_shown_by_256_bytes),
		TEST(what_a_terminal_acts_on_is_not_shown),
		TEST(longest_name_and_line_fit),
		TEST(nobody_writes_into_anothers_line),
		TEST(attached_guests_line_is_not_broken_for_a_while),
		TEST(log_finishes_the_line_under_way),
		TEST(full_ring_stops_its_guest_alone),
		TEST(guest_is_told_when_half_its_ring_is_free),
		TEST(turns_are_fair),
		TEST(quiet_guest_waits_for_one_turn_of_each_other),
		TEST(bytes_of_a_line_cost_one_timer),
		TEST(room_interrupt_is_on_while_there_is_output),
		TEST(lost_interrupt_is_made_up_for),
		TEST(without_an_interrupt_a_timer_sends),
		TEST(firmware_console_is_fed_by_a_timer),
		TEST(interrupt_does_not_wait_for_a_writer),
		TEST(dead_uart_leaves_guests_to_the_firmware),
		TEST(uart_that_vanishes_leaves_guests_to_the_firmware),
		TEST(switching_keeps_what_is_in_the_ring),
		TEST(last_words_are_shown_before_the_end),
		TEST(one_that_is_gone_is_not_touched),
		TEST(every_byte_comes_out_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
