/*
 * The gzip frame around zlib's raw inflate: header, check sum and length are
 * RFC 1952's, read here because that half of zlib would bring its heap, both
 * check sums and their tables along.
 */
#include "kernel/guest/inflate.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <zlib.h>

#include "lib/addr.h"

#define WINDOW_BITS 15 /* the format's largest */
#define STATE_SIZE  0x3c00u

/* How much zlib is told of at once: its counters have 32 bits. */
#define INPUT_MAX 0x40000000u

enum {
	FLAG_HCRC = 0x02,
	FLAG_EXTRA = 0x04,
	FLAG_NAME = 0x08,
	FLAG_COMMENT = 0x10,
	FLAG_RESERVED = 0xe0,

	METHOD_DEFLATE = 8,
	HEADER_SIZE = 10,
	TRAILER_SIZE = 8,
};

/* How INFLATE_WORK bytes are spent. */
struct work {
	uint8_t window[1u << WINDOW_BITS];
	uint32_t crc_table[256];
	uint64_t state[STATE_SIZE / 8]; /* zlib's, allocated once */
};

_Static_assert(sizeof(struct work) <= INFLATE_WORK, "scratch too small");

struct gzip {
	const uint8_t *next, *end; /* what was not handed to zlib yet */
	struct work *work;
	inflate_sink *sink;
	void *arg;
	int stopped; /* what the sink returned */
	uint32_t crc, size;
	const char *why;
};

/* Table of RFC 1952, section 8. */
static void crc_table_fill(uint32_t table[256])
{
	for (uint32_t n = 0; n < 256; n++) {
		uint32_t c = n;

		for (unsigned k = 0; k < 8; k++)
			c = c & 1 ? 0xedb88320u ^ c >> 1 : c >> 1;
		table[n] = c;
	}
}

static void *state_alloc(void *opaque, unsigned items, unsigned size)
{
	struct work *work = opaque;

	return (uint64_t)items * size <= STATE_SIZE ? work->state : NULL;
}

static void state_free(void *opaque, void *state)
{
	(void)opaque;
	(void)state;
}

/* zlib asks for more input; 0 tells it that there is none. */
static unsigned input_give(void *opaque, z_const unsigned char **next)
{
	struct gzip *g = opaque;
	uint64_t size = min_u64((uint64_t)(g->end - g->next), INPUT_MAX);

	/* zlib's interface is not const, but it only reads its input. */
	*next = (unsigned char *)(uintptr_t)g->next;
	g->next += size;
	return (unsigned)size;
}

/* zlib gives away its full window; not 0 stops it. */
static int output_take(void *opaque, unsigned char *data, unsigned size)
{
	struct gzip *g = opaque;
	const uint32_t *table = g->work->crc_table;
	uint32_t crc = g->crc;

	for (unsigned i = 0; i < size; i++)
		crc = table[(crc ^ data[i]) & 0xff] ^ crc >> 8;
	g->crc = crc;
	g->size += size;
	g->stopped = g->sink(g->arg, data, size);
	return g->stopped;
}

static int damaged(struct gzip *g, const char *why)
{
	g->why = why;
	return -EBADMSG;
}

static int skip(struct gzip *g, uint64_t size)
{
	if (size > (uint64_t)(g->end - g->next))
		return damaged(g, "gzip data is cut short");
	g->next += size;
	return 0;
}

static int skip_text(struct gzip *g)
{
	const uint8_t *zero = memchr(g->next, 0, (size_t)(g->end - g->next));

	if (!zero)
		return damaged(g, "gzip data is cut short");
	g->next = zero + 1;
	return 0;
}

static int skip_extra(struct gzip *g)
{
	const uint8_t *p = g->next;
	int result = skip(g, 2);

	return result ? result : skip(g, (uint64_t)p[0] | (uint64_t)p[1] << 8);
}

static int header_skip(struct gzip *g)
{
	const uint8_t *p = g->next;
	uint64_t left = (uint64_t)(g->end - p);
	int result;

	if (left && (p[0] != 0x1f || (left > 1 && p[1] != 0x8b)))
		return damaged(g, "garbage after the gzip data");
	result = skip(g, HEADER_SIZE);
	if (result)
		return result;
	if (p[2] != METHOD_DEFLATE || p[3] & FLAG_RESERVED)
		return damaged(g, "unknown kind of gzip data");
	if (p[3] & FLAG_EXTRA)
		result = skip_extra(g);
	if (!result && p[3] & FLAG_NAME)
		result = skip_text(g);
	if (!result && p[3] & FLAG_COMMENT)
		result = skip_text(g);
	if (!result && p[3] & FLAG_HCRC)
		result = skip(g, 2);
	return result;
}

static uint32_t read_le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
		(uint32_t)p[3] << 24;
}

static int trailer_check(struct gzip *g)
{
	const uint8_t *p = g->next;
	int result = skip(g, TRAILER_SIZE);

	if (result)
		return result;
	if (read_le32(p) != ~g->crc || read_le32(p + 4) != g->size)
		return damaged(g,
			       "gzip data is damaged (its check sum is "
			       "wrong)");
	return 0;
}

static int body_unpack(struct gzip *g)
{
	z_stream z = {
		.zalloc = state_alloc, .zfree = state_free, .opaque = g->work};
	int result = inflateBackInit(&z, WINDOW_BITS, g->work->window);

	if (result != Z_OK)
		return damaged(g, "zlib wants more memory than it has here");
	g->crc = ~0u;
	g->size = 0;
	result = inflateBack(&z, input_give, g, output_take, g);
	/* What zlib was given and did not use. */
	g->next -= z.avail_in;
	if (result == Z_STREAM_END)
		return 0;
	if (g->stopped)
		return g->stopped;
	return damaged(g,
		       result == Z_BUF_ERROR ? "gzip data is cut short"
					     : "gzip data is damaged");
}

static int member_unpack(struct gzip *g)
{
	int result = header_skip(g);

	if (!result)
		result = body_unpack(g);
	return result ? result : trailer_check(g);
}

int inflate_gzip(const void *src, uint64_t size, void *work, inflate_sink *sink,
		 void *arg, const char **why)
{
	struct gzip g = {.next = src,
			 .end = (const uint8_t *)src + size,
			 .work = work,
			 .sink = sink,
			 .arg = arg};
	int result;

	crc_table_fill(g.work->crc_table);
	do
		result = member_unpack(&g);
	while (!result && g.next != g.end);
	*why = g.why;
	return result;
}
