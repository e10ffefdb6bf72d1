/*
 * Giving the machine to another kernel, as a boot loader does: the last step,
 * after which nothing of this one is left.
 */
#pragma once

#include <stdint.h>

#include "lib/addr.h"

/*
 * Memory that is copied: [@to, @to + @size) gets what [@from, @from + @size)
 * holds when its turn comes. The two may overlap, as with memmove().
 */
struct handover_move {
	pa_t to;
	pa_t from;
	uint64_t size;
};

#define HANDOVER_STEP_ORDER 1 /* of the pages that hold the struct below */
#define HANDOVER_MOVES_MAX  320u

/* What the last step needs; it lies where no move writes. */
struct handover_step {
	uint32_t code[112]; /* filled in by arch_handover_prepare() */
	uint64_t count;	    /* of move[] */
	uint64_t hart;	    /* that goes on: a0 */
	pa_t tree;	    /* a1 */
	pa_t entry;
	struct handover_move move[HANDOVER_MOVES_MAX];
};

/*
 * Can the machine be given away: can all harts but this one be parked so that
 * the next kernel can start them? NULL, or a static text that says why not.
 */
const char *arch_handover_problem(void);

/*
 * Put into @step the code and the hart: from then on nothing can fail.
 * -ENOMEM: out of memory for a page table.
 */
int arch_handover_prepare(struct handover_step *step);

/*
 * Turn MMU and interrupts off, carry out the moves of @step in order and enter
 * @step->entry. All other harts are parked or about to be: waits for them.
 */
_Noreturn void arch_handover(struct handover_step *step);
