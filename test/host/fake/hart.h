/*
 * One hart for host tests: arch/irq.h, arch/lock.h, arch/smp.h, arch/timer.h.
 * Locks fail the test when taken twice or released unheld.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/lock.h"

struct fake_hart {
	unsigned cpu;	 /* whose code runs now */
	uint64_t hart;	 /* hardware id of cpu 0; cpu n is n above it */
	bool interrupts; /* enabled */
	unsigned locks;	 /* held */
	/* Before a lock is taken: what another hart does just then. */
	void (*other_hart)(struct spinlock *lock);
	uint64_t now;	      /* the clock */
	uint64_t deadline[4]; /* of each cpu's hardware timer */
	unsigned long timer_writes;
	/* Called when the hart sleeps, interrupts still as they were. */
	void (*sleep)(void);
};

extern struct fake_hart fake_hart;

/* Interrupts on, clock 0, timers off. */
void fake_hart_reset(void);
