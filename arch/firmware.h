/* What the firmware below us (SBI) does for the kernel. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum firmware_reset {
	FIRMWARE_POWEROFF,
	FIRMWARE_REBOOT,
};

/*
 * Write @len bytes to the firmware's console, by DBCN, else by legacy
 * putchar (SBI 3.0 chapters 12 and 5). Works from the first C instruction on,
 * with and without MMU. Returns the bytes taken, which may be fewer.
 */
size_t arch_firmware_write(const char *buf, size_t len);

/* One byte typed at the firmware's console, or -1. */
int arch_firmware_getchar(void);

/* Which way arch_firmware_write() goes: "dbcn", "legacy" or "none". */
const char *arch_firmware_console(void);

/* System reset by SRST; returns a negative errno if the firmware cannot. */
int arch_firmware_reset(enum firmware_reset type);

/*
 * The legacy shutdown call. Firmware that cannot switch the machine off need
 * not return from it (OpenSBI parks the hart): the last thing to try.
 */
void arch_firmware_shutdown(void);
