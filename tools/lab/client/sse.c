/*
 * Parser of event streams (WHATWG HTML, "Server-sent events"): bytes come in
 * pieces of any size, whole events go out. The peer is not trusted: lines and
 * events are bounded.
 */
#include "tools/lab/client/sse.h"

#include <errno.h>
#include <string.h>

static const char sse_bom[] = "\xef\xbb\xbf";

static bool sse_field_is(const char *line, size_t name_len, const char *name)
{
	return name_len == strlen(name) && !memcmp(line, name, name_len);
}

static int sse_set(struct buf *buf, const char *value, size_t len)
{
	buf_clear(buf);
	return buf_append(buf, value, len);
}

static int sse_data_add(struct sse *sse, const char *value, size_t len)
{
	int err = 0;

	if (sse->data.len + len > SSE_LIMIT)
		return -EMSGSIZE;
	if (sse->has_data)
		err = buf_append(&sse->data, "\n", 1);
	sse->has_data = 1;
	return err ? err : buf_append(&sse->data, value, len);
}

static int sse_field(struct sse *sse, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);
	size_t name_len = colon ? (size_t)(colon - line) : len;
	const char *value = colon ? colon + 1 : line + len;
	size_t value_len = (size_t)(line + len - value);

	if (value_len && *value == ' ') {
		value++;
		value_len--;
	}
	if (sse_field_is(line, name_len, "data"))
		return sse_data_add(sse, value, value_len);
	if (sse_field_is(line, name_len, "event"))
		return sse_set(&sse->type, value, value_len);
	if (sse_field_is(line, name_len, "id") && !memchr(value, 0, value_len))
		return sse_set(&sse->id, value, value_len);
	return 0;
}

static int sse_dispatch(struct sse *sse)
{
	struct sse_event event = {
		.type = sse->type.len ? sse->type.data : "message",
		.data = sse->data.data,
		.len = sse->data.len,
		.id = sse->id.len ? sse->id.data : "",
	};
	int err = sse->has_data ? sse->event(sse->arg, &event) : 0;

	buf_clear(&sse->type);
	buf_clear(&sse->data);
	sse->has_data = 0;
	return err;
}

static int sse_line(struct sse *sse)
{
	const char *line = sse->line.data;
	size_t len = sse->line.len;
	int err;

	if (!sse->seen && len >= 3 && !memcmp(line, sse_bom, 3)) {
		line += 3;
		len -= 3;
	}
	sse->seen = 1;
	err = len ? sse_field(sse, line, len) : sse_dispatch(sse);
	buf_clear(&sse->line);
	return err;
}

/* How many of the @n bytes come before the end of the line. */
static size_t sse_line_rest(const char *bytes, size_t n)
{
	const char *lf = memchr(bytes, '\n', n);
	const char *cr;

	if (lf)
		n = (size_t)(lf - bytes);
	cr = memchr(bytes, '\r', n);
	return cr ? (size_t)(cr - bytes) : n;
}

int sse_feed(struct sse *sse, const char *bytes, size_t n)
{
	int err = 0;

	while (n && !err) {
		size_t rest;

		if (sse->after_cr && *bytes == '\n') {
			sse->after_cr = 0;
			bytes++;
			n--;
			continue;
		}
		sse->after_cr = 0;
		rest = sse_line_rest(bytes, n);
		if (sse->line.len + rest > SSE_LIMIT)
			return -EMSGSIZE;
		err = buf_append(&sse->line, bytes, rest);
		if (err || rest == n)
			return err;
		sse->after_cr = bytes[rest] == '\r';
		bytes += rest + 1;
		n -= rest + 1;
		err = sse_line(sse);
	}
	return err;
}

void sse_reset(struct sse *sse)
{
	buf_clear(&sse->line);
	buf_clear(&sse->type);
	buf_clear(&sse->data);
	sse->seen = 0;
	sse->after_cr = 0;
	sse->has_data = 0;
}

void sse_free(struct sse *sse)
{
	buf_free(&sse->line);
	buf_free(&sse->type);
	buf_free(&sse->data);
	buf_free(&sse->id);
}
