/* Traps taken in supervisor mode. */
#pragma once

#include <stdint.h>

/* All the interrupted code's state; trap.S fills and restores it. */
struct trap_frame {
	uint64_t x[32]; /* x[0] is 0 */
	uint64_t sepc;
	uint64_t sstatus;
	uint64_t scause;
	uint64_t stval;
};

/* Where stvec points from boot_start() on (trap.S). */
void trap_entry(void);

/* The breakpoint by which arch_panic() asks for a report. */
extern const char trap_panic_break[];

/* Called by trap_entry; returns to go on at frame->sepc. */
void trap_handle(struct trap_frame *frame);

/* Serve interrupt @number (code of scause) of this hart; interrupts off. */
void trap_interrupt(uint64_t number);
