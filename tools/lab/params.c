/*
 * Parameters of a job, each checked where it comes in: nothing past this file
 * needs to fear a quote, a newline or a pattern.
 */
#include "tools/lab/params.h"

#include <string.h>

#include "tools/lab/config.h"
#include "tools/lab/utf8.h"

void params_init(struct params *p)
{
	memset(p, 0, sizeof(*p));
	strcpy(p->user, "local");
	p->priority = PARAMS_PRIORITY;
}

bool params_is_name(const char *s, size_t max)
{
	size_t n = strspn(s,
			  "abcdefghijklmnopqrstuvwxyz"
			  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.@+");

	return n > 0 && n <= max && s[n] == '\0' && s[0] != '-' && s[0] != '.';
}

static bool is_printable_ascii(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || (unsigned char)*s > '~')
			return false;
	return true;
}

static const char *set_name(struct params *p, const char *v)
{
	if (strlen(v) > PARAMS_NAME_MAX)
		return "name is longer than 128 bytes";
	if (!is_printable_ascii(v))
		return "name is not printable ASCII";
	strcpy(p->name, v);
	return NULL;
}

static const char *set_user(struct params *p, const char *v)
{
	if (!params_is_name(v, PARAMS_USER_MAX))
		return "user is not 1-64 letters, digits and _-.@+";
	strcpy(p->user, v);
	return NULL;
}

static const char *set_board(struct params *p, const char *v)
{
	if (*v && !params_is_name(v, PARAMS_BOARD_MAX - 1))
		return "board is not a board's name";
	strcpy(p->board, v);
	return NULL;
}

static const char *set_bootargs(struct params *p, const char *v)
{
	if (strlen(v) > PARAMS_BOOTARGS_MAX)
		return "bootargs are longer than 1024 bytes";
	if (!is_printable_ascii(v) || strchr(v, '\''))
		return "bootargs hold a single quote, or something else than "
		       "printable ASCII";
	strcpy(p->bootargs, v);
	return NULL;
}

static const char *set_priority(struct params *p, const char *v)
{
	if (*v < '0' || *v > '9' || v[1])
		return "priority is not 0-9";
	p->priority = *v - '0';
	return NULL;
}

static const char *set_timeout(struct params *p, const char *v)
{
	if (config_time_parse(v, &p->timeout) || p->timeout < 1000)
		return "timeout is not a number of seconds above 0";
	return NULL;
}

static const char *set_silence(struct params *p, const char *v)
{
	if (config_time_parse(v, &p->silence) || p->silence < 1000)
		return "silence is not a number of seconds above 0";
	return NULL;
}

static const char *add_pattern(struct params *p,
			       char (*list)[VERDICT_PATTERN_MAX + 1],
			       size_t *count, const char *v)
{
	const char *why;
	struct pattern *pattern;

	/* The database and the page have it as JSON. */
	if (!utf8_is_text(v))
		return "pattern is not UTF-8";
	pattern = pattern_new(v, &why);
	if (!pattern)
		return why;
	p->pattern_parts += pattern_parts(pattern);
	pattern_free(pattern);
	if (*count == VERDICT_PATTERNS_MAX)
		return "more than 8 patterns";
	if (p->pattern_parts > PARAMS_PARTS_MAX)
		return "patterns that expand to more than 1000 parts together";
	strcpy(list[(*count)++], v);
	return NULL;
}

static const char *add_pass(struct params *p, const char *v)
{
	return add_pattern(p, p->pass, &p->pass_count, v);
}

static const char *add_fail(struct params *p, const char *v)
{
	return add_pattern(p, p->fail, &p->fail_count, v);
}

const char *params_set(struct params *p, const char *key, const char *value)
{
	static const struct {
		const char *key;
		const char *(*set)(struct params *p, const char *v);
	} setters[] = {
		{"name", set_name},	    {"user", set_user},
		{"board", set_board},	    {"bootargs", set_bootargs},
		{"timeout", set_timeout},   {"silence", set_silence},
		{"priority", set_priority}, {"pass", add_pass},
		{"fail", add_fail},
	};

	for (size_t i = 0; i < sizeof(setters) / sizeof(setters[0]); i++)
		if (strcmp(key, setters[i].key) == 0)
			return setters[i].set(p, value);
	return "unknown parameter (known: name user board bootargs timeout "
	       "silence priority pass fail)";
}
