/* The power interface: what switches a board. Backends: relay, command, qemu.*/
#pragma once

#include <stdbool.h>

#include "tools/lab/config.h"

struct power;

struct power_ops {
	/* Starts switching; done() follows from the loop, exactly once. */
	void (*set)(struct power *p, bool on);
	/* At the daemon's end: begins to switch off, calls nobody. */
	void (*stop)(struct power *p);
	/* Then: waits for it, a bounded time; NULL or what went wrong. */
	const char *(*stopped)(struct power *p);
};

struct power {
	const struct power_ops *ops;
	/* Whether a done off is proof; else the console's silence is. */
	bool proves_off;
	/* problem: NULL, or what went wrong, for the user. */
	void (*done)(void *arg, const char *problem);
	/* The board went off by itself: cleanly, or for this reason. */
	void (*lost)(void *arg, const char *problem);
	void *arg;
};

/* Each returns the backend of a board, or NULL without memory. */
struct power *power_relay_new(const struct config_board *b);
/* run_dir: where the pid file goes. */
struct power *power_command_new(const struct config_board *b,
				const char *run_dir);
