/*
 * Guests' consoles. Output of the attached guest goes through at once; that of
 * another is gathered to lines, shown when the line ends, when 256 bytes are
 * there, or 100 ms after its first byte. Input waits in a ring until the UART
 * has room or the guest asks by DBCN.
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

#define LINE_MAX   256u
#define INPUT_SIZE 256u /* a power of two */

struct vm_console {
	struct spinlock lock; /* of the line */
	struct vm *vm;
	char line[LINE_MAX];
	size_t used;
	struct timer flush;

	struct spinlock input_lock; /* of the ring's reading end and `held` */
	struct ring input;
	int held;  /* byte that the UART did not take, or -1 */
	bool room; /* it takes bytes again */
	uint8_t input_bytes[INPUT_SIZE];
};

static struct {
	struct vm *attached;
} state;

struct vm *vconsole_attached(void)
{
	return __atomic_load_n(&state.attached, __ATOMIC_ACQUIRE);
}

void vconsole_attach(struct vm *vm)
{
	__atomic_store_n(&state.attached, vm, __ATOMIC_RELEASE);
}

/* Lock held. */
static void line_show(struct vm_console *c)
{
	char text[VM_NAME_MAX + 2 + LINE_MAX + 1];
	int at;

	if (!c->used)
		return;
	at = snprintf(text, sizeof(text), "%s| ", c->vm->name);
	memcpy(text + at, c->line, c->used);
	at += c->used;
	text[at++] = '\n';
	c->used = 0;
	console_write(text, at);
}

static void line_add(struct vm_console *c, char byte)
{
	if (byte == '\r')
		return;
	if (byte == '\n') {
		line_show(c);
		return;
	}
	if (!c->used)
		timer_start(&c->flush, arch_time_now() + arch_timebase() / 10);
	c->line[c->used++] = byte;
	if (c->used == LINE_MAX)
		line_show(c);
}

static void flush_due(struct timer *t)
{
	struct vm_console *c = container_of(t, struct vm_console, flush);
	unsigned long flags = spin_lock_irqsave(&c->lock);

	line_show(c);
	spin_unlock_irqrestore(&c->lock, flags);
}

size_t vconsole_put(struct vm *vm, const void *buf, size_t len)
{
	struct vm_console *c = vm->console;
	const char *byte = buf;
	unsigned long flags;
	size_t i;

	flags = spin_lock_irqsave(&c->lock);
	if (vconsole_attached() == vm) {
		line_show(c);
		console_write_raw(buf, len);
	} else {
		for (i = 0; i < len; i++)
			line_add(c, byte[i]);
	}
	spin_unlock_irqrestore(&c->lock, flags);
	return len;
}

int vconsole_create(struct vm *vm)
{
	struct vm_console *c = heap_alloc(sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->vm = vm;
	c->flush.fn = flush_due;
	c->held = -1;
	ring_init(&c->input, c->input_bytes, INPUT_SIZE);
	vm->console = c;
	return 0;
}

void vconsole_destroy(struct vm *vm)
{
	heap_free(vm->console);
	vm->console = NULL;
}

void vconsole_quiet(struct vm *vm)
{
	if (vconsole_attached() == vm)
		vconsole_attach(NULL);
	timer_cancel(&vm->console->flush);
	flush_due(&vm->console->flush);
}

size_t vm_console_write(struct vm *vm, const void *buf, size_t len)
{
	return vconsole_put(vm, buf, len);
}

/* Input lock held. The oldest byte, or -1. */
static int input_next(struct vm_console *c)
{
	int byte = c->held;

	c->held = -1;
	return byte >= 0 ? byte : ring_get(&c->input);
}

size_t vm_console_read(struct vm *vm, void *buf, size_t len)
{
	struct vm_console *c = vm->console;
	unsigned long flags = spin_lock_irqsave(&c->input_lock);
	uint8_t *to = buf;
	size_t n = 0;
	int byte;

	while (n < len && (byte = input_next(c)) >= 0)
		to[n++] = (uint8_t)byte;
	spin_unlock_irqrestore(&c->input_lock, flags);
	return n;
}

void vconsole_input_room(struct vm *vm)
{
	__atomic_store_n(&vm->console->room, true, __ATOMIC_RELEASE);
}

static void input_pass(struct vm *vm)
{
	struct vm_console *c = vm->console;
	unsigned long flags = spin_lock_irqsave(&c->input_lock);
	int byte;

	while ((byte = input_next(c)) >= 0) {
		if (vuart_input(&vm->devices->uart, (uint8_t)byte))
			continue;
		c->held = byte;
		break;
	}
	spin_unlock_irqrestore(&c->input_lock, flags);
}

void vconsole_work(struct vm *vm)
{
	if (!__atomic_load_n(&vm->console->room, __ATOMIC_ACQUIRE))
		return;
	__atomic_store_n(&vm->console->room, false, __ATOMIC_RELEASE);
	input_pass(vm);
}

void vconsole_type(struct vm *vm, uint8_t byte)
{
	ring_put(&vm->console->input, byte);
	input_pass(vm);
}
