/* Sources: kernel/guest/vcpu.c kernel/guest/vm.c kernel/guest/sched.c
 * kernel/timer.c lib/runtime.c test/host/fake/vcpu.c test/host/fake/hart.c
 * test/host/fake/heap.c */
/*
 * A vcpu's way through start, suspend, wake-up and the end of its VM, where
 * another hart acts at the worst moment: the moments are played, one after the
 * other, on one thread.
 */
#include "kernel/guest/vcpu.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "arch/smp.h"
#include "kernel/guest/run.h"
#include "kernel/guest/sched.h"
#include "kernel/guest/vm.h"
#include "test/host/fake/hart.h"
#include "test/host/fake/vcpu.h"

#define RAM GUEST_RAM_BASE

static struct vm *vm;
static unsigned ended;
static bool signalled[3];

unsigned arch_cpu_count(void)
{
	return ARRAY_SIZE(signalled);
}

int arch_ipi_send(unsigned cpu)
{
	assert_true(cpu < ARRAY_SIZE(signalled));
	signalled[cpu] = true;
	return 0;
}

void smp_call_all(void (*fn)(void *arg), void *arg);
void smp_call_all(void (*fn)(void *arg), void *arg)
{
	fn(arg);
}

static void vm_ended(struct vm *of)
{
	assert_ptr_equal(of, vm);
	ended++;
}

/* What @hart does, in the midst of what another one does. */
static unsigned on(unsigned hart)
{
	unsigned was = fake_hart.cpu;

	fake_hart.cpu = hart;
	fake_hart.interrupts = false;
	return was;
}

static bool run_on(unsigned hart)
{
	on(hart);
	return run_next();
}

static enum vcpu_exit_kind guest_waits(struct vcpu *v)
{
	(void)v;
	return VCPU_EXIT_WFI;
}

static int setup(void **state)
{
	struct vm_config config = {"g", MIB(2), 3, vm_ended};

	(void)state;
	fake_hart_reset();
	memset(signalled, 0, sizeof(signalled));
	ended = 0;
	fake_vcpu = (struct fake_vcpu){.sstc = true, .guest = guest_waits};
	sched_init();
	assert_int_equal(vm_create(&config, &vm), 0);
	assert_int_equal(vm_start(vm, RAM, 0), 0);
	return 0;
}

/* Whatever the test left: it must come to an end. */
static int teardown(void **state)
{
	(void)state;
	fake_vcpu.entry = NULL;
	fake_vcpu.guest = guest_waits;
	on(0);
	vm_end(vm, VM_END_STOP, "the test is over");
	for (unsigned i = 0; i < 10; i++)
		run_next();
	assert_int_equal(ended, 1);
	assert_int_equal(vm->state, VM_DOWN);
	vm_destroy(vm);
	assert_int_equal(fake_vcpu.pages, 0);
	return 0;
}

/* ---- start and resume ---- */

static uint64_t seen; /* pending at the first instruction */

static enum vcpu_exit_kind guest_looks(struct vcpu *v)
{
	seen = v->arch->hvip;
	v->arch->hvip = 0;
	return VCPU_EXIT_WFI;
}

/* A PLIC context is raised once, whether its hart is started or not. */
static void a_level_raised_before_the_start_is_there(void **state)
{
	struct vcpu *v = &vm->vcpu[1];

	(void)state;
	vcpu_irq_set(v, VCPU_IRQ_EXTERNAL, true);
	vcpu_irq_set(v, VCPU_IRQ_SOFT, true);
	assert_int_equal(vcpu_start(v, RAM, 7), 0);
	fake_vcpu.guest = guest_looks;
	assert_true(run_on(0));
	assert_true(run_on(1));
	/* An IPI to a hart that is stopped is none. */
	assert_int_equal(seen, VCPU_IRQ_EXTERNAL);
	assert_int_equal(v->arch->pc, RAM);
	assert_int_equal(v->arch->opaque, 7);
}

/* Nothing of the life before: not its IPI, not its timer. */
static void a_start_forgets_the_life_before(void **state)
{
	struct vcpu *v = &vm->vcpu[0];

	(void)state;
	vcpu_irq_set(v, VCPU_IRQ_SOFT, true);
	v->arch->deadline = 100;
	vcpu_stop(v);
	assert_int_equal(vcpu_start(&vm->vcpu[1], RAM, 0), 0);
	assert_true(run_on(0));
	assert_int_equal(vcpu_hsm_status(v), VCPU_HSM_STOPPED);
	assert_int_equal(vcpu_start(v, RAM, 0), 0);
	fake_vcpu.guest = guest_looks;
	assert_true(run_on(0));
	assert_true(run_on(0));
	assert_int_equal(seen, 0);
	assert_int_equal(v->arch->deadline, UINT64_MAX);
}

static enum vcpu_exit_kind guest_suspends(struct vcpu *v)
{
	assert_int_equal(vcpu_suspend(v, false, RAM + 4, 9), 0);
	v->arch->enabled = VCPU_IRQ_SOFT | VCPU_IRQ_TIMER;
	v->arch->deadline = 100;
	return VCPU_EXIT_ANSWERED;
}

/* What wakes it must still be there when it looks, and what came before. */
static void a_resumed_hart_has_what_woke_it(void **state)
{
	struct vcpu *v = &vm->vcpu[0];

	(void)state;
	fake_vcpu.guest = guest_suspends;
	vcpu_irq_set(v, VCPU_IRQ_EXTERNAL, true); /* not enabled */
	assert_true(run_on(0));
	assert_int_equal(vcpu_hsm_status(v), VCPU_HSM_SUSPENDED);
	assert_false(run_on(0));
	vcpu_irq_set(v, VCPU_IRQ_SOFT, true);
	fake_vcpu.guest = guest_looks;
	assert_true(run_on(0));
	assert_int_equal(seen, VCPU_IRQ_SOFT | VCPU_IRQ_EXTERNAL);
	assert_int_equal(v->arch->pc, RAM + 4);
	assert_int_equal(v->arch->opaque, 9);
	assert_int_equal(v->arch->deadline, 100);
	assert_int_equal(vcpu_hsm_status(v), VCPU_HSM_STARTED);
}

/* ---- wake-ups ---- */

static void raise_elsewhere(struct vcpu *v)
{
	unsigned was = on(2);

	vcpu_irq_set(v, VCPU_IRQ_SOFT, true);
	on(was);
}

static enum vcpu_exit_kind guest_takes(struct vcpu *v)
{
	v->arch->enabled = VCPU_IRQ_SOFT;
	seen |= v->arch->hvip;
	v->arch->hvip = 0;
	return VCPU_EXIT_WFI;
}

static void an_interrupt_on_the_way_in_is_seen(void **state)
{
	(void)state;
	seen = 0;
	fake_vcpu.entry = raise_elsewhere;
	fake_vcpu.guest = guest_takes;
	assert_true(run_on(0));
	assert_int_equal(seen, VCPU_IRQ_SOFT);
	assert_false(run_on(0));
}

static enum vcpu_exit_kind guest_is_raised_at(struct vcpu *v)
{
	static bool once;

	v->arch->enabled = VCPU_IRQ_SOFT;
	seen |= v->arch->hvip;
	v->arch->hvip = 0;
	once = !once;
	if (!once)
		return VCPU_EXIT_WFI;
	/* In guest code: the hart must be told. */
	raise_elsewhere(v);
	assert_true(signalled[0]);
	return VCPU_EXIT_INTERRUPT;
}

static void an_interrupt_in_guest_code_brings_it_out(void **state)
{
	(void)state;
	seen = 0;
	fake_vcpu.guest = guest_is_raised_at;
	assert_true(run_on(0));
	assert_int_equal(seen, VCPU_IRQ_SOFT);
}

static enum vcpu_exit_kind guest_sleeps_until_100(struct vcpu *v)
{
	v->arch->enabled = VCPU_IRQ_TIMER;
	if (v->arch->deadline <= fake_hart.now) {
		v->arch->deadline = UINT64_MAX;
		seen++;
	} else {
		v->arch->deadline = 100;
	}
	return VCPU_EXIT_WFI;
}

static void its_timer_wakes_it(void **state)
{
	(void)state;
	seen = 0;
	fake_vcpu.guest = guest_sleeps_until_100;
	assert_true(run_on(0));
	assert_int_equal(fake_hart.deadline[0], 100);
	assert_false(run_on(1));
	fake_hart.now = 100;
	on(0);
	timer_interrupt();
	/* Hart 1 sleeps, or 0 itself: one of them has it. */
	assert_true(run_on(0) || run_on(1));
	assert_int_equal(seen, 1);
}

/* ---- the end of the VM ---- */

static enum vcpu_exit_kind guest_spins(struct vcpu *v)
{
	(void)v;
	/* For ever, but for an interrupt: was the hart told? */
	assert_true(signalled[fake_hart.cpu]);
	return VCPU_EXIT_INTERRUPT;
}

static void end_elsewhere(struct vcpu *v)
{
	unsigned was = on(2);

	vm_end(v->vm, VM_END_STOP, "by the operator");
	on(was);
}

/* Between the look at the VM's state and the guest's first instruction. */
static void an_end_on_the_way_in_is_not_missed(void **state)
{
	(void)state;
	fake_vcpu.entry = end_elsewhere;
	fake_vcpu.guest = guest_spins;
	assert_true(run_on(0));
	assert_int_equal(ended, 1);
}

static void an_end_wakes_who_waits_and_ends_who_is_ready(void **state)
{
	(void)state;
	assert_int_equal(vcpu_start(&vm->vcpu[1], RAM, 0), 0);
	assert_true(run_on(0));
	assert_int_equal(vm->vcpu[0].state, VCPU_WAITING);
	on(2);
	vm_end(vm, VM_END_STOP, "by the operator");
	assert_true(run_on(0));
	assert_int_equal(ended, 0);
	assert_true(run_on(1));
	assert_int_equal(ended, 1);
	assert_int_equal(vm->vcpu[0].state, VCPU_STOPPED);
	assert_int_equal(vm->vcpu[1].state, VCPU_STOPPED);
}

static struct vcpu *started_late;

static enum vcpu_exit_kind guest_starts_another(struct vcpu *v)
{
	end_elsewhere(v);
	assert_int_equal(vcpu_start(started_late, RAM, 0), 0);
	return VCPU_EXIT_ANSWERED;
}

static void a_hart_started_while_it_ends_ends_too(void **state)
{
	(void)state;
	started_late = &vm->vcpu[2];
	fake_vcpu.guest = guest_starts_another;
	assert_true(run_on(0));
	assert_int_equal(ended, 0);
	assert_true(run_on(1));
	assert_int_equal(ended, 1);
}

/* ---- fences ---- */

static enum vcpu_exit_kind guest_fences(struct vcpu *v)
{
	uint64_t before = v->arch->flushes;

	/* Nobody else is on a hart: it need not wait, but it is noted. */
	vcpu_fence(v, 7, VCPU_FENCE_VMA, 0, UINT64_MAX);
	assert_int_equal(v->arch->flushes, before + 1);
	assert_int_equal(vm->vcpu[1].fences, VCPU_FENCE_VMA);
	assert_int_equal(vm->vcpu[2].fences, VCPU_FENCE_VMA);
	assert_int_equal(v->fences, 0);
	assert_int_equal(v->inside, 1);
	vcpu_fence(v, 2, VCPU_FENCE_I, 0, UINT64_MAX);
	assert_int_equal(v->arch->flushes, before + 1);
	assert_int_equal(vm->vcpu[1].fences, VCPU_FENCE_VMA | VCPU_FENCE_I);
	return VCPU_EXIT_WFI;
}

static void fences_reach_who_is_asked(void **state)
{
	uint64_t before;

	(void)state;
	assert_int_equal(vcpu_start(&vm->vcpu[1], RAM, 0), 0);
	fake_vcpu.guest = guest_fences;
	assert_true(run_on(0));
	before = vm->vcpu[1].arch->flushes;
	fake_vcpu.guest = guest_waits;
	assert_true(run_on(1));
	/* Once for the hart, once for the request. */
	assert_int_equal(vm->vcpu[1].arch->flushes, before + 2);
}

/* ---- time ---- */

static void guest_time_is_the_hosts_from_its_start(void **state)
{
	struct vm t = {.time_offset = -1000ull};

	(void)state;
	assert_int_equal(vm_time_to_host(&t, 0), 1000);
	assert_int_equal(vm_time_to_host(&t, 5), 1005);
	/* Past the end of the host's clock is never, not long ago. */
	assert_int_equal(vm_time_to_host(&t, UINT64_MAX), UINT64_MAX);
	assert_int_equal(vm_time_to_host(&t, UINT64_MAX - 1), UINT64_MAX);
	assert_int_equal(vm_time_to_host(&t, UINT64_MAX - 1000), UINT64_MAX);
	assert_int_equal(vm_time_to_host(&t, UINT64_MAX - 1001),
			 UINT64_MAX - 1);
	t.time_offset = 0;
	assert_int_equal(vm_time_to_host(&t, UINT64_MAX), UINT64_MAX);
	assert_int_equal(vm_time_to_host(&t, 3), 3);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_level_raised_before_the_start_is_there),
		TEST(a_start_forgets_the_life_before),
		TEST(a_resumed_hart_has_what_woke_it),
		TEST(an_interrupt_on_the_way_in_is_seen),
		TEST(an_interrupt_in_guest_code_brings_it_out),
		TEST(its_timer_wakes_it),
		TEST(an_end_on_the_way_in_is_not_missed),
		TEST(an_end_wakes_who_waits_and_ends_who_is_ready),
		TEST(a_hart_started_while_it_ends_ends_too),
		TEST(fences_reach_who_is_asked),
		TEST(guest_time_is_the_hosts_from_its_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
