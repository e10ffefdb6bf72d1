/*
 * Tests that run inside the kernel, on the machine itself: bootarg
 * selftest[=pattern], results as the contract's TEST lines, then power off.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct selftest {
	const char *name;
	/* NULL, or why it failed: static text. */
	const char *(*run)(void);
};

/*
 * List a test. Names are words joined by '-'. Those that begin with "crash-"
 * end in a panic and those that begin with "bench-" print figures: both run
 * only when the pattern names that kind.
 */
#define SELFTEST(id, text, fn)                     \
	static const struct selftest selftest_##id \
		__attribute__((used, section(".selftests"))) = {text, fn}

/* The list, gathered by kernel.lds. */
extern const struct selftest selftests_start[], selftests_end[];

/* A check inside a test: the failed condition is the reason. */
#define SELFTEST_CHECK(condition)          \
	do {                               \
		if (!(condition))          \
			return #condition; \
	} while (0)

/* Does @name match @pattern, in which '*' stands for any text? */
bool selftest_match(const char *pattern, const char *name);

/*
 * Run the tests that match @pattern ("" = all but crash- and bench-), print
 * their lines and power off.
 */
_Noreturn void selftest_run(const char *pattern);

/* Print `bench: <name> <instructions>`. */
void selftest_figure(const char *name, unsigned long instructions);
