/* Spin locks: test-and-set with acquire and release order (A extension). */
#include "arch/lock.h"

#include "arch/irq.h"

unsigned long spin_lock_irqsave(struct spinlock *lock)
{
	unsigned long flags = arch_irq_save();

	/* While it waits a hart takes its interrupts: the holder may want an
	 * answer from it. */
	while (__atomic_exchange_n(&lock->word, 1, __ATOMIC_ACQUIRE)) {
		arch_irq_restore(flags);
		while (__atomic_load_n(&lock->word, __ATOMIC_RELAXED))
			;
		arch_irq_save();
	}
	return flags;
}

bool spin_trylock_irqsave(struct spinlock *lock, unsigned long *flags)
{
	*flags = arch_irq_save();
	if (!__atomic_exchange_n(&lock->word, 1, __ATOMIC_ACQUIRE))
		return true;
	arch_irq_restore(*flags);
	return false;
}

void spin_unlock_irqrestore(struct spinlock *lock, unsigned long flags)
{
	__atomic_store_n(&lock->word, 0, __ATOMIC_RELEASE);
	arch_irq_restore(flags);
}

void spin_lock_break(struct spinlock *lock)
{
	__atomic_store_n(&lock->word, 0, __ATOMIC_RELEASE);
}
