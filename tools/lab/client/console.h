#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/lab/client/filter.h"

/** Where console bytes go; console_open() fills it. */
struct console {
	int fd;
	bool filtered;	 /* a terminal: only what is harmless passes */
	bool same_tty;	 /* notes land among the console's lines */
	bool line_start; /* the last byte written was a line end */
	bool closed;	 /* the reader is gone; nothing is written any more */
	bool quiet;	 /* no notes */
	struct filter filter;
	struct buf out;
};

/**
 * console_open() - make ready for writing to @fd.
 *
 * Files and pipes get every byte as it came; a terminal gets what @mode
 * leaves, or every byte with @raw.
 */
void console_open(struct console *console, int fd, enum filter_mode mode,
		  bool raw);

/**
 * console_write() - show @n bytes.
 *
 * Returns 0, -ENOMEM, or -EPIPE and other errors of write(2) once; after an
 * error everything is dropped in silence.
 */
int console_write(struct console *console, const uint8_t *bytes, size_t n);

/** console_note() - `lab: ...` on standard error, on a line of its own. */
void console_note(struct console *console, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** console_close() - colours and modes back to normal; frees memory. */
void console_close(struct console *console);
