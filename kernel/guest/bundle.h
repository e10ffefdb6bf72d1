/*
 * How guests reach the kernel: the boot loader's initrd is a Linux Image, then
 * it is one guest named `linux`, or a bundle, a newc cpio archive of
 *
 *	guests/<name>/Image	required: a Linux Image, or gzip of one
 *	guests/<name>/initrd	optional
 *	guests/<name>/config	optional: kernel/guest/config.h
 *
 * A name is 1 to 31 of A-Z a-z 0-9 _ and -. A leading "./" is dropped,
 * directories are passed over, hard links are followed.
 */
#pragma once

#include <stdint.h>

#include "kernel/guest/config.h"

/* The most guests that bundle_read() gives, whatever its @max. */
#define BUNDLE_GUESTS_MAX 32u

/*
 * Told of every problem: @file is the path in the archive ("initrd" for the
 * archive as a whole), made printable and perhaps cut; @reason has no full
 * stop. Both are gone after the call.
 */
typedef void bundle_problem_fn(void *arg, const char *file, const char *reason);

/*
 * Read the @size bytes of initrd at @initrd into @out, at most @max guests, in
 * the archive's order. A guest with any problem (a bad config, no Image, a
 * name that is there twice, anything but regular files of the names above) is
 * left out; so is a file that belongs to no guest; each is reported through
 * @problem(@arg, ...). Where the archive breaks off, guests that were whole
 * before are kept. Whether an Image is a good one is the loader's to say.
 * Returns the number of guests in @out.
 */
int bundle_read(const void *initrd, uint64_t size, struct guest_config *out,
		unsigned max, bundle_problem_fn *problem, void *arg);
