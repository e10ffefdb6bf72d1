/*
 * Host, Origin, Range, paths and cookies.
 *
 * Sources: tools/lab/webcheck.c
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/lab/webcheck.h"

static void own_names_are_known_and_others_foreign(void **state)
{
	static const char *const good[] = {
		"localhost", "LOCALHOST:8437", "127.0.0.1:1",	  "[::1]:8437",
		"[::1]",     "lab.example",    "lab.example:443",
	};
	static const char *const bad[] = {
		"",
		"evil.example",
		"localhost.evil",
		"127.0.0.1.evil:80",
		"localhost:",
		"localhost:x",
		"localhost:80:80",
		"[::1",
		"[::1]x",
		"lab.example@evil",
		"lab.exampl",
		"lab.examplee",
		"localhost/",
		" localhost",
		"127.0.0.2",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(webcheck_host(good[i], "other lab.example"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(webcheck_host(bad[i], "other lab.example"));
	assert_false(webcheck_host(NULL, "lab.example"));
	assert_false(webcheck_host("lab.example", ""));
}

static void only_our_own_page_may_change_anything(void **state)
{
	const char *host = "localhost:8437";

	(void)state;
	assert_true(webcheck_origin(NULL, NULL, host));
	assert_true(webcheck_origin("http://localhost:8437", NULL, host));
	assert_true(
		webcheck_origin("https://localhost:8437", "same-origin", host));
	assert_true(webcheck_origin(NULL, "none", host));
	assert_false(webcheck_origin("http://localhost:8438", NULL, host));
	assert_false(webcheck_origin("http://localhost", NULL, host));
	assert_false(webcheck_origin("http://evil.example", NULL, host));
	assert_false(webcheck_origin("null", NULL, host));
	assert_false(webcheck_origin("", NULL, host));
	assert_false(webcheck_origin("file://localhost:8437", NULL, host));
	assert_false(webcheck_origin(NULL, "cross-site", host));
	assert_false(webcheck_origin(NULL, "same-site", host));
	assert_false(
		webcheck_origin("http://localhost:8437", "cross-site", host));
}

static void ranges_are_cut_to_the_log(void **state)
{
	static const struct {
		const char *header;
		enum webcheck_range is;
		int64_t first, length;
	} cases[] = {
		{"bytes=0-", RANGE_GOOD, 0, 100},
		{"bytes=0-0", RANGE_GOOD, 0, 1},
		{"bytes=10-19", RANGE_GOOD, 10, 10},
		{"bytes=99-", RANGE_GOOD, 99, 1},
		{"bytes=90-200", RANGE_GOOD, 90, 10},
		{"bytes=-10", RANGE_GOOD, 90, 10},
		{"bytes=-1000", RANGE_GOOD, 0, 100},
		{"bytes=100-", RANGE_WRONG, 0, 0},
		{"bytes=-0", RANGE_WRONG, 0, 0},
		{"bytes=20-10", RANGE_NONE, 0, 0},
		{"bytes=", RANGE_NONE, 0, 0},
		{"bytes=-", RANGE_NONE, 0, 0},
		{"bytes=a-b", RANGE_NONE, 0, 0},
		{"bytes=0-1,3-4", RANGE_NONE, 0, 0},
		{"lines=0-1", RANGE_NONE, 0, 0},
		{"bytes=9999999999999999999-", RANGE_NONE, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t first = -1, length = -1;

		assert_int_equal(
			webcheck_range(cases[i].header, 100, &first, &length),
			cases[i].is);
		if (cases[i].is == RANGE_GOOD) {
			assert_int_equal(first, cases[i].first);
			assert_int_equal(length, cases[i].length);
		}
	}
	assert_int_equal(
		webcheck_range(NULL, 100, &(int64_t){0}, &(int64_t){0}),
		RANGE_NONE);
	assert_int_equal(
		webcheck_range("bytes=0-", 0, &(int64_t){0}, &(int64_t){0}),
		RANGE_WRONG);
}

static void paths_match_wholly(void **state)
{
	const char *name = NULL;
	int64_t id = 0;

	(void)state;
	assert_true(webcheck_path("/api/jobs/#/log", "/api/jobs/17/log", &id,
				  &name));
	assert_int_equal(id, 17);
	assert_true(webcheck_path("/static/*", "/static/app.js", &id, &name));
	assert_string_equal(name, "app.js");
	assert_false(webcheck_path("/static/*", "/static/a/../b", &id, &name));
	assert_false(webcheck_path("/static/*", "/static/", &id, &name));
	assert_false(webcheck_path("/api/jobs/#", "/api/jobs/", &id, &name));
	assert_false(webcheck_path("/api/jobs/#", "/api/jobs/-1", &id, &name));
	assert_false(webcheck_path("/api/jobs/#", "/api/jobs/1x", &id, &name));
	assert_false(webcheck_path("/api/jobs/#", "/api/jobs/1/", &id, &name));
	assert_false(webcheck_path(
		"/api/jobs/#", "/api/jobs/9999999999999999999", &id, &name));
	assert_false(webcheck_path("/", "//", &id, &name));
}

static void cookies_are_found_by_their_whole_name(void **state)
{
	char out[8];

	(void)state;
	assert_true(
		webcheck_cookie("a=1; lab=xyz; b=2", "lab", out, sizeof(out)));
	assert_string_equal(out, "xyz");
	assert_false(webcheck_cookie("xlab=1; laby=2; lab", "lab", out,
				     sizeof(out)));
	assert_false(webcheck_cookie("lab=12345678", "lab", out, sizeof(out)));
	assert_false(webcheck_cookie(NULL, "lab", out, sizeof(out)));
	assert_false(webcheck_cookie("", "lab", out, sizeof(out)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_names_are_known_and_others_foreign),
		cmocka_unit_test(only_our_own_page_may_change_anything),
		cmocka_unit_test(ranges_are_cut_to_the_log),
		cmocka_unit_test(paths_match_wholly),
		cmocka_unit_test(cookies_are_found_by_their_whole_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
