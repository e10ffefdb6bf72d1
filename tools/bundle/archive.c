/*
 * The writing side of lib/cpio.c. Owners and times are 0 and inodes are
 * counted, so that the same guests make the same bundle.
 */
#include "tools/bundle/archive.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cpio.h"

#define HEADER_SIZE 110u
#define FILE_RIGHTS 0644u
#define DIR_RIGHTS  0755u

static void put(struct archive *a, const void *data, size_t size)
{
	size_t room = a->room;
	uint8_t *more;

	while (room - a->size < size)
		room = room ? room * 2 : 1 << 16;
	if (room != a->room && !a->failed) {
		more = realloc(a->data, room);
		a->failed = more == NULL;
		if (more) {
			a->data = more;
			a->room = room;
		}
	}
	if (a->failed)
		return;
	if (size)
		memcpy(a->data + a->size, data, size);
	a->size += size;
}

static void pad(struct archive *a)
{
	put(a, "\0\0\0", (4 - a->size % 4) % 4);
}

static void entry(struct archive *a, const char *name, unsigned mode,
		  size_t size)
{
	char header[HEADER_SIZE + 1];

	snprintf(header, sizeof(header),
		 "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
		 ++a->entries, mode, 0, 0, 1, 0, (unsigned)size, 0, 0, 0, 0,
		 (unsigned)strlen(name) + 1, 0);
	put(a, header, HEADER_SIZE);
	put(a, name, strlen(name) + 1);
	pad(a);
}

void archive_directory(struct archive *a, const char *name)
{
	entry(a, name, CPIO_TYPE_DIR | DIR_RIGHTS, 0);
}

void archive_file(struct archive *a, const char *name, const void *data,
		  size_t size)
{
	entry(a, name, CPIO_TYPE_REGULAR | FILE_RIGHTS, size);
	put(a, data, size);
	pad(a);
}

int archive_end(struct archive *a)
{
	entry(a, "TRAILER!!!", 0, 0);
	return a->failed ? -ENOMEM : 0;
}

void archive_free(struct archive *a)
{
	free(a->data);
	memset(a, 0, sizeof(*a));
}
