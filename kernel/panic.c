/*
 * The end of the kernel: who may report, where the words go, and what happens
 * to the machine afterwards. The report itself (registers, backtrace) is
 * arch's, taken from a trap frame.
 */
#include "kernel/panic.h"

#include <inttypes.h>
#include <stdio.h>

#include "kernel/boot.h"
#include "arch/irq.h"
#include "arch/smp.h"
#include "arch/timer.h"
#include "arch/trap.h"
#include "kernel/cmdline.h"
#include "kernel/console.h"
#include "kernel/log.h"
#include "kernel/panic_report.h"
#include "kernel/reset.h"
#include "kernel/smp.h"

/* A report may fault this often and still go on; then it ends in silence. */
#define PANIC_DEPTH_MAX 3u

static struct {
	uint32_t owner; /* cpu index + 1 of the hart that reports */
} state;

void panic(const char *fmt, ...)
{
	/* Each its own: several harts may come here at once. */
	char reason[256];
	va_list args;

	arch_irq_save();
	va_start(args, fmt);
	vsnprintf(reason, sizeof(reason), fmt, args);
	va_end(args);
	arch_panic(reason);
}

static void panic_write(const char *buf, size_t len)
{
	console_write_panic(buf, len);
}

void panic_print(const char *fmt, ...)
{
	char line[256];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (len > 0)
		panic_write(line, min_u64(len, sizeof(line) - 1));
}

bool panic_enter(uint32_t *depth)
{
	uint32_t me = arch_cpu_index() + 1, nobody = 0;

	if (++*depth > PANIC_DEPTH_MAX)
		return false;
	if (!__atomic_compare_exchange_n(&state.owner, &nobody, me, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED) &&
	    nobody != me)
		arch_cpu_halt();
	if (*depth == 1) {
		smp_stop_others();
		log_panic(panic_write);
	}
	return true;
}

_Noreturn void panic_end(void)
{
	uint64_t seconds, until, second = arch_timebase();

	if (!cmdline_u64(boot_info()->args, "panic", &seconds)) {
		if (!seconds) {
			panic_print("panic: staying here (panic=0)\n");
			arch_cpu_halt();
		}
		panic_print("panic: rebooting in %" PRIu64 " s\n", seconds);
		/* One by one: the product may not fit. */
		for (until = arch_time_now(); seconds; seconds--)
			for (until += second; arch_time_now() < until;)
				;
		reset_machine(FIRMWARE_REBOOT);
	}
	reset_machine(FIRMWARE_POWEROFF);
}
