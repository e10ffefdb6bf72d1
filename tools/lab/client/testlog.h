#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/lab/client/buf.h"

/** More results than this in one log are counted, not kept. */
#define TESTLOG_MAX 65536

/** One `TEST <name> PASS|FAIL [why]` line. */
struct testlog_result {
	char *name;
	char *why; /* "" where the line gives none */
	bool passed;
	uint64_t offset; /* of the line's first byte in the log */
};

/** All zero is an empty one. */
struct testlog {
	struct testlog_result *results;
	size_t count;
	size_t room;
	size_t dropped; /* results beyond TESTLOG_MAX */
	struct buf line;
	uint64_t line_at;
	bool line_too_long;
};

/**
 * testlog_feed() - read @n console bytes that begin at @offset of the log.
 *
 * The lines are those of Aloft's selftest, with or without the time stamp in
 * front; a line longer than 4 KiB is none. Offsets go up without gaps; a jump
 * starts a new line. Returns 0 or -ENOMEM.
 */
int testlog_feed(struct testlog *log, uint64_t offset, const uint8_t *bytes,
		 size_t n);

/** testlog_free() - give the memory back. */
void testlog_free(struct testlog *log);
