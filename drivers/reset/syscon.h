/*
 * Power off and reboot by writing a system controller's register (Linux
 * bindings power/reset/syscon-poweroff.yaml and syscon-reboot.yaml), where the
 * firmware has no SRST.
 */
#pragma once

#include "kernel/driver.h"

extern const struct driver syscon_reset_driver;
