/*
 * A guest's serial port: a 16550A with byte-wide registers (PC16550D data
 * sheet), that never loses a byte: output waits in its FIFO while the console
 * takes none (THRE stays clear), input is refused while its FIFO is full.
 *
 * Time does not pass in it: a byte is sent as soon as the console takes it, and
 * received bytes below the trigger level time out at once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/lock.h"
#include "arch/vcpu.h"
#include "kernel/guest/layout.h"
#include "lib/ring.h"

#define VUART_SIZE 8ull /* registers; all that is claimed on the bus */

#define VUART_FIFO 16u

/* The register that drivers poll, and in vuart->polled: reading it now has an
 * effect. */
#define VUART_LSR      5ull
#define VUART_POLL_NOT 0x80u

/*
 * What the port is connected to. All but the last are called with its lock
 * held, and must not call back into it.
 */
struct vuart_ops {
	/* Take a byte of output; false: no room now (see vuart_drain()). */
	bool (*output)(void *arg, uint8_t byte);
	/* The interrupt line has changed to @level. */
	void (*line)(void *arg, bool level);
	/* vuart_input() refused a byte, and now there is room again. */
	void (*input_room)(void *arg);
};

struct vuart_fifo {
	uint8_t byte[VUART_FIFO];
	uint8_t first, used;
};

struct vuart {
	struct spinlock lock;
	const struct vuart_ops *ops;
	void *arg;
	struct vuart_fifo rx, tx;
	uint8_t ier, fcr, lcr, mcr, scr, dll, dlm;
	uint8_t msr_changed; /* delta bits of MSR */
	bool overrun;	     /* LSR: a looped byte found the FIFO full */
	bool thre_pending;   /* "THR empty" not yet told through IIR */
	bool line;
	bool input_refused;
	uint8_t polled; /* LSR, or VUART_POLL_NOT too; read without the lock */

	/*
	 * switch.S sends a byte written to THR by putting it into @outlet, with
	 * the lock held, where @straight says that this is all there is to do
	 * and *@listened is not 0. NULL where there is none.
	 */
	struct ring *outlet;
	const uint32_t *listened; /* not 0: who empties the ring will do so */
	uint8_t straight;	  /* 1: a byte sent changes no register */
};

/* A port after reset, connected to @ops with @arg. */
void vuart_init(struct vuart *u, const struct vuart_ops *ops, void *arg);

/*
 * Let bytes go straight to @outlet, where @ops->output() puts them, too, while
 * *@listened is not 0. Who sets that to 0 must call vuart_settled() before
 * looking at what is in the ring.
 */
void vuart_outlet_set(struct vuart *u, struct ring *outlet,
		      const uint32_t *listened);

/* On return whoever saw *@listened before now has put his byte. */
void vuart_settled(struct vuart *u);

/* As the guest's reset line: registers, FIFOs, and the interrupt line down. */
void vuart_reset(struct vuart *u);

/* A mmio_handler; @dev is the struct vuart. -EINVAL: wider than a byte. Of the
 * other calls any may come at the same time, from any hart. */
int vuart_access(void *dev, uint64_t offset, struct vcpu_mmio *mmio);

/* The guest's terminal sends @byte; false: no room, keep it for later. */
bool vuart_input(struct vuart *u, uint8_t byte);

/* Take back the oldest byte that the guest has not read from the port; -1:
 * there is none, or it loops what it sends to itself. */
int vuart_unread(struct vuart *u);

/* The console has room again: send what waits. */
void vuart_drain(struct vuart *u);

/* Send @len bytes past the registers, behind what waits in the FIFO; returns
 * how many the console took. */
size_t vuart_write(struct vuart *u, const uint8_t *buf, size_t len);
