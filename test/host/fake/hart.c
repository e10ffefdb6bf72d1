/* One hart for host tests. */
#include "test/host/fake/hart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "arch/irq.h"
#include "arch/lock.h"
#include "arch/smp.h"
#include "arch/timer.h"

struct fake_hart fake_hart;

void fake_hart_reset(void)
{
	memset(&fake_hart, 0, sizeof(fake_hart));
	memset(fake_hart.deadline, 0xff, sizeof(fake_hart.deadline));
	fake_hart.interrupts = true;
}

unsigned long arch_irq_save(void)
{
	bool was = fake_hart.interrupts;

	fake_hart.interrupts = false;
	return was;
}

void arch_irq_restore(unsigned long flags)
{
	fake_hart.interrupts = flags;
}

void arch_irq_enable(void)
{
	fake_hart.interrupts = true;
}

bool arch_irq_enabled(void)
{
	return fake_hart.interrupts;
}

void arch_wait_for_interrupt(void)
{
	assert_non_null(fake_hart.sleep);
	fake_hart.sleep();
}

unsigned long spin_lock_irqsave(struct spinlock *lock)
{
	unsigned long flags = arch_irq_save();

	if (fake_hart.other_hart)
		fake_hart.other_hart(lock);
	if (lock->word)
		fail_msg("deadlock: the lock is held already");
	lock->word = 1;
	fake_hart.locks++;
	return flags;
}

bool spin_trylock_irqsave(struct spinlock *lock, unsigned long *flags)
{
	if (lock->word)
		return false;
	*flags = spin_lock_irqsave(lock);
	return true;
}

void spin_unlock_irqrestore(struct spinlock *lock, unsigned long flags)
{
	if (!lock->word)
		fail_msg("a lock is released that nobody holds");
	lock->word = 0;
	fake_hart.locks--;
	arch_irq_restore(flags);
}

void spin_lock_break(struct spinlock *lock)
{
	fake_hart.locks -= lock->word != 0;
	lock->word = 0;
}

unsigned arch_cpu_index(void)
{
	return fake_hart.cpu;
}

uint64_t arch_cpu_hart(unsigned cpu)
{
	return fake_hart.hart + cpu;
}

uint64_t arch_time_now(void)
{
	return fake_hart.now;
}

uint64_t arch_timebase(void)
{
	return 1000000;
}

void arch_timer_set(uint64_t deadline)
{
	fake_hart.deadline[fake_hart.cpu] = deadline;
	fake_hart.timer_writes++;
}
