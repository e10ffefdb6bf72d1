/*
 * The kernel's one address space: built while the MMU is off, completed in the
 * high half. Pointer-free between the two.
 */
#pragma once

#include <stdint.h>

#include "arch/riscv/boot/layout.h"
#include "lib/addr.h"

struct memmap;

/*
 * MMU off: build the tables in the format of @levels levels for the image that
 * lies at @image_pa and will run at @image_va, with memory taken from @map.
 * Returns 0 and the satp to enter by, or -errno and a static text in @why.
 */
int space_build(struct memmap *map, unsigned levels, pa_t image_pa,
		va_t image_va, uint64_t *satp, const char **why);

/* MMU off: forget a build whose satp the hart did not take. */
void space_discard(void);

/* High half, boot hart, once: drop the identity page. */
void space_enter(void);

/*
 * satp of a table for harts that enter: the identity page and the kernel's
 * high half as it is at this call. Made at the first one; 0 when memory is
 * out. One hart starts others at a time.
 */
uint64_t space_boot_satp(void);

/* satp of the kernel itself. */
uint64_t space_satp(void);

/*
 * Map @size bytes (a multiple of 4096) of new memory as a stack between two
 * unmapped guard pages. Returns 0 and its top, 16-byte aligned, or -ENOMEM.
 */
int space_stack_map(uint64_t size, va_t *top);

/* PTE_PBMT_IO in register mappings from now on: all harts have Svpbmt. */
void space_io_strict(void);

/* The tables, for `map` and for tests; change nothing. */
const struct pagetable *space_table(void);
