/*
 * Symbol look-up: a walk along steps and names, neither of which has an index:
 * a backtrace has the time, the image not the room.
 */
#include "kernel/symbols.h"

#include <errno.h>
#include <string.h>

int symbols_lookup(uint64_t image_offset, const char **name, uint64_t *into)
{
	const char *text = symbols_text, *found = "";
	uint64_t left = image_offset;

	for (uint32_t i = 0; i < symbols_count; i++) {
		if (left < 2ull * symbols_step[i])
			break;
		left -= 2ull * symbols_step[i];
		found = text;
		text += strlen(text) + 1;
	}
	if (!*found)
		return -ENOENT;
	*name = found;
	*into = left;
	return 0;
}
