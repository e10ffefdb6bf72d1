/* What a guest is to be: its place in the bundle and its `config` file. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/range.h"

#define GUEST_NAME_MAX	   32	/* with the final NUL */
#define GUEST_BOOTARGS_MAX 1024 /* with the final NUL */

/* Bounds of `memory`; its unit is the G-stage's middle leaf. */
#define GUEST_MEMORY_UNIT 0x200000ull	   /* 2 MiB */
#define GUEST_MEMORY_MAX  0x10000000000ull /* 1 TiB: fits Sv39x4 */

struct guest_config {
	char name[GUEST_NAME_MAX];
	uint64_t memory; /* bytes */
	unsigned vcpus;	 /* 1 to GUEST_VCPUS_MAX */
	bool autostart;
	char bootargs[GUEST_BOOTARGS_MAX];
	struct range image;  /* offset from the bundle's start, bytes */
	struct range initrd; /* size 0: none */
	bool image_gz;
};

/* Where and why a config file is wrong. */
struct config_error {
	unsigned line; /* from 1 */
	const char *why;
};

/*
 * Set what a guest without a config file gets: 256 MiB, one vcpu, no bootargs,
 * autostart. Everything else becomes 0.
 */
void config_defaults(struct guest_config *out);

/*
 * Read the @size bytes of a config file at @text over what @out holds: lines
 * `key = value`, split at the first '='; white space around both is dropped;
 * empty lines and lines that begin with '#' are skipped. Keys, each at most
 * once:
 *	memory	  bytes, with K, M or G; a multiple of 2M, up to 1024G
 *	vcpus	  1 to 64
 *	bootargs  the rest of the line, up to 1023 bytes
 *	autostart yes or no
 * Returns 0; -EINVAL with @error set, @out then holds what was read so far.
 */
int config_read(const void *text, uint64_t size, struct guest_config *out,
		struct config_error *error);
