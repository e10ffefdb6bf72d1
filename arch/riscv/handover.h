/* The parts of a handover that are assembly. */
#pragma once

#include <stdint.h>

#include "arch/handover.h"

/*
 * The code of the last step (handover.S), to be copied: enters at its first
 * byte with a0 = the physical address of its struct handover_step.
 */
extern const char handover_code[], handover_code_end[];

/* Carry out @count moves at @move, in order; wherever it is copied to. */
void handover_move(const struct handover_move *move, uint64_t count);

/*
 * Turn the MMU off and go on at physical @entry with a0 = @step (head.S). Call
 * it at its physical address, under space_boot_satp().
 */
_Noreturn void mmu_leave(pa_t step, pa_t entry);
