/*
 * Physical memory over an anonymous mapping without reserve: gigabytes of it
 * cost nothing until touched. An address outside fails the test.
 */
#define _GNU_SOURCE
#include "test/host/fake/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "arch/mmu.h"

static struct {
	pa_t base;
	uint64_t size;
	uint8_t *at;
} memory;

void fake_memory_init(pa_t base, uint64_t size)
{
	fake_memory_end();
	memory.at = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert(memory.at != MAP_FAILED);
	madvise(memory.at, size, MADV_NOHUGEPAGE);
	memory.base = base;
	memory.size = size;
}

void fake_memory_end(void)
{
	if (memory.at)
		munmap(memory.at, memory.size);
	memory.at = NULL;
}

void *arch_pa_to_va(pa_t pa)
{
	assert(pa >= memory.base && pa - memory.base < memory.size);
	return memory.at + (pa - memory.base);
}

pa_t arch_va_to_pa(const void *va)
{
	uint64_t offset = (uint64_t)((const uint8_t *)va - memory.at);

	assert(offset < memory.size);
	return memory.base + offset;
}

void fake_memory_fill(pa_t pa, uint64_t size, uint8_t byte)
{
	memset(arch_pa_to_va(pa), byte, size);
}

uint64_t fake_memory_touched(void)
{
	uint64_t pages = memory.size / PAGE_SIZE, touched = 0;
	unsigned char *map = malloc(pages);

	assert(map && !mincore(memory.at, memory.size, map));
	for (uint64_t i = 0; i < pages; i++)
		touched += map[i] & 1;
	free(map);
	return touched;
}
