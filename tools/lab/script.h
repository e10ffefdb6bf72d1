/* U-Boot script images: what mkimage -T script makes. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* What a job wants U-Boot to do. Texts are checked by params.c. */
struct script_job {
	const char *nonce;
	const char *bootargs;
	int initrd; /* whether TFTP file "initrd" is there */
	int dtb;    /* whether TFTP file "dtb" is there */
};

/*
 * Writes the commands into out (size bytes, NUL-ended). Returns their length
 * or -ENOSPC.
 */
int script_commands(const struct script_job *job, char *out, size_t size);

/*
 * Wraps text (len bytes) as a legacy image of type script: 64-byte header with
 * CRC32, length table, text. Source: U-Boot include/image.h,
 * doc/usage/cmd/source.rst. Returns the whole length or -ENOSPC.
 */
int script_image(const char *text, size_t len, uint8_t *out, size_t size);
