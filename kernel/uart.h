/*
 * What a UART driver offers to the console: output and input that never wait,
 * and interrupts for both. The baud rate is the boot loader's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/fdt/dt.h"
#include "lib/addr.h"

/* Looks for room in a transmitter before it counts as dead: some 100 ns each
 * on hardware, while a full FIFO of 16 takes 17 ms at 9600 baud. An emulator
 * whose terminal reads slowly needs more. */
#define UART_POLLS_MAX 4000000u

/* Where a UART's registers are, from its node. */
struct uart_regs {
	pa_t base;     /* of register 0, reg-offset included */
	uint64_t size; /* bytes from base on */
	uint8_t shift; /* register n is at base + (n << shift) */
	uint8_t width; /* bytes of each access: 1, 2 or 4 */
};

/* A UART in use. */
struct uart {
	volatile uint8_t *base; /* mapped; NULL for the firmware's console */
	struct uart_regs regs;
	uintptr_t data; /* of the driver_match entry */
	unsigned depth; /* bytes the transmitter takes at once when empty */
	unsigned room;	/* of these it has at least so many free */
};

struct uart_ops {
	const char *tty; /* Linux's name of such UARTs: "ttyS" for ttyS<n> */
	/*
	 * Read where the registers are from @node, touching no register.
	 * Returns 0; -EINVAL for properties outside their binding; -ENOENT or
	 * -ERANGE as dt_reg(). NULL: the firmware's console.
	 */
	int (*regs_read)(const void *fdt, const struct dt_node *node,
			 struct uart_regs *out);
	/* Make ready, keeping the baud rate; interrupts of the device off.
	 * Returns 0, or -ENODEV when nothing answers there. */
	int (*start)(struct uart *uart);
	/* Hand over what the transmitter takes at once of @len bytes, which
	 * are not 0; returns how many. 0: no room now; -ENODEV: nothing
	 * answers there any more. */
	int (*send)(struct uart *uart, const char *buf, size_t len);
	/* One byte received, or -1. Quietens the receive interrupt. */
	int (*read)(struct uart *uart);
	/* From now on the UART's interrupt line is up while bytes are
	 * @received or not read, and while there is @room to send. */
	void (*interrupts_set)(struct uart *uart, bool received, bool room);
	/* Let everything out and turn the UART's interrupts off. */
	void (*stop)(struct uart *uart);
};
