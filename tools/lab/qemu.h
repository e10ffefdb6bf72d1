/* The virtual board: QEMU with U-Boot. Power and console in one. */
#pragma once

#include "tools/lab/console.h"
#include "tools/lab/power.h"

struct qemu;

/* run_dir: where the pid file goes. NULL: no memory. */
struct qemu *qemu_new(const struct config_board *b, const char *run_dir);
struct power *qemu_power(struct qemu *q);
struct console *qemu_console(struct qemu *q);
