/*
 * What hostile console bytes may do to a terminal, the escape keys of attach
 * and the progress line.
 */
/* Sources: tools/lab/client/filter.c tools/lab/client/keys.c
 * tools/lab/client/progress.c tools/lab/client/buf.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/lab/client/filter.h"
#include "tools/lab/client/keys.h"
#include "tools/lab/client/progress.h"

/* Filters @in whole and byte by byte; both give @out. */
static void expect(enum filter_mode mode, const char *in, const char *out)
{
	for (size_t piece = 1; piece <= strlen(in); piece++) {
		struct filter filter = {.mode = mode};
		struct buf got = {0};

		buf_append(&got, "", 0);
		for (size_t i = 0; i < strlen(in); i += piece) {
			size_t n = strlen(in) - i;

			n = n < piece ? n : piece;
			filter_apply(&filter, (const uint8_t *)in + i, n, &got);
		}
		assert_string_equal(got.data, out);
		buf_free(&got);
	}
}

static void expect_both(const char *in, const char *out)
{
	expect(FILTER_TEXT, in, out);
	expect(FILTER_TERMINAL, in, out);
}

static void text_line_ends_and_colours_pass(void **state)
{
	(void)state;
	expect_both("a\tb\r\nc\b \x1b[1;31mred\x1b[0m \xc3\xa4\xe2\x82\xac"
		    "\xf0\x9f\x9a\x80\n",
		    "a\tb\r\nc\b \x1b[1;31mred\x1b[0m \xc3\xa4\xe2\x82\xac"
		    "\xf0\x9f\x9a\x80\n");
	expect_both("\x1b[38:2::1:2:3mx\x1b[m", "\x1b[38:2::1:2:3mx\x1b[m");
}

static void strings_for_the_terminal_never_pass(void **state)
{
	(void)state;
	expect_both("a\x1b]0;title\ab", "ab");
	expect_both("a\x1b]52;c;ZXZpbA==\x1b\\b", "ab");
	expect_both("a\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\b", "alinkb");
	expect_both("a\x1bP+q544e\x1b\\b", "ab");
	expect_both("a\x1b_apc\x1b\\b\x1b^pm\x1b\\c\x1bXsos\x1b\\d", "abcd");
	expect_both("a\x1b]0;x\x1b\x1b\\b", "ab");
	expect_both("a\x1b]0;never ended\nnext", "a\nnext");
}

static void c1_controls_never_pass(void **state)
{
	(void)state;
	/* U+009B and U+009D as UTF-8, then as single bytes */
	expect_both("\xc2\x9b"
		    "31m",
		    "\xef\xbf\xbd"
		    "31m");
	expect_both("\xc2\x9d"
		    "0;t",
		    "\xef\xbf\xbd"
		    "0;t");
}

static void requests_that_a_terminal_answers_never_pass(void **state)
{
	(void)state;
	expect_both("a\x1b[6nb\x1b[cb\x1b[>cb\x1b[5nb\x1b[18tb\x1b[?1$pb",
		    "abbbbbb");
	expect_both("\x1b[21t\x1b[x\x1bZ\x1b[>q\x1b[?u", "");
	expect_both("\x1b[?1000h\x1b[?1003h\x1b[?2004h\x1b[?1004hx", "x");
	expect_both("\x1b[>4;2mx\x1b[?4m", "x");
}

static void cursor_moves_pass_in_attach_only(void **state)
{
	static const char moves[] = "\x1b[2J\x1b[H\x1b[3;4Hx\x1b[K\x1b[?25l"
				    "\x1b[1;10r\x1b"
				    "7\x1b"
				    "8\x1bM";

	(void)state;
	expect(FILTER_TERMINAL, moves, moves);
	expect(FILTER_TEXT, moves, "x");
	expect(FILTER_TERMINAL,
	       "a\ab\x1b"
	       "cd",
	       "a\abd");
	expect(FILTER_TEXT,
	       "a\ab\x1b"
	       "cd",
	       "abd");
	expect_both("\x1b(0x\x1b)Ay\x1b#8z", "xyz");
}

static void broken_utf8_is_shown_as_such(void **state)
{
	(void)state;
	expect_both("\xff", "\xef\xbf\xbd");
	expect_both("\xc3(", "\xef\xbf\xbd(");
	expect_both("\xe2\x82\x1b[6nx", "\xef\xbf\xbdx");
	expect_both("\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd");
	expect_both("\xed\xa0\x80", "\xef\xbf\xbd");
	expect_both("\xe2\x80\xae"
		    "abc",
		    "\xef\xbf\xbd"
		    "abc");
	expect_both("\xe2\x81\xa6"
		    "abc",
		    "\xef\xbf\xbd"
		    "abc");
}

static void an_endless_sequence_is_dropped(void **state)
{
	struct filter filter = {.mode = FILTER_TERMINAL};
	struct buf got = {0};

	(void)state;
	filter_apply(&filter, (const uint8_t *)"\x1b[", 2, &got);
	for (int i = 0; i < 5000; i++)
		filter_apply(&filter, (const uint8_t *)"1;", 2, &got);
	filter_apply(&filter, (const uint8_t *)"mx", 2, &got);
	assert_string_equal(got.data, "x");
	buf_free(&got);
}

static void random_bytes_leave_nothing_harmful(void **state)
{
	unsigned int seed = 12345;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		static const char favourites[] = "\x1b[]P_;?0123mnhct\\\a\xc2"
						 "\x9b";
		struct filter filter = {.mode = round & 1};
		struct buf got = {0};
		uint8_t in[256];

		for (size_t i = 0; i < sizeof(in); i++) {
			seed = seed * 1103515245u + 12345;
			in[i] = seed >> 16 & 1
				? (uint8_t)favourites[(seed >> 17) % 19]
				: (uint8_t)(seed >> 20);
		}
		filter_apply(&filter, in, sizeof(in), &got);
		for (size_t i = 0; got.data && i < got.len; i++) {
			assert_true(got.data[i] != 0x1b ||
				    !strchr("]P_^XcZ", got.data[i + 1]));
			assert_true((uint8_t)got.data[i] != 0xc2 ||
				    (uint8_t)got.data[i + 1] >= 0xa0);
		}
		buf_free(&got);
	}
}

static void a_line_has_no_controls_at_all(void **state)
{
	struct buf got = {0};

	(void)state;
	filter_line("a\nb\x1b[31mc\x1b]0;t\ad\te", &got);
	assert_string_equal(got.data, "a bcd e");
	filter_line("", &got);
	assert_string_equal(got.data, "a bcd e");
	buf_free(&got);
}

static void expect_keys(const char *in, const char *out,
			enum keys_action wanted, size_t wanted_used)
{
	enum keys_action action;
	struct buf got = {0};
	struct keys keys;

	keys_init(&keys);
	buf_append(&got, "", 0);
	assert_int_equal(keys_feed(&keys, in, strlen(in), &got, &action),
			 wanted_used);
	assert_string_equal(got.data, out);
	assert_int_equal(action, wanted);
	buf_free(&got);
}

static void a_tilde_first_in_a_line_is_ours(void **state)
{
	(void)state;
	expect_keys("~.", "", KEYS_LEAVE, 2);
	expect_keys("ls\r~.rest", "ls\r", KEYS_LEAVE, 5);
	expect_keys("\x03~t", "\x03", KEYS_TAKE, 3);
	expect_keys("~?", "", KEYS_HELP, 2);
	expect_keys("~~.", "~.", KEYS_NONE, 3);
	expect_keys("~x", "~x", KEYS_NONE, 2);
	expect_keys("a~.", "a~.", KEYS_NONE, 3);
	expect_keys("\x1d", "\x1d", KEYS_NONE, 1);
}

static void the_progress_line_fits(void **state)
{
	struct buf line = {0};

	(void)state;
	progress_line(&line, 15u << 20, 30u << 20, 1000, 79);
	assert_string_equal(line.data,
			    "uploading 15.0 of 30.0 MiB  50% 15.0 MiB/s "
			    "[#################                 ]");
	for (unsigned int columns = 0; columns < 200; columns++) {
		buf_clear(&line);
		progress_line(&line, 1u << 20, columns & 1 ? 0 : 3u << 20, 0,
			      columns);
		assert_true(line.len <= columns);
	}
	buf_free(&line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_line_ends_and_colours_pass),
		cmocka_unit_test(strings_for_the_terminal_never_pass),
		cmocka_unit_test(c1_controls_never_pass),
		cmocka_unit_test(requests_that_a_terminal_answers_never_pass),
		cmocka_unit_test(cursor_moves_pass_in_attach_only),
		cmocka_unit_test(broken_utf8_is_shown_as_such),
		cmocka_unit_test(an_endless_sequence_is_dropped),
		cmocka_unit_test(random_bytes_leave_nothing_harmful),
		cmocka_unit_test(a_line_has_no_controls_at_all),
		cmocka_unit_test(a_tilde_first_in_a_line_is_ours),
		cmocka_unit_test(the_progress_line_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
