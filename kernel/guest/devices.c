/* Wires a guest's devices: bus, UART to PLIC and console, PLIC to vcpus. */
#include "kernel/guest/devices.h"

#include <errno.h>

#include "kernel/guest/vconsole.h"
#include "kernel/guest/vm.h"
#include "kernel/mm/heap.h"

static void plic_output(void *arg, unsigned context, bool level)
{
	struct vm *vm = arg;

	vcpu_irq_set(&vm->vcpu[context], VCPU_IRQ_EXTERNAL, level);
}

static void uart_line(void *arg, bool level)
{
	struct vm *vm = arg;

	vplic_source_set(&vm->devices->plic, GUEST_UART_IRQ, level);
}

static void uart_input_room(void *arg)
{
	vconsole_input_room(arg);
}

static const struct vuart_ops uart_ops = {
	.output = vconsole_output,
	.line = uart_line,
	.input_room = uart_input_room,
};

static void registers_offer(struct vcpu *vcpu, struct vuart *uart)
{
	vcpu->sender = uart;
	vcpu->sent_page = GUEST_UART_BASE >> 2;
	vcpu->polled = &uart->polled;
	vcpu->polled_page = (GUEST_UART_BASE + VUART_LSR) >> 2;
	vcpu->polled_low = (GUEST_UART_BASE + VUART_LSR) & 3;
}

int devices_create(struct vm *vm)
{
	struct vm_devices *d = heap_alloc(sizeof(*d));
	const struct mmio_region regions[] = {
		{GUEST_UART_BASE, VUART_SIZE, vuart_access, &d->uart},
		{GUEST_PLIC_BASE, GUEST_PLIC_SIZE, vplic_access, &d->plic},
	};
	unsigned i;
	int err = 0;

	if (!d)
		return -ENOMEM;
	vplic_init(&d->plic, vm->vcpu_count, plic_output, vm);
	vuart_init(&d->uart, &uart_ops, vm);
	for (i = 0; !err && i < ARRAY_SIZE(regions); i++)
		err = mmio_region_add(&d->bus, &regions[i]);
	if (err) {
		heap_free(d);
		return err;
	}
	vm->devices = d;
	for (i = 0; i < vm->vcpu_count; i++)
		registers_offer(&vm->vcpu[i], &d->uart);
	vconsole_connect(vm);
	return 0;
}

void devices_destroy(struct vm *vm)
{
	heap_free(vm->devices);
	vm->devices = NULL;
}
