/* Sources: kernel/log.c test/host/fake/hart.c */
/* The kernel's log: what is kept, what is shown, what a panic still gets. */
#include "kernel/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/addr.h"
#include "test/host/fake/hart.h"
#include "test/host/random.h"

#define RING 16384

static char shown[4 * RING];
static bool mixed; /* a sink was called without the lock */

static void show(const char *buf, size_t len)
{
	size_t used = strlen(shown);

	assert_true(used + len < sizeof(shown));
	memcpy(shown + used, buf, len);
	shown[used + len] = 0;
	assert_true(len > 0 && buf[len - 1] == '\n');
	assert_null(memchr(buf, '\n', len - 1));
	mixed |= fake_hart.locks != 1 || fake_hart.interrupts;
}

/* Sees that others may log, and interrupts come, meanwhile. */
static void show_slowly(const char *buf, size_t len)
{
	assert_int_equal(fake_hart.locks, 0);
	assert_true(fake_hart.interrupts);
	log_info("a", "meanwhile");
	show(buf, len);
}

/* The log is one for all tests: each starts behind RING bytes of filling that
 * is not shown. */
static int setup(void **state)
{
	unsigned i;

	(void)state;
	fake_hart_reset();
	log_sink_set(NULL);
	log_level_set(8);
	for (i = 0; i < RING / 100; i++)
		log_info("fill", "%099d", i);
	log_sink_set(show);
	log_sink_set(NULL);
	shown[0] = 0;
	mixed = false;
	log_level_set(7);
	return 0;
}

static void line_has_time_and_area(void **state)
{
	(void)state;
	log_sink_set(show);
	fake_hart.now = 12 * 1000000 + 34;
	log_info("boot", "%s %d", "hart", 3);
	assert_string_equal(shown, "[   12.000034] boot: hart 3\n");
	shown[0] = 0;
	fake_hart.now = 1234567ull * 1000000 + 999999;
	log_warn("x", "%s", "");
	assert_string_equal(shown, "[1234567.999999] x: \n");
	assert_false(mixed);
	assert_int_equal(fake_hart.locks, 0);
	assert_true(fake_hart.interrupts);
}

static void levels_below_loglevel_are_shown(void **state)
{
	(void)state;
	log_sink_set(show);
	log_level_set(LOG_WARN);
	log_err("a", "error");
	log_warn("a", "warning");
	log_info("a", "info");
	assert_non_null(strstr(shown, "error"));
	assert_null(strstr(shown, "warning"));
	assert_null(strstr(shown, "info"));
	/* Kept all the same, and not shown late. */
	log_level_set(8);
	log_info("a", "next");
	assert_null(strstr(shown, "warning"));
	shown[0] = 0;
	log_dump(show);
	assert_non_null(strstr(shown, "a: warning\n"));
	assert_non_null(strstr(shown, "a: info\n"));
	log_level_set(0);
	shown[0] = 0;
	log_err("a", "silence");
	assert_string_equal(shown, "");
}

static void lines_before_the_sink_come_once(void **state)
{
	(void)state;
	log_info("a", "one");
	log_info("a", "two");
	log_sink_set(show);
	assert_string_equal(shown,
			    "[    0.000000] a: one\n"
			    "[    0.000000] a: two\n");
	log_info("a", "three");
	log_sink_set(NULL);
	log_info("a", "four");
	shown[0] = 0;
	log_sink_set(show);
	assert_string_equal(shown, "[    0.000000] a: four\n");
	assert_false(mixed);
}

static void long_line_is_cut_and_ends(void **state)
{
	char text[400];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	log_sink_set(show);
	log_info("a", "%s", text);
	assert_int_equal(strlen(shown), 255);
	shown[0] = 0;
	/* Nothing of the text fits, nor all of the area. */
	log_info(text, "%s", text);
	assert_int_equal(strlen(shown), 255);
	shown[0] = 0;
	log_info("a", "after");
	assert_string_equal(shown, "[    0.000000] a: after\n");
}

/* Names from a device tree are anybody's. */
static void control_characters_forge_nothing(void **state)
{
	(void)state;
	log_sink_set(show);
	log_info("a", "%s", "x\n\5[    0.0] boot: ready\x1b[2J\x7f\n");
	assert_string_equal(shown,
			    "[    0.000000] a: "
			    "x??[    0.0] boot: ready?[2J??\n");
	log_info("a", "%s", "\n");
	shown[0] = 0;
	log_dump(show);
	assert_non_null(strstr(shown, "a: ?\n"));
	log_info("a", "%s", "caf\xc3\xa9 \xc2\x9b[2J\xc2\xa0");
	assert_non_null(strstr(shown, "caf\xc3\xa9 \xc2?[2J\xc2\xa0"));
}

static void dump_holds_up_nobody(void **state)
{
	(void)state;
	log_info("a", "one");
	log_info("a", "two");
	log_dump(show_slowly);
	assert_non_null(strstr(shown, "a: one\n"));
	assert_non_null(strstr(shown, "a: two\n"));
	assert_null(strstr(shown, "meanwhile"));
}

static void full_ring_keeps_the_newest_whole_lines(void **state)
{
	char expect[64], *line;
	unsigned i, first, n = 0;

	(void)state;
	for (i = 0; i < 5000; i++)
		log_info("n", "%u", i);
	log_dump(show);
	assert_int_equal(sscanf(shown, "[    0.000000] n: %u\n", &first), 1);
	for (line = shown, i = first; *line; i++) {
		n = snprintf(expect, sizeof(expect), "[    0.000000] n: %u\n",
			     i);
		assert_memory_equal(line, expect, n);
		line += n;
	}
	assert_int_equal(i, 5000);
	/* As many as fit with their level bytes, less one that was cut. */
	assert_in_range(strlen(shown) + (i - first), RING - 2 * n, RING);
	/* The late sink gets just these as well. */
	line = strdup(shown);
	shown[0] = 0;
	log_sink_set(show);
	assert_string_equal(shown, line);
	free(line);
}

/* Lines of all lengths: the end of the ring comes at every place of one. */
static void ring_wraps_at_any_byte(void **state)
{
	static char all[8 * RING], text[256];
	uint64_t seed = random_seed();
	size_t used = 0;
	unsigned i, len;

	(void)state;
	log_sink_set(NULL);
	for (i = 0; used + 300 < sizeof(all); i++) {
		len = random_below(&seed, 230);
		memset(text, 'a' + i % 26, len);
		text[len] = 0;
		log_info("r", "%s", text);
		used += sprintf(all + used, "[    0.000000] r: %s\n", text);
		if (i % 20)
			continue;
		shown[0] = 0;
		log_dump(show);
		len = min_u64(strlen(shown), used);
		assert_memory_equal(shown + strlen(shown) - len,
				    all + used - len, len);
		if (used > 2 * RING)
			assert_in_range(len, RING - 2 * 260 - 1000, RING);
	}
}

static void panic_shows_what_was_not_yet(void **state)
{
	(void)state;
	log_info("a", "last words");
	/* In whatever state the lock is: the holder may be dead. */
	log_panic(show);
	assert_string_equal(shown, "[    0.000000] a: last words\n");
	shown[0] = 0;
	log_info("a", "more");
	assert_string_equal(shown, "[    0.000000] a: more\n");
}

static jmp_buf back;

static void dying_sink(const char *buf, size_t len)
{
	(void)buf;
	(void)len;
	longjmp(back, 1);
}

static void panic_inside_the_sink_gets_through(void **state)
{
	(void)state;
	log_sink_set(dying_sink);
	if (!setjmp(back))
		log_info("a", "deadly");
	assert_int_equal(fake_hart.locks, 1);
	log_panic(show);
	assert_string_equal(shown, "[    0.000000] a: deadly\n");
	assert_int_equal(fake_hart.locks, 0);
	log_info("a", "again");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(line_has_time_and_area, setup),
		cmocka_unit_test_setup(levels_below_loglevel_are_shown, setup),
		cmocka_unit_test_setup(lines_before_the_sink_come_once, setup),
		cmocka_unit_test_setup(long_line_is_cut_and_ends, setup),
		cmocka_unit_test_setup(control_characters_forge_nothing, setup),
		cmocka_unit_test_setup(dump_holds_up_nobody, setup),
		cmocka_unit_test_setup(full_ring_keeps_the_newest_whole_lines,
				       setup),
		cmocka_unit_test_setup(ring_wraps_at_any_byte, setup),
		cmocka_unit_test_setup(panic_shows_what_was_not_yet, setup),
		cmocka_unit_test_setup(panic_inside_the_sink_gets_through,
				       setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
