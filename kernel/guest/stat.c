/*
 * Shows the counters that exits leave in struct vcpu. Counting exits is always
 * on; instructions are counted while a VM is measured (arch_vcpu_load()).
 */
#include "kernel/guest/stat.h"

#include <inttypes.h>

#include "arch/timer.h"
#include "kernel/guest/vm.h"
#include "kernel/shell.h"

static const char *const kind_name[VCPU_EXIT_KINDS] = {
	[VCPU_EXIT_INTERRUPT] = "interrupt", [VCPU_EXIT_SBI] = "sbi",
	[VCPU_EXIT_MMIO] = "mmio",	     [VCPU_EXIT_WFI] = "wfi",
	[VCPU_EXIT_INJECTED] = "injected",   [VCPU_EXIT_DEAD] = "dead",
	[VCPU_EXIT_TIMER] = "set_timer",     [VCPU_EXIT_POLL] = "poll",
	[VCPU_EXIT_SEND] = "send",
};

/* Exits of @kind since the vcpu is measured, and what they cost. */
static uint64_t measured_exits(const struct vcpu *v, unsigned kind)
{
	return v->exits[kind] - v->exits_before[kind];
}

static uint64_t spent_on(const struct vcpu *v, unsigned kind)
{
	/* Those that never left assembly take the same each time. */
	unsigned length = arch_vcpu_exit_length(kind);

	return length ? measured_exits(v, kind) * length : v->spent[kind];
}

static uint64_t vcpu_spent(const struct vcpu *v)
{
	uint64_t sum = 0;
	unsigned kind;

	for (kind = 0; kind < VCPU_EXIT_KINDS; kind++)
		sum += spent_on(v, kind);
	return sum;
}

uint64_t stat_spent(const struct vm *vm)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < vm->vcpu_count; i++)
		sum += vcpu_spent(&vm->vcpu[i]);
	return sum;
}

uint64_t stat_executed(const struct vm *vm)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < vm->vcpu_count; i++)
		sum += vm->vcpu[i].executed;
	return sum;
}

static void exits_show(const struct vcpu *v)
{
	static const char *const in_state[] = {
		[VCPU_STOPPED] = "stopped",
		[VCPU_READY] = "ready",
		[VCPU_RUNNING] = "running",
		[VCPU_WAITING] = "waiting",
	};
	unsigned kind;

	shell_print("vcpu %u %s, exits:", v->id, in_state[v->state]);
	for (kind = 0; kind < VCPU_EXIT_KINDS; kind++)
		shell_print(" %s %" PRIu64, kind_name[kind], v->exits[kind]);
	shell_print("\n");
}

static void measure_show(const struct vcpu *v)
{
	unsigned kind;
	uint64_t n;

	if (!v->measured)
		return;
	shell_print("  instructions an exit:");
	for (kind = 0; kind < VCPU_EXIT_KINDS; kind++) {
		n = measured_exits(v, kind);
		if (n)
			shell_print(" %s %" PRIu64, kind_name[kind],
				    spent_on(v, kind) / n);
	}
	shell_print("\n  %" PRIu64 " instructions, %" PRIu64
		    " of them Aloft's\n",
		    v->executed, vcpu_spent(v));
}

void stat_show(const struct vm *vm)
{
	uint64_t ms =
		(arch_time_now() + vm->time_offset) * 1000 / arch_timebase();
	unsigned i;

	shell_print("up %" PRIu64 ".%03u s\n", ms / 1000,
		    (unsigned)(ms % 1000));
	for (i = 0; i < vm->vcpu_count; i++) {
		exits_show(&vm->vcpu[i]);
		measure_show(&vm->vcpu[i]);
	}
}
