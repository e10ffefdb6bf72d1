/*
 * What comes over HTTP: parameters, Host, Origin, Range, paths, cookies. The
 * input's lines are "k=v" parameters; the first line is every header at once.
 *
 * Sources: tools/lab/params.c tools/lab/script.c tools/lab/webcheck.c
 * tools/lab/pattern.c tools/lab/config.c tools/lab/utf8.c
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/lab/params.h"
#include "tools/lab/script.h"
#include "tools/lab/webcheck.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_headers(const char *text)
{
	int64_t first, length, id;
	const char *name = NULL;
	char cookie[16];

	if (webcheck_host(text, "lab.example") && strpbrk(text, "/@ \t"))
		abort();
	if (webcheck_origin(text, NULL, "localhost:1") &&
	    strcasecmp(text, "http://localhost:1") &&
	    strcasecmp(text, "https://localhost:1"))
		abort();
	if (webcheck_range(text, 1000, &first, &length) == RANGE_GOOD &&
	    (first < 0 || length < 1 || first + length > 1000))
		abort();
	if (webcheck_path("/static/*", text, &id, &name) && strchr(name, '/'))
		abort();
	webcheck_path("/api/jobs/#/log", text, &id, &name);
	if (webcheck_cookie(text, "lab", cookie, sizeof(cookie)) &&
	    !memchr(cookie, '\0', sizeof(cookie)))
		abort();
}

/* Nothing accepted may leave the single quotes of the boot script. */
static void try_script(const struct params *p)
{
	struct script_job job = {.nonce = "n", .bootargs = p->bootargs};
	char out[4096];
	const char *quote;

	if (script_commands(&job, out, sizeof(out)) < 0)
		abort();
	quote = strchr(out, '\'');
	quote = quote ? strchr(quote + 1, '\'') : NULL;
	if (!quote || strchr(quote + 1, '\'') || quote[1] != '\n')
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size), *line, *save = NULL;
	struct params p;

	if (!text)
		return 0;
	params_init(&p);
	line = strtok_r(text, "\n", &save);
	if (line)
		try_headers(line);
	while ((line = strtok_r(NULL, "\n", &save))) {
		char *value = strchr(line, '=');

		if (value)
			*value++ = '\0';
		params_set(&p, line, value ? value : "");
	}
	try_script(&p);
	free(text);
	return 0;
}
