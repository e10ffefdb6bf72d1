/*
 * A vcpu's life: the loop that runs one on this hart and answers its exits,
 * and what other harts may ask of it.
 */
#include "kernel/guest/vcpu.h"

#include <errno.h>
#include <stddef.h>

#include "arch/irq.h"
#include "arch/smp.h"
#include "arch/timer.h"
#include "kernel/guest/devices.h"
#include "kernel/guest/run.h"
#include "kernel/guest/sched.h"
#include "kernel/guest/vm.h"

static struct {
	/* Asked on the boot hart after each host interrupt. */
	bool (*attention)(void);

	/* Of run_others(): when this turn or the last ends or ended. */
	uint64_t turn_end;
	bool in_turn;
	struct timer turn;
} state;

void run_attention_set(bool (*attention)(void))
{
	state.attention = attention;
}

/* Has the boot hart something to do that is not its vcpu's? */
static bool is_wanted(void)
{
	if (arch_cpu_index())
		return false;
	if (state.in_turn && arch_time_now() >= state.turn_end)
		return true;
	return state.attention && state.attention();
}

static bool runs_here(const struct vcpu *v)
{
	return v->state == VCPU_RUNNING && v->cpu == arch_cpu_index();
}

/* Out of guest code, if it is in it. */
static void kick(const struct vcpu *v)
{
	if (__atomic_load_n(&v->inside, __ATOMIC_SEQ_CST))
		arch_ipi_send(v->cpu);
}

void vcpu_irq_set(struct vcpu *v, enum vcpu_irq irq, bool level)
{
	if (level)
		__atomic_fetch_or(&v->pending, irq, __ATOMIC_RELAXED);
	else
		__atomic_fetch_and(&v->pending, ~(uint64_t)irq,
				   __ATOMIC_RELAXED);
	__atomic_fetch_or(&v->changed, irq, __ATOMIC_SEQ_CST);
	if (runs_here(v))
		return;
	kick(v);
	if (level)
		sched_wake(v, false);
}

/* Its deadline has come: without Sstc the interrupt is ours to raise. */
static void timer_fired(struct timer *t)
{
	struct vcpu *v = container_of(t, struct vcpu, timer);

	if (!arch_guest_info()->sstc &&
	    arch_vcpu_timer_deadline(v) <= arch_time_now())
		vcpu_irq_set(v, VCPU_IRQ_TIMER, true);
	else
		sched_wake(v, false);
}

int vcpu_create(struct vcpu *v, struct vm *vm, unsigned id)
{
	v->vm = vm;
	v->id = id;
	v->state = VCPU_STOPPED;
	v->cpu = CPU_MAX;
	v->timer.fn = timer_fired;
	list_init(&v->queue);
	return arch_vcpu_create(v);
}

void vcpu_destroy(struct vcpu *v)
{
	timer_cancel(&v->timer);
	arch_vcpu_destroy(v);
}

struct start {
	gpa_t pc;
	uint64_t opaque;
};

static void start_prepare(struct vcpu *v, void *arg)
{
	const struct start *start = arg;

	v->leave = VCPU_STAY;
	v->suspended = false;
	/*
	 * A level of the PLIC's stands whether the hart is started or not; of
	 * the rest nothing stays. Others may change these words meanwhile.
	 */
	__atomic_fetch_and(&v->pending, (uint64_t)VCPU_IRQ_EXTERNAL,
			   __ATOMIC_RELAXED);
	__atomic_fetch_or(&v->changed,
			  VCPU_IRQ_SOFT | VCPU_IRQ_TIMER | VCPU_IRQ_EXTERNAL,
			  __ATOMIC_RELEASE);
	__atomic_fetch_add(&v->vm->loaded, 1, __ATOMIC_RELAXED);
	arch_vcpu_reset(v, start->pc, start->opaque);
}

int vcpu_start(struct vcpu *v, gpa_t pc, uint64_t opaque)
{
	struct start start = {pc, opaque};

	if (!vm_is_ram(v->vm, pc, 2))
		return -EINVAL;
	return sched_start(v, start_prepare, &start);
}

void vcpu_stop(struct vcpu *self)
{
	self->leave = VCPU_LEAVE_STOP;
}

int vcpu_suspend(struct vcpu *self, bool retentive, gpa_t pc, uint64_t opaque)
{
	if (!retentive && !vm_is_ram(self->vm, pc, 2))
		return -EINVAL;
	self->leave = retentive ? VCPU_LEAVE_SUSPEND : VCPU_LEAVE_RESUME;
	self->resume_pc = retentive ? 0 : pc;
	self->resume_opaque = opaque;
	return 0;
}

unsigned vcpu_hsm_status(const struct vcpu *v)
{
	if (v->state == VCPU_STOPPED)
		return VCPU_HSM_STOPPED;
	if (v->state == VCPU_WAITING && v->suspended)
		return VCPU_HSM_SUSPENDED;
	return VCPU_HSM_STARTED;
}

/* Ask @v for @fences; true when it may execute until it has seen that. */
static bool fence_post(struct vcpu *v, unsigned fences)
{
	__atomic_fetch_or(&v->fences, fences, __ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&v->inside, __ATOMIC_SEQ_CST))
		return false;
	kick(v);
	return true;
}

static void fence_wait(const struct vcpu *v)
{
	while (__atomic_load_n(&v->inside, __ATOMIC_SEQ_CST) &&
	       __atomic_load_n(&v->fences, __ATOMIC_SEQ_CST))
		;
}

/*
 * Two vcpus may fence each other at the same time: while one waits it counts
 * as outside, and takes its own requests before it goes on.
 */
void vcpu_fence(struct vcpu *self, uint64_t mask, unsigned fences,
		uint64_t start, uint64_t size)
{
	struct vm *vm = self->vm;
	uint64_t wait = 0;
	unsigned i;

	__atomic_store_n(&self->inside, 0, __ATOMIC_SEQ_CST);
	for (i = 0; i < vm->vcpu_count; i++)
		if ((mask >> i & 1) && &vm->vcpu[i] != self &&
		    fence_post(&vm->vcpu[i], fences))
			wait |= 1ull << i;
	if (mask >> self->id & 1)
		arch_vcpu_fence(self, fences, start, size);
	for (i = 0; i < vm->vcpu_count; i++)
		if (wait >> i & 1)
			fence_wait(&vm->vcpu[i]);
	__atomic_store_n(&self->inside, 1, __ATOMIC_SEQ_CST);
	/* Then its own requests are looked for (arch_vcpu_run()). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

int vcpu_mmio_answer(struct vcpu *self)
{
	return mmio_access(&self->vm->devices->bus, &self->exit.mmio);
}

/*
 * Answer the exit of @v. RUNNING: go on with it; else what becomes of it.
 */
static enum vcpu_state answer(struct vcpu *v)
{
	switch (v->exit.kind) {
	case VCPU_EXIT_MMIO:
		if (vcpu_mmio_answer(v))
			arch_vcpu_mmio_fault(v);
		else
			arch_vcpu_mmio_done(v);
		break;
	case VCPU_EXIT_WFI:
		if (!arch_vcpu_irq_waiting(v))
			return VCPU_WAITING;
		break;
	case VCPU_EXIT_DEAD:
		vm_end(v->vm, VM_END_FAULT, v->exit.reason);
		break;
	case VCPU_EXIT_INTERRUPT:
		if (is_wanted())
			return VCPU_READY;
		break;
	default:
		break;
	}
	return sched_expired() ? VCPU_READY : VCPU_RUNNING;
}

/* What the vcpu asked for in its SBI call, if anything. */
static enum vcpu_state wish(struct vcpu *v)
{
	enum vcpu_leave leave = v->leave;

	v->leave = VCPU_STAY;
	if (leave == VCPU_LEAVE_STOP)
		return VCPU_STOPPED;
	v->suspended = true;
	return VCPU_WAITING;
}

static enum vcpu_state run_slice(struct vcpu *v)
{
	enum vcpu_state to = VCPU_RUNNING;

	while (to == VCPU_RUNNING) {
		if (!vm_is_up(v->vm))
			return VCPU_STOPPED;
		/* Loading it again is what turns that on or off. */
		if (v->measured != v->vm->measured)
			return VCPU_READY;
		arch_vcpu_wfi_own(v, sched_alone());
		arch_vcpu_run(v);
		if (v->leave == VCPU_LEAVE_LOOK)
			v->leave = VCPU_STAY;
		to = v->leave != VCPU_STAY ? wish(v) : answer(v);
	}
	return to;
}

/* Non-retentive suspend: as if started, when it is picked again. */
static void resume(struct vcpu *v)
{
	v->suspended = false;
	if (v->resume_pc) {
		arch_vcpu_resume(v, v->resume_pc, v->resume_opaque);
		v->resume_pc = 0;
	}
}

bool run_next(void)
{
	struct vcpu *v = sched_pick();
	enum vcpu_state to;
	uint64_t deadline;

	if (!v)
		return false;
	if (v->suspended)
		resume(v);
	if (arch_guest_info()->sstc)
		timer_cancel(&v->timer);
	arch_vcpu_load(v);
	to = run_slice(v);
	arch_vcpu_put(v);
	deadline = arch_vcpu_timer_deadline(v);
	if (to == VCPU_WAITING && deadline != UINT64_MAX)
		timer_start(&v->timer, deadline);
	if (to == VCPU_STOPPED)
		timer_cancel(&v->timer);
	if (to == VCPU_STOPPED)
		vm_vcpu_stopped(v);
	else
		sched_leave(v, to);
	return true;
}

/* The interrupt is all that is wanted. */
static void turn_over(struct timer *t)
{
	(void)t;
}

void run_others(void)
{
	uint64_t slice = arch_timebase() / SCHED_SLICE_HZ;
	unsigned long flags;

	if (!sched_others_wait() || arch_time_now() < state.turn_end + slice)
		return;
	flags = arch_irq_save();
	state.in_turn = true;
	state.turn_end = arch_time_now() + slice;
	state.turn.fn = turn_over;
	timer_start(&state.turn, state.turn_end);
	run_next();
	timer_cancel(&state.turn);
	state.in_turn = false;
	state.turn_end = arch_time_now();
	sched_withdraw();
	arch_irq_restore(flags);
}
