/* Sources: kernel/fdt/show.c kernel/fdt/dt.c test/host/fake/dts.c
 * test/host/corpus.c libfdt */
/* Nodes as text for the operator. */
#include "kernel/fdt/show.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "test/host/corpus.h"
#include "test/host/fake/dts.h"

static char shown[4096];

static void keep(void *arg, const char *text)
{
	assert_ptr_equal(arg, shown);
	assert_true(strlen(text) <= 96);
	strcat(shown, text);
	strcat(shown, "\n");
}

static void *board(void)
{
	char name[8];
	const char *why;
	void *fdt;

	dts_begin();
	dts_node("soc");
	dts_strings("compatible", "a,b\0simple-bus");
	dts_cells("reg", 1, 0x80000000);
	dts_bytes("mac", "\1\2\3", 3);
	dts_empty("ranges");
	dts_bytes("esc\x1b[2J", "\x1b\0\0\0", 4);
	for (int i = 0; i < 2; i++) {
		memcpy(name, i ? "uart@1" : "uart@0", 7);
		dts_node(name);
		dts_end();
	}
	dts_end();
	dts_node("long");
	dts_cells("cells", 0x11111111, 0x22222222, 0x33333333, 0x44444444,
		  0x55555555, 0x66666666, 0x77777777, 0x88888888, 0x99999999,
		  0xaaaaaaaa);
	dts_end();
	fdt = dts_finish();
	assert_int_equal(dt_check(fdt, DTS_SIZE, &why), 0);
	return fdt;
}

static void show(const char *path)
{
	void *fdt = board();
	struct dt_node n;

	shown[0] = '\0';
	assert_int_equal(dt_find_path(fdt, path, &n), 0);
	dt_show(fdt, &n, keep, shown);
}

static void node_with_properties_and_children(void **state)
{
	(void)state;
	show("/soc");
	assert_string_equal(shown,
			    "/soc\n"
			    "  compatible = \"a,b\", \"simple-bus\"\n"
			    "  reg = <0x1 0x80000000>\n"
			    "  mac = [01 02 03]\n"
			    "  ranges\n"
			    "  esc?[2J = <0x1b000000>\n"
			    "  uart@0 { ... }\n"
			    "  uart@1 { ... }\n");
	show("/");
	assert_string_equal(shown, "/\n  soc { ... }\n  long { ... }\n");
}

static void long_lines_are_cut(void **state)
{
	(void)state;
	show("/long");
	assert_non_null(strstr(shown, "0x77777777"));
	assert_non_null(strstr(shown, "...\n"));
	assert_null(strstr(shown, "0xaaaaaaaa"));
}

/* A tree of one node with one property, shown. */
static void show_one(const char *name, const void *value, size_t len)
{
	const char *why;
	struct dt_node n;
	void *fdt;

	dts_begin();
	dts_bytes(name, value, len);
	fdt = dts_finish();
	assert_int_equal(dt_check(fdt, DTS_SIZE, &why), 0);
	dt_root(fdt, &n);
	shown[0] = '\0';
	dt_show(fdt, &n, keep, shown);
	assert_memory_equal(shown, "/\n  ", 4);
	memmove(shown, shown + 4, strlen(shown + 4) + 1);
}

/* In the manner of dtc: strings are what can be nothing else. */
static void values_are_taken_for_what_they_look_like(void **state)
{
	static const struct {
		const char *value;
		size_t len;
		const char *text;
	} row[] = {
		{"", 0, "x\n"},
		{"a\0", 2, "x = \"a\"\n"},
		{"a\0bc\0", 5, "x = \"a\", \"bc\"\n"},
		{"\0", 1, "x = [00]\n"},
		{"a\0\0", 3, "x = [61 00 00]\n"},
		{"abc", 3, "x = [61 62 63]\n"},
		{"abcd", 4, "x = <0x61626364>\n"},
		{"ab\n\0", 4, "x = <0x61620a00>\n"},
		{"\xe9\0", 2, "x = [e9 00]\n"},
		{"\0\0\0\0", 4, "x = <0x0>\n"},
		{"\0\0\0\1\xff\xff\xff\xff", 8, "x = <0x1 0xffffffff>\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		show_one("x", row[i].value, row[i].len);
		assert_string_equal(shown, row[i].text);
	}
}

/* 96 columns are shown whole, 97 are cut, for every kind of value. */
static void only_what_is_too_long_is_cut(void **state)
{
	char text[128], name[128];

	(void)state;
	memset(text, 'y', sizeof(text));
	for (size_t len = 84; len < 94; len++) {
		/* `  x = "` and the closing quote take 8 columns. */
		text[len] = '\0';
		show_one("x", text, len + 1);
		text[len] = 'y';
		if (len <= 88) {
			assert_int_equal(strlen(shown), 2 + 5 + len);
			assert_null(strstr(shown, "..."));
		} else {
			assert_int_equal(strlen(shown), 96 - 2 + 1);
			assert_string_equal(shown + 91, "...\n");
		}
	}
	memset(name, 'n', sizeof(name));
	name[94] = '\0';
	show_one(name, "", 0);
	assert_int_equal(strlen(shown), 95);
	assert_null(strstr(shown, "..."));
	name[94] = 'n';
	name[95] = '\0';
	show_one(name, "", 0);
	assert_string_equal(shown + 91, "...\n");
	/* `  x = [` and n bytes of 3 columns each, the last with the ]. */
	show_one("x", text, 29);
	assert_null(strstr(shown, "..."));
	show_one("x", text, 30);
	assert_string_equal(shown + 88, " 79...\n");
}

static void deep_path_is_cut_with_a_mark(void **state)
{
	char name[31] = "";
	const char *why;
	struct dt_node n;
	void *fdt;

	(void)state;
	memset(name, 'p', 30);
	dts_begin();
	for (int i = 0; i < 10; i++)
		dts_node(name);
	for (int i = 0; i < 10; i++)
		dts_end();
	fdt = dts_finish();
	assert_int_equal(dt_check(fdt, DTS_SIZE, &why), 0);
	dt_root(fdt, &n);
	for (int i = 0; i < 10; i++) {
		shown[0] = '\0';
		dt_show(fdt, &n, keep, shown);
		/* Three names of 31 and a slash fit, four do not. */
		assert_int_equal(strstr(shown, "...\n") != NULL, i > 3);
		assert_true(dt_first_child(fdt, &n, &n));
	}
}

static unsigned lines;

static void count(void *arg, const char *text)
{
	assert_null(arg);
	assert_in_range(strlen(text), 1, 96);
	for (; *text; text++)
		assert_in_range(*text, ' ', '~');
	lines++;
}

static void board_show(const struct corpus_board *row, void *fdt, uint32_t size)
{
	unsigned expect = 0;
	struct dt_node n, child;
	const char *why, *name;
	int at, len;

	(void)row;
	assert_int_equal(dt_check(fdt, size, &why), 0);
	lines = 0;
	dt_root(fdt, &n);
	do {
		dt_show(fdt, &n, count, NULL);
		/* One for the node, its properties and its children. */
		for (at = 0; dt_prop_next(fdt, &n, &at, &name, &len);)
			expect++;
		expect++;
		if (!dt_first_child(fdt, &n, &child))
			continue;
		do
			expect++;
		while (dt_next_child(fdt, &child));
	} while (dt_next(fdt, &n));
	assert_int_equal(lines, expect);
	assert_true(lines > 50);
}

static void every_node_of_every_board(void **state)
{
	(void)state;
	if (corpus_each("debian/dtbs", board_show) +
		    corpus_each("dtbs-qemu", board_show) ==
	    0)
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(node_with_properties_and_children),
		cmocka_unit_test(long_lines_are_cut),
		cmocka_unit_test(values_are_taken_for_what_they_look_like),
		cmocka_unit_test(only_what_is_too_long_is_cut),
		cmocka_unit_test(deep_path_is_cut_with_a_mark),
		cmocka_unit_test(every_node_of_every_board),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
