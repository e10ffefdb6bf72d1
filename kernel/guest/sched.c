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
	struct vcpu *running; /* here; NULL: none */
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
 * Which harts to signal for the READY @v: an idle one, best where it ran last,
 * which then counts as busy, so that the next one finds another. Else all whose
 * vcpu has no slice yet: they begin one, or it turns out that the vcpu sleeps
 * there in its guest. Slices that are under way will end, and their harts look
 * then. Lock held.
 */
static uint64_t harts_for(const struct vcpu *v)
{
	unsigned i, n = arch_cpu_count();
	uint64_t unsliced = 0;

	for (i = v->cpu < n && state.cpu[v->cpu].idle ? v->cpu : 0; i < n;
	     i++) {
		if (state.cpu[i].idle) {
			state.cpu[i].idle = false;
			return 1ull << i;
		}
		if (state.cpu[i].running &&
		    state.cpu[i].slice != SLICE_UNDER_WAY)
			unsliced |= 1ull << i;
	}
	return unsliced;
}

/* Lock held. Returns the harts to signal. */
static uint64_t make_ready(struct vcpu *v)
{
	v->state = VCPU_READY;
	list_add_tail(&state.ready, &v->queue);
	__atomic_store_n(&state.waiting, state.waiting + 1, __ATOMIC_RELAXED);
	return harts_for(v);
}

/*
 * This hart looks for itself when it has no vcpu. If it has one, that is in the
 * middle of an exit, perhaps one that nobody looks behind: it says so.
 */
static void signal_harts(uint64_t harts)
{
	unsigned self = arch_cpu_index();
	struct vcpu *v = state.cpu[self].running;

	if ((harts >> self & 1) && v && v->leave == VCPU_STAY)
		v->leave = VCPU_LEAVE_LOOK;
	harts &= ~(1ull << self);
	for (; harts; harts &= harts - 1)
		arch_ipi_send((unsigned)__builtin_ctzll(harts));
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
		v->forced = false;
		v->cpu = arch_cpu_index();
		cpu->running = v;
		slice_settle(cpu);
	}
	spin_unlock_irqrestore(&state.lock, flags);
	return v;
}

void sched_leave(struct vcpu *v, enum vcpu_state to)
{
	struct sched_cpu *cpu = &state.cpu[arch_cpu_index()];
	unsigned long flags;
	uint64_t harts = 0;

	timer_cancel(&cpu->timer);
	flags = spin_lock_irqsave(&state.lock);
	cpu->running = NULL;
	cpu->slice = SLICE_NONE;
	v->state = to;
	if (to == VCPU_READY ||
	    (to == VCPU_WAITING && (v->forced || arch_vcpu_irq_waiting(v))))
		harts = make_ready(v);
	spin_unlock_irqrestore(&state.lock, flags);
	signal_harts(harts);
}

int sched_start(struct vcpu *v, void (*prepare)(struct vcpu *v, void *arg),
		void *arg)
{
	unsigned long flags = spin_lock_irqsave(&state.lock);
	int err = -EALREADY;
	uint64_t harts = 0;

	if (v->state == VCPU_STOPPED) {
		prepare(v, arg);
		harts = make_ready(v);
		err = 0;
	}
	spin_unlock_irqrestore(&state.lock, flags);
	signal_harts(harts);
	return err;
}

void sched_wake(struct vcpu *v, bool force)
{
	unsigned long flags = spin_lock_irqsave(&state.lock);
	uint64_t harts = 0;

	if (v->state == VCPU_WAITING && (force || arch_vcpu_irq_waiting(v))) {
		harts = make_ready(v);
	} else if (force && v->state == VCPU_RUNNING) {
		/* It may be on its way to wait already. */
		v->forced = true;
		harts = 1ull << v->cpu;
	}
	spin_unlock_irqrestore(&state.lock, flags);
	signal_harts(harts);
}

bool sched_alone(void)
{
	struct sched_cpu *cpu = &state.cpu[arch_cpu_index()];
	unsigned long flags;
	bool alone;

	if (cpu->slice == SLICE_NONE || sched_others_wait())
		return !sched_others_wait();
	/* Who becomes READY from now on has to find that no slice ends. */
	flags = spin_lock_irqsave(&state.lock);
	alone = !state.waiting;
	if (alone)
		cpu->slice = SLICE_NONE;
	spin_unlock_irqrestore(&state.lock, flags);
	if (alone)
		timer_cancel(&cpu->timer);
	return alone;
}

void sched_withdraw(void)
{
	unsigned long flags = spin_lock_irqsave(&state.lock);
	struct list *first = list_first(&state.ready);
	uint64_t harts = 0;

	state.cpu[arch_cpu_index()].idle = false;
	if (first)
		harts = harts_for(container_of(first, struct vcpu, queue));
	spin_unlock_irqrestore(&state.lock, flags);
	signal_harts(harts);
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
