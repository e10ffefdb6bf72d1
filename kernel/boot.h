/*
 * What start-up found out, kept for the rest of the kernel. Filled in once by
 * arch/riscv/boot/start.c; pointer-free, for it is written before the image is
 * relocated to where it runs.
 */
#pragma once

#include <stdint.h>

#include "kernel/mm/memmap.h"
#include "lib/mix.h"

/* Bytes of the bootargs that are kept, with the final NUL. */
#define BOOT_ARGS_MAX 2048

struct boot_info {
	pa_t image_pa;	     /* where the loader put the image */
	va_t image_va;	     /* where it runs; equal until the MMU is on */
	uint64_t image_size; /* with bss, stacks and the tree's buffer */
	uint64_t relocations;
	uint64_t boot_hart;
	uint64_t instret; /* at entry, or -1 where it cannot be read */
	unsigned levels;  /* of the page tables: 3, 4, 5; 0 = MMU off */
	pa_t fdt_pa;
	uint64_t fdt_size;
	uint64_t timebase; /* Hz */
	struct mix random;
	unsigned seeds; /* that went into it, besides clocks */
	struct memmap memmap;
	char args[BOOT_ARGS_MAX];
};

const struct boot_info *boot_info(void);

/* The machine's device tree, checked, at an address that can be read now. */
const void *boot_fdt(void);

/* Instructions retired since entry by this hart; 0 where unreadable. */
uint64_t boot_instructions(void);
