/*
 * Base64 of the console stream: an event stream carries text lines only, the
 * console any byte. RFC 4648, strict: what does not decode is a broken answer,
 * which the caller treats like a cut connection.
 */
#include "tools/lab/client/base64.h"

#include <errno.h>
#include <stdbool.h>

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	if (c == '/')
		return 63;
	return -1;
}

/* The value of four characters of which the last @pad are padding, or -1. */
static int32_t base64_quad(const char *src, size_t pad)
{
	int32_t word = 0;

	for (size_t i = 0; i < 4; i++) {
		int value = i < 4 - pad ? base64_value(src[i]) : 0;

		if (value < 0)
			return -1;
		word = word << 6 | value;
	}
	return word & ((1 << 8 * pad) - 1) ? -1 : word;
}

ssize_t base64_decode(const char *src, size_t len, uint8_t *dst)
{
	size_t out = 0;

	if (len % 4)
		return -EINVAL;
	for (size_t i = 0; i < len; i += 4) {
		bool last = i + 4 == len;
		size_t pad = 0;
		int32_t word;

		if (last && src[i + 3] == '=')
			pad = src[i + 2] == '=' ? 2 : 1;
		word = base64_quad(src + i, pad);
		if (word < 0)
			return -EINVAL;
		for (size_t k = 0; k < 3 - pad; k++)
			dst[out++] = (uint8_t)(word >> (16 - 8 * k));
	}
	return (ssize_t)out;
}
