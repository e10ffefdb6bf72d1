/*
 * The console in use: one UART, or the firmware's console. Which one it is
 * console_choose() says (kernel/console_choice.c).
 */
#include "kernel/console.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel/boot.h"
#include "arch/firmware.h"
#include "arch/irq.h"
#include "arch/lock.h"
#include "arch/mmu.h"
#include "arch/timer.h"
#include "kernel/cmdline.h"
#include "kernel/console_choice.h"
#include "kernel/irq.h"
#include "kernel/error.h"
#include "kernel/log.h"
#include "kernel/timer.h"
#include "lib/ring.h"

/* Typed bytes that wait for a reader; a power of two. */
#define INPUT_SIZE 256u

/* Bytes taken per interrupt at most, lest a babbling UART hold the hart. */
#define INPUT_BURST 64u

/* Polls per second where no interrupt brings the input. */
#define POLL_HZ 100u

static struct {
	struct spinlock lock;
	const struct uart_ops *ops; /* NULL: the firmware, by hand */
	struct uart uart;
	struct console_choice choice;
	char description[128];
	char input_description[32];
	bool input_queued; /* by interrupt or timer, through the ring */
	struct timer poll;
	struct ring input;
	uint8_t input_bytes[INPUT_SIZE];
} state;

static void firmware_write(const char *buf, size_t len)
{
	size_t n;

	for (; len && (n = arch_firmware_write(buf, len)); len -= n)
		buf += n;
}

/* Output as it is; once the UART is dead the firmware has the rest. */
static void raw_write(const char *buf, size_t len)
{
	static const char dead[] = "\r\nconsole: the UART takes no more "
				   "bytes, going on by SBI\r\n";
	size_t taken;

	if (state.ops) {
		taken = state.ops->write(&state.uart, buf, len);
		if (taken == len)
			return;
		buf += taken;
		len -= taken;
		state.ops = NULL;
		firmware_write(dead, sizeof(dead) - 1);
	}
	firmware_write(buf, len);
}

/* Whole stretches between newlines, so that a FIFO is filled at once. */
void console_write_panic(const char *buf, size_t len)
{
	const char *end;

	while ((end = memchr(buf, '\n', len))) {
		raw_write(buf, end - buf);
		raw_write("\r\n", 2);
		len -= end + 1 - buf;
		buf = end + 1;
	}
	raw_write(buf, len);
}

void console_write(const char *buf, size_t len)
{
	unsigned long flags = spin_lock_irqsave(&state.lock);

	console_write_panic(buf, len);
	spin_unlock_irqrestore(&state.lock, flags);
}

void console_write_raw(const char *buf, size_t len)
{
	unsigned long flags = spin_lock_irqsave(&state.lock);

	raw_write(buf, len);
	spin_unlock_irqrestore(&state.lock, flags);
}

/* Map and start the chosen UART; on failure the firmware stays. */
static int uart_start(const struct console_choice *choice)
{
	const struct driver *driver = drivers_start[choice->binding.driver];
	const struct uart_ops *ops = driver->ops;
	struct uart uart = {.regs = choice->regs};
	volatile void *base = NULL;
	int err;

	uart.data = driver->match[choice->binding.match].data;
	err = arch_io_map(uart.regs.base, uart.regs.size, &base);
	if (err)
		return err;
	uart.base = base;
	err = ops->start(&uart);
	if (err)
		return err;
	state.uart = uart;
	state.ops = ops;
	return 0;
}

static const char *problem_text(int err)
{
	switch (err) {
	case -ENOENT:
		return "there is no such node";
	case -EACCES:
		return "it is disabled";
	case -ENODEV:
		return "there is no driver for it";
	default:
		return "its registers are not described as they should be";
	}
}

int console_init(void)
{
	struct console_choice *choice = &state.choice;
	char arg[128];
	bool asked;
	int err = 0;

	/* The firmware serves until the UART does. */
	state.ops = NULL;
	state.input_queued = false;
	asked = cmdline_value(boot_info()->args, "console", arg, sizeof(arg)) !=
		-ENOENT;
	console_choose(boot_fdt(), asked ? arg : NULL, choice);
	if (!choice->firmware)
		err = uart_start(choice);
	choice->firmware |= err != 0;
	console_choice_describe(boot_fdt(), choice, state.description,
				sizeof(state.description));
	if (choice->arg_error)
		log_warn("console", "console=%s not used: %s", arg,
			 problem_text(choice->arg_error));
	if (choice->stdout_error)
		log_warn("console", "stdout-path not used: %s",
			 problem_text(choice->stdout_error));
	if (err)
		log_warn("console", "the UART does not start: %s",
			 error_text(err));
	log_sink_set(console_write);
	return 0;
}

const char *console_description(void)
{
	return state.description;
}

static int raw_read(void)
{
	if (state.ops)
		return state.ops->read(&state.uart);
	return arch_firmware_getchar();
}

/* Everything received goes to the ring; what does not fit there is lost, for
 * the UART would keep its interrupt up. */
static void input_take(void)
{
	unsigned i;
	int c;

	for (i = 0; i < INPUT_BURST && (c = raw_read()) >= 0; i++)
		ring_put(&state.input, c);
}

static void input_interrupt(void *arg)
{
	(void)arg;
	input_take();
}

static void input_poll(struct timer *t)
{
	input_take();
	timer_start(t, arch_time_now() + arch_timebase() / POLL_HZ);
}

/* Ask for the UART's interrupt line; an error leaves the input polled. */
static int line_request(void)
{
	struct dt_irq line;
	int err;

	if (!state.ops)
		return -ENODEV;
	err = dt_irq(boot_fdt(), &state.choice.node, 0, &line);
	if (err)
		return err;
	err = irq_request(&line, input_interrupt, NULL);
	if (err)
		return err;
	snprintf(state.input_description, sizeof(state.input_description),
		 "%s %u", irq_chip_name(&line), (unsigned)line.cell[0]);
	return 0;
}

void console_interrupts_enable(void)
{
	unsigned long flags = arch_irq_save();

	ring_init(&state.input, state.input_bytes, INPUT_SIZE);
	state.input_queued = true;
	if (!line_request()) {
		state.ops->interrupt_enable(&state.uart);
	} else {
		strcpy(state.input_description, "poll");
		state.poll.fn = input_poll;
		input_poll(&state.poll);
	}
	arch_irq_restore(flags);
	log_info("console", "input by %s", state.input_description);
}

const char *console_input_description(void)
{
	return state.input_description;
}

int console_getc(void)
{
	return state.input_queued ? ring_get(&state.input) : raw_read();
}

bool console_waiting(void)
{
	return state.input_queued && ring_used(&state.input);
}
