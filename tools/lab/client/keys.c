/*
 * The escape character of `lab attach`. Ctrl-] belongs to the board (Aloft
 * leaves a guest's console with it), so the client has `~`, as ssh does.
 */
#include "tools/lab/client/keys.h"

#include <string.h>

void keys_init(struct keys *keys)
{
	keys->state = KEYS_LINE_START;
}

static enum keys_action keys_after_tilde(struct keys *keys, char c,
					 struct buf *out)
{
	static const char known[] = ".t?";
	static const enum keys_action actions[] = {KEYS_LEAVE, KEYS_TAKE,
						   KEYS_HELP};
	const char *at = c ? strchr(known, c) : NULL;

	keys->state = KEYS_IN_LINE;
	if (at) {
		keys->state = KEYS_LINE_START;
		return actions[at - known];
	}
	buf_append(out, "~", 1);
	if (c != '~')
		buf_append(out, &c, 1);
	return KEYS_NONE;
}

size_t keys_feed(struct keys *keys, const char *bytes, size_t n,
		 struct buf *out, enum keys_action *action)
{
	*action = KEYS_NONE;
	for (size_t i = 0; i < n; i++) {
		char c = bytes[i];

		if (keys->state == KEYS_TILDE) {
			*action = keys_after_tilde(keys, c, out);
			if (*action != KEYS_NONE)
				return i + 1;
		} else if (keys->state == KEYS_LINE_START && c == '~') {
			keys->state = KEYS_TILDE;
			continue;
		} else {
			buf_append(out, &c, 1);
			keys->state = KEYS_IN_LINE;
		}
		/* Ctrl-C and Ctrl-D begin a new line at every shell */
		if (c == '\r' || c == '\n' || c == 3 || c == 4)
			keys->state = KEYS_LINE_START;
	}
	return n;
}
