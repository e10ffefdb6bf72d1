/*
 * The device tree of a guest: Devicetree Specification v0.4; the bindings are
 * dt-schema's and Linux's riscv/cpus.yaml, riscv/extensions.yaml, sifive,
 * plic-1.0.0.yaml, 8250.yaml and chosen.yaml.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/range.h"

/* Bytes that hold the tree of any guest whose ISA string is under 1 KiB. */
#define GFDT_ROOM 0x40000u /* 256 KiB */

struct gfdt_input {
	uint64_t memory; /* bytes of RAM at GUEST_RAM_BASE */
	unsigned vcpus;	 /* 1 to GUEST_VCPUS_MAX */
	/*
	 * What the vcpus really have, lower case, "rv64i", then single letters
	 * (no "g"), then the others, each after '_': "rv64imafdc_zicsr_sstc".
	 */
	const char *isa;
	const char *mmu_type; /* "riscv,sv39", "riscv,sv48", "riscv,sv57" */
	uint32_t cbom, cboz;  /* bytes per cache block, 0 = no such thing */
	uint64_t timebase;    /* Hz of the time CSR, below 2^32 */
	const char *bootargs; /* "" for none */
	struct range initrd;  /* guest-physical; size 0: none */
	const uint8_t *seed;  /* for rng-seed */
	unsigned seed_len;    /* 0: none */
};

/*
 * Write the tree into @room bytes at @buf, 8-byte aligned; its total size is in
 * its header. Returns 0; -ENOSPC @room is too small; -EINVAL the input breaks a
 * rule above.
 */
int gfdt_build(void *buf, size_t room, const struct gfdt_input *in);
