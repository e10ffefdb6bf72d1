/* POSIX extended regular expressions in linear time. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Longest text of a pattern, and most parts it may expand to. */
#define PATTERN_TEXT_MAX  256
#define PATTERN_PARTS_MAX 500

struct pattern;

/*
 * Compiles text: POSIX ERE (the Open Group Base Specifications, chapter 9)
 * over bytes in the C locale, with \w \W \s \S \b \B \< \> as GNU has them and
 * without back references. NULL, with a static text for the user in *why: a
 * mistake, longer than PATTERN_TEXT_MAX, more than PATTERN_PARTS_MAX parts.
 */
struct pattern *pattern_new(const char *text, const char **why);
void pattern_free(struct pattern *p);
/* How many parts it has: what a byte of a line may cost. */
size_t pattern_parts(const struct pattern *p);

/*
 * Whether some part of line (len bytes) matches. bol, eol: its begin is a
 * line's begin, its end a line's end ("^" and "$" match there). Takes at most
 * len times pattern_parts() steps.
 */
bool pattern_matches(const struct pattern *p, const char *line, size_t len,
		     bool bol, bool eol);
