#pragma once

#include <stddef.h>

/** A growable run of bytes. All zero is an empty one. */
struct buf {
	char *data;
	size_t len;
	size_t room;
};

/**
 * buf_append() - add @n bytes of @data at the end.
 *
 * One zero byte always follows the last, so text can be read as a string; it
 * is not counted in @buf->len. Returns 0 or -ENOMEM (nothing added).
 */
int buf_append(struct buf *buf, const void *data, size_t n);

/** buf_clear() - forget the bytes, keep the room. */
void buf_clear(struct buf *buf);

/** buf_drop() - remove the first @n bytes (all of them when fewer). */
void buf_drop(struct buf *buf, size_t n);

/** buf_free() - give the memory back; @buf is an empty one afterwards. */
void buf_free(struct buf *buf);
