/* Address spaces: how the kernel reaches memory and device registers. */
#pragma once

#include <stdint.h>

#include "lib/addr.h"

/* Access rights of a mapping. PROT_IO adds device ordering and no caching
 * (Svpbmt IO where the hart has it; else the platform's PMAs decide). */
#define PROT_R	0x1u
#define PROT_W	0x2u
#define PROT_X	0x4u
#define PROT_IO 0x8u

/*
 * Where RAM at @pa can be read and written. Before the MMU is on this is @pa
 * itself, then an address in the direct map. Valid for memory of the kinds
 * that the direct map covers (docs/memory.md); nothing is checked.
 */
void *arch_pa_to_va(pa_t pa);

/*
 * The physical address of @va, which lies in the direct map, in the image or
 * in the mapping window; 0 when nothing is mapped there.
 */
pa_t arch_va_to_pa(const void *va);

/*
 * Map @size bytes of device registers at @pa, read-write, never executable,
 * in pages of their own, for ever; each call maps anew.
 * Returns 0 and the address of register @pa in @out; -EINVAL for size 0 or a
 * range that wraps; -EBUSY when the range touches RAM; -ENOMEM when the
 * window or the memory for tables is used up. Before the MMU is on it answers
 * @pa.
 */
int arch_io_map(pa_t pa, uint64_t size, volatile void **out);

/* Bytes of one kernel stack; a multiple of PAGE_SIZE. */
#define STACK_SIZE 0x4000ull

/* Call @line(@arg, text) for every line of the picture of the tables. */
void arch_mmu_describe(void (*line)(void *arg, const char *text), void *arg);
