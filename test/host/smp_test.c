/* Sources: kernel/smp.c kernel/cmdline.c kernel/fdt/cpus.c kernel/fdt/dt.c
 * kernel/fdt/address.c lib/range.c test/host/fake/log.c
 * test/host/fake/tree.c libfdt */
/*
 * Calls between harts: on one thread, where a signal makes its hart run at
 * once, and on threads as harts, where it comes when it comes.
 */
#include "kernel/smp.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/boot.h"
#include "arch/irq.h"
#include "arch/smp.h"
#include "arch/timer.h"
#include "arch/trap.h"
#include "test/host/fake/log.h"
#include "test/host/fake/tree.h"
#include "test/host/random.h"

#define HARTS 4
#define STORM 3000 /* calls of each hart */

/* ---- the harts ---- */

static _Thread_local unsigned me;
static _Thread_local bool interrupts;
static bool threads;	      /* each hart is one */
static bool pending[CPU_MAX]; /* software interrupts, with threads */
static bool deaf[CPU_MAX];    /* cannot be signalled */
static unsigned signals[CPU_MAX];
static unsigned online;
static uint64_t now;
static jmp_buf halted;

unsigned arch_cpu_index(void)
{
	return me;
}

unsigned arch_cpu_count(void)
{
	return online;
}

uint64_t arch_time_now(void)
{
	return now += 100;
}

uint64_t arch_timebase(void)
{
	return 1000000;
}

/* How often interrupts were put back on. */
static unsigned let_in;

unsigned long arch_irq_save(void)
{
	bool was = interrupts;

	interrupts = false;
	return was;
}

void arch_irq_restore(unsigned long flags)
{
	interrupts = flags;
	let_in += flags != 0;
	if (!threads)
		return;
	sched_yield();
	if (!interrupts ||
	    !__atomic_exchange_n(&pending[me], false, __ATOMIC_ACQ_REL))
		return;
	interrupts = false;
	smp_interrupt();
	interrupts = true;
}

void arch_irq_enable(void)
{
	interrupts = true;
}

/* wfi ends when an interrupt is pending, also with interrupts off. */
static unsigned slept;

void arch_wait_for_interrupt(void)
{
	assert_false(interrupts);
	if (++slept == 2)
		longjmp(halted, 2);
}

void arch_cpu_halt(void)
{
	longjmp(halted, 1);
}

/* Hart @cpu takes its software interrupt; true when it halted in it. */
static bool interrupt(unsigned cpu)
{
	unsigned was = me;
	bool on = interrupts, halt;

	me = cpu;
	interrupts = false;
	halt = setjmp(halted);
	if (!halt)
		smp_interrupt();
	interrupts = on;
	me = was;
	return halt;
}

int arch_ipi_send(unsigned cpu)
{
	assert_true(cpu < online && cpu != me);
	if (deaf[cpu])
		return -EIO;
	__atomic_fetch_add(&signals[cpu], 1, __ATOMIC_RELAXED);
	if (threads)
		__atomic_store_n(&pending[cpu], true, __ATOMIC_RELEASE);
	else
		interrupt(cpu);
	return 0;
}

/* ---- the machine ---- */

static struct tree tree;
static struct boot_info info;
static uint64_t asked[128]; /* harts that were to be started, in order */
static unsigned asked_count;
static int start_error; /* of hart 2 */

const struct boot_info *boot_info(void)
{
	return &info;
}

const void *boot_fdt(void)
{
	return tree.blob;
}

int arch_cpu_start(uint64_t hart, uint64_t timeout_ticks)
{
	assert_int_equal(timeout_ticks, 3000000);
	assert_true(asked_count < 128);
	asked[asked_count++] = hart;
	if (start_error && hart == 2)
		return start_error;
	if (online >= CPU_MAX)
		return -ENOSPC;
	online++;
	return 0;
}

static unsigned ran[CPU_MAX];

static void note(void *arg)
{
	assert_ptr_equal(arg, ran);
	assert_false(interrupts);
	ran[me]++;
}

static int setup(void **state)
{
	(void)state;
	fake_log_clear();
	memset(&info, 0, sizeof(info));
	memset(deaf, 0, sizeof(deaf));
	memset(pending, 0, sizeof(pending));
	memset(signals, 0, sizeof(signals));
	memset(ran, 0, sizeof(ran));
	asked_count = 0;
	start_error = 0;
	threads = false;
	interrupts = true;
	me = 0;
	online = HARTS;
	return 0;
}

/* ---- calls ---- */

static void call_runs_there(void **state)
{
	(void)state;
	assert_int_equal(smp_call(2, note, ran), 0);
	assert_int_equal(ran[2], 1);
	assert_int_equal(ran[0] + ran[1] + ran[3], 0);
	assert_int_equal(signals[2], 1);
	assert_true(interrupts);
}

static void call_to_oneself_is_a_plain_call(void **state)
{
	(void)state;
	me = 3;
	assert_int_equal(smp_call(3, note, ran), 0);
	assert_int_equal(ran[3], 1);
	assert_int_equal(signals[3], 0);
	assert_true(interrupts);
	interrupts = false;
	assert_int_equal(smp_call(3, note, ran), 0);
	assert_int_equal(ran[3], 2);
	assert_false(interrupts);
}

static void call_all_includes_everybody(void **state)
{
	(void)state;
	me = 1;
	smp_call_all(note, ran);
	for (unsigned i = 0; i < HARTS; i++)
		assert_int_equal(ran[i], 1);
	assert_int_equal(ran[HARTS], 0);
	online = 1;
	me = 0;
	smp_call_all(note, ran);
	assert_int_equal(ran[0], 2);
	assert_int_equal(ran[1], 1);
}

static void deaf_hart_is_an_error_not_a_hang(void **state)
{
	(void)state;
	deaf[2] = true;
	assert_int_equal(smp_call(2, note, ran), -EIO);
	smp_call_all(note, ran);
	assert_int_equal(ran[0] + ran[1] + ran[3], 3);
	/* Nothing of it is left for the hart to find later. */
	assert_false(interrupt(2));
	assert_int_equal(ran[2], 0);
	deaf[2] = false;
	assert_int_equal(smp_call(2, note, ran), 0);
	assert_int_equal(ran[2], 1);
}

static void signal_without_a_call(void **state)
{
	(void)state;
	assert_false(interrupt(1));
	assert_false(interrupt(0));
	for (unsigned i = 0; i < HARTS; i++)
		assert_int_equal(ran[i], 0);
}

/* ---- threads ---- */

static uint32_t finished;
static uint64_t storm_seed;
static uint32_t hits[HARTS], calls_made[HARTS];
static bool interrupts_off[HARTS]; /* this hart calls with them off */

static void hit(void *arg)
{
	(void)arg;
	if (interrupts)
		__builtin_trap();
	__atomic_fetch_add(&hits[me], 1, __ATOMIC_RELAXED);
}

/* One hart's life: calls at random, then serving until all are done. */
static void *hart_life(void *arg)
{
	uint64_t seed = storm_seed + (uintptr_t)arg;
	unsigned i, cpu;

	me = (unsigned)(uintptr_t)arg;
	interrupts = !interrupts_off[me];
	for (i = 0; i < STORM; i++) {
		cpu = random_below(&seed, HARTS + 1);
		if (cpu < HARTS) {
			__atomic_fetch_add(&calls_made[cpu], 1,
					   __ATOMIC_RELAXED);
			if (smp_call(cpu, hit, NULL))
				__builtin_trap();
			continue;
		}
		for (cpu = 0; cpu < HARTS; cpu++)
			__atomic_fetch_add(&calls_made[cpu], 1,
					   __ATOMIC_RELAXED);
		smp_call_all(hit, NULL);
	}
	__atomic_fetch_add(&finished, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(&finished, __ATOMIC_ACQUIRE) < HARTS)
		arch_irq_restore(true);
	return NULL;
}

static void storm(void)
{
	pthread_t thread[HARTS];
	unsigned i;

	memset(hits, 0, sizeof(hits));
	memset(calls_made, 0, sizeof(calls_made));
	finished = 0;
	threads = true;
	for (i = 0; i < HARTS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, hart_life,
						(void *)(uintptr_t)i),
				 0);
	for (i = 0; i < HARTS; i++)
		pthread_join(thread[i], NULL);
	for (i = 0; i < HARTS; i++)
		assert_int_equal(hits[i], calls_made[i]);
}

static void harts_that_call_each_other_get_on(void **state)
{
	(void)state;
	storm_seed = random_seed();
	memset(interrupts_off, 0, sizeof(interrupts_off));
	storm();
}

/* As arch_tlb_flush() from under a lock. */
static void even_with_interrupts_off(void **state)
{
	(void)state;
	storm_seed = random_seed();
	memset(interrupts_off, 1, sizeof(interrupts_off));
	storm();
}

/* ---- start ---- */

static void machine(unsigned harts, uint64_t boot_hart, const char *args)
{
	tree_init(&tree);
	tree_harts(&tree, harts, "rv64imac");
	info.boot_hart = boot_hart;
	strcpy(info.args, args);
	online = 1;
	asked_count = 0;
	fake_log_clear();
	assert_int_equal(smp_init(), 0);
}

static void all_usable_harts_but_the_boot_hart_start(void **state)
{
	(void)state;
	machine(4, 2, "");
	/* In the order of the tree, which libfdt builds backwards. */
	assert_int_equal(asked_count, 3);
	assert_int_equal(asked[0], 3);
	assert_int_equal(asked[1], 1);
	assert_int_equal(asked[2], 0);
	assert_string_equal(fake_log_text,
			    "boot: harts 4 of 4 online, boot hart 2\n");
}

static void sparse_disabled_and_without_mmu(void **state)
{
	(void)state;
	tree_init(&tree);
	tree_harts(&tree, 5, "rv64imac");
	tree_string(&tree, "/cpus/cpu@0", "mmu-type", "riscv,none");
	tree_string(&tree, "/cpus/cpu@1", "status", "disabled");
	tree_cells(&tree, "/cpus", "#address-cells", 2);
	for (unsigned i = 0; i < 5; i++) {
		char path[32];

		snprintf(path, sizeof(path), "/cpus/cpu@%u", i);
		tree_cells(&tree, path, "reg", i, 1000 * i);
	}
	info.boot_hart = 3ull << 32 | 3000;
	online = 1;
	assert_int_equal(smp_init(), 0);
	assert_int_equal(asked_count, 2);
	assert_true(asked[0] == (4ull << 32 | 4000));
	assert_true(asked[1] == (2ull << 32 | 2000));
	assert_string_equal(fake_log_text,
			    "boot: harts 3 of 3 online, boot "
			    "hart 12884904888\n");
}

static void bootargs_limit_them(void **state)
{
	(void)state;
	machine(4, 0, "maxcpus=2");
	assert_int_equal(asked_count, 1);
	assert_string_equal(fake_log_text,
			    "boot: harts 2 of 4 online, boot hart 0\n");
	machine(4, 0, "nosmp");
	assert_int_equal(asked_count, 0);
	machine(4, 0, "maxcpus=0");
	assert_int_equal(asked_count, 0);
	machine(4, 0, "maxcpus=4 maxcpus=nonsense");
	assert_int_equal(asked_count, 3);
	assert_string_equal(fake_log_text,
			    "boot: maxcpus= is no number: all harts start\n"
			    "boot: harts 4 of 4 online, boot hart 0\n");
}

static void failure_is_named_and_survived(void **state)
{
	static const struct {
		int error;
		const char *text;
	} row[] = {
		{-ETIMEDOUT, "it never arrived"},
		{-ENOSYS, "firmware has no HSM"},
		{-EBUSY, "it is in use"},
		{-EINVAL, "firmware does not know it"},
		{-ENOMEM, "out of memory"},
		{-EIO, "firmware refused"},
	};
	char expect[128];

	(void)state;
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		start_error = row[i].error;
		machine(4, 0, "");
		snprintf(expect, sizeof(expect),
			 "boot: hart 2 left out: %s\n"
			 "boot: harts 3 of 4 online, boot hart 0\n",
			 row[i].text);
		assert_string_equal(fake_log_text, expect);
	}
}

static void harts_past_the_limit_are_told(void **state)
{
	(void)state;
	machine(CPU_MAX + 2, 0, "");
	assert_int_equal(online, CPU_MAX);
	assert_string_equal(fake_log_text,
			    "boot: hart 2 left out: too many harts\n"
			    "boot: hart 1 left out: too many harts\n"
			    "boot: harts 64 of 66 online, boot hart 0\n");
}

static unsigned worked;

static bool work_twice(void)
{
	assert_false(interrupts);
	return ++worked < 3;
}

static void idle_hart_works_then_sleeps_and_lets_interrupts_in(void **state)
{
	(void)state;
	interrupts = false;
	slept = let_in = worked = 0;
	smp_idle_work_set(work_twice);
	let_in = 0;
	if (!setjmp(halted))
		smp_idle();
	/* Twice there was work, then it slept; between the two sleeps and
	 * after each piece of work interrupts were on. */
	assert_int_equal(slept, 2);
	assert_int_equal(worked, 4);
	assert_int_equal(let_in, 3);
}

/* Once stopped, harts stay so: this test must be the last. */
static void stop_halts_all_others_and_does_not_wait_for_ever(void **state)
{
	uint64_t before = now;

	(void)state;
	online = 1;
	smp_stop_others();
	assert_false(interrupt(1));
	online = HARTS;
	me = 2;
	deaf[3] = true;
	smp_stop_others();
	assert_int_equal(signals[0], 1);
	assert_int_equal(signals[1], 1);
	assert_int_equal(signals[2], 0);
	/* A tenth of a second for the one that does not hear. */
	assert_in_range(now - before, 100000, 101000);
	assert_true(interrupt(3));
	before = now;
	smp_stop_others();
	assert_in_range(now - before, 0, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(call_runs_there, setup),
		cmocka_unit_test_setup(call_to_oneself_is_a_plain_call, setup),
		cmocka_unit_test_setup(call_all_includes_everybody, setup),
		cmocka_unit_test_setup(deaf_hart_is_an_error_not_a_hang, setup),
		cmocka_unit_test_setup(signal_without_a_call, setup),
		cmocka_unit_test_setup(harts_that_call_each_other_get_on,
				       setup),
		cmocka_unit_test_setup(even_with_interrupts_off, setup),
		cmocka_unit_test_setup(all_usable_harts_but_the_boot_hart_start,
				       setup),
		cmocka_unit_test_setup(sparse_disabled_and_without_mmu, setup),
		cmocka_unit_test_setup(bootargs_limit_them, setup),
		cmocka_unit_test_setup(failure_is_named_and_survived, setup),
		cmocka_unit_test_setup(harts_past_the_limit_are_told, setup),
		cmocka_unit_test_setup(
			idle_hart_works_then_sleeps_and_lets_interrupts_in,
			setup),
		cmocka_unit_test_setup(
			stop_halts_all_others_and_does_not_wait_for_ever,
			setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
