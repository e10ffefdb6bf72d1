/* A newc cpio archive in the making, in memory. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct archive {
	uint8_t *data;
	size_t size, room;
	uint32_t entries;
	bool failed; /* out of memory: nothing more is added */
};

/* Add a directory. */
void archive_directory(struct archive *a, const char *name);

/* Add a file of @size bytes, under 4 GiB, at @data. */
void archive_file(struct archive *a, const char *name, const void *data,
		  size_t size);

/* Add the trailer. Returns 0; -ENOMEM when anything before failed. */
int archive_end(struct archive *a);

void archive_free(struct archive *a);
