/* Symbol look-up: binary search over offsets from the image's start. */
#include "kernel/symbols.h"

#include <errno.h>

int symbols_lookup(uint64_t image_offset, const char **name, uint64_t *into)
{
	uint32_t low = 0, high = symbols_count;
	const char *text;

	/* Entries below low begin at or before the offset, from high on not. */
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (symbols_offset[middle] <= image_offset)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return -ENOENT;
	text = symbols_text + symbols_name[low - 1];
	if (!*text)
		return -ENOENT;
	*name = text;
	*into = image_offset - symbols_offset[low - 1];
	return 0;
}
