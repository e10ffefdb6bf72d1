/* Sources: kernel/lineedit.c */
/* The line editor, on a terminal that does what ANSI terminals do. */
#include "kernel/lineedit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "test/host/random.h"

#define PROMPT	"> "
#define COLUMNS 200

static struct lineedit editor;

/* The terminal: the row the cursor is in, and those that scrolled away. */
static struct {
	char row[COLUMNS + 1];
	unsigned column;
	char gone[4096];
	char escape[16];
	unsigned escape_len;
	unsigned clears;
} screen;

static void screen_newline(void)
{
	size_t used = strlen(screen.gone);

	snprintf(screen.gone + used, sizeof(screen.gone) - used, "%s\n",
		 screen.row);
	memset(screen.row, 0, sizeof(screen.row));
	screen.column = 0;
}

static void screen_escape(const char *s)
{
	unsigned n;

	if (!strcmp(s, "[K")) {
		memset(screen.row + screen.column, 0, COLUMNS - screen.column);
	} else if (!strcmp(s, "[H")) {
		screen.column = 0;
	} else if (!strcmp(s, "[2J")) {
		memset(screen.row, 0, sizeof(screen.row));
		screen.clears++;
	} else if (sscanf(s, "[%uC", &n) == 1) {
		screen.column += n ? n : 1;
	} else {
		fail_msg("the terminal does not know ESC %s", s);
	}
	assert_true(screen.column < COLUMNS);
}

static void screen_put(char c)
{
	if (screen.escape_len) {
		screen.escape[screen.escape_len++ - 1] = c;
		assert_true(screen.escape_len < sizeof(screen.escape));
		if (c == '[' || c < '@')
			return;
		screen.escape[screen.escape_len - 1] = 0;
		screen.escape_len = 0;
		screen_escape(screen.escape);
	} else if (c == 0x1b) {
		screen.escape_len = 1;
	} else if (c == '\r') {
		screen.column = 0;
	} else if (c == '\n') {
		screen_newline();
	} else {
		assert_true(c >= ' ' && c <= '~');
		assert_true(screen.column < COLUMNS);
		screen.row[screen.column++] = c;
	}
}

static void draw(const char *text, size_t len)
{
	while (len--)
		screen_put(*text++);
}

static const char *words(const char *start, size_t len, unsigned n)
{
	static const char *const list[] = {"help", "harts", "halt", "poweroff"};

	for (unsigned i = 0; i < 4; i++)
		if (!strncmp(list[i], start, len) && !n--)
			return list[i];
	return NULL;
}

static int setup(void **state)
{
	(void)state;
	memset(&screen, 0, sizeof(screen));
	memset(&editor, 0xa5, sizeof(editor));
	lineedit_init(&editor, PROMPT, draw, words);
	lineedit_start(&editor);
	return 0;
}

/* Type @text; every byte but the last leaves the line open. */
static bool type(const char *text)
{
	bool done = false;

	for (; *text; text++) {
		assert_false(done);
		done = lineedit_feed(&editor, *text);
	}
	return done;
}

/* The line that results from @keys, which hold no end of line. */
static const char *line_of(const char *keys)
{
	lineedit_start(&editor);
	assert_false(type(keys));
	assert_true(type("\r"));
	return editor.line;
}

/* What is on the screen is what is in the editor. */
static void expect(const char *line, unsigned cursor)
{
	assert_int_equal(editor.length, strlen(line));
	assert_memory_equal(editor.line, line, strlen(line));
	assert_int_equal(editor.cursor, cursor);
	assert_memory_equal(screen.row, PROMPT, strlen(PROMPT));
	assert_string_equal(screen.row + strlen(PROMPT), line);
	assert_int_equal(screen.column, strlen(PROMPT) + cursor);
}

static void text_is_shown_as_typed(void **state)
{
	(void)state;
	expect("", 0);
	assert_false(type("dt /soc"));
	expect("dt /soc", 7);
	assert_true(type("\r"));
	assert_string_equal(editor.line, "dt /soc");
	assert_string_equal(screen.gone, PROMPT "dt /soc\n");
}

static void end_of_line_is_cr_lf_or_both(void **state)
{
	(void)state;
	assert_true(type("a\r"));
	lineedit_start(&editor);
	/* The LF of CR LF comes with the next line. */
	assert_false(type("\n"));
	assert_true(type("b\n"));
	assert_string_equal(editor.line, "b");
	lineedit_start(&editor);
	assert_true(type("\n"));
	assert_string_equal(editor.line, "");
	lineedit_start(&editor);
	assert_true(type("\r"));
	lineedit_start(&editor);
	assert_true(type("\r"));
}

static void cursor_keys(void **state)
{
	(void)state;
	type("abcd");
	type("\x1b[D\x1b[D");
	expect("abcd", 2);
	type("X");
	expect("abXcd", 3);
	type("\x1b[C");
	expect("abXcd", 4);
	type("\x1b[C\x1b[C\x1b[C");
	expect("abXcd", 5);
	type("\x1b[H");
	expect("abXcd", 0);
	type("\x1b[D\x02");
	expect("abXcd", 0);
	type("\x1b[F");
	expect("abXcd", 5);
	type("\x01\x06");
	expect("abXcd", 1);
	type("\x05\x02");
	expect("abXcd", 4);
	type("\x1bOH");
	expect("abXcd", 0);
	type("\x1bOF");
	expect("abXcd", 5);
	type("\x1b[1~");
	expect("abXcd", 0);
	type("\x1b[4~");
	expect("abXcd", 5);
	type("\x1b[7~");
	expect("abXcd", 0);
	type("\x1b[8~");
	expect("abXcd", 5);
}

static void deleting_keys(void **state)
{
	(void)state;
	type("one two  three\x7f\b");
	expect("one two  thr", 12);
	type("\x17");
	expect("one two  ", 9);
	type("\x17");
	expect("one ", 4);
	type("\x01\b\x7f\x17\x15");
	expect("one ", 0);
	type("\x1b[3~");
	expect("ne ", 0);
	type("\x04");
	expect("e ", 0);
	type("\x05\x04\x1b[3~\x0b");
	expect("e ", 2);
	type("abc\x02\x02\x0b");
	expect("e a", 3);
	type("\x02\x15");
	expect("a", 0);
	type("\x0b");
	expect("", 0);
}

static void screen_is_cleared_and_drawn_again(void **state)
{
	(void)state;
	type("abc\x02\x0c");
	assert_int_equal(screen.clears, 1);
	expect("abc", 2);
}

static void interrupt_begins_a_new_line(void **state)
{
	(void)state;
	type("forget this\x03");
	expect("", 0);
	assert_string_equal(screen.gone, PROMPT "forget this^C\n");
	assert_true(type("ok\r"));
	assert_string_equal(editor.line, "ok");
	assert_int_equal(editor.history_count, 1);
}

static void bytes_that_mean_nothing(void **state)
{
	char all[] = "\x80\xff\xc3\xa9\x0e\x10\x1c\x1d\x1f\x07\x0f";

	(void)state;
	type("a");
	type(all);
	lineedit_feed(&editor, 0);
	expect("a", 1);
}

static void line_stops_at_its_size(void **state)
{
	char text[LINE_SIZE];
	unsigned i;

	(void)state;
	for (i = 0; i < 2 * LINE_SIZE; i++)
		lineedit_feed(&editor, 'a' + i % 26);
	assert_int_equal(editor.length, LINE_SIZE - 1);
	/* Nor does it take one in the middle, or a completion. */
	type("\x01x\x06\x06y\t");
	assert_int_equal(editor.length, LINE_SIZE - 1);
	for (i = 0; i < LINE_SIZE - 1; i++)
		text[i] = 'a' + i % 26;
	text[i] = 0;
	assert_true(type("\r"));
	assert_string_equal(editor.line, text);
	lineedit_start(&editor);
	type("\x10");
	expect(text, LINE_SIZE - 1);
}

static void other_keys_of_a_terminal(void **state)
{
	static const char *const keys[] = {
		"\x1b[11~",
		"\x1b[13~",
		"\x1b[14~",
		"\x1b[17~",
		"\x1b[18~",
		"\x1b[23~",
		"\x1b[24~",
		"\x1b[2~",
		"\x1b[5~",
		"\x1b[6~",
		"\x1bOP",
		"\x1b[Z",
		"\x1b[?1;2c",
		"\x1b[200~",
		"\x1b[12;40R",
		"\x1b[ q",
		"\x1b[33333333333333333333~",
		"\x1b\x1b",
	};
	unsigned i;

	(void)state;
	type("abc\x1b[D");
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		type(keys[i]);
		/* No half of it may remain: a plain key ends all. */
		if (i == sizeof(keys) / sizeof(keys[0]) - 1)
			type("[D\x1b[C");
		expect("abc", 2);
	}
	/* With a modifier they are the keys they are. */
	type("\x1b[1;5D");
	expect("abc", 1);
	type("\x1b[3;2~");
	expect("ac", 1);
}

static void escape_sequence_may_come_in_pieces(void **state)
{
	(void)state;
	type("ab");
	type("\x1b");
	type("[");
	expect("ab", 2);
	type("D");
	expect("ab", 1);
	/* ESC and a key that begins no sequence: the key. */
	type("\x1b");
	type("x");
	expect("axb", 2);
	/* A new line forgets a sequence that was begun, and Enter is Enter. */
	type("\x1b[");
	assert_true(type("\r"));
	assert_string_equal(editor.line, "axb");
	lineedit_start(&editor);
	type("[A");
	expect("[A", 2);
	type("\x1b[3\x15");
	expect("", 0);
}

static void history_goes_back_and_forth(void **state)
{
	(void)state;
	line_of("first");
	line_of("second");
	line_of("");
	line_of("second");
	lineedit_start(&editor);
	screen.row[0] = 0;
	type("\x0c");
	type("\x1b[A");
	expect("second", 6);
	type("\x10");
	expect("first", 5);
	type("\x1b[A");
	expect("first", 5);
	type("\x1b[B");
	expect("second", 6);
	type("\x0e");
	expect("", 0);
	type("\x1b[B");
	expect("", 0);
	/* What is recalled can be changed, without changing history. */
	type("\x10!");
	assert_true(type("\r"));
	assert_string_equal(editor.line, "second!");
	lineedit_start(&editor);
	type("\x10\x10");
	expect("second", 6);
}

static void history_forgets_the_oldest(void **state)
{
	char text[8];
	unsigned i;

	(void)state;
	for (i = 0; i < 3 * HISTORY_SIZE + 2; i++) {
		snprintf(text, sizeof(text), "n%u", i);
		line_of(text);
	}
	lineedit_start(&editor);
	for (i = 0; i < HISTORY_SIZE; i++)
		type("\x1b[A");
	snprintf(text, sizeof(text), "n%u", 2 * HISTORY_SIZE + 2);
	assert_int_equal(editor.length, strlen(text));
	assert_memory_equal(editor.line, text, strlen(text));
	type("\x1b[A");
	assert_memory_equal(editor.line, text, strlen(text));
}

static void completion(void **state)
{
	(void)state;
	type("p\t");
	expect("poweroff ", 9);
	type("\x15ha\t");
	/* Two fit: they are shown, and the line again. */
	assert_non_null(strstr(screen.gone, "\nharts  halt  \n"));
	expect("ha", 2);
	type("r\t");
	expect("harts ", 6);
	type("\x15x\t");
	expect("x", 1);
	type("\x15  h\t");
	expect("  h", 3);
	/* In the middle the rest stays where it is. */
	type("\x15pow/soc\x02\x02\x02\x02\t");
	expect("poweroff/soc", 8);
	/* What follows the command is none. */
	type("\x05 he\t");
	expect("poweroff/soc he", 15);
	type("\x15"
	     "dt \t");
	expect("dt ", 3);
	type("\x15\t");
	assert_non_null(
		strstr(screen.gone, "\nhelp  harts  halt  poweroff  \n"));
	expect("", 0);
	editor.complete = NULL;
	type("p\t");
	expect("p", 1);
}

static void no_prompt_no_column(void **state)
{
	(void)state;
	memset(&screen, 0, sizeof(screen));
	lineedit_init(&editor, "", draw, NULL);
	lineedit_start(&editor);
	type("ab\x01");
	assert_int_equal(screen.column, 0);
	assert_string_equal(screen.row, "ab");
}

/* Any bytes: the screen shows the line, the cursor is in it. */
static void random_bytes_keep_screen_and_line_alike(void **state)
{
	static const char keys[] = "ab \x1b\x1b\x1b[[[OABCDHF13~;\t\b\x7f\r\n"
				   "\x01\x02\x04\x05\x06\x0b\x0e\x10\x15\x17";
	uint64_t seed = random_seed();
	char line[LINE_SIZE];
	unsigned i;

	(void)state;
	for (i = 0; i < 200000; i++) {
		char c = keys[random_below(&seed, sizeof(keys) - 1)];

		if (random_below(&seed, 50) == 0)
			c = (char)random_next(&seed);
		if (lineedit_feed(&editor, c))
			lineedit_start(&editor);
		screen.gone[0] = 0;
		assert_true(editor.length < LINE_SIZE);
		memcpy(line, editor.line, editor.length);
		line[editor.length] = 0;
		expect(line, editor.cursor);
		assert_true(editor.cursor <= editor.length);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(text_is_shown_as_typed, setup),
		cmocka_unit_test_setup(end_of_line_is_cr_lf_or_both, setup),
		cmocka_unit_test_setup(cursor_keys, setup),
		cmocka_unit_test_setup(deleting_keys, setup),
		cmocka_unit_test_setup(screen_is_cleared_and_drawn_again,
				       setup),
		cmocka_unit_test_setup(interrupt_begins_a_new_line, setup),
		cmocka_unit_test_setup(bytes_that_mean_nothing, setup),
		cmocka_unit_test_setup(line_stops_at_its_size, setup),
		cmocka_unit_test_setup(other_keys_of_a_terminal, setup),
		cmocka_unit_test_setup(escape_sequence_may_come_in_pieces,
				       setup),
		cmocka_unit_test_setup(history_goes_back_and_forth, setup),
		cmocka_unit_test_setup(history_forgets_the_oldest, setup),
		cmocka_unit_test_setup(completion, setup),
		cmocka_unit_test_setup(no_prompt_no_column, setup),
		cmocka_unit_test_setup(random_bytes_keep_screen_and_line_alike,
				       setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
