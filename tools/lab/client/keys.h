#pragma once

#include <stddef.h>

#include "tools/lab/client/buf.h"

/** What typed keys ask of the client itself. */
enum keys_action {
	KEYS_NONE,
	KEYS_LEAVE,
	KEYS_TAKE,
	KEYS_HELP
};

/** Where in a line the keyboard is; keys_init() fills it. */
struct keys {
	enum {
		KEYS_LINE_START,
		KEYS_IN_LINE,
		KEYS_TILDE
	} state;
};

/** keys_init() - the keyboard is at the start of a line. */
void keys_init(struct keys *keys);

/**
 * keys_feed() - sort typed bytes into those of the board and those of ours.
 *
 * A `~` typed first in a line (after Enter, Ctrl-C or Ctrl-D as well) is held
 * back: `~.` leaves, `~t` takes over, `~?` helps, `~~` is one `~`, anything
 * else is sent with the `~`. Bytes for the board are appended to @out; the
 * call ends behind the first action, which goes to @action. Returns how many
 * of the @n bytes were read.
 */
size_t keys_feed(struct keys *keys, const char *bytes, size_t n,
		 struct buf *out, enum keys_action *action);
