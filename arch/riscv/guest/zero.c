/*
 * Zeroes guests' memory. Zicboz is used where every hart lists it, the boot
 * hart executes it, and a block is as large as the device tree says.
 */
#include <string.h>

#include "arch/riscv/guest/vcpu.h"
#include "arch/vcpu.h"
#include "kernel/mm/heap.h"
#include "lib/addr.h"

/* zero.S */
bool zero_probe(void *block);
void zero_blocks(void *from, void *to, uint64_t block_size);
void zero_words(void *from, void *to);

static struct {
	uint64_t block; /* bytes; 0: do without */
} state;

/* Does one block, and nothing else, become zero? */
static bool block_is(const uint8_t *page, uint64_t size)
{
	uint64_t i;

	for (i = 0; i < PAGE_SIZE; i++)
		if ((page[i] == 0) != (i < size))
			return false;
	return true;
}

void guest_zero_init(uint64_t block_size)
{
	uint8_t *page;

	if (!block_size || PAGE_SIZE % (8 * block_size))
		return;
	/* More than the heap's small objects: it is page-aligned. */
	page = heap_alloc(PAGE_SIZE);
	if (!page)
		return;
	memset(page, 0xff, PAGE_SIZE);
	if (zero_probe(page) && block_is(page, block_size))
		state.block = block_size;
	heap_free(page);
}

void arch_memory_zero(void *at, uint64_t size)
{
	if (state.block)
		zero_blocks(at, (char *)at + size, state.block);
	else if (size)
		zero_words(at, (char *)at + size);
}
