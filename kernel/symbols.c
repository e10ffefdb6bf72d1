/*
 * Symbol look-up: binary search over offsets from the image's start, then a
 * walk along the names, which have no index: a backtrace has the time, the
 * image not the room.
 */
#include "kernel/symbols.h"

#include <errno.h>
#include <string.h>

int symbols_lookup(uint64_t image_offset, const char **name, uint64_t *into)
{
	uint32_t low = 0, high = symbols_count, i;
	const char *text = symbols_text;

	/* Entries below low begin at or before the offset, from high on not. */
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (2ull * symbols_half[middle] <= image_offset)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return -ENOENT;
	for (i = 1; i < low; i++)
		text += strlen(text) + 1;
	if (!*text)
		return -ENOENT;
	*name = text;
	*into = image_offset - 2ull * symbols_half[low - 1];
	return 0;
}
