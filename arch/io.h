/*
 * Device register access. Each access is one load or store of exactly that
 * width, ordered with all earlier and later accesses to devices and memory
 * (fences as in the Linux memory model's readX/writeX for RISC-V). Host tests
 * link a fake that routes them to a model of the device.
 */
#pragma once

#include <stdint.h>

uint8_t arch_read8(const volatile void *reg);
uint16_t arch_read16(const volatile void *reg);
uint32_t arch_read32(const volatile void *reg);
uint64_t arch_read64(const volatile void *reg);
void arch_write8(volatile void *reg, uint8_t value);
void arch_write16(volatile void *reg, uint16_t value);
void arch_write32(volatile void *reg, uint32_t value);
void arch_write64(volatile void *reg, uint64_t value);
