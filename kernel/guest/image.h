/*
 * A guest's Image as a stream, plain or packed: its unpacked length is known
 * only in the end, so its first 64 bytes, the header, decide where it goes.
 */
#pragma once

#include <stdint.h>

#include "kernel/guest/inflate.h"
#include "lib/image.h"

struct image_sink {
	/* Its header, before anything else; a bad one holds what was there.
	 * Not 0 ends the stream. */
	int (*begin)(void *arg, const struct image_header *header);
	inflate_sink *write; /* its bytes, header included */
	void *arg;
};

/*
 * Send the Image of @size bytes at @from through @sink; packed where @work is
 * not NULL, which is INFLATE_WORK bytes then. Returns 0; -ENOEXEC or -EBADMSG
 * with a static text in @why: shorter than its header, or damaged; or what
 * @sink returned, @why is NULL then.
 */
int image_read(const void *from, uint64_t size, void *work,
	       const struct image_sink *sink, const char **why);
