/* Harts: our indices for them and signals between them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The most harts that are started; further ones are reported and left out. */
#define CPU_MAX 64u

/* This hart's index, 0 = the boot hart, below arch_cpu_count(). */
unsigned arch_cpu_index(void);

/* Harts that run this kernel now, and the hardware id of one of them. */
unsigned arch_cpu_count(void);
uint64_t arch_cpu_hart(unsigned cpu);

/*
 * Start hart @hart as the next index: stack, per-hart block, SBI HSM start,
 * then wait until it has reported in, at most @timeout_ticks. Returns 0;
 * -ENOSYS without HSM; -ENOSPC past CPU_MAX; -ENOMEM; -EIO when the firmware
 * refuses; -ETIMEDOUT when it never arrives (it is then left out for good).
 */
int arch_cpu_start(uint64_t hart, uint64_t timeout_ticks);

/* Raise a software interrupt on @cpu; smp_interrupt() will run there. */
int arch_ipi_send(unsigned cpu);

/* Drop stale translations of @size bytes at @va on all harts. */
void arch_tlb_flush(uint64_t va, uint64_t size);
