/*
 * UTF-8, to tell what may stand in JSON: RFC 3629, section 4. Overlong forms,
 * surrogates and what is above U+10FFFF are no characters.
 */
#include "tools/lab/utf8.h"

#include <string.h>

size_t utf8_length(uint8_t b)
{
	if (b < 0x80)
		return 1;
	if (b >= 0xc2 && b <= 0xdf)
		return 2;
	if (b >= 0xe0 && b <= 0xef)
		return 3;
	return b >= 0xf0 && b <= 0xf4 ? 4 : 0;
}

bool utf8_good(const uint8_t *p, size_t have)
{
	for (size_t i = 1; i < have; i++)
		if ((p[i] & 0xc0) != 0x80)
			return false;
	if (have < 2)
		return true;
	return !((p[0] == 0xe0 && p[1] < 0xa0) ||
		 (p[0] == 0xed && p[1] > 0x9f) ||
		 (p[0] == 0xf0 && p[1] < 0x90) ||
		 (p[0] == 0xf4 && p[1] > 0x8f));
}

bool utf8_is_text(const char *text)
{
	const uint8_t *p = (const uint8_t *)text;
	size_t left = strlen(text);

	while (left > 0) {
		size_t n = utf8_length(*p);

		if (n == 0 || n > left || !utf8_good(p, n))
			return false;
		p += n;
		left -= n;
	}
	return true;
}
