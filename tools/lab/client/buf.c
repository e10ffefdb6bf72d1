/*
 * Growable byte runs: answers of the daemon, lines being put together, keys
 * waiting to be sent. Doubling keeps appending linear.
 */
#include "tools/lab/client/buf.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BUF_FIRST_ROOM 256

static int buf_grow(struct buf *buf, size_t need)
{
	size_t room = buf->room ? buf->room : BUF_FIRST_ROOM;
	char *data;

	while (room < need) {
		if (room > SIZE_MAX / 2)
			return -ENOMEM;
		room *= 2;
	}
	data = realloc(buf->data, room);
	if (!data)
		return -ENOMEM;
	buf->data = data;
	buf->room = room;
	return 0;
}

int buf_append(struct buf *buf, const void *data, size_t n)
{
	int err;

	if (n > SIZE_MAX - buf->len - 1)
		return -ENOMEM;
	if (buf->len + n + 1 > buf->room) {
		err = buf_grow(buf, buf->len + n + 1);
		if (err)
			return err;
	}
	if (n)
		memcpy(buf->data + buf->len, data, n);
	buf->len += n;
	buf->data[buf->len] = '\0';
	return 0;
}

void buf_clear(struct buf *buf)
{
	buf->len = 0;
	if (buf->data)
		buf->data[0] = '\0';
}

void buf_drop(struct buf *buf, size_t n)
{
	if (n >= buf->len) {
		buf_clear(buf);
		return;
	}
	memmove(buf->data, buf->data + n, buf->len - n + 1);
	buf->len -= n;
}

void buf_free(struct buf *buf)
{
	free(buf->data);
	*buf = (struct buf){0};
}
