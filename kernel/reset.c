/* Power off and reboot: see the header. */
#include "kernel/reset.h"

#include "arch/trap.h"
#include "kernel/panic_report.h"

static struct {
	void (*driver[2])(void); /* by enum firmware_reset */
} state;

void reset_register(enum firmware_reset type, void (*reset)(void))
{
	state.driver[type] = reset;
}

_Noreturn void reset_machine(enum firmware_reset type)
{
	arch_firmware_reset(type);
	if (state.driver[type])
		state.driver[type]();
	panic_print("reset: nothing here can %s this machine, halted\n",
		    type == FIRMWARE_REBOOT ? "reboot" : "power off");
	if (type == FIRMWARE_POWEROFF)
		arch_firmware_shutdown();
	arch_cpu_halt();
}
