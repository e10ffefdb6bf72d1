/*
 * Finds the selftest's result lines in a console log, for JUnit and TAP. The
 * verdict is not made here but by the daemon; this only names the cases.
 */
#include "tools/lab/client/testlog.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 4096

/* Behind `[   12.345678] `, or @line itself. */
static char *testlog_after_stamp(char *line)
{
	char *at = line;

	if (*at++ != '[')
		return line;
	at += strspn(at, " ");
	if (!isdigit((unsigned char)*at))
		return line;
	at += strspn(at, "0123456789.");
	return at[0] == ']' && at[1] == ' ' ? at + 2 : line;
}

static int testlog_room(struct testlog *log)
{
	struct testlog_result *results;
	size_t room = log->room ? log->room * 2 : 64;

	if (log->count < log->room)
		return 0;
	results = realloc(log->results, room * sizeof(*results));
	if (!results)
		return -ENOMEM;
	log->results = results;
	log->room = room;
	return 0;
}

static int testlog_add(struct testlog *log, const char *name, bool passed,
		       const char *why)
{
	struct testlog_result *result;

	if (log->count == TESTLOG_MAX) {
		log->dropped++;
		return 0;
	}
	if (testlog_room(log))
		return -ENOMEM;
	result = &log->results[log->count];
	result->name = strdup(name);
	result->why = strdup(why);
	if (!result->name || !result->why) {
		free(result->name);
		free(result->why);
		return -ENOMEM;
	}
	result->passed = passed;
	result->offset = log->line_at;
	log->count++;
	return 0;
}

static int testlog_line(struct testlog *log)
{
	char *save = NULL;
	char *at = testlog_after_stamp(log->line.data);
	const char *name;
	const char *word;
	const char *why;

	if (strncmp(at, "TEST ", 5))
		return 0;
	name = strtok_r(at + 5, " ", &save);
	word = strtok_r(NULL, " ", &save);
	why = strtok_r(NULL, "", &save);
	if (!name || !word || !strcmp(name, "end"))
		return 0;
	if (strcmp(word, "PASS") && strcmp(word, "FAIL"))
		return 0;
	return testlog_add(log, name, !strcmp(word, "PASS"), why ? why : "");
}

static int testlog_line_end(struct testlog *log)
{
	struct buf *line = &log->line;
	int err = 0;

	while (line->len && line->data[line->len - 1] == '\r')
		line->data[--line->len] = '\0';
	if (line->len && !log->line_too_long &&
	    !memchr(line->data, 0, line->len))
		err = testlog_line(log);
	buf_clear(line);
	log->line_too_long = false;
	return err;
}

static int testlog_piece(struct testlog *log, const uint8_t *bytes, size_t n)
{
	if (log->line.len + n > LINE_MAX_BYTES) {
		log->line_too_long = true;
		return 0;
	}
	return buf_append(&log->line, bytes, n);
}

int testlog_feed(struct testlog *log, uint64_t offset, const uint8_t *bytes,
		 size_t n)
{
	while (n) {
		const uint8_t *lf = memchr(bytes, '\n', n);
		size_t piece = lf ? (size_t)(lf - bytes) : n;
		int err;

		if (!log->line.len && !log->line_too_long)
			log->line_at = offset;
		err = testlog_piece(log, bytes, piece);
		if (!err && lf)
			err = testlog_line_end(log);
		if (err)
			return err;
		piece += lf ? 1 : 0;
		bytes += piece;
		offset += piece;
		n -= piece;
	}
	return 0;
}

void testlog_free(struct testlog *log)
{
	for (size_t i = 0; i < log->count; i++) {
		free(log->results[i].name);
		free(log->results[i].why);
	}
	free(log->results);
	buf_free(&log->line);
	*log = (struct testlog){0};
}
