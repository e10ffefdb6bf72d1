/*
 * The supervisor-level IMSIC interrupt file of this hart (AIA 1.0, chapter 3),
 * reached through siselect/sireg/stopei. Call only where the device tree has
 * an IMSIC for supervisor mode.
 */
#pragma once

#include <stdint.h>

/* Selectors (AIA 1.0, 3.8). */
#define IMSIC_EIDELIVERY  0x70u
#define IMSIC_EITHRESHOLD 0x72u
#define IMSIC_EIP0	  0x80u
#define IMSIC_EIE0	  0xc0u

/*
 * Read, write, or set bits of one indirect register. On RV64 only the even
 * EIP/EIE registers exist, each 64 identities wide.
 */
uint64_t arch_imsic_read(unsigned select);
void arch_imsic_write(unsigned select, uint64_t value);
void arch_imsic_set(unsigned select, uint64_t bits);
void arch_imsic_clear(unsigned select, uint64_t bits);

/* Claim the pending identity of highest priority; 0 when there is none. */
unsigned arch_imsic_claim(void);
