/*
 * Words that can be said before the image is relocated, and what head.S and
 * boot_start() tell each other.
 */
#pragma once

/* Largest device tree that is copied; larger ones are used where they lie. */
#define FDT_BUFFER_SIZE 0x10000

/* What head.S found at a1. */
#define FDT_COPIED     0
#define FDT_LARGE      1 /* more than the buffer, clear of the image */
#define FDT_OVERLAPS   2 /* more than the buffer and inside the image */
#define FDT_BAD_MAGIC  3
#define FDT_MISALIGNED 4
#define FDT_UNREADABLE 5 /* the access trapped */

#ifndef __ASSEMBLER__

#include <stdint.h>

struct relocate_error;

/* From head.S to boot_start(), and what head.S needs back. */
struct boot_handoff {
	uint64_t hart;	      /* a0 */
	uint64_t fdt;	      /* a1 */
	uint64_t fdt_state;   /* FDT_* */
	uint64_t fdt_size;    /* totalsize, for FDT_COPIED, LARGE, OVERLAPS */
	uint64_t instret;     /* read at entry, or -1 */
	uint64_t relocations; /* entries applied */
	uint64_t image;	      /* where we lie */
	uint64_t satp;	      /* back: the tables to enter the high half by */
	uint64_t run_at;      /* back: where the image will run */
	uint64_t pad;	      /* keeps sp aligned to 16 */
};

/* First C at our physical address; fills in the last two (start.c). */
void boot_start(struct boot_handoff *handoff);

/* First C in the high half (start.c). */
_Noreturn void boot_finish(void);

/* Report a failed relocation, a trap before there is a trap handler, an image
 * that is not aligned to 4096 bytes or is entered a second time, a trap between
 * turning the MMU on and reaching the high half, and one that leaves no stack
 * to report on; then SRST. They use nothing that needs relocating and may run
 * at any address. */
_Noreturn void early_relocation_panic(const struct relocate_error *error);
_Noreturn void early_trap_panic(uint64_t cause, uint64_t pc, uint64_t value);
_Noreturn void early_address_panic(uint64_t image);
_Noreturn void early_again_panic(uint64_t image);
_Noreturn void early_nested_panic(uint64_t cause, uint64_t pc, uint64_t value);
_Noreturn void early_mmu_panic(uint64_t cause, uint64_t pc, uint64_t value);

#endif
