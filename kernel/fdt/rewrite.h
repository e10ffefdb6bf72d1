/*
 * The machine's device tree for the kernel that comes after us: all as it was,
 * with what a boot loader writes into /chosen (Devicetree Specification v0.4,
 * 3.6; dt-schema's chosen.yaml).
 */
#pragma once

#include <stddef.h>

#include "kernel/fdt/dt.h"
#include "lib/range.h"

struct dt_chosen {
	const char *bootargs;		      /* "": none */
	struct range initrd;		      /* physical; size 0: none */
	void (*seed)(void *out, size_t size); /* random bytes; NULL: none */
};

/* Bytes that hold the checked tree @fdt with @bootargs in it. */
size_t dt_rewrite_room(const void *fdt, const char *bootargs);

/*
 * Write the checked tree @fdt with another /chosen into @room bytes at @buf,
 * 8-byte aligned: bootargs and initrd are @chosen's; kaslr-seed and rng-seed,
 * where the tree has them, get new bytes, or go where there are none. The
 * loader's reservation of the initrd that the tree named goes; all others stay.
 * Returns 0, or -ENOSPC: @room is too small.
 */
int dt_rewrite(const void *fdt, const struct dt_chosen *chosen, void *buf,
	       size_t room);
