/* Sources: kernel/timer.c test/host/fake/hart.c */
/*
 * The timer queues: single cases, then random schedules on four harts against
 * a model that knows which timer is due when and keeps no queue at all.
 */
#include "kernel/timer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "arch/timer.h"
#include "test/host/fake/hart.h"
#include "test/host/random.h"

#define TIMERS 24u
#define CPUS   4u
#define STEPS  200000u

static struct timer timer[TIMERS];
static unsigned ran[4096];
static unsigned ran_count;

static void note(struct timer *t)
{
	assert_false(fake_hart.interrupts);
	assert_int_equal(fake_hart.locks, 0);
	assert_true(t->deadline <= fake_hart.now);
	assert_true(ran_count < 4096);
	ran[ran_count++] = t - timer;
}

static int setup(void **state)
{
	unsigned i;

	(void)state;
	/* Whatever an earlier test left queued. */
	for (i = 0; i < TIMERS; i++)
		timer_cancel(&timer[i]);
	memset(timer, 0, sizeof(timer));
	for (i = 0; i < TIMERS; i++)
		timer[i].fn = note;
	fake_hart_reset();
	ran_count = 0;
	assert_int_equal(timer_init(), 0);
	return 0;
}

/* The clock goes to @now; the interrupt comes if the hardware asks for it. */
static void time_pass(uint64_t now)
{
	fake_hart.now = now;
	if (fake_hart.deadline[fake_hart.cpu] > now)
		return;
	fake_hart.interrupts = false;
	timer_interrupt();
	fake_hart.interrupts = true;
}

static void timers_run_by_deadline(void **state)
{
	(void)state;
	timer_start(&timer[0], 300);
	timer_start(&timer[1], 100);
	timer_start(&timer[2], 200);
	assert_int_equal(fake_hart.deadline[0], 100);
	time_pass(99);
	assert_int_equal(ran_count, 0);
	time_pass(100);
	assert_int_equal(ran_count, 1);
	assert_int_equal(fake_hart.deadline[0], 200);
	time_pass(1000);
	assert_int_equal(ran_count, 3);
	assert_int_equal(ran[0], 1);
	assert_int_equal(ran[1], 2);
	assert_int_equal(ran[2], 0);
	assert_true(fake_hart.deadline[0] == ARCH_TIMER_NEVER);
}

static void equal_deadlines_run_in_the_order_started(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < 5; i++)
		timer_start(&timer[4 - i], 10);
	time_pass(10);
	assert_int_equal(ran_count, 5);
	for (i = 0; i < 5; i++)
		assert_int_equal(ran[i], 4 - i);
}

static void hardware_is_left_alone_behind_the_head(void **state)
{
	unsigned long before;

	(void)state;
	timer_start(&timer[0], 100);
	before = fake_hart.timer_writes;
	timer_start(&timer[1], 200);
	timer_start(&timer[1], 150);
	assert_true(timer_cancel(&timer[1]));
	assert_int_equal(fake_hart.timer_writes, before);
}

static void cancelled_timer_does_not_run(void **state)
{
	(void)state;
	timer_start(&timer[0], 100);
	timer_start(&timer[1], 200);
	assert_true(timer_cancel(&timer[0]));
	assert_false(timer_cancel(&timer[0]));
	assert_int_equal(fake_hart.deadline[0], 200);
	time_pass(300);
	assert_int_equal(ran_count, 1);
	assert_int_equal(ran[0], 1);
	assert_false(timer_cancel(&timer[1]));
}

static void started_again_it_moves(void **state)
{
	(void)state;
	timer_start(&timer[0], 100);
	timer_start(&timer[0], 500);
	assert_int_equal(fake_hart.deadline[0], 500);
	time_pass(499);
	assert_int_equal(ran_count, 0);
	timer_start(&timer[0], 501);
	time_pass(501);
	assert_int_equal(ran_count, 1);
}

static void periodic(struct timer *t)
{
	note(t);
	timer_start(t, t->deadline + 10);
}

static void timer_may_start_itself(void **state)
{
	(void)state;
	timer[0].fn = periodic;
	timer_start(&timer[0], 10);
	time_pass(35);
	assert_int_equal(ran_count, 3);
	assert_int_equal(fake_hart.deadline[0], 40);
}

static void cancel_from_another_hart(void **state)
{
	(void)state;
	timer_start(&timer[0], 100);
	fake_hart.cpu = 1;
	assert_true(timer_cancel(&timer[0]));
	assert_true(fake_hart.deadline[1] == ARCH_TIMER_NEVER);
	fake_hart.cpu = 0;
	/* The hardware still comes, for nothing, and is switched off. */
	time_pass(100);
	assert_int_equal(ran_count, 0);
	assert_true(fake_hart.deadline[0] == ARCH_TIMER_NEVER);
}

/* The model: when each timer is due and on which hart; 0 = not at all. */
static struct {
	uint64_t due, order;
	unsigned cpu;
} expect[TIMERS];

static void model_run_due(unsigned cpu)
{
	unsigned i, next, at = 0;

	for (;;) {
		next = TIMERS;
		for (i = 0; i < TIMERS; i++) {
			if (!expect[i].due || expect[i].cpu != cpu ||
			    expect[i].due > fake_hart.now)
				continue;
			if (next == TIMERS ||
			    expect[i].due < expect[next].due ||
			    (expect[i].due == expect[next].due &&
			     expect[i].order < expect[next].order))
				next = i;
		}
		if (next == TIMERS)
			break;
		assert_true(at < ran_count);
		assert_int_equal(ran[at++], next);
		expect[next].due = 0;
	}
	assert_int_equal(at, ran_count);
}

/* This hart's hardware may be early (a timer cancelled elsewhere), not late. */
static void model_check_hardware(unsigned cpu)
{
	unsigned i;

	for (i = 0; i < TIMERS; i++)
		if (expect[i].due && expect[i].cpu == cpu)
			assert_true(fake_hart.deadline[cpu] <= expect[i].due);
}

static void random_schedules_match_the_model(void **state)
{
	uint64_t seed = random_seed(), order = 0;
	unsigned step, i;

	(void)state;
	memset(expect, 0, sizeof(expect));
	for (step = 0; step < STEPS; step++) {
		fake_hart.cpu = random_below(&seed, CPUS);
		i = random_below(&seed, TIMERS);
		switch (random_below(&seed, 8)) {
		case 0:
		case 1:
		case 2:
			expect[i].due =
				fake_hart.now + 1 + random_below(&seed, 200);
			expect[i].order = order++;
			expect[i].cpu = fake_hart.cpu;
			timer_start(&timer[i], expect[i].due);
			break;
		case 3:
			assert_int_equal(timer_cancel(&timer[i]),
					 expect[i].due != 0);
			expect[i].due = 0;
			break;
		default:
			ran_count = 0;
			time_pass(fake_hart.now + random_below(&seed, 40));
			model_run_due(fake_hart.cpu);
		}
		model_check_hardware(fake_hart.cpu);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(timers_run_by_deadline, setup),
		cmocka_unit_test_setup(equal_deadlines_run_in_the_order_started,
				       setup),
		cmocka_unit_test_setup(hardware_is_left_alone_behind_the_head,
				       setup),
		cmocka_unit_test_setup(cancelled_timer_does_not_run, setup),
		cmocka_unit_test_setup(started_again_it_moves, setup),
		cmocka_unit_test_setup(timer_may_start_itself, setup),
		cmocka_unit_test_setup(cancel_from_another_hart, setup),
		cmocka_unit_test_setup(random_schedules_match_the_model, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
