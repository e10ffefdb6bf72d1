/* Runs the in-kernel tests and prints their results: see the header. */
#include "kernel/selftest.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kernel/console.h"
#include "kernel/reset.h"
#include "lib/addr.h"

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

/* A line that was cut ends all the same: the next is another's. */
__attribute__((format(printf, 1, 2))) static void print(const char *fmt, ...)
{
	char line[160];
	va_list args;
	size_t len;

	va_start(args, fmt);
	len = vsnprintf(line, sizeof(line) - 1, fmt, args);
	va_end(args);
	len = min_u64(len, sizeof(line) - 2);
	line[len] = '\n';
	console_write(line, len + 1);
}

void selftest_figure(const char *name, unsigned long instructions)
{
	print("bench: %s %lu", name, instructions);
}

void selftest_run(const char *pattern)
{
	const struct selftest *t;
	unsigned passed = 0, failed = 0;
	int i;

	for (t = selftests_start; t < selftests_end; t++) {
		const char *why;

		if (!selected(pattern, t->name))
			continue;
		why = t->run();
		print("TEST %s %s%s%s", t->name, why ? "FAIL" : "PASS",
		      why ? " " : "", why ? why : "");
		if (why)
			failed++;
		else
			passed++;
	}
	if (!passed && !failed) {
		print("TEST %s FAIL no such test", pattern);
		failed++;
	}
	/* Twice: what else comes to a console may spoil one. */
	for (i = 0; i < 2; i++)
		print("TEST end %u passed, %u failed", passed, failed);
	reset_machine(FIRMWARE_POWEROFF);
}
