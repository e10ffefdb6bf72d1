/*
 * Reading newc cpio archives (magic 070701), as `cpio -o -H newc` writes them
 * and Linux takes them: Linux, Documentation/driver-api/early-userspace/
 * buffer-format.rst. Nothing is copied: names and data stay in the archive.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/range.h"

/* Names longer than this are malformed; Linux's PATH_MAX with the NUL. */
#define CPIO_NAME_MAX 4096u

/* File types in the mode (POSIX, sys/stat.h; the numbers are the format's). */
#define CPIO_TYPE_MASK	  0170000u
#define CPIO_TYPE_DIR	  0040000u
#define CPIO_TYPE_REGULAR 0100000u
#define CPIO_TYPE_SYMLINK 0120000u

struct cpio {
	const uint8_t *base;
	uint64_t size;
	uint64_t next; /* offset of the next header */
};

struct cpio_entry {
	const char *name; /* terminated, as stored: any bytes */
	uint32_t mode, nlink;
	uint32_t ino, major, minor; /* who shares these is the same file */
	struct range data;	    /* offset from the archive's start, bytes */
};

/* Do @size bytes at @base begin like a newc archive? */
bool cpio_is(const void *base, uint64_t size);

/* Start reading the archive of @size bytes at @base. */
void cpio_begin(struct cpio *c, const void *base, uint64_t size);

/*
 * The next entry. Returns 1; 0 at the end; -EBADMSG where the archive is
 * broken, with a static text in @why: nothing more can be read then, and
 * out->name is the name of the entry that broke, NULL where none was read.
 * After the end (the entry TRAILER!!!) only zeros may follow.
 */
int cpio_next(struct cpio *c, struct cpio_entry *out, const char **why);

/*
 * Where the contents of @e are: newc stores those of a file with several names
 * once, with one of them, and the others are empty. Reads the whole archive
 * when @e is such an empty name.
 */
struct range cpio_data(const struct cpio *c, const struct cpio_entry *e);
