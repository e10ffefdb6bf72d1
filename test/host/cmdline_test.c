/* Sources: kernel/cmdline.c */
/* Bootargs as people write them. */
#include "kernel/cmdline.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void has_value(const char *args, const char *key, const char *value)
{
	char buf[64];
	int len = cmdline_value(args, key, buf, sizeof(buf));

	if (!value) {
		assert_int_equal(len, -ENOENT);
		return;
	}
	assert_int_equal(len, strlen(value));
	assert_string_equal(buf, value);
}

static void words_are_whole(void **state)
{
	(void)state;
	assert_true(cmdline_has("nokaslr", "nokaslr"));
	assert_true(cmdline_has("  a\tnokaslr \n", "nokaslr"));
	assert_true(cmdline_has("panic=5", "panic"));
	assert_true(cmdline_has("\"nokaslr\"", "nokaslr"));
	assert_false(cmdline_has("nokaslrx", "nokaslr"));
	assert_false(cmdline_has("xnokaslr", "nokaslr"));
	assert_false(cmdline_has("no", "nokaslr"));
	assert_false(cmdline_has("a=\"b nokaslr c\"", "nokaslr"));
	assert_false(cmdline_has("", "nokaslr"));
	assert_false(cmdline_has("   ", "nokaslr"));
	assert_false(cmdline_has("\"", "nokaslr"));
}

static void values_last_one_counts(void **state)
{
	(void)state;
	has_value("console=sbi", "console", "sbi");
	has_value("console=sbi x console=serial0:9600", "console",
		  "serial0:9600");
	has_value("console=sbi console", "console", "sbi");
	has_value("console=", "console", "");
	has_value("console", "console", NULL);
	has_value("earlyconsole=a", "console", NULL);
	has_value("a=b=c", "a", "b=c");
}

static void quotes_hold_words_together(void **state)
{
	(void)state;
	has_value("a=\"b c\" d", "a", "b c");
	has_value("\"a=b c\" d", "a", "b c");
	has_value("a=x\" y\"z", "a", "x yz");
	has_value("a=\"open end", "a", "open end");
	has_value("a=\"\"", "a", "");
	has_value("q=\"a=1\" a=2", "a", "2");
}

static void value_that_does_not_fit_is_reported(void **state)
{
	char buf[4] = "zzz";

	(void)state;
	assert_int_equal(cmdline_value("a=1234", "a", buf, 4), -ENAMETOOLONG);
	assert_string_equal(buf, "123");
	assert_int_equal(cmdline_value("a=123", "a", buf, 4), 3);
	assert_int_equal(cmdline_value("a=\"123\"", "a", buf, 4), 3);
	assert_int_equal(cmdline_value("a=1", "a", buf, 1), -ENAMETOOLONG);
	assert_string_equal(buf, "");
	assert_int_equal(cmdline_value("a=1", "a", buf, 0), -ENAMETOOLONG);
}

static void number_is(const char *text, int error, uint64_t value)
{
	uint64_t number = 77;

	assert_int_equal(cmdline_number(text, &number), error);
	assert_int_equal(number, error ? 77 : value);
}

static void numbers(void **state)
{
	(void)state;
	number_is("0", 0, 0);
	number_is("42", 0, 42);
	number_is("010", 0, 10);
	number_is("0x80200000", 0, 0x80200000);
	number_is("0XfF", 0, 255);
	number_is("18446744073709551615", 0, UINT64_MAX);
	number_is("18446744073709551616", -ERANGE, 0);
	number_is("0x10000000000000000", -ERANGE, 0);
	number_is("256M", 0, 256ull << 20);
	number_is("4k", 0, 4096);
	number_is("1G", 0, 1ull << 30);
	number_is("17179869184G", -ERANGE, 0);
	number_is("", -EINVAL, 0);
	number_is("0x", -EINVAL, 0);
	number_is("M", -EINVAL, 0);
	number_is("-1", -EINVAL, 0);
	number_is("12a", -EINVAL, 0);
	number_is("1MM", -EINVAL, 0);
	number_is("1 ", -EINVAL, 0);
}

static void numbers_in_words(void **state)
{
	uint64_t value;

	(void)state;
	assert_int_equal(cmdline_u64("maxcpus=2 panic=0x10", "panic", &value),
			 0);
	assert_int_equal(value, 16);
	assert_int_equal(cmdline_u64("panic", "panic", &value), -ENOENT);
	assert_int_equal(cmdline_u64("panic=", "panic", &value), -EINVAL);
	assert_int_equal(
		cmdline_u64("panic=00000000000000000000000000000000000000001",
			    "panic", &value),
		-EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_whole),
		cmocka_unit_test(values_last_one_counts),
		cmocka_unit_test(quotes_hold_words_together),
		cmocka_unit_test(value_that_does_not_fit_is_reported),
		cmocka_unit_test(numbers),
		cmocka_unit_test(numbers_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
