/* What may be shown of a text that somebody else has written. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether a terminal may act on @byte instead of showing it: control characters
 * of ASCII, and of C1 as UTF-8 has them, C2 80 to C2 9F (ECMA-48, 5.2 and 5.3).
 * @before: the byte before it, 0 at a text's start.
 */
static inline bool terminal_acts_on(uint8_t before, uint8_t byte)
{
	return byte < ' ' || byte == 0x7f || (before == 0xc2 && byte < 0xa0);
}
