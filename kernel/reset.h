/* Power off and reboot: the firmware's way, else a driver's. */
#pragma once

#include "arch/firmware.h"

/*
 * A driver that can switch the machine: @reset returns only if it failed. The
 * last one registered for a type is asked first. At most one for each type is
 * kept; @reset runs in any context.
 */
void reset_register(enum firmware_reset type, void (*reset)(void));

/* SRST, else the registered driver, else say so and halt this hart. */
_Noreturn void reset_machine(enum firmware_reset type);
