/* UTF-8 as RFC 3629 has it. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How long a sequence that begins with b is; 0 = none begins so. */
size_t utf8_length(uint8_t b);
/*
 * Whether the have bytes at p, at most utf8_length(*p), can still be, or are,
 * a good sequence.
 */
bool utf8_good(const uint8_t *p, size_t have);
/* Whether a whole text is good: what is not, JSON cannot carry. */
bool utf8_is_text(const char *text);
