/* The devices that every guest has, on its bus (docs/guest.md draws it). */
#pragma once

#include "kernel/guest/mmio.h"
#include "kernel/guest/vplic.h"
#include "kernel/guest/vuart.h"

struct vm;

struct vm_devices {
	struct mmio_bus bus;
	struct vplic plic;
	struct vuart uart;
};

/* Make vm->devices, after reset. -ENOMEM. vm->console is there already. */
int devices_create(struct vm *vm);

void devices_destroy(struct vm *vm);
