/*
 * Checks of what browsers and strangers send. Any page the user has open can
 * make his browser post to the loopback, and a name that resolves to it makes
 * that page "same origin": hence Host first, then Origin.
 */
#include "tools/lab/webcheck.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The length of the name in "name", "name:port", "[v6]:port"; 0 = malformed.*/
static size_t host_name_length(const char *host)
{
	size_t n;
	const char *port;

	if (*host == '[') {
		n = strspn(host + 1, "0123456789abcdefABCDEF:.") + 1;
		if (host[n] != ']')
			return 0;
		n++;
	} else {
		n = strspn(host,
			   "abcdefghijklmnopqrstuvwxyz"
			   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");
	}
	port = host + n;
	if (*port == '\0')
		return n;
	if (*port != ':' || port[1] == '\0' ||
	    strspn(port + 1, "0123456789") != strlen(port + 1))
		return 0;
	return n;
}

static bool list_has(const char *names, const char *name, size_t len)
{
	while (*names) {
		size_t n = strcspn(names, " ,");

		if (n == len && strncasecmp(names, name, n) == 0)
			return true;
		names += n;
		names += strspn(names, " ,");
	}
	return false;
}

bool webcheck_host(const char *host, const char *names)
{
	size_t n = host ? host_name_length(host) : 0;

	return n > 0 &&
		(list_has("localhost 127.0.0.1 [::1]", host, n) ||
		 list_has(names, host, n));
}

bool webcheck_origin(const char *origin, const char *site, const char *host)
{
	const char *where;

	if (site && strcmp(site, "same-origin") && strcmp(site, "none"))
		return false;
	if (!origin)
		return true;
	where = strstr(origin, "://");
	if (!where ||
	    (strncmp(origin, "http://", 7) && strncmp(origin, "https://", 8)))
		return false;
	return strcasecmp(where + 3, host) == 0;
}

int webcheck_number(const char *text, int64_t *out)
{
	size_t n = strspn(text, "0123456789");

	if (n < 1 || n > 18 || text[n])
		return -EINVAL;
	*out = strtoll(text, NULL, 10);
	return 0;
}

/* "-n": the last n bytes. */
static enum webcheck_range suffix_range(const char *text, int64_t size,
					int64_t *first, int64_t *length)
{
	int64_t n;

	if (webcheck_number(text, &n))
		return RANGE_NONE;
	if (n == 0 || size == 0)
		return RANGE_WRONG;
	*length = n < size ? n : size;
	*first = size - *length;
	return RANGE_GOOD;
}

enum webcheck_range webcheck_range(const char *header, int64_t size,
				   int64_t *first, int64_t *length)
{
	char text[48], *dash;
	int64_t last = size - 1;

	if (!header || strncmp(header, "bytes=", 6) ||
	    strlen(header + 6) >= sizeof(text))
		return RANGE_NONE;
	strcpy(text, header + 6);
	dash = strchr(text, '-');
	if (!dash)
		return RANGE_NONE;
	*dash++ = '\0';
	if (dash == text + 1)
		return suffix_range(dash, size, first, length);
	if (webcheck_number(text, first))
		return RANGE_NONE;
	if (*dash && (webcheck_number(dash, &last) || last < *first))
		return RANGE_NONE;
	if (*first >= size)
		return RANGE_WRONG;
	if (last >= size)
		last = size - 1;
	*length = last - *first + 1;
	return RANGE_GOOD;
}

/* Takes the digits at *path; false if there are none or too many. */
static bool take_id(const char **path, int64_t *id)
{
	size_t n = strspn(*path, "0123456789");

	if (n < 1 || n > 18)
		return false;
	*id = strtoll(*path, NULL, 10);
	*path += n;
	return true;
}

bool webcheck_path(const char *pattern, const char *path, int64_t *id,
		   const char **name)
{
	for (; *pattern; pattern++) {
		if (*pattern == '#') {
			if (!take_id(&path, id))
				return false;
		} else if (*pattern == '*') {
			*name = path;
			return *path && !strchr(path, '/');
		} else if (*pattern != *path++) {
			return false;
		}
	}
	return *path == '\0';
}

bool webcheck_cookie(const char *header, const char *name, char *out,
		     size_t size)
{
	size_t len = strlen(name);

	while (header && *header) {
		size_t n = strcspn(header, ";");

		if (n > len && strncmp(header, name, len) == 0 &&
		    header[len] == '=' && n - len - 1 < size) {
			memcpy(out, header + len + 1, n - len - 1);
			out[n - len - 1] = '\0';
			return true;
		}
		header += n;
		header += strspn(header, "; ");
	}
	return false;
}
