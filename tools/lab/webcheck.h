/* What a request's path and headers mean, and whether to trust them. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Whether a Host header names this daemon: its name part (port and case do
 * not matter) is localhost, a loopback address, or one of names (separated by
 * blanks). NULL or a malformed header is foreign.
 */
bool webcheck_host(const char *host, const char *names);

/*
 * Whether a request that changes something may come from where it says.
 * origin, site: the Origin and Sec-Fetch-Site headers, NULL where absent; an
 * Origin has to name the same host and port as host, site has to be
 * same-origin or none. Clients other than browsers send neither.
 */
bool webcheck_origin(const char *origin, const char *site, const char *host);

enum webcheck_range {
	RANGE_NONE,  /* no header, or one to be ignored (RFC 9110, 14.2) */
	RANGE_GOOD,  /* *first and *length are set, length > 0 */
	RANGE_WRONG, /* begins beyond the end: 416 */
};

/* Reads "bytes=a-b", "bytes=a-" and "bytes=-n" for size bytes. */
enum webcheck_range webcheck_range(const char *header, int64_t size,
				   int64_t *first, int64_t *length);

/*
 * Matches a path against a pattern, in which '#' stands for a decimal number
 * of 1 to 18 digits (*id) and a final '*' for a name without slash (*name).
 */
bool webcheck_path(const char *pattern, const char *path, int64_t *id,
		   const char **name);

/* A decimal number of 1 to 18 digits, all of text. 0 or -EINVAL. */
int webcheck_number(const char *text, int64_t *out);

/* The value of a cookie in a Cookie header, copied. false: not there. */
bool webcheck_cookie(const char *header, const char *name, char *out,
		     size_t size);
