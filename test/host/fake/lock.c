/* Locks on one thread: taking one twice or giving back a free one is a bug. */
#include "arch/lock.h"

#include <assert.h>

unsigned long spin_lock_irqsave(struct spinlock *lock)
{
	assert(!lock->word);
	lock->word = 1;
	return 0x5a;
}

void spin_unlock_irqrestore(struct spinlock *lock, unsigned long flags)
{
	assert(lock->word == 1 && flags == 0x5a);
	lock->word = 0;
}

void spin_lock_break(struct spinlock *lock)
{
	lock->word = 0;
}
