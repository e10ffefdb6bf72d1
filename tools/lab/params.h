/* What a submitter may say about a job: the query of POST /api/jobs. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/lab/verdict.h"

#define PARAMS_NAME_MAX	    128
#define PARAMS_USER_MAX	    64
#define PARAMS_BOARD_MAX    32
#define PARAMS_BOOTARGS_MAX 1024
#define PARAMS_PRIORITY	    5
#define PARAMS_PARTS_MAX    1000 /* what a byte of the log may cost */

struct params {
	char name[PARAMS_NAME_MAX + 1];
	char user[PARAMS_USER_MAX + 1];
	char board[PARAMS_BOARD_MAX]; /* "" = any */
	char bootargs[PARAMS_BOOTARGS_MAX + 1];
	int priority;
	int64_t timeout; /* microseconds from power-on; 0 = the default */
	int64_t silence; /* from the last byte; 0 = the default */
	char pass[VERDICT_PATTERNS_MAX][VERDICT_PATTERN_MAX + 1];
	size_t pass_count;
	char fail[VERDICT_PATTERNS_MAX][VERDICT_PATTERN_MAX + 1];
	size_t fail_count;
	size_t pattern_parts; /* of all that were set */
};

/* Defaults: user "local", priority 5. */
void params_init(struct params *p);

/*
 * Sets one parameter. Returns NULL, or a static text for the user: an unknown
 * key, a value out of range, a pattern that is not UTF-8 or does not compile,
 * bootargs with anything but printable ASCII without single quotes (U-Boot
 * would run what follows the quote).
 */
const char *params_set(struct params *p, const char *key, const char *value);

/* 1 to max letters, digits, `_`, `-`, `.`, `@`, `+`; not first `-` or `.`. */
bool params_is_name(const char *s, size_t max);
