/* Power off and reboot: see the header. */
#include "kernel/reset.h"

#include "arch/timer.h"
#include "arch/trap.h"
#include "kernel/panic_report.h"

static struct {
	void (*driver[2])(void); /* by enum firmware_reset */
} state;

void reset_register(enum firmware_reset type, void (*reset)(void))
{
	state.driver[type] = reset;
}

/* A machine takes its time to go off: only then has the write failed. */
static void reset_by_driver(enum firmware_reset type)
{
	uint64_t start = arch_time_now();

	state.driver[type]();
	while (arch_time_now() - start < arch_timebase())
		;
}

_Noreturn void reset_machine(enum firmware_reset type)
{
	arch_firmware_reset(type);
	if (state.driver[type])
		reset_by_driver(type);
	panic_print("reset: nothing here can %s this machine, halted\n",
		    type == FIRMWARE_REBOOT ? "reboot" : "power off");
	if (type == FIRMWARE_POWEROFF)
		arch_firmware_shutdown();
	arch_cpu_halt();
}
