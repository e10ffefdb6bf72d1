/* Collects the header out of whatever pieces it comes in. */
#include "kernel/guest/image.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "lib/addr.h"

struct stream {
	const struct image_sink *sink;
	uint64_t have; /* bytes of head */
	uint8_t head[IMAGE_HEADER_SIZE];
};

static int stream_begin(struct stream *s)
{
	struct image_header header;
	int result;

	/* What it returns @sink finds in the header. */
	(void)image_header_read(s->head, sizeof(s->head), &header);
	result = s->sink->begin(s->sink->arg, &header);
	return result ? result
		      : s->sink->write(s->sink->arg, s->head, sizeof(s->head));
}

static int stream_feed(void *arg, const void *data, uint64_t size)
{
	struct stream *s = arg;
	uint64_t part = min_u64(sizeof(s->head) - s->have, size);
	int result = 0;

	if (part) {
		memcpy(s->head + s->have, data, part);
		s->have += part;
		if (s->have < sizeof(s->head))
			return 0;
		result = stream_begin(s);
	}
	if (result || part == size)
		return result;
	return s->sink->write(s->sink->arg, (const uint8_t *)data + part,
			      size - part);
}

int image_read(const void *from, uint64_t size, void *work,
	       const struct image_sink *sink, const char **why)
{
	struct stream s = {.sink = sink};
	int result;

	*why = NULL;
	if (work)
		result = inflate_gzip(from, size, work, stream_feed, &s, why);
	else
		result = stream_feed(&s, from, size);
	if (!result && s.have < sizeof(s.head)) {
		*why = "shorter than its header";
		result = -ENOEXEC;
	}
	return result;
}
