/*
 * The copying code of a handover (arch/riscv/handover.S, linked in), called in
 * a copy of itself: every alignment, distance and direction, byte by byte.
 */
#include "test/qemu/guests/guest.h"

#include "arch/riscv/handover.h"

#define SIZE 64u

static uint8_t code[512] __attribute__((aligned(8)));
static uint8_t memory[SIZE], before[SIZE];

typedef void move_function(const struct handover_move *move, uint64_t count);

static move_function *code_copy(void)
{
	uint64_t at = (uint64_t)handover_move - (uint64_t)handover_code;
	const char *from = handover_code;
	unsigned i;

	for (i = 0; from + i < handover_code_end; i++)
		code[i] = from[i];
	__asm__ volatile("fence.i" ::: "memory");
	return (move_function *)(code + at);
}

static bool is_moved(unsigned to, unsigned from, unsigned size)
{
	unsigned i;

	for (i = 0; i < SIZE; i++)
		if (memory[i] != before[i - to < size ? i - to + from : i])
			return false;
	return true;
}

void payload(uint64_t hart, const void *tree)
{
	move_function *move = code_copy();
	unsigned to, from, size, i;
	bool good = handover_code_end - handover_code <= (long)sizeof(code);

	(void)hart;
	(void)tree;
	for (to = 0; to < 24; to++)
		for (from = 0; from < 24; from++)
			for (size = 0; size <= 33; size++) {
				struct handover_move one[2] = {
					{(pa_t)memory + to, (pa_t)memory + from,
					 size},
					/* And none behind the last. */
					{(pa_t)memory, (pa_t)code, SIZE}};

				for (i = 0; i < SIZE; i++)
					memory[i] = before[i] = i * 7 + size;
				move(one, 1);
				good &= is_moved(to, from, size);
			}
	report("moves", good);
	report_end();
}
