/*
 * Device register access: one load or store, fenced so that it is ordered
 * with other accesses to devices (i, o) and to memory (r, w), as devices that
 * read memory and locks around registers need it.
 */
#include "arch/io.h"

#define IO_READ(bits, op)                                          \
	uint##bits##_t arch_read##bits(const volatile void *reg)   \
	{                                                          \
		uint##bits##_t value;                              \
                                                                   \
		__asm__ volatile("fence io, i\n" op " %0, 0(%1)\n" \
				 "fence i, ior\n"                  \
				 : "=r"(value)                     \
				 : "r"(reg)                        \
				 : "memory");                      \
		return value;                                      \
	}

#define IO_WRITE(bits, op)                                              \
	void arch_write##bits(volatile void *reg, uint##bits##_t value) \
	{                                                               \
		__asm__ volatile("fence iorw, o\n" op " %0, 0(%1)\n"    \
				 :                                      \
				 : "r"(value), "r"(reg)                 \
				 : "memory");                           \
	}

IO_READ(8, "lbu")
IO_READ(16, "lhu")
IO_READ(32, "lw")
IO_READ(64, "ld")
IO_WRITE(8, "sb")
IO_WRITE(16, "sh")
IO_WRITE(32, "sw")
IO_WRITE(64, "sd")
