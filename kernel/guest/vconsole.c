/*
 * Guests' consoles. Output waits in a ring per guest, which its UART fills and
 * the console (kernel/console.h) empties: of the attached guest as it is, of
 * another line by line, when the line ends, 256 bytes of it are there, or
 * 100 ms after its beginning was seen. Only the guest whose ring is full waits.
 * Input waits in a ring until the UART has room or the guest asks by DBCN.
 */
#include "kernel/guest/vconsole.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "arch/lock.h"
#include "arch/timer.h"
#include "kernel/console.h"
#include "kernel/guest/devices.h"
#include "kernel/guest/vm.h"
#include "kernel/mm/heap.h"
#include "kernel/timer.h"
#include "lib/ring.h"
#include "lib/terminal.h"

#define LINE_MAX    256u
#define OUTPUT_SIZE 4096u /* a power of two */
#define INPUT_SIZE  256u  /* a power of two */

/* So much of the ring is free before the UART may go on: else each byte that is
 * shown would be an interrupt in the guest. */
#define OUTPUT_ROOM (OUTPUT_SIZE / 2)

/* "<name>| ", a line, CR LF. */
_Static_assert(VM_NAME_MAX + 1 + LINE_MAX + 2 <= CONSOLE_PIECE_MAX,
	       "a line with its prefix is a piece");

struct vm_console {
	struct vm *vm;
	struct list entry; /* of state.consoles */
	/* The UART's lock is the writing end's, state.lock the reading end's.
	 */
	struct ring output;
	uint32_t refused; /* the UART found it full */
	/* Under state.lock: */
	uint32_t seen;	/* bytes of the ring without a newline */
	uint64_t due;	/* when they are shown all the same; 0: not known yet */
	uint32_t held;	/* raw bytes since the last newline */
	bool continued; /* what was shown last did not end its line */
	bool ending;	/* vm->ended() when all is shown */

	struct spinlock input_lock; /* of the ring's reading end and `typed` */
	struct ring input;
	int typed; /* byte that the UART did not take, or -1 */
	uint8_t input_bytes[INPUT_SIZE];
};

static struct {
	struct spinlock lock;
	struct list consoles; /* who waited longest for its turn is first */
	struct vm *attached;
	uint64_t hold; /* until then its unfinished line is not broken */
} state;

struct vm *vconsole_attached(void)
{
	return __atomic_load_n(&state.attached, __ATOMIC_ACQUIRE);
}

void vconsole_attach(struct vm *vm)
{
	unsigned long flags = spin_lock_irqsave(&state.lock);

	__atomic_store_n(&state.attached, vm, __ATOMIC_RELEASE);
	state.hold = 0;
	spin_unlock_irqrestore(&state.lock, flags);
	/* What waits is now to be shown another way. */
	console_kick();
}

/* The ring is full. Who makes room after this sees that; who made some before
 * left it for the second try. */
static __attribute__((noinline)) bool output_retry(struct vm_console *c,
						   uint8_t byte)
{
	__atomic_store_n(&c->refused, 1, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return ring_put(&c->output, byte);
}

bool vconsole_output(void *vm, uint8_t byte)
{
	struct vm_console *c = ((struct vm *)vm)->console;

	if (!ring_put(&c->output, byte) && !output_retry(c, byte))
		return false;
	console_kick();
	return true;
}

/* ---- the reading end, under state.lock ---- */

static uint64_t tenth_of_a_second(void)
{
	return arch_timebase() / 10;
}

/* When is a line of @c, which is not attached, to be shown? */
static uint64_t line_due(struct vm_console *c, uint64_t now)
{
	const struct ring ring = c->output;
	uint32_t used = ring_used(&c->output), seen = c->seen;

	while (seen < used && seen < LINE_MAX && ring_peek(&ring, seen) != '\n')
		seen++;
	c->seen = seen;
	if (!used)
		return UINT64_MAX;
	if (c->seen < used || c->seen == LINE_MAX || !vm_is_up(c->vm))
		return 0;
	if (!c->due)
		c->due = now + tenth_of_a_second();
	return c->due;
}

/*
 * The line that is due, with its prefix. A newline that only ends what was
 * shown before it came is not a line. Characters that a terminal acts on are
 * not for a guest that has it not to itself.
 */
static size_t line_take(struct vm_console *c, char *buf)
{
	/* In registers, which bytes stored to @buf cannot change. */
	const struct ring ring = c->output;
	size_t at = strlen(c->vm->name), prefix = at + 2;
	bool ended = c->seen < ring_used(&c->output) &&
		ring_peek(&c->output, c->seen) == '\n';
	uint32_t i, seen = c->seen;
	uint8_t before = 0, byte;

	memcpy(buf, c->vm->name, at);
	buf[at++] = '|';
	buf[at++] = ' ';
	for (i = 0; i < seen; i++, before = byte) {
		byte = ring_peek(&ring, i);
		if (byte == '\r')
			continue;
		buf[at++] = byte != '\t' && terminal_acts_on(before, byte)
			? '?'
			: (char)byte;
	}
	ring_drop(&c->output, seen + ended);
	c->seen = 0;
	c->due = 0;
	if (at == prefix && (!ended || c->continued)) {
		c->continued &= !ended;
		return 0;
	}
	c->continued = !ended;
	buf[at++] = '\r';
	buf[at++] = '\n';
	return at;
}

/* As it is, to the end of a line if there is one. */
static size_t raw_take(struct vm_console *c, char *buf, uint64_t now)
{
	const struct ring ring = c->output;
	uint32_t used = ring_used(&c->output), i, len = 0;

	if (used > LINE_MAX)
		used = LINE_MAX;
	for (i = 0; i < used; i++) {
		uint8_t byte = ring_peek(&ring, i);

		buf[i] = (char)byte;
		if (byte == '\n')
			len = i + 1;
	}
	c->continued = !len;
	if (len) {
		c->held = 0;
		state.hold = 0;
	} else {
		len = used;
		/* From its first byte on, or a slow guest would keep others
		 * waiting. */
		if (!c->held)
			state.hold = now + tenth_of_a_second();
		c->held += used;
		if (c->held >= LINE_MAX)
			state.hold = 0;
	}
	ring_drop(&c->output, len);
	c->seen = 0;
	c->due = 0;
	return len;
}

/* Bytes of @c were taken: tell who waits for that. */
static void room_made(struct vm_console *c)
{
	/* After this a UART that finds no room says so before we look. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&c->refused, __ATOMIC_RELAXED) &&
	    ring_free(&c->output) >= OUTPUT_ROOM) {
		__atomic_store_n(&c->refused, 0, __ATOMIC_SEQ_CST);
		vuart_drain(&c->vm->devices->uart);
	}
	if (c->ending && !ring_used(&c->output)) {
		c->ending = false;
		c->vm->ended(c->vm);
	}
}

/* The next piece of @c if one is due; else 0 and in *@again when. */
static size_t piece_of(struct vm_console *c, char *buf, const void **owner,
		       uint64_t *again)
{
	uint64_t due, now = arch_time_now();
	size_t len = 0;

	if (c->vm == vconsole_attached()) {
		*owner = c;
		return ring_used(&c->output) ? raw_take(c, buf, now) : 0;
	}
	*owner = NULL;
	while (!len) {
		due = line_due(c, now);
		if (due != UINT64_MAX && due < state.hold)
			due = state.hold;
		if (due > now) {
			*again = min_u64(*again, due);
			break;
		}
		len = line_take(c, buf);
	}
	return len;
}

/* The console's source. */
static size_t piece_take(char *buf, const void **owner, uint64_t *again)
{
	unsigned long flags = spin_lock_irqsave(&state.lock);
	struct list *at, *tmp;
	size_t len = 0;

	*again = UINT64_MAX;
	list_for_each_safe (at, tmp, &state.consoles) {
		struct vm_console *c =
			container_of(at, struct vm_console, entry);

		vuart_settled(&c->vm->devices->uart);
		len = piece_of(c, buf, owner, again);
		room_made(c);
		if (!len)
			continue;
		list_remove(at);
		list_add_tail(&state.consoles, at);
		break;
	}
	spin_unlock_irqrestore(&state.lock, flags);
	return len;
}

bool vconsole_shown(struct vm *vm)
{
	struct vm_console *c = vm->console;
	unsigned long flags = spin_lock_irqsave(&state.lock);
	bool shown = !ring_used(&c->output);

	c->ending = !shown;
	spin_unlock_irqrestore(&state.lock, flags);
	console_kick();
	return shown;
}

void vconsole_init(void)
{
	list_init(&state.consoles);
	console_source_set(piece_take);
}

int vconsole_create(struct vm *vm)
{
	struct vm_console *c = heap_alloc(sizeof(*c));
	/* Of its own: exactly a page. */
	void *output = heap_alloc(OUTPUT_SIZE);

	if (!c || !output) {
		heap_free(output);
		heap_free(c);
		return -ENOMEM;
	}
	c->vm = vm;
	c->typed = -1;
	ring_init(&c->output, output, OUTPUT_SIZE);
	ring_init(&c->input, c->input_bytes, INPUT_SIZE);
	list_init(&c->entry);
	vm->console = c;
	return 0;
}

void vconsole_connect(struct vm *vm)
{
	struct vm_console *c = vm->console;
	unsigned long flags;

	vuart_outlet_set(&vm->devices->uart, &c->output, console_listens());
	flags = spin_lock_irqsave(&state.lock);
	list_add_tail(&state.consoles, &c->entry);
	spin_unlock_irqrestore(&state.lock, flags);
}

void vconsole_quiet(struct vm *vm)
{
	unsigned long flags;

	if (vconsole_attached() == vm)
		vconsole_attach(NULL);
	flags = spin_lock_irqsave(&state.lock);
	list_remove(&vm->console->entry);
	spin_unlock_irqrestore(&state.lock, flags);
}

void vconsole_destroy(struct vm *vm)
{
	if (!vm->console)
		return;
	vconsole_quiet(vm);
	heap_free(vm->console->output.buf);
	heap_free(vm->console);
	vm->console = NULL;
}

size_t vm_console_write(struct vm *vm, const void *buf, size_t len)
{
	return vuart_write(&vm->devices->uart, buf, len);
}

/* Input lock held. The oldest byte, or -1. */
static int input_next(struct vm_console *c)
{
	int byte = c->typed;

	c->typed = -1;
	return byte >= 0 ? byte : ring_get(&c->input);
}

size_t vm_console_read(struct vm *vm, void *buf, size_t len)
{
	struct vm_console *c = vm->console;
	unsigned long flags = spin_lock_irqsave(&c->input_lock);
	uint8_t *to = buf;
	size_t n = 0;
	int byte;

	for (; n < len; n++) {
		/* What reached the port was typed first. */
		byte = vuart_unread(&vm->devices->uart);
		if (byte < 0)
			byte = input_next(c);
		if (byte < 0)
			break;
		to[n] = (uint8_t)byte;
	}
	spin_unlock_irqrestore(&c->input_lock, flags);
	/* What was refused may find room in the UART now. */
	if (n)
		vconsole_input_room(vm);
	return n;
}

void vconsole_input_room(struct vm *vm)
{
	struct vm_console *c = vm->console;
	unsigned long flags = spin_lock_irqsave(&c->input_lock);
	int byte;

	while ((byte = input_next(c)) >= 0) {
		if (vuart_input(&vm->devices->uart, (uint8_t)byte))
			continue;
		c->typed = byte;
		break;
	}
	spin_unlock_irqrestore(&c->input_lock, flags);
}

void vconsole_type(struct vm *vm, uint8_t byte)
{
	ring_put(&vm->console->input, byte);
	vconsole_input_room(vm);
}
