/* Runs the in-kernel tests and prints their results: see the header. */
#include "kernel/selftest.h"

#include <stdio.h>
#include <string.h>

#include "kernel/console.h"
#include "kernel/reset.h"

bool selftest_match(const char *pattern, const char *name)
{
	const char *star = NULL, *back = NULL;

	while (*name) {
		if (*pattern == '*') {
			star = ++pattern;
			back = name;
		} else if (*pattern == *name) {
			pattern++;
			name++;
		} else if (star) {
			pattern = star;
			name = ++back;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

/* Tests of a kind of their own run only when the pattern names the kind. */
static bool selected(const char *pattern, const char *name)
{
	static const char *const kind[] = {"crash-", "bench-"};
	unsigned i;

	for (i = 0; i < sizeof(kind) / sizeof(kind[0]); i++)
		if (!strncmp(name, kind[i], 6) && strncmp(pattern, kind[i], 6))
			return false;
	return !*pattern || selftest_match(pattern, name);
}

static void print(const char *line)
{
	console_write(line, strlen(line));
}

void selftest_figure(const char *name, unsigned long instructions)
{
	char line[80];

	snprintf(line, sizeof(line), "bench: %s %lu\n", name, instructions);
	print(line);
}

void selftest_run(const char *pattern)
{
	const struct selftest *t;
	unsigned passed = 0, failed = 0;
	char line[160];

	for (t = selftests_start; t < selftests_end; t++) {
		const char *why;

		if (!selected(pattern, t->name))
			continue;
		why = t->run();
		snprintf(line, sizeof(line), "TEST %s %s%s%s\n", t->name,
			 why ? "FAIL" : "PASS", why ? " " : "", why ? why : "");
		print(line);
		if (why)
			failed++;
		else
			passed++;
	}
	if (!passed && !failed) {
		snprintf(line, sizeof(line), "TEST %s FAIL no such test\n",
			 pattern);
		print(line);
		failed++;
	}
	snprintf(line, sizeof(line), "TEST end %u passed, %u failed\n", passed,
		 failed);
	print(line);
	print(line);
	reset_machine(FIRMWARE_POWEROFF);
}
