/*
 * asciicast export: one event per record of the time index. Made on the fly
 * from log and index, so nothing has to be stored twice, nor read at once: a
 * log that trickled for a day has millions of records.
 */
#include "tools/lab/cast.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/lab/utf8.h"

#define PIECE 2048 /* log bytes per event at most: 6 times that fits */

struct cast {
	struct job *job;
	struct logfile_record now; /* what is being told, since first */
	int64_t next;		   /* record behind it */
	int64_t first;
	int64_t offset, end, size; /* told, of this record, of the log */
	bool head_done;
	uint8_t carry[4];
	size_t carry_len;
};

/* Goes to the next record; false: there is none. */
static bool advance(struct cast *c)
{
	const struct logfile *l = &c->job->log;
	struct logfile_record after;

	if (c->offset >= c->size || !logfile_record_at(l, c->next, &c->now))
		return false;
	c->next++;
	c->end = logfile_record_at(l, c->next, &after) && after.offset < c->size
		? after.offset
		: c->size;
	return true;
}

struct cast *cast_new(struct job *j)
{
	struct cast *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->job = j;
	c->size = j->log.size;
	c->now.time = j->row.created;
	advance(c);
	c->first = c->now.time;
	return c;
}

void cast_free(struct cast *c)
{
	job_put(c->job);
	free(c);
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
		size_t want = utf8_length(piece[i]);
		size_t have = want < n - i ? want : n - i;

		if (want == 0 || !utf8_good(piece + i, have)) {
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
	c->head_done = true;
	return snprintf(out, max,
			"{\"version\": 2, \"width\": 80, \"height\": 24, "
			"\"timestamp\": %" PRId64 ", \"title\": \"job %" PRId64
			"\"}\n",
			c->first / 1000000, c->job->row.id);
}

size_t cast_read(struct cast *c, char *out, size_t max)
{
	uint8_t bytes[PIECE];
	int64_t left;
	size_t o;
	int n;

	if (!c->head_done)
		return head(c, out, max);
	if (c->offset >= c->end && !advance(c))
		return 0;
	left = c->end - c->offset;
	n = logfile_read(&c->job->log, c->offset, bytes,
			 left < PIECE ? left : PIECE);
	if (n <= 0)
		return 0;
	o = snprintf(out, max, "[%.6f, \"o\", \"",
		     (double)(c->now.time - c->first) / 1e6);
	o += cast_escape(bytes, n, c->carry, &c->carry_len, out + o);
	memcpy(out + o, "\"]\n", 3);
	c->offset += n;
	return o + 3;
}
