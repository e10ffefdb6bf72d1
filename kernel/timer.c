/*
 * The timer queues. A list sorted by deadline: a hart has a handful of timers
 * (one per guest vcpu at most), so a walk is shorter than a heap's upkeep. The
 * hardware is written only when the head changes.
 */
#include "kernel/timer.h"

#include <stddef.h>

#include "arch/lock.h"
#include "arch/smp.h"
#include "arch/timer.h"

struct timer_queue {
	struct spinlock lock;
	struct timer *first;
};

static struct {
	struct timer_queue queue[CPU_MAX];
} state;

int timer_init(void)
{
	arch_timer_set(ARCH_TIMER_NEVER);
	return 0;
}

/* The hardware of this hart follows @queue, which is this hart's. */
static void hardware_update(const struct timer_queue *queue)
{
	arch_timer_set(queue->first ? queue->first->deadline
				    : ARCH_TIMER_NEVER);
}

static void queue_insert(struct timer_queue *queue, struct timer *t)
{
	struct timer **at = &queue->first;

	while (*at && (*at)->deadline <= t->deadline)
		at = &(*at)->next;
	t->next = *at;
	*at = t;
	t->queued = true;
}

static bool queue_remove(struct timer_queue *queue, struct timer *t)
{
	struct timer **at = &queue->first;

	while (*at && *at != t)
		at = &(*at)->next;
	if (!*at)
		return false;
	*at = t->next;
	/* Last: who sees it may put the timer into another hart's queue. */
	__atomic_store_n(&t->queued, false, __ATOMIC_RELEASE);
	return true;
}

/* Without its queue's lock. */
static bool is_queued(const struct timer *t)
{
	return __atomic_load_n(&t->queued, __ATOMIC_ACQUIRE);
}

void timer_start(struct timer *t, uint64_t deadline)
{
	unsigned me = arch_cpu_index();
	struct timer_queue *queue = &state.queue[me];
	unsigned long flags;
	bool was_first;

	if (is_queued(t) && t->cpu != me)
		timer_cancel(t);
	flags = spin_lock_irqsave(&queue->lock);
	was_first = queue->first == t;
	if (t->queued)
		queue_remove(queue, t);
	t->deadline = deadline;
	t->cpu = me;
	queue_insert(queue, t);
	if (was_first || queue->first == t)
		hardware_update(queue);
	spin_unlock_irqrestore(&queue->lock, flags);
}

bool timer_cancel(struct timer *t)
{
	struct timer_queue *queue = &state.queue[t->cpu];
	unsigned long flags;
	bool was_first, found;

	if (!is_queued(t))
		return false;
	flags = spin_lock_irqsave(&queue->lock);
	was_first = queue->first == t;
	found = queue_remove(queue, t);
	/* Another hart's hardware is out of reach: it will wake for nothing. */
	if (found && was_first && t->cpu == arch_cpu_index())
		hardware_update(queue);
	spin_unlock_irqrestore(&queue->lock, flags);
	return found;
}

void timer_interrupt(void)
{
	struct timer_queue *queue = &state.queue[arch_cpu_index()];
	unsigned long flags = spin_lock_irqsave(&queue->lock);
	uint64_t now = arch_time_now();
	struct timer *t;

	while ((t = queue->first) && t->deadline <= now) {
		queue_remove(queue, t);
		/* fn takes the lock again to start timers. */
		spin_unlock_irqrestore(&queue->lock, flags);
		t->fn(t);
		flags = spin_lock_irqsave(&queue->lock);
	}
	hardware_update(queue);
	spin_unlock_irqrestore(&queue->lock, flags);
}
