/*
 * Work on other harts. Each hart has one slot for a call; a caller swaps its
 * request into the free slot, the hart swaps it out and runs it, so calls to
 * one hart queue up in the callers. Callers serve their own slot while they
 * wait: two harts that call each other both get on, interrupts on or off.
 */
#include "kernel/smp.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>

#include "kernel/boot.h"
#include "arch/irq.h"
#include "arch/smp.h"
#include "arch/timer.h"
#include "arch/trap.h"
#include "kernel/cmdline.h"
#include "kernel/fdt/cpus.h"
#include "kernel/log.h"

/* A hart that is started arrives within this, on the slowest emulator too. */
#define START_SECONDS 3

struct call {
	void (*fn)(void *arg);
	void *arg;
	uint32_t done;
};

static struct {
	struct call *slot[CPU_MAX];
	bool stop;
	uint32_t stopped;
	bool (*idle_work)(void);
} state;

/* What the software interrupt does, also where it cannot come. */
static void serve(void)
{
	unsigned long flags = arch_irq_save();

	smp_interrupt();
	arch_irq_restore(flags);
}

/* Post @call to @cpu and signal it; the slot must come free first. */
static int call_post(unsigned cpu, struct call *call)
{
	struct call *nobody = NULL, *posted = call;

	while (!__atomic_compare_exchange_n(&state.slot[cpu], &nobody, call,
					    false, __ATOMIC_ACQ_REL,
					    __ATOMIC_RELAXED)) {
		nobody = NULL;
		serve();
	}
	if (!arch_ipi_send(cpu))
		return 0;
	/* Take it back, unless an earlier signal has let the hart see it. */
	if (__atomic_compare_exchange_n(&state.slot[cpu], &posted, NULL, false,
					__ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return -EIO;
	return 0;
}

static void call_wait(struct call *call)
{
	while (!__atomic_load_n(&call->done, __ATOMIC_ACQUIRE))
		serve();
}

static void call_here(void (*fn)(void *arg), void *arg)
{
	unsigned long flags = arch_irq_save();

	fn(arg);
	arch_irq_restore(flags);
}

int smp_call(unsigned cpu, void (*fn)(void *arg), void *arg)
{
	struct call call = {fn, arg, 0};
	int err;

	if (cpu == arch_cpu_index()) {
		call_here(fn, arg);
		return 0;
	}
	err = call_post(cpu, &call);
	if (!err)
		call_wait(&call);
	return err;
}

void smp_call_all(void (*fn)(void *arg), void *arg)
{
	struct call call[CPU_MAX];
	unsigned cpu, n = arch_cpu_count(), me = arch_cpu_index();

	for (cpu = 0; cpu < n; cpu++) {
		call[cpu] = (struct call){fn, arg, 0};
		if (cpu != me && call_post(cpu, &call[cpu]))
			call[cpu].done = 1;
	}
	call_here(fn, arg);
	call[me].done = 1;
	for (cpu = 0; cpu < n; cpu++)
		call_wait(&call[cpu]);
}

void smp_interrupt(void)
{
	struct call *call;

	if (__atomic_load_n(&state.stop, __ATOMIC_ACQUIRE)) {
		__atomic_fetch_add(&state.stopped, 1, __ATOMIC_RELEASE);
		arch_cpu_halt();
	}
	call = __atomic_exchange_n(&state.slot[arch_cpu_index()], NULL,
				   __ATOMIC_ACQ_REL);
	if (!call)
		return;
	call->fn(call->arg);
	/* The caller's stack, with the call on it, is gone after this. */
	__atomic_store_n(&call->done, 1, __ATOMIC_RELEASE);
}

void smp_stop_others(void)
{
	unsigned cpu, n = arch_cpu_count(), me = arch_cpu_index();
	uint64_t until = arch_time_now() + arch_timebase() / 10;

	if (n < 2)
		return;
	__atomic_store_n(&state.stop, true, __ATOMIC_RELEASE);
	for (cpu = 0; cpu < n; cpu++)
		if (cpu != me)
			arch_ipi_send(cpu);
	while (__atomic_load_n(&state.stopped, __ATOMIC_ACQUIRE) < n - 1 &&
	       arch_time_now() < until)
		;
}

void smp_idle(void)
{
	bool (*work)(void);
	unsigned long flags;

	arch_irq_enable();
	for (;;) {
		/* With interrupts off none is lost between look and sleep. */
		flags = arch_irq_save();
		work = __atomic_load_n(&state.idle_work, __ATOMIC_ACQUIRE);
		if (!work || !work())
			arch_wait_for_interrupt();
		arch_irq_restore(flags);
	}
}

static void nothing(void *arg)
{
	(void)arg;
}

void smp_idle_work_set(bool (*work)(void))
{
	__atomic_store_n(&state.idle_work, work, __ATOMIC_RELEASE);
	smp_call_all(nothing, NULL);
}

static void start_one(const struct dt_cpu *cpu)
{
	int err = arch_cpu_start(cpu->hart, START_SECONDS * arch_timebase());

	if (err)
		log_err("boot", "hart %" PRIu64 " left out: %s", cpu->hart,
			err == -ETIMEDOUT	 ? "it never arrived"
				: err == -ENOSYS ? "firmware has no HSM"
				: err == -EBUSY	 ? "it is in use"
				: err == -EINVAL ? "firmware does not know it"
				: err == -ENOMEM ? "out of memory"
				: err == -ENOSPC ? "too many harts"
						 : "firmware refused");
}

int smp_init(void)
{
	const struct boot_info *boot = boot_info();
	uint64_t limit = UINT64_MAX;
	unsigned usable = 0;
	struct dt_cpu_iter it;
	struct dt_cpu cpu;
	int err;

	err = cmdline_u64(boot->args, "maxcpus", &limit);
	if (err && err != -ENOENT)
		log_warn("boot", "maxcpus= is no number: all harts start");
	if (cmdline_has(boot->args, "nosmp"))
		limit = 1;
	dt_cpu_begin(boot_fdt(), &it);
	while (dt_cpu_next(boot_fdt(), &it, &cpu)) {
		/* The boot hart runs, whatever its node says. */
		if (!cpu.usable && cpu.hart != boot->boot_hart)
			continue;
		usable++;
		if (cpu.hart != boot->boot_hart && arch_cpu_count() < limit)
			start_one(&cpu);
	}
	log_info("boot", "harts %u of %u online, boot hart %" PRIu64,
		 arch_cpu_count(), usable, boot->boot_hart);
	return 0;
}
