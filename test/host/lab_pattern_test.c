/*
 * Patterns against glibc's regexec, where that answers in time, and against
 * the clock, where it does not.
 *
 * Sources: tools/lab/pattern.c
 */
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "test/host/random.h"
#include "tools/lab/pattern.h"

#define LINE_MAX_LEN 4096
#define DEPTH	     2 /* of parentheses in random patterns */

static bool matches(const char *pattern, const char *line)
{
	const char *why = NULL;
	struct pattern *p = pattern_new(pattern, &why);
	bool yes;

	if (!p)
		fail_msg("%s: %s", pattern, why);
	yes = pattern_matches(p, line, strlen(line), true, true);
	pattern_free(p);
	return yes;
}

static void everyday_patterns_match_what_they_should(void **state)
{
	static const struct {
		const char *pattern, *line;
		bool yes;
	} cases[] = {
		{"login:", "debian login: ", true},
		{"^login:", "debian login: ", false},
		{"login: $", "debian login: ", true},
		{"^$", "", true},
		{"^$", "x", false},
		{"Linux version [0-9]+\\.[0-9]+", "Linux version 6.12.1", true},
		{"(error|warn(ing)?): ", "x warning: y", true},
		{"^(a|bc)+$", "abcbca", true},
		{"^(a|bc)+$", "abcb", false},
		{"^.{3}$", "abc", true},
		{"^.{3}$", "abcd", false},
		{"^a{2,3}$", "aaa", true},
		{"^a{2,3}$", "aaaa", false},
		{"^a{2,}b{0,1}$", "aaaaab", true},
		{"^[^]x-]+$", "abc", true},
		{"[]]", "]", true},
		{"^[[:digit:][:space:]_-]+$", "1 2_3-", true},
		{"[[:upper:]]", "lower", false},
		{"^[a-c[.-.]]+$", "a-c", true},
		{"\\bcat\\b", "a cat.", true},
		{"\\bcat\\b", "concat", false},
		{"\\<x.*y\\>", "..xay..", true},
		{"^\\w+\\s\\S+$", "ab_1 =;", true},
		{"a\\.b\\*\\\\", "a.b*\\", true},
		{"x)", "x)", true},
		{"(a*)*(|b)c", "c", true},
		{"^.$", "\xff", true},
		{"[\x80-\xff]", "\xe4", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (matches(cases[i].pattern, cases[i].line) != cases[i].yes)
			fail_msg("%s on \"%s\"", cases[i].pattern,
				 cases[i].line);
}

static void ends_of_a_torn_line_are_none(void **state)
{
	const char *why;
	struct pattern *from = pattern_new("^ab", &why);
	struct pattern *to = pattern_new("ab$", &why);

	(void)state;
	assert_true(pattern_matches(from, "ab", 2, true, false));
	assert_false(pattern_matches(from, "ab", 2, false, true));
	assert_true(pattern_matches(to, "ab", 2, false, true));
	assert_false(pattern_matches(to, "ab", 2, true, false));
	pattern_free(from);
	pattern_free(to);
}

static void mistakes_and_giants_are_refused(void **state)
{
	static const char *const bad[][2] = {
		{"", "empty"},
		{"(", "parenthesis"},
		{"(a", "parenthesis"},
		{"[a", "bracket"},
		{"([a", "bracket"},
		{"[", "bracket"},
		{"[]", "bracket"},
		{"[b-a]", "bracket"},
		{"[[:nonsense:]]", "bracket"},
		{"[[:alpha]", "bracket"},
		{"[[.ab.]]", "bracket"},
		{"*a", "repeats nothing"},
		{"(+)", "repeats nothing"},
		{"^*", "repeats nothing"},
		{"a{x}", "repeat count"},
		{"a{3,2}", "repeat count"},
		{"a{2", "repeat count"},
		{"a{999999999999}", "repeat count"},
		{"a{2000}", "500 parts"},
		{"(a{50}){50}", "500 parts"},
		{"a{1,501}", "500 parts"},
		{"((((a{9}){9}){9}){9}){9}", "500 parts"},
		{"(a)\\1", "back reference"},
		{"a\\", "backslash"},
	};
	char longer[PATTERN_TEXT_MAX + 2];
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		/* Where the sanitizer sees a look behind its end. */
		char *text = strdup(bad[i][0]);

		why = NULL;
		assert_null(pattern_new(text, &why));
		free(text);
		if (!strstr(why, bad[i][1]))
			fail_msg("%s: %s", bad[i][0], why);
	}
	memset(longer, '(', sizeof(longer));
	longer[PATTERN_TEXT_MAX] = '\0';
	assert_null(pattern_new(longer, &why));
	assert_non_null(strstr(why, "nested"));
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_null(pattern_new(longer, &why));
}

/* A random pattern of the grammar; at most a dozen atoms. */
static char *make(uint64_t *rng, char *out, int depth)
{
	static const char *const atoms[] = {
		"a",   "b",    "_",	      " ",   ".",   "[ab]", "[^a]",
		"\\w", "[b-]", "[[:alpha:]]", "\\s", "\\S", "\\.",  "1",
	};
	static const char *const repeats[] = {
		"*", "+", "?", "{2}", "{0,2}", "{1,}", "{,2}", "{0}",
	};
	static const char *const asserts[] = {"^",   "$",   "\\b",
					      "\\B", "\\<", "\\>"};
	int pieces = 1 + (int)random_below(rng, 3);

	for (int i = 0; i < pieces; i++) {
		/* Within a repeat glibc loses some of them. */
		if (depth == DEPTH && random_below(rng, 6) == 0) {
			out = stpcpy(out, asserts[random_below(rng, 6)]);
			continue;
		}
		if (depth > 0 && random_below(rng, 3) == 0) {
			out = stpcpy(out, "(");
			out = make(rng, out, depth - 1);
			out = stpcpy(out, ")");
		} else {
			out = stpcpy(out, atoms[random_below(rng, 14)]);
		}
		if (random_below(rng, 3) == 0)
			out = stpcpy(out, repeats[random_below(rng, 8)]);
	}
	if (random_below(rng, 4) == 0) {
		out = stpcpy(out, "|");
		out = make(rng, out, depth > 0 ? depth - 1 : 0);
	}
	return out;
}

static void compare(const char *text, const regex_t *oracle, uint64_t *rng)
{
	static const char letters[] = "aab_1 .-";
	const char *why;
	struct pattern *p = pattern_new(text, &why);
	char line[16];
	size_t len;

	if (!p)
		fail_msg("%s: %s", text, why);
	for (int i = 0; i < 12; i++) {
		bool bol = random_below(rng, 4), eol = random_below(rng, 4);
		bool want;

		len = random_below(rng, sizeof(line));
		for (size_t k = 0; k < len; k++)
			line[k] = letters[random_below(rng, 8)];
		line[len] = '\0';
		want = regexec(oracle, line, 0, NULL,
			       (bol ? 0 : REG_NOTBOL) |
				       (eol ? 0 : REG_NOTEOL)) == 0;
		if (pattern_matches(p, line, len, bol, eol) != want)
			fail_msg("%s on \"%s\" (%d %d): want %d", text, line,
				 bol, eol, want);
	}
	pattern_free(p);
}

static void random_patterns_agree_with_glibc(void **state)
{
	uint64_t rng = random_seed();
	int compared = 0;

	(void)state;
	for (int i = 0; i < 6000; i++) {
		char text[2048];
		regex_t oracle;

		*make(&rng, text, DEPTH) = '\0';
		if (strlen(text) > 60 ||
		    regcomp(&oracle, text, REG_EXTENDED | REG_NOSUB))
			continue;
		compare(text, &oracle, &rng);
		regfree(&oracle);
		compared++;
	}
	print_message("%d patterns compared\n", compared);
	assert_true(compared > 3000);
}

/* On each of these glibc's regexec takes minutes, or all memory. */
static void no_pattern_and_line_take_long(void **state)
{
	static const char *const evil[] = {
		".*a.{30}c",
		"(a|b)*a.{450}c",
		"[ab]*a.{100}c",
		"((a|b){1,8}a){8}c",
		"([ab]?[ab]?[ab]?){50}a{100}c",
		"(a*)*(b*)*c",
		"(((a*)*)*)*c",
	};
	static char line[LINE_MAX_LEN];
	uint64_t rng = random_seed();
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(line); i++)
		line[i] = random_below(&rng, 2) ? 'a' : 'b';
	for (size_t i = 0; i < sizeof(evil) / sizeof(evil[0]); i++) {
		struct pattern *p = pattern_new(evil[i], &why);
		clock_t before = clock();
		double took;

		assert_non_null(p);
		assert_false(
			pattern_matches(p, line, sizeof(line), true, true));
		took = (double)(clock() - before) / CLOCKS_PER_SEC;
		print_message("%s: %.1f ms\n", evil[i], 1000 * took);
		/* 2 M steps; the sanitizers make each a slow one. */
		assert_true(took < 2);
		pattern_free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everyday_patterns_match_what_they_should),
		cmocka_unit_test(ends_of_a_torn_line_are_none),
		cmocka_unit_test(mistakes_and_giants_are_refused),
		cmocka_unit_test(random_patterns_agree_with_glibc),
		cmocka_unit_test(no_pattern_and_line_take_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
