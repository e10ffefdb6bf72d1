/*
 * What each hart has to itself. `tp` points at the hart's block: the C
 * library's thread-local variables first, this struct right behind them
 * (kernel.lds), so that C and assembly reach it at an offset the linker knows.
 */
#pragma once

#include <stdint.h>

#include "arch/riscv/boot/secondary.h"
#include "lib/addr.h"

/* Bytes of the stack that a hart falls back to when its own is unusable. */
#define EMERGENCY_SIZE 0x1000ull

/* A hart that is started and its starter settle by one swap who was first. */
enum cpu_admission {
	CPU_WAITING,
	CPU_ONLINE,    /* it arrived in time */
	CPU_ABANDONED, /* it is too late: must stop again */
};

struct cpu {
	uint64_t scratch[2]; /* trap entry: two registers' room */
	va_t stack_low;	     /* sp may be in [stack_low, stack_high] */
	va_t stack_high;     /* of the stack in use */
	va_t emergency_top;
	va_t stack_base;    /* bottom of the stack made for it */
	uint64_t bad_sp;    /* sp that made us fall back, or 0 */
	uint64_t fallbacks; /* how often that happened */
	uint64_t hart;	    /* hardware id */
	uint32_t index;	    /* ours, 0 = boot hart */
	uint32_t panic_depth;
	uint32_t admission;	/* enum cpu_admission */
	struct secondary start; /* what it finds when it is started */
};

extern _Thread_local struct cpu cpu_this;
