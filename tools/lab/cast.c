/*
 * asciicast export: one event per record of the time index. Made on the fly
 * from log and index, so nothing has to be stored twice.
 */
#include "tools/lab/cast.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE 2048 /* log bytes per event at most: 6 times that fits */

struct cast {
	struct job *job;
	struct logfile_record *records;
	size_t count, next, room;
	int64_t offset;
	bool head_done;
	uint8_t carry[4];
	size_t carry_len;
};

static bool add_record(void *arg, const struct logfile_record *r)
{
	struct cast *c = arg;
	struct logfile_record *more;

	if (c->count == c->room) {
		c->room = c->room ? 2 * c->room : 256;
		more = realloc(c->records, c->room * sizeof(*more));
		if (!more)
			return false;
		c->records = more;
	}
	c->records[c->count++] = *r;
	return true;
}

struct cast *cast_new(struct job *j)
{
	struct cast *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->job = j;
	logfile_index(&j->log, add_record, c);
	return c;
}

void cast_free(struct cast *c)
{
	job_put(c->job);
	free(c->records);
	free(c);
}

/* How long a UTF-8 sequence beginning with b is; 0 = none begins so. */
static size_t sequence_length(uint8_t b)
{
	if (b < 0x80)
		return 1;
	if (b >= 0xc2 && b <= 0xdf)
		return 2;
	if (b >= 0xe0 && b <= 0xef)
		return 3;
	return b >= 0xf0 && b <= 0xf4 ? 4 : 0;
}

/* Whether have bytes at p can still be, or are, a good sequence. */
static bool sequence_good(const uint8_t *p, size_t have)
{
	for (size_t i = 1; i < have; i++)
		if ((p[i] & 0xc0) != 0x80)
			return false;
	if (have < 2)
		return true;
	/* Overlong forms, surrogates and what is above U+10FFFF. */
	return !((p[0] == 0xe0 && p[1] < 0xa0) ||
		 (p[0] == 0xed && p[1] > 0x9f) ||
		 (p[0] == 0xf0 && p[1] < 0x90) ||
		 (p[0] == 0xf4 && p[1] > 0x8f));
}

static size_t escape_one(const uint8_t *p, size_t n, char *out)
{
	if (n > 1) {
		memcpy(out, p, n);
		return n;
	}
	if (*p < 0x20 || *p == 0x7f || *p == '"' || *p == '\\')
		return sprintf(out, "\\u%04x", *p);
	*out = *p;
	return 1;
}

size_t cast_escape(const uint8_t *bytes, size_t len, uint8_t *carry,
		   size_t *carry_len, char *out)
{
	uint8_t piece[PIECE + 4];
	size_t n = *carry_len, o = 0, i = 0;

	memcpy(piece, carry, n);
	memcpy(piece + n, bytes, len);
	n += len;
	*carry_len = 0;
	while (i < n) {
		size_t want = sequence_length(piece[i]);
		size_t have = want < n - i ? want : n - i;

		if (want == 0 || !sequence_good(piece + i, have)) {
			o += sprintf(out + o, "\\ufffd");
			i++;
		} else if (have < want) {
			memcpy(carry, piece + i, have);
			*carry_len = have;
			break;
		} else {
			o += escape_one(piece + i, want, out + o);
			i += want;
		}
	}
	return o;
}

static size_t head(struct cast *c, char *out, size_t max)
{
	int64_t start = c->count ? c->records[0].time : c->job->row.created;

	c->head_done = true;
	return snprintf(out, max,
			"{\"version\": 2, \"width\": 80, \"height\": 24, "
			"\"timestamp\": %" PRId64 ", \"title\": \"job %" PRId64
			"\"}\n",
			start / 1000000, c->job->row.id);
}

size_t cast_read(struct cast *c, char *out, size_t max)
{
	uint8_t bytes[PIECE];
	const struct logfile_record *r;
	int64_t end;
	size_t o;
	int n;

	if (!c->head_done)
		return head(c, out, max);
	if (c->next == c->count)
		return 0;
	r = &c->records[c->next];
	end = c->next + 1 < c->count ? r[1].offset : c->job->log.size;
	n = logfile_read(&c->job->log, c->offset, bytes,
			 end - c->offset < PIECE ? end - c->offset : PIECE);
	if (n <= 0)
		return 0;
	o = snprintf(out, max, "[%.6f, \"o\", \"",
		     (double)(r->time - c->records[0].time) / 1e6);
	o += cast_escape(bytes, n, c->carry, &c->carry_len, out + o);
	memcpy(out + o, "\"]\n", 3);
	c->offset += n;
	if (c->offset >= end)
		c->next++;
	return o + 3;
}
