/* Spin locks that also keep this hart's interrupts off while held. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct spinlock {
	uint32_t word; /* 0 free, 1 held */
};

/*
 * Turn this hart's interrupts off and take @lock, spinning until it is free.
 * Returns what spin_unlock_irqrestore() needs. Not recursive.
 */
unsigned long spin_lock_irqsave(struct spinlock *lock);

/* The same when @lock is free, with @flags filled in; else false, and nothing
 * has changed. */
bool spin_trylock_irqsave(struct spinlock *lock, unsigned long *flags);

/* Release @lock and put this hart's interrupts back as @flags says. */
void spin_unlock_irqrestore(struct spinlock *lock, unsigned long flags);

/* Release @lock by force: only for panic, where its holder may be dead. */
void spin_lock_break(struct spinlock *lock);
