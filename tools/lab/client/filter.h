#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tools/lab/client/buf.h"

/** What console bytes may do to the terminal of the one who watches. */
enum filter_mode {
	FILTER_TEXT,	 /* text, line ends, tabs, colours: run and log */
	FILTER_TERMINAL, /* cursor, erasing and scrolling too: attach */
};

/** Set @mode, leave the rest zero. */
struct filter {
	enum filter_mode mode;
	uint8_t state;
	uint8_t held;  /* bytes of @hold in use */
	uint8_t left;  /* UTF-8 bytes still to come */
	char hold[32]; /* a sequence not yet complete */
};

/**
 * filter_apply() - append to @out what of @n console bytes is harmless.
 *
 * A console is written by whatever kernel was uploaded. Never passed: OSC,
 * DCS, APC, PM and SOS strings (titles, clipboard, links, key redefinition),
 * C1 controls in either form, every request a terminal answers by itself
 * (its answer would be typed at the board, or at the shell after the end),
 * bidirectional overrides, broken UTF-8 (shown as U+FFFD). Sequences are
 * those of ECMA-48 and xterm's ctlseqs. State is kept between calls, so
 * pieces may be cut anywhere. Returns 0 or -ENOMEM.
 */
int filter_apply(struct filter *filter, const uint8_t *bytes, size_t n,
		 struct buf *out);

/**
 * filter_line() - one line of foreign text as a terminal may show it.
 *
 * For names and reasons: everything that is not printable becomes a blank.
 * Returns 0 or -ENOMEM.
 */
int filter_line(const char *text, struct buf *out);
