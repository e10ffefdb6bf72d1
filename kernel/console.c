/*
 * The console in use: one UART, or the firmware's console. Which one it is
 * console_choose() says (kernel/console_choice.c).
 *
 * Of guests' output one piece is under way at a time. Whoever holds the lock
 * moves it on; who finds the lock held leaves a note (`wanted`) that the holder
 * sees when it lets go, so that no interrupt ever waits for a writer that
 * polls. docs/guest.md, "Console".
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

/* Guests' bytes sent by one look at the UART at most, and of those that the
 * firmware sends, which may wait for each. */
#define OUTPUT_BURST   256u
#define FIRMWARE_BURST 32u

/* Per second: looks at what guests have written, so that it comes in bursts,
 * and at a UART that is full; and looks at one whose interrupt will tell. */
#define OUTPUT_HZ 1000u
#define BACKUP_HZ 10u

/* Whose a line may be, beside guests': their addresses say. */
static const char of_shell, of_log, of_panic, of_piece;

static struct {
	struct spinlock lock; /* of output: the UART's transmitter, and all
				 down to `wanted` */
	const struct uart_ops *ops; /* NULL: the firmware, by hand */
	struct uart uart;
	const void *open; /* whose line is unfinished, NULL: nobody's */
	console_source *source;
	const void *owner; /* of the piece under way */
	size_t sent, len;  /* of it */
	char piece[2 + CONSOLE_PIECE_MAX];
	bool room_told;	 /* the UART's interrupt tells of room */
	uint32_t wanted; /* somebody found the lock held */
	uint32_t kicked; /* the source will be asked */
	struct spinlock timer_lock;
	struct timer timer; /* the next look at the output */

	struct console_choice choice;
	char description[128];
	char input_description[32];
	bool input_queued; /* by interrupt or timer, through the ring */
	bool line_works;   /* the UART's interrupt line is ours */
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

/* Poll until all is taken or the UART is dead; returns the bytes taken. */
static size_t uart_write(const char *buf, size_t len)
{
	unsigned polls;
	size_t done = 0;
	int n;

	for (polls = 0; done < len && polls < UART_POLLS_MAX; polls++) {
		n = state.ops->send(&state.uart, buf + done, len - done);
		if (n < 0)
			break;
		if (n > 0)
			polls = 0;
		done += (size_t)n;
	}
	return done;
}

/* It takes no more: the firmware has the rest, and input by a timer (see
 * lock_release()), for who cannot send need not be able to receive. */
static void uart_give_up(void)
{
	static const char dead[] = "\r\nconsole: the UART takes no more "
				   "bytes, going on by SBI\r\n";

	state.ops->interrupts_set(&state.uart, false, false);
	state.room_told = false;
	state.ops = NULL;
	firmware_write(dead, sizeof(dead) - 1);
}

/* Output as it is. */
static void raw_write(const char *buf, size_t len)
{
	size_t taken;

	if (state.ops) {
		taken = uart_write(buf, len);
		if (taken == len)
			return;
		buf += taken;
		len -= taken;
		uart_give_up();
	}
	firmware_write(buf, len);
}

/* Whole stretches between newlines, so that a FIFO is filled at once. */
static void text_write(const char *buf, size_t len)
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

/* Text of @who, in a line of its own. */
static void line_write(const void *who, const char *buf, size_t len)
{
	if (!len)
		return;
	if (state.open && state.open != who)
		raw_write("\r\n", 2);
	text_write(buf, len);
	state.open = buf[len - 1] == '\n' ? NULL : who;
}

/* ---- guests' output ---- */

static uint64_t hence(unsigned hz)
{
	return arch_time_now() + arch_timebase() / hz;
}

/* Look at the output at @when, or earlier. */
static void timer_arm(uint64_t when)
{
	unsigned long flags = spin_lock_irqsave(&state.timer_lock);

	if (!state.timer.queued || when < state.timer.deadline)
		timer_start(&state.timer, when);
	spin_unlock_irqrestore(&state.timer_lock, flags);
}

/* All below until output_drain(): the lock is held. */

static void room_tell(bool tell)
{
	if (state.room_told == tell)
		return;
	state.room_told = tell;
	state.ops->interrupts_set(&state.uart, true, tell);
}

/* Have a piece under way; false: there is none, *@again as the source says. */
static bool piece_next(uint64_t *again)
{
	if (state.sent < state.len)
		return true;
	*again = UINT64_MAX;
	state.len = 0;
	if (state.source)
		state.len = state.source(state.piece + 2, &state.owner, again);
	if (!state.len)
		return false;
	memcpy(state.piece, "\r\n", 2);
	state.sent = state.open && state.open != state.owner ? 0 : 2;
	state.len += 2;
	state.open = &of_piece;
	return true;
}

static void piece_advance(size_t n)
{
	state.sent += n;
	if (state.sent == state.len)
		state.open =
			state.piece[state.len - 1] == '\n' ? NULL : state.owner;
}

/* What the console takes of @len bytes without waiting for long. */
static size_t bytes_send(const char *buf, size_t len)
{
	int n;

	if (!state.ops)
		return arch_firmware_write(buf, len);
	n = state.ops->send(&state.uart, buf, len);
	if (n >= 0)
		return (size_t)n;
	uart_give_up();
	return 0;
}

/* Send as long as the console has room; true when nothing is left. */
static bool output_send(uint64_t *again)
{
	size_t n, left = state.ops ? OUTPUT_BURST : FIRMWARE_BURST;

	while (left && piece_next(again)) {
		n = bytes_send(state.piece + state.sent,
			       min_u64(left, state.len - state.sent));
		if (!n)
			return false;
		piece_advance(n);
		left -= n;
	}
	return left;
}

static void output_run(void)
{
	uint64_t again;

	if (!output_send(&again)) {
		if (state.ops && state.line_works) {
			room_tell(true);
			timer_arm(hence(BACKUP_HZ));
		} else {
			timer_arm(hence(OUTPUT_HZ));
		}
		return;
	}
	room_tell(false);
	/* Who writes after this kicks; who wrote before is found now. */
	__atomic_store_n(&state.kicked, 0, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (piece_next(&again))
		console_kick();
	else if (again != UINT64_MAX)
		timer_arm(again);
}

static void input_orphaned(void);

static void lock_release(unsigned long flags)
{
	bool orphaned = state.line_works && !state.ops;

	if (orphaned)
		state.line_works = false;
	spin_unlock_irqrestore(&state.lock, flags);
	if (orphaned)
		input_orphaned();
}

/* Move guests' output on, here or by who has the lock. */
static void output_drain(void)
{
	unsigned long flags;

	__atomic_store_n(&state.wanted, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&state.wanted, __ATOMIC_SEQ_CST) &&
	       spin_trylock_irqsave(&state.lock, &flags)) {
		__atomic_store_n(&state.wanted, 0, __ATOMIC_SEQ_CST);
		output_run();
		lock_release(flags);
	}
}

static void output_due(struct timer *t)
{
	(void)t;
	output_drain();
}

void console_source_set(console_source *source)
{
	unsigned long flags = spin_lock_irqsave(&state.lock);

	state.timer.fn = output_due;
	state.source = source;
	spin_unlock_irqrestore(&state.lock, flags);
}

void console_kick(void)
{
	/* What was written is there before we look who will ask for it. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&state.kicked, __ATOMIC_RELAXED) ||
	    __atomic_exchange_n(&state.kicked, 1, __ATOMIC_SEQ_CST))
		return;
	timer_arm(hence(OUTPUT_HZ));
}

const uint32_t *console_listens(void)
{
	return &state.kicked;
}

/* ---- the kernel's output ---- */

/* With the piece under way finished, and no interrupt that asks for more. */
static unsigned long writer_lock(void)
{
	unsigned long flags = spin_lock_irqsave(&state.lock);

	if (state.room_told) {
		room_tell(false);
		__atomic_store_n(&state.wanted, 1, __ATOMIC_SEQ_CST);
	}
	if (state.sent < state.len) {
		raw_write(state.piece + state.sent, state.len - state.sent);
		piece_advance(state.len - state.sent);
	}
	return flags;
}

static void writer_unlock(unsigned long flags)
{
	lock_release(flags);
	if (__atomic_load_n(&state.wanted, __ATOMIC_SEQ_CST))
		output_drain();
}

void console_write(const char *buf, size_t len)
{
	unsigned long flags = writer_lock();

	line_write(&of_shell, buf, len);
	writer_unlock(flags);
}

bool console_line_is_open(void)
{
	return __atomic_load_n(&state.open, __ATOMIC_RELAXED) == &of_shell;
}

void console_write_log(const char *buf, size_t len)
{
	unsigned long flags = writer_lock();

	line_write(&of_log, buf, len);
	writer_unlock(flags);
}

void console_write_panic(const char *buf, size_t len)
{
	line_write(&of_panic, buf, len);
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
	state.line_works = false;
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
	log_sink_set(console_write_log);
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

static void uart_interrupt(void *arg)
{
	(void)arg;
	/* One that is given up has no more to say. */
	if (!state.ops)
		return;
	input_take();
	if (state.room_told)
		output_drain();
}

static void input_poll(struct timer *t)
{
	input_take();
	timer_start(t, hence(POLL_HZ));
}

/* The UART was given up, and its interrupt with it. */
static void input_orphaned(void)
{
	strcpy(state.input_description, "poll");
	timer_start(&state.poll, hence(POLL_HZ));
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
	err = irq_request(&line, uart_interrupt, NULL);
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
	state.poll.fn = input_poll;
	state.line_works = !line_request();
	if (state.line_works) {
		state.ops->interrupts_set(&state.uart, true, false);
	} else {
		strcpy(state.input_description, "poll");
		input_poll(&state.poll);
	}
	arch_irq_restore(flags);
	log_info("console", "input by %s", state.input_description);
}

void console_stop(void)
{
	unsigned long flags = writer_lock();

	if (state.ops)
		state.ops->stop(&state.uart);
	lock_release(flags);
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
