/*
 * The lab's configuration from arbitrary bytes: refused with a text, or taken
 * and then consistent.
 *
 * Sources: tools/lab/config.c
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tools/lab/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config c;
	char error[64] = "";

	if (config_parse((const char *)data, size, &c, error, sizeof(error))) {
		if (!error[0] || !memchr(error, '\0', sizeof(error)))
			abort();
		return 0;
	}
	if (c.board_count < 1 || c.board_count > CONFIG_BOARDS_MAX)
		abort();
	if (!config_is_loopback(&c) && !c.tokens)
		abort();
	for (size_t i = 0; i < c.board_count; i++)
		if (config_board_find(&c, c.boards[i].name) != &c.boards[i])
			abort();
	config_free(&c);
	return 0;
}
