/* Sources: kernel/selftest.c */
/* The runner of the in-kernel tests: what is chosen and what it prints. */
#include "kernel/selftest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/console.h"
#include "kernel/reset.h"

static char said[4096];
static jmp_buf off;

void console_write(const char *buf, size_t len)
{
	/* A line at a time: nothing of others comes between. */
	assert_int_equal(buf[len - 1], '\n');
	assert_null(memchr(buf, '\n', len - 1));
	strncat(said, buf, len);
}

void reset_machine(enum firmware_reset type)
{
	longjmp(off, type == FIRMWARE_POWEROFF ? 1 : 2);
}

static const char *good(void)
{
	return NULL;
}

static const char *bad(void)
{
	SELFTEST_CHECK(1 + 1 == 2);
	SELFTEST_CHECK(1 + 1 == 3);
	return NULL;
}

static const char *wordy(void)
{
	return "0123456789012345678901234567890123456789012345678901234567890"
	       "0123456789012345678901234567890123456789012345678901234567890"
	       "0123456789012345678901234567890123456789012345678901234567890";
}

static const char *bench(void)
{
	selftest_figure("walk", 1234567890123ul);
	return NULL;
}

const struct selftest selftests_start[] = {
	{"heap", good},	       {"timer-far", good}, {"timer-near", bad},
	{"wordy", wordy},      {"crash-now", bad},  {"crash", good},
	{"bench-walk", bench},
};
_Static_assert(sizeof(selftests_start) == 7 * 16, "count below");
__asm__(".globl selftests_end\n"
	".set selftests_end, selftests_start + 7 * 16");

static const char *run(const char *pattern)
{
	int how;

	said[0] = 0;
	how = setjmp(off);
	if (!how)
		selftest_run(pattern);
	assert_int_equal(how, 1);
	return said;
}

#define END(text) "TEST end " text "\nTEST end " text "\n"

static void one_by_name(void **state)
{
	(void)state;
	assert_string_equal(run("heap"),
			    "TEST heap PASS\n" END("1 passed, 0 failed"));
}

static void failure_says_why(void **state)
{
	(void)state;
	assert_string_equal(
		run("timer*"),
		"TEST timer-far PASS\n"
		"TEST timer-near FAIL 1 + 1 == 3\n" END("1 passed, 1 failed"));
}

static void without_pattern_all_but_the_kinds(void **state)
{
	(void)state;
	run("");
	assert_non_null(strstr(said, "TEST heap PASS\n"));
	assert_non_null(strstr(said, "TEST crash PASS\n"));
	assert_null(strstr(said, "crash-now"));
	assert_null(strstr(said, "bench"));
	assert_non_null(strstr(said, END("3 passed, 2 failed")));
	/* Nor does a pattern that fits all: they must be named. */
	run("*");
	assert_null(strstr(said, "crash-now"));
	assert_null(strstr(said, "bench"));
}

static void kinds_run_when_named(void **state)
{
	(void)state;
	assert_string_equal(
		run("crash-now"),
		"TEST crash-now FAIL 1 + 1 == 3\n" END("0 passed, 1 failed"));
	assert_string_equal(run("bench-*"),
			    "bench: walk 1234567890123\n"
			    "TEST bench-walk PASS\n" END("1 passed, 0 failed"));
}

static void nothing_found_is_a_failure(void **state)
{
	(void)state;
	assert_string_equal(
		run("heapx"),
		"TEST heapx FAIL no such test\n" END("0 passed, 1 failed"));
}

static void cut_line_still_ends(void **state)
{
	const char *end;

	(void)state;
	end = strchr(run("wordy"), '\n');
	assert_int_equal(end - said, 158);
	assert_string_equal(end + 1, END("0 passed, 1 failed"));
}

static void patterns(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool match;
	} row[] = {
		{"a", "a", true},	   {"a", "b", false},
		{"a", "ab", false},	   {"ab", "a", false},
		{"", "a", false},	   {"*", "a", true},
		{"*", "", true},	   {"a*", "a", true},
		{"a*c", "abbbc", true},	   {"a*c", "abbb", false},
		{"*b*", "abc", true},	   {"*b*", "acc", false},
		{"a**c", "ac", true},	   {"*ab", "aab", true},
		{"*a*b", "acabcb", true},  {"a*b*c", "axbxbxc", true},
		{"a*b*c", "axcxb", false},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		if (selftest_match(row[i].pattern, row[i].name) != row[i].match)
			fail_msg("\"%s\" \"%s\"", row[i].pattern, row[i].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_by_name),
		cmocka_unit_test(failure_says_why),
		cmocka_unit_test(without_pattern_all_but_the_kinds),
		cmocka_unit_test(kinds_run_when_named),
		cmocka_unit_test(nothing_found_is_a_failure),
		cmocka_unit_test(cut_line_still_ends),
		cmocka_unit_test(patterns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
