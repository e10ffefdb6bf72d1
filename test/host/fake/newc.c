/* Written from the format's description alone, not from lib/cpio.c. */
#include "test/host/fake/newc.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static void put(struct newc *a, const void *data, size_t size)
{
	assert(a->size + size + 4 <= sizeof(a->data));
	if (size)
		memcpy(a->data + a->size, data, size);
	a->size += size;
	while (a->size % 4)
		a->data[a->size++] = 0;
}

static void entry(struct newc *a, const char *name, const unsigned field[13],
		  const void *data)
{
	char head[1024];
	size_t used = (size_t)sprintf(head, "070701");

	for (unsigned i = 0; i < 13; i++)
		used += (size_t)sprintf(head + used, "%08x", field[i]);
	assert(used == 110 && used + strlen(name) < sizeof(head));
	strcpy(head + used, name);
	put(a, head, used + strlen(name) + 1);
	put(a, data, field[6]);
}

void newc_begin(struct newc *a)
{
	a->size = 0;
	a->ino = 100;
}

void newc_add(struct newc *a, const char *name, unsigned mode, const void *data,
	      size_t size)
{
	const unsigned field[13] = {
		[0] = ++a->ino, [1] = mode,
		[4] = 1,	[6] = (unsigned)size,
		[8] = 8,	[11] = (unsigned)strlen(name) + 1};

	entry(a, name, field, data);
}

void newc_add_link(struct newc *a, const char *name, unsigned ino,
		   unsigned nlink, const char *text)
{
	const unsigned field[13] = {
		[0] = ino,   [1] = NEWC_FILE,
		[4] = nlink, [6] = (unsigned)strlen(text),
		[8] = 8,     [11] = (unsigned)strlen(name) + 1};

	entry(a, name, field, text);
}

void newc_text(struct newc *a, const char *name, const char *text)
{
	newc_add(a, name, NEWC_FILE, text, strlen(text));
}

void newc_end(struct newc *a)
{
	newc_add(a, "TRAILER!!!", 0, NULL, 0);
}
