/*
 * A model of an 8250-family UART (PC16550D data sheet; DW_apb_uart databook)
 * that fails the test on every access a real one would not forgive.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"

struct uart_8250 {
	/* How it is wired. */
	pa_t base; /* of register 0 */
	unsigned shift, width;
	unsigned depth;	      /* of the FIFOs once enabled; 1 = a 16450 */
	bool designware;      /* has USR, ignores LCR while busy */
	bool dead;	      /* the transmitter never empties */
	bool absent;	      /* reads give all ones */
	unsigned slowness;    /* reads of LSR until a byte has gone out */
	bool throttled;	      /* bytes go out by uart_8250_pass() only */
	bool instant;	      /* bytes are out as soon as they are in */
	void (*looked)(void); /* called at each read of LSR, or NULL */

	/* What happened. */
	uint8_t lcr, ier, mcr;
	bool fifo;
	unsigned waiting; /* bytes in the transmitter */
	unsigned polls;	  /* reads of LSR since one went out */
	bool empty_told;  /* the transmitter's interrupt is due */
	unsigned long lsr_reads;
	unsigned lost; /* bytes dropped by switching the FIFO */
	unsigned lcr_writes, divisor_writes, usr_reads;
	bool busy_detect;   /* the DesignWare interrupt */
	bool timeout_stuck; /* time-out interrupt without a byte */
	char sent[1 << 20];
	size_t sent_len;
	const char *received; /* bytes to come, with their length */
	size_t received_len;
	size_t break_at; /* this many bytes before the end comes with BI */
};

/* An idle 16550A with line format 8n1 at @base, added to the fake MMIO as
 * @size bytes from @device on. */
void uart_8250_add(struct uart_8250 *u, pa_t device, uint64_t size);

/* Let @n bytes go out, if so many wait. */
void uart_8250_pass(struct uart_8250 *u, unsigned n);

/* Is its interrupt up? */
bool uart_8250_interrupt(const struct uart_8250 *u);
