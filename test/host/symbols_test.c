/* Sources: kernel/symbols.c */
/* Symbol look-up in a table of our own. */
#include "kernel/symbols.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

const uint16_t symbols_step[] = {0x20,	0x60,	0x02,  0xf7e,
				 0x800, 0xe7ff, 0xffff};
const char symbols_text[] = "second\0first\0third\0irst\0\0last\0far";
const uint16_t symbols_count = 7;

static void expect(uint64_t offset, const char *text, uint64_t distance)
{
	const char *name = NULL;
	uint64_t into = 0;

	assert_int_equal(symbols_lookup(offset, &name, &into),
			 text ? 0 : -ENOENT);
	if (!text)
		return;
	assert_string_equal(name, text);
	assert_int_equal(into, distance);
}

static void every_border(void **state)
{
	(void)state;
	expect(0, NULL, 0);
	expect(0x3f, NULL, 0);
	expect(0x40, "second", 0);
	expect(0xff, "second", 0xbf);
	expect(0x100, "first", 0);
	expect(0x103, "first", 3);
	expect(0x104, "third", 0);
	expect(0x1fff, "third", 0x1efb);
	expect(0x2000, "irst", 0);
	expect(0x2fff, "irst", 0xfff);
}

static void nothing_where_the_name_is_empty(void **state)
{
	(void)state;
	expect(0x3000, NULL, 0);
	expect(0x1fffd, NULL, 0);
	expect(0x1fffe, "last", 0);
	/* Farther than 16 bits reach. */
	expect(0x3fffb, "last", 0x1fffd);
	expect(0x3fffc, "far", 0);
	expect(UINT64_MAX, "far", UINT64_MAX - 0x3fffc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_border),
		cmocka_unit_test(nothing_where_the_name_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
