#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "tools/lab/client/buf.h"

/** The longest line and the longest event taken, in bytes. */
#define SSE_LIMIT (4u << 20)

/** One event, valid during the call that hands it over. */
struct sse_event {
	const char *type; /* "message" where the stream names none */
	char *data;	  /* ends with a zero byte not counted in @len */
	size_t len;
	const char *id; /* the last id seen, "" before the first */
};

/** Takes one event; anything but 0 stops the parser and is handed on. */
typedef int (*sse_event_fn)(void *arg, const struct sse_event *event);

/** Set @event and @arg, leave the rest zero; sse_reset() starts it anew. */
struct sse {
	sse_event_fn event;
	void *arg;
	struct buf line;
	struct buf type;
	struct buf data;
	struct buf id;
	bool seen;     /* the first line is over */
	bool after_cr; /* a line feed now belongs to the line before */
	bool has_data;
};

/**
 * sse_feed() - parse @n more bytes of a text/event-stream.
 *
 * WHATWG HTML, "Server-sent events", section 9.2.6: LF, CR and CRLF end a
 * line, a byte order mark is skipped, events without data are dropped, an id
 * holding a zero byte is ignored. `retry` is ignored: the caller has its own
 * delays. Returns 0, -EMSGSIZE for a line or an event above SSE_LIMIT,
 * -ENOMEM, or what the event function returned.
 */
int sse_feed(struct sse *sse, const char *bytes, size_t n);

/** sse_reset() - forget a half-received event: the stream starts anew. */
void sse_reset(struct sse *sse);

/** sse_free() - give the memory back. */
void sse_free(struct sse *sse);
