/* The console interface: a board's serial line. Backends: tty, tcp, qemu. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "tools/lab/config.h"

/* Never more than this at once, so that no board holds up the loop. */
#define CONSOLE_READ_MAX 16384

struct console;

struct console_ops {
	/* Queues bytes to the board. 0; -EAGAIN: too many wait; -ENOTCONN. */
	int (*write)(struct console *c, const void *bytes, size_t len);
	/* Drops what came in but was not read yet. */
	void (*flush)(struct console *c);
};

struct console {
	const struct console_ops *ops;
	/* NULL while the line is open, else why it is not, for the user. */
	const char *problem;
	void (*bytes)(void *arg, const void *bytes, size_t len);
	/* The line went away (unplugged), and is there (again). */
	void (*lost)(void *arg);
	void (*opened)(void *arg);
	void *arg;
};

/* Opens the line now and whenever it comes back. NULL: no memory. */
struct console *console_tty_new(const struct config_board *b);
struct console *console_tcp_new(const struct config_board *b);
