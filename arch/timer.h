/* The hart's clock and its one timer. */
#pragma once

#include <stdint.h>

#define ARCH_TIMER_NEVER UINT64_MAX

/* Ticks of the timebase since reset, the same on all harts (Zicntr `time`). */
uint64_t arch_time_now(void);

/*
 * Interrupt this hart once the clock reaches @deadline (in ticks, at once if
 * that is past); ARCH_TIMER_NEVER takes a set one back and clears a pending
 * interrupt. By Sstc where probed, else SBI TIME, else legacy SBI.
 */
void arch_timer_set(uint64_t deadline);

/* Timebase frequency in Hz, from the device tree; at least 1. */
uint64_t arch_timebase(void);
