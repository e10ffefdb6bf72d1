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

/*
 * The same where interrupts are off already, as during the exits of a guest.
 * Inline, for these are counted in instructions.
 */
static inline void spin_lock(struct spinlock *lock)
{
	while (__atomic_exchange_n(&lock->word, 1, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(&lock->word, __ATOMIC_RELAXED))
			;
}

static inline void spin_unlock(struct spinlock *lock)
{
	__atomic_store_n(&lock->word, 0, __ATOMIC_RELEASE);
}

/* Release @lock by force: only for panic, where its holder may be dead. */
void spin_lock_break(struct spinlock *lock);
