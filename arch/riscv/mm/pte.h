/*
 * Page-table entries and the formats of the tables. Source: RISC-V Privileged
 * Architecture, "Sv39", "Sv48", "Sv57", "Two-Stage Address Translation", and
 * "Svpbmt". Nothing here touches a CSR.
 */
#pragma once

#include <stdint.h>

#include "lib/addr.h"

/*
 *  63 62  61 60    54 53                              10 9 8  7 6 5 4 3 2 1 0
 * +--+------+--------+----------------------------------+----+---------------+
 * |N | PBMT |    0   |      physical page number        |RSW |D A G U X W R V|
 * +--+------+--------+----------------------------------+----+---------------+
 * R = W = X = 0 points at the next table: then D, A, U, PBMT and N must be 0.
 */
#define PTE_V (1ull << 0) /* valid */
#define PTE_R (1ull << 1)
#define PTE_W (1ull << 2)
#define PTE_X (1ull << 3)
#define PTE_U (1ull << 4) /* user; every leaf of a G-stage table has it */
#define PTE_G (1ull << 5) /* in every address space */
#define PTE_A (1ull << 6) /* accessed: without it a hart may fault */
#define PTE_D (1ull << 7) /* dirty: without it a store may fault */

#define PTE_RWX	      (PTE_R | PTE_W | PTE_X)
#define PTE_PPN_SHIFT 10
#define PTE_PPN_MASK  (((1ull << 44) - 1) << PTE_PPN_SHIFT)
#define PTE_RESERVED  (0x7full << 54)
#define PTE_PBMT_MASK (3ull << 61)
#define PTE_PBMT_NC   (1ull << 61) /* memory, not cached (Svpbmt) */
#define PTE_PBMT_IO   (2ull << 61) /* registers: strongly ordered (Svpbmt) */
#define PTE_N	      (1ull << 63)

#define PTE_INDEX_BITS 9 /* of a virtual address, per level */

/* One kind of page table. */
struct pagetable_format {
	char name[8];	    /* as on the console: "sv48", "sv48x4" */
	unsigned satp_mode; /* MODE of satp, or of hgatp for the x4 formats */
	unsigned levels;    /* 3 to 5; a leaf may lie at any of them */
	unsigned root_bits; /* address bits that index the root: 9, or 11 */
	uint64_t leaf_bits; /* set in every leaf: PTE_U for the x4 formats */
};

extern const struct pagetable_format pagetable_sv39;
extern const struct pagetable_format pagetable_sv48;
extern const struct pagetable_format pagetable_sv57;
extern const struct pagetable_format pagetable_sv39x4;
extern const struct pagetable_format pagetable_sv48x4;
extern const struct pagetable_format pagetable_sv57x4;

static inline pa_t pte_address(uint64_t pte)
{
	return (pte & PTE_PPN_MASK) >> PTE_PPN_SHIFT << PAGE_SHIFT;
}

static inline uint64_t pte_from_address(pa_t pa)
{
	return pa >> PAGE_SHIFT << PTE_PPN_SHIFT & PTE_PPN_MASK;
}
