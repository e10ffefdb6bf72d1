/*
 * Exception table: instructions that may trap, each with the place to go on
 * at. Entries are two 32-bit words, both relative to where they lie, so they
 * need no relocation.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"

struct extable_entry {
	int32_t insn;  /* from this field to the instruction that may trap */
	int32_t fixup; /* from this field to where to go on */
};

/* The whole table, gathered by kernel.lds. */
extern const struct extable_entry extable_start[], extable_end[];

/* Where to go on after a trap at @pc; 0 when @pc is not in the table. */
uint64_t extable_find(uint64_t pc);

/*
 * Read 8 bytes, or one instruction's 2, at @address. False when that traps;
 * *@out is then 0. Needs alignment to the width.
 */
bool probe_read64(uint64_t address, uint64_t *out);
bool probe_read16(uint64_t address, uint16_t *out);

/* Write 8 bytes; false when that traps. */
bool probe_write64(uint64_t address, uint64_t value);
