/* asciicast v2 of a job's log. Format: docs.asciinema.org/manual/asciicast/v2
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tools/lab/job.h"

struct cast;

/* Takes over the reference to j, whose log is open. NULL: no memory. */
struct cast *cast_new(struct job *j);
void cast_free(struct cast *c);
/* The next bytes of the file: how many, 0 at the end. max >= 16 KiB. */
size_t cast_read(struct cast *c, char *out, size_t max);

/*
 * Bytes as the inside of a JSON string: what is not UTF-8 becomes U+FFFD,
 * control bytes are escaped. A sequence cut at the end is kept in carry (of 4
 * bytes, *carry_len in it) for the next call; with last it is not. out has
 * room for 6 times (len + 4) bytes. Returns the length written. Pure.
 */
size_t cast_escape(const uint8_t *bytes, size_t len, uint8_t *carry,
		   size_t *carry_len, char *out);
