/* Sources: kernel/guest/sched.c kernel/timer.c test/host/fake/hart.c */
/*
 * The scheduler over the real timer queues: harts that sleep, run and are
 * signalled are played one after the other. What must never be: a vcpu that
 * waits beside an idle hart, a wake-up that is lost, an unfair share.
 */
#include "kernel/guest/sched.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "arch/smp.h"
#include "arch/timer.h"
#include "kernel/timer.h"
#include "test/host/fake/hart.h"
#include "test/host/random.h"

#define HARTS 4u
#define VCPUS 12u
#define SLICE (1000000u / SCHED_SLICE_HZ) /* ticks of fake_hart's clock */
#define STEPS 200000u

static unsigned harts;
static struct vcpu *runs[HARTS]; /* NULL: sleeps */
static bool busy[HARTS];	 /* withdrawn: does not look for vcpus */
static bool dozes[HARTS];	 /* sleeps in the guest's own WFI */
static bool signalled[HARTS];
static struct vcpu vcpu[VCPUS];
static bool pending[VCPUS];
static uint64_t ran[VCPUS]; /* ticks */
static unsigned prepared;

unsigned arch_cpu_count(void)
{
	return harts;
}

int arch_ipi_send(unsigned cpu)
{
	assert_true(cpu < harts);
	signalled[cpu] = true;
	return 0;
}

bool arch_vcpu_irq_waiting(const struct vcpu *v)
{
	return pending[v - vcpu];
}

static void on(unsigned hart)
{
	fake_hart.cpu = hart;
	fake_hart.interrupts = false;
}

/* An idle hart's loop, once around. */
static void idle(unsigned hart)
{
	on(hart);
	runs[hart] = sched_pick();
	if (runs[hart]) {
		assert_int_equal(runs[hart]->state, VCPU_RUNNING);
		assert_int_equal(runs[hart]->cpu, hart);
	}
}

static void leave(unsigned hart, enum vcpu_state to)
{
	struct vcpu *v = runs[hart];

	on(hart);
	runs[hart] = NULL;
	dozes[hart] = false;
	sched_leave(v, to);
	idle(hart);
}

/* Interrupts of @hart, if it has any, as trap and run loop take them. */
static bool serve(unsigned hart)
{
	bool due = fake_hart.deadline[hart] <= fake_hart.now;

	if (!signalled[hart] && !due)
		return false;
	on(hart);
	signalled[hart] = false;
	if (due)
		timer_interrupt();
	if (!runs[hart] && !busy[hart])
		idle(hart);
	else if (runs[hart] && sched_expired())
		leave(hart, VCPU_READY);
	else if (dozes[hart] && !sched_alone())
		/* Its WFI is trapped now. */
		leave(hart, VCPU_WAITING);
	return true;
}

/* Until nothing is due; then nobody may wait beside a sleeping hart, be that
 * sleep the host's or a guest's. */
static void settle(void)
{
	bool again = true, idles = false;
	unsigned i, ready = 0;

	while (again)
		for (i = 0, again = false; i < harts; i++)
			again |= serve(i);
	for (i = 0; i < harts; i++)
		idles |= dozes[i] || (!runs[i] && !busy[i]);
	for (i = 0; i < VCPUS; i++)
		ready += vcpu[i].state == VCPU_READY;
	if (idles)
		assert_int_equal(ready, 0);
	assert_int_equal(sched_others_wait(), ready != 0);
	for (i = 0; i < VCPUS; i++)
		if (pending[i])
			assert_int_not_equal(vcpu[i].state, VCPU_WAITING);
}

static void pass(uint64_t ticks)
{
	unsigned i;

	fake_hart.now += ticks;
	for (i = 0; i < harts; i++)
		if (runs[i])
			ran[runs[i] - vcpu] += ticks;
	settle();
}

static void prepare(struct vcpu *v, void *arg)
{
	assert_ptr_equal(arg, &prepared);
	assert_int_equal(v->state, VCPU_STOPPED);
	prepared++;
}

/* As behind an SBI call: only if it was told to. */
static void look(unsigned hart)
{
	if (!runs[hart] || runs[hart]->leave != VCPU_LEAVE_LOOK)
		return;
	runs[hart]->leave = VCPU_STAY;
	if (sched_expired())
		leave(hart, VCPU_READY);
}

static void start(unsigned n, unsigned hart)
{
	on(hart);
	dozes[hart] = false;
	assert_int_equal(sched_start(&vcpu[n], prepare, &prepared), 0);
	look(hart);
	if (!runs[hart] && !busy[hart])
		idle(hart);
	settle();
}

static int setup(unsigned count)
{
	unsigned i;

	/* Whatever an earlier test left queued. */
	fake_hart.now = UINT64_MAX;
	for (fake_hart.cpu = 0; fake_hart.cpu < HARTS; fake_hart.cpu++)
		timer_interrupt();
	harts = count;
	fake_hart_reset();
	memset(runs, 0, sizeof(runs));
	memset(busy, 0, sizeof(busy));
	memset(dozes, 0, sizeof(dozes));
	memset(signalled, 0, sizeof(signalled));
	memset(vcpu, 0, sizeof(vcpu));
	memset(pending, 0, sizeof(pending));
	memset(ran, 0, sizeof(ran));
	prepared = 0;
	for (i = 0; i < VCPUS; i++) {
		vcpu[i].state = VCPU_STOPPED;
		vcpu[i].cpu = CPU_MAX;
		list_init(&vcpu[i].queue);
	}
	sched_init();
	for (i = 0; i < count; i++)
		idle(i);
	return 0;
}

static void a_vcpu_alone_runs_without_slices(void **state)
{
	(void)state;
	setup(2);
	start(0, 0);
	pass(100 * SLICE);
	assert_int_equal(ran[0], 100 * SLICE);
	assert_int_equal(fake_hart.timer_writes, 0);
}

static void only_a_stopped_vcpu_starts(void **state)
{
	(void)state;
	setup(1);
	start(0, 0);
	assert_int_equal(sched_start(&vcpu[0], prepare, &prepared), -EALREADY);
	assert_int_equal(prepared, 1);
	leave(0, VCPU_WAITING);
	assert_int_equal(sched_start(&vcpu[0], prepare, &prepared), -EALREADY);
}

static void an_idle_hart_takes_the_second(void **state)
{
	(void)state;
	setup(2);
	start(0, 0);
	start(1, 0);
	assert_ptr_equal(runs[0], &vcpu[0]);
	assert_ptr_equal(runs[1], &vcpu[1]);
}

static void an_interrupt_on_the_way_to_sleep_is_not_lost(void **state)
{
	(void)state;
	setup(1);
	start(0, 0);
	pending[0] = true;
	leave(0, VCPU_WAITING);
	assert_ptr_equal(runs[0], &vcpu[0]);
}

static void a_wake_needs_a_reason_or_force(void **state)
{
	(void)state;
	setup(1);
	start(0, 0);
	leave(0, VCPU_WAITING);
	sched_wake(&vcpu[0], false);
	assert_int_equal(vcpu[0].state, VCPU_WAITING);
	sched_wake(&vcpu[0], true);
	assert_int_equal(vcpu[0].state, VCPU_READY);
}

/* Out of the guest, though nothing is pending in it. */
static void force_signals_the_hart_it_runs_on(void **state)
{
	(void)state;
	setup(2);
	start(0, 1);
	assert_ptr_equal(runs[1], &vcpu[0]);
	signalled[1] = false;
	on(0);
	sched_wake(&vcpu[0], false);
	assert_false(signalled[1]);
	sched_wake(&vcpu[0], true);
	assert_true(signalled[1]);
	signalled[1] = false;
	/* One that does it to itself is out already. */
	on(1);
	sched_wake(&vcpu[0], true);
	assert_false(signalled[1]);
	/* On its way to wait it was told: it does not wait, but only once. */
	leave(1, VCPU_WAITING);
	assert_ptr_equal(runs[0] ? runs[0] : runs[1], &vcpu[0]);
	leave(vcpu[0].cpu, VCPU_WAITING);
	assert_int_equal(vcpu[0].state, VCPU_WAITING);
}

static void it_goes_back_to_the_hart_it_knows(void **state)
{
	(void)state;
	setup(3);
	start(0, 2);
	assert_ptr_equal(runs[2], &vcpu[0]);
	leave(2, VCPU_WAITING);
	on(0);
	pending[0] = true;
	sched_wake(&vcpu[0], false);
	settle();
	assert_ptr_equal(runs[2], &vcpu[0]);
	/* Taken meanwhile: then to any that idles. */
	leave(2, VCPU_WAITING);
	settle();
	assert_ptr_equal(runs[2], &vcpu[0]);
	pending[0] = false;
	leave(2, VCPU_WAITING);
	start(1, 2);
	assert_ptr_equal(runs[2], &vcpu[1]);
	on(2);
	pending[0] = true;
	sched_wake(&vcpu[0], false);
	settle();
	assert_true(runs[0] == &vcpu[0] || runs[1] == &vcpu[0]);
	assert_ptr_equal(runs[2], &vcpu[1]);
}

static void withdraw(unsigned hart)
{
	on(hart);
	busy[hart] = true;
	sched_withdraw();
}

/* A hart that has other work takes none, and what it was signalled for goes to
 * those that have time, by a slice if need be. */
static void a_hart_that_withdraws_keeps_nobody_waiting(void **state)
{
	(void)state;
	setup(2);
	withdraw(0);
	start(0, 1);
	assert_ptr_equal(runs[1], &vcpu[0]);
	start(1, 1);
	assert_null(runs[0]);
	pass(SLICE);
	pass(SLICE);
	assert_true(ran[0] > 0);
	assert_true(ran[1] > 0);
	/* Signalled, and busy before it could look. */
	setup(3);
	start(0, 2);
	on(2);
	assert_int_equal(sched_start(&vcpu[1], prepare, &prepared), 0);
	assert_true(signalled[0]);
	withdraw(0);
	assert_true(signalled[1]);
	settle();
	assert_ptr_equal(runs[1], &vcpu[1]);
}

/* A guest that sleeps on its own hart gives it to who has something to do. */
static void nobody_waits_for_a_guest_that_dozes(void **state)
{
	(void)state;
	setup(2);
	start(0, 0);
	start(1, 1);
	start(2, 0);
	/* 2 waits, both have a slice; then hart 1 comes free for it. */
	settle();
	leave(1, VCPU_WAITING);
	settle();
	assert_ptr_equal(runs[1], &vcpu[2]);
	on(0);
	dozes[0] = sched_alone();
	assert_true(dozes[0]);
	assert_int_equal(fake_hart.deadline[0], UINT64_MAX);
	start(3, 1);
	assert_ptr_equal(runs[0], &vcpu[3]);
	assert_int_equal(vcpu[0].state, VCPU_WAITING);
}

/* One that spins and never exits must lose its hart all the same. */
static void a_slice_begins_without_an_exit(void **state)
{
	(void)state;
	setup(1);
	start(0, 0);
	start(1, 0);
	pass(SLICE);
	pass(SLICE);
	pass(SLICE);
	assert_true(ran[1] > 0);
	assert_true(ran[0] > 0);
}

static void shares_are_fair(void **state)
{
	unsigned i, n, h;

	(void)state;
	for (h = 1; h <= HARTS; h++) {
		for (n = h; n <= VCPUS; n++) {
			setup(h);
			for (i = 0; i < n; i++)
				start(i, i % h);
			for (i = 0; i < 4000 * n; i++)
				pass(SLICE / 4);
			for (i = 0; i < n; i++)
				assert_in_range(ran[i], 990ull * SLICE * h,
						1010ull * SLICE * h);
		}
	}
}

/* An interrupt for @n from the code of @hart, as vcpu_irq_set() does it. */
static void interrupt(unsigned n, unsigned hart)
{
	struct vcpu *v = &vcpu[n];

	on(hart);
	dozes[hart] = false;
	pending[n] = true;
	if (v->state == VCPU_RUNNING) {
		if (v->cpu != hart)
			arch_ipi_send(v->cpu);
		/* Its WFI ends. */
		dozes[v->cpu] = false;
		return;
	}
	sched_wake(v, false);
	look(hart);
	if (!runs[hart] && !busy[hart])
		idle(hart);
}

static void random_step(uint64_t *seed)
{
	unsigned hart = random_below(seed, harts);
	unsigned n = random_below(seed, VCPUS);

	switch (random_below(seed, 10)) {
	case 8:
		on(hart);
		if (runs[hart] && !pending[runs[hart] - vcpu])
			dozes[hart] = sched_alone();
		break;
	case 9:
		if (busy[hart]) {
			busy[hart] = false;
			idle(hart);
		} else if (!runs[hart]) {
			withdraw(hart);
		}
		break;
	case 0:
		if (vcpu[n].state == VCPU_STOPPED)
			start(n, hart);
		break;
	case 1:
		if (runs[hart])
			leave(hart, VCPU_STOPPED);
		break;
	case 2:
	case 3:
		interrupt(n, hart);
		break;
	case 4:
	case 5:
		/* It takes its interrupt and waits for the next. */
		if (!runs[hart])
			break;
		if (random_below(seed, 2))
			pending[runs[hart] - vcpu] = false;
		leave(hart, VCPU_WAITING);
		break;
	default:
		pass(random_below(seed, SLICE * 2));
		break;
	}
}

static void no_wakeup_is_lost_over_random_schedules(void **state)
{
	uint64_t seed = random_seed();
	unsigned i, h;

	(void)state;
	for (h = 1; h <= HARTS; h++) {
		setup(h);
		for (i = 0; i < STEPS; i++) {
			random_step(&seed);
			settle();
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_vcpu_alone_runs_without_slices),
		cmocka_unit_test(only_a_stopped_vcpu_starts),
		cmocka_unit_test(an_idle_hart_takes_the_second),
		cmocka_unit_test(an_interrupt_on_the_way_to_sleep_is_not_lost),
		cmocka_unit_test(a_wake_needs_a_reason_or_force),
		cmocka_unit_test(force_signals_the_hart_it_runs_on),
		cmocka_unit_test(it_goes_back_to_the_hart_it_knows),
		cmocka_unit_test(a_hart_that_withdraws_keeps_nobody_waiting),
		cmocka_unit_test(nobody_waits_for_a_guest_that_dozes),
		cmocka_unit_test(a_slice_begins_without_an_exit),
		cmocka_unit_test(shares_are_fair),
		cmocka_unit_test(no_wakeup_is_lost_over_random_schedules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
