/*
 * The scheduler: a queue of READY vcpus under one lock, and per hart whether it
 * is idle and how far its slice is. A wake-up is never lost: who wakes sets the
 * pending word first and takes the lock then; who goes to wait looks at the
 * pending word under the lock. The lock is not held while anything runs, and no
 * fast exit takes it.
 */
#include "kernel/guest/sched.h"

#include <errno.h>
#include <stddef.h>

#include "arch/lock.h"
#include "arch/smp.h"
#include "arch/timer.h"
#include "kernel/timer.h"

enum slice {
	SLICE_NONE, /* nobody waits: no end */
	SLICE_UNDER_WAY,
	SLICE_OVER,
};

struct sched_cpu {
	struct timer timer; /* ends the slice */
	enum slice slice;
	bool idle;
	bool running; /* a vcpu runs here */
};

static struct {
	struct spinlock lock;
	struct list ready;
	unsigned waiting; /* entries of it */
	struct sched_cpu cpu[CPU_MAX];
} state;

static void slice_end(struct timer *t)
{
	struct sched_cpu *cpu = container_of(t, struct sched_cpu, timer);

	cpu->slice = SLICE_OVER;
}

void sched_init(void)
{
	unsigned i;

	list_init(&state.ready);
	state.waiting = 0;
	for (i = 0; i < CPU_MAX; i++) {
		state.cpu[i] = (struct sched_cpu){.timer.fn = slice_end};
	}
}

bool sched_others_wait(void)
{
	return __atomic_load_n(&state.waiting, __ATOMIC_RELAXED) != 0;
}

/*
 * Which hart to signal for a new READY vcpu: an idle one, best where it ran
 * last; else one whose vcpu has no slice yet, so that it gets one. -1: none,
 * slices that are under way will end, and their harts look then.
 */
static int hart_for(const struct vcpu *v)
{
	unsigned i, n = arch_cpu_count();
	int unsliced = -1;

	if (v->cpu < n && state.cpu[v->cpu].idle)
		return (int)v->cpu;
	for (i = 0; i < n; i++) {
		if (state.cpu[i].idle)
			return (int)i;
		if (state.cpu[i].running &&
		    state.cpu[i].slice != SLICE_UNDER_WAY)
			unsliced = (int)i;
	}
	return unsliced;
}

/* Lock held. Returns the hart to signal, or -1. */
static int make_ready(struct vcpu *v)
{
	int hart = hart_for(v);

	v->state = VCPU_READY;
	list_add_tail(&state.ready, &v->queue);
	__atomic_store_n(&state.waiting, state.waiting + 1, __ATOMIC_RELAXED);
	/* It is on its way: the next one should find another. */
	if (hart >= 0)
		state.cpu[hart].idle = false;
	return hart;
}

static void signal_hart(int hart)
{
	if (hart >= 0 && (unsigned)hart != arch_cpu_index())
		arch_ipi_send((unsigned)hart);
}

/*
 * Begin a slice when somebody waits; true when one is over. Lock held: so no
 * new READY vcpu can count on a slice that has ended.
 */
static bool slice_settle(struct sched_cpu *cpu)
{
	if (!state.waiting) {
		cpu->slice = SLICE_NONE;
		return false;
	}
	if (cpu->slice == SLICE_OVER)
		return true;
	cpu->slice = SLICE_UNDER_WAY;
	timer_start(&cpu->timer,
		    arch_time_now() + arch_timebase() / SCHED_SLICE_HZ);
	return false;
}

struct vcpu *sched_pick(void)
{
	struct sched_cpu *cpu = &state.cpu[arch_cpu_index()];
	unsigned long flags = spin_lock_irqsave(&state.lock);
	struct list *first = list_first(&state.ready);
	struct vcpu *v = NULL;

	cpu->idle = !first;
	if (first) {
		v = container_of(first, struct vcpu, queue);
		list_remove(first);
		__atomic_store_n(&state.waiting, state.waiting - 1,
				 __ATOMIC_RELAXED);
		v->state = VCPU_RUNNING;
		v->cpu = arch_cpu_index();
		cpu->running = true;
		slice_settle(cpu);
	}
	spin_unlock_irqrestore(&state.lock, flags);
	return v;
}

void sched_leave(struct vcpu *v, enum vcpu_state to)
{
	struct sched_cpu *cpu = &state.cpu[arch_cpu_index()];
	unsigned long flags;
	int hart = -1;

	timer_cancel(&cpu->timer);
	flags = spin_lock_irqsave(&state.lock);
	cpu->running = false;
	cpu->slice = SLICE_NONE;
	v->state = to;
	if (to == VCPU_READY ||
	    (to == VCPU_WAITING && arch_vcpu_irq_waiting(v)))
		hart = make_ready(v);
	spin_unlock_irqrestore(&state.lock, flags);
	signal_hart(hart);
}

int sched_start(struct vcpu *v, void (*prepare)(struct vcpu *v, void *arg),
		void *arg)
{
	unsigned long flags = spin_lock_irqsave(&state.lock);
	int hart = -1, err = -EALREADY;

	if (v->state == VCPU_STOPPED) {
		prepare(v, arg);
		hart = make_ready(v);
		err = 0;
	}
	spin_unlock_irqrestore(&state.lock, flags);
	signal_hart(hart);
	return err;
}

void sched_wake(struct vcpu *v, bool force)
{
	unsigned long flags = spin_lock_irqsave(&state.lock);
	int hart = -1;

	if (v->state == VCPU_WAITING && (force || arch_vcpu_irq_waiting(v)))
		hart = make_ready(v);
	spin_unlock_irqrestore(&state.lock, flags);
	signal_hart(hart);
}

bool sched_expired(void)
{
	struct sched_cpu *cpu = &state.cpu[arch_cpu_index()];
	unsigned long flags;
	bool over;

	/* One that is over is settled even if nobody seems to wait. */
	if (cpu->slice == SLICE_UNDER_WAY ||
	    (cpu->slice == SLICE_NONE && !sched_others_wait()))
		return false;
	flags = spin_lock_irqsave(&state.lock);
	over = slice_settle(cpu);
	spin_unlock_irqrestore(&state.lock, flags);
	return over;
}
