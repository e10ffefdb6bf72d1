/*
 * Harts in the device tree: /cpus (Devicetree Specification v0.4, 3.7 and
 * 3.8; dt-schema riscv/cpus.yaml and riscv/extensions.yaml).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "kernel/fdt/dt.h"

struct dt_cpu {
	uint64_t hart;	       /* hardware id (reg) */
	bool usable;	       /* status okay and an MMU: may be started */
	unsigned mmu_levels;   /* 3, 4, 5 = sv39, sv48, sv57; 0 = none */
	const char *isa;       /* riscv,isa, or "" */
	int offset;	       /* of its node */
	uint32_t intc_phandle; /* of its own interrupt controller, 0 = none */
	uint32_t cbom_size;    /* bytes per cache block for Zicbom, 0 = none */
	uint32_t cboz_size;    /* bytes per cache block for Zicboz, 0 = none */
};

struct dt_cpu_iter {
	struct dt_node node;
	bool done;
};

/* Start going through the cpu nodes. */
void dt_cpu_begin(const void *fdt, struct dt_cpu_iter *it);

/*
 * The next cpu node with a readable id, usable or not, in tree order; false
 * when there is none left.
 */
bool dt_cpu_next(const void *fdt, struct dt_cpu_iter *it, struct dt_cpu *out);

/* Find hart @hart; -ENOENT. */
int dt_cpu_find(const void *fdt, uint64_t hart, struct dt_cpu *out);

/*
 * Ticks per second of the `time` counter: timebase-frequency of /cpus, else of
 * the first cpu that has it. -ENOENT none, -EINVAL malformed or 0.
 */
int dt_timebase(const void *fdt, uint64_t *hz);

/*
 * Does the cpu node at @offset list ISA extension @ext (lower case, as in
 * "sstc" or "h")? riscv,isa-extensions is believed alone where present; else
 * riscv,isa is taken apart, where "g" stands for imafd_zicsr_zifencei. Case,
 * version numbers and missing underscores do not matter.
 */
bool dt_isa_has(const void *fdt, int offset, const char *ext);

/* Which hart a hart-local interrupt controller belongs to. */
#define DT_HART_MAP_MAX 128

struct dt_hart_map {
	unsigned count;
	struct dt_hart_map_entry {
		uint32_t phandle;
		uint64_t hart;
	} entry[DT_HART_MAP_MAX];
};

/* Fill @map by one walk; harts past DT_HART_MAP_MAX are left out. */
void dt_hart_map(const void *fdt, struct dt_hart_map *map);

/*
 * Entry @index of `interrupts-extended` of a controller whose entries are all
 * hart-local (PLIC, APLIC, IMSIC, CLINT): @hart and the interrupt number
 * @cause there (9 = supervisor external, UINT32_MAX = not connected).
 * -ENOENT past the end; -ENODEV the phandle is no hart's in @map.
 */
int dt_context(const void *fdt, const struct dt_node *n,
	       const struct dt_hart_map *map, unsigned index, uint64_t *hart,
	       uint32_t *cause);
