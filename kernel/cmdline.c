/*
 * Bootargs, taken apart anew at every question: they are short, asked for a
 * dozen times, and nothing has to be kept that way.
 */
#include "kernel/cmdline.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

static bool is_space(char c)
{
	return isspace((unsigned char)c);
}

/* The end of the word at @p: white space outside quotes. */
static const char *word_end(const char *p)
{
	bool quoted = false;

	for (; *p && (quoted || !is_space(*p)); p++)
		if (*p == '"')
			quoted = !quoted;
	return p;
}

/*
 * Does the word at @p begin with @key as its whole name? Returns what follows
 * the name ('=', or the word's end), or NULL.
 */
static const char *word_is(const char *p, const char *end, const char *key)
{
	size_t len = strlen(key);

	p += *p == '"';
	if ((size_t)(end - p) < len || strncmp(p, key, len) != 0)
		return NULL;
	p += len;
	return p == end || *p == '=' || *p == '"' ? p : NULL;
}

/* The last word named @key, or the last with a value; NULL. Also its end. */
static const char *word_find(const char *args, const char *key, bool value,
			     const char **end)
{
	const char *found = NULL;

	for (;;) {
		const char *stop, *rest;

		while (is_space(*args))
			args++;
		if (!*args)
			return found;
		stop = word_end(args);
		rest = word_is(args, stop, key);
		if (rest && (!value || *rest == '=')) {
			found = rest;
			*end = stop;
		}
		args = stop;
	}
}

bool cmdline_has(const char *args, const char *key)
{
	const char *end;

	return word_find(args, key, false, &end) != NULL;
}

int cmdline_value(const char *args, const char *key, char *buf, size_t len)
{
	const char *end;
	const char *p = word_find(args, key, true, &end);
	size_t used = 0;

	if (!p)
		return -ENOENT;
	for (p++; p < end; p++) {
		if (*p == '"')
			continue;
		if (used + 1 >= len)
			break;
		buf[used++] = *p;
	}
	if (len)
		buf[used] = '\0';
	/* A closing quote that did not get its turn is no loss. */
	while (p < end && *p == '"')
		p++;
	return len && p == end ? (int)used : -ENAMETOOLONG;
}

/* The value of a digit in base 16 or below, or 16. */
static unsigned digit_value(char c)
{
	if (isdigit((unsigned char)c))
		return (unsigned)(c - '0');
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

static int digits_read(const char **text, unsigned base, uint64_t *out)
{
	const char *p = *text;
	uint64_t value = 0;

	for (; digit_value(*p) < base; p++) {
		unsigned digit = digit_value(*p);

		if (value > (UINT64_MAX - digit) / base)
			return -ERANGE;
		value = value * base + digit;
	}
	if (p == *text)
		return -EINVAL;
	*text = p;
	*out = value;
	return 0;
}

int cmdline_number(const char *text, uint64_t *out)
{
	static const char units[] = "KMG";
	unsigned base = 10, shift = 0;
	const char *unit;
	uint64_t value;
	int error;

	if (text[0] == '0' && tolower((unsigned char)text[1]) == 'x') {
		base = 16;
		text += 2;
	}
	error = digits_read(&text, base, &value);
	if (error)
		return error;
	unit = *text ? strchr(units, toupper((unsigned char)*text)) : NULL;
	if (unit) {
		shift = 10 * (unsigned)(unit - units + 1);
		text++;
	}
	if (*text)
		return -EINVAL;
	if (value > UINT64_MAX >> shift)
		return -ERANGE;
	*out = value << shift;
	return 0;
}

int cmdline_u64(const char *args, const char *key, uint64_t *out)
{
	char text[32];
	int len = cmdline_value(args, key, text, sizeof(text));

	/* No number that is in range has that many digits. */
	if (len == -ENAMETOOLONG)
		return -EINVAL;
	return len < 0 ? len : cmdline_number(text, out);
}
