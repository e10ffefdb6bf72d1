/* Guests' config files: what is understood, and every refusal with its line.
 *
 * Sources: kernel/guest/config.c kernel/cmdline.c */
#include "kernel/guest/config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/addr.h"

static struct guest_config config;
static struct config_error error;

/* From a block of exactly its size: a byte read behind it is found. */
static int read_bytes(const char *text, size_t size)
{
	char *copy = malloc(size ? size : 1);
	int result;

	assert_non_null(copy);
	memcpy(copy, text, size);
	config_defaults(&config);
	result = config_read(copy, size, &config, &error);
	free(copy);
	return result;
}

static void good(const char *text)
{
	assert_int_equal(read_bytes(text, strlen(text)), 0);
}

static void bad(const char *text, unsigned line, const char *why)
{
	assert_int_equal(read_bytes(text, strlen(text)), -EINVAL);
	assert_int_equal(error.line, line);
	assert_non_null(strstr(error.why, why));
}

static void defaults_are_the_contracts(void **state)
{
	(void)state;
	good("");
	assert_int_equal(config.memory, MIB(256));
	assert_int_equal(config.vcpus, 1);
	assert_true(config.autostart);
	assert_string_equal(config.bootargs, "");
	assert_int_equal(config.initrd.size, 0);
}

static void every_key_is_read(void **state)
{
	(void)state;
	good("memory = 1G\nvcpus = 64\nautostart = no\n"
	     "bootargs = console=ttyS0,115200 root=/dev/ram0 \"a=b c\"\n");
	assert_int_equal(config.memory, GIB(1));
	assert_int_equal(config.vcpus, 64);
	assert_false(config.autostart);
	assert_string_equal(config.bootargs,
			    "console=ttyS0,115200 root=/dev/ram0 \"a=b c\"");
}

static void spaces_comments_and_line_ends(void **state)
{
	(void)state;
	good("# a comment = with a sign\r\n\r\n \t memory=2M\t\r\n"
	     "   # another\n\n\tvcpus\t=\t2 ");
	assert_int_equal(config.memory, MIB(2));
	assert_int_equal(config.vcpus, 2);
	good("bootargs = a # is no comment here");
	assert_string_equal(config.bootargs, "a # is no comment here");
	good("bootargs =");
	assert_string_equal(config.bootargs, "");
}

static void lines_are_split_at_the_first_equals(void **state)
{
	(void)state;
	good("bootargs==a=b");
	assert_string_equal(config.bootargs, "=a=b");
}

static void bounds_of_memory(void **state)
{
	(void)state;
	good("memory = 1024G");
	assert_int_equal(config.memory, GUEST_MEMORY_MAX);
	good("memory = 0x200000");
	bad("memory = 1026G", 1, "more than 1024G");
	bad("memory = 0", 1, "multiple of 2M");
	bad("memory = 3M", 1, "multiple of 2M");
	bad("memory = 2097153", 1, "multiple of 2M");
	bad("memory = much", 1, "no number");
	bad("memory =", 1, "no number");
	bad("memory = 256MB", 1, "no number");
	bad("memory = -2M", 1, "no number");
	bad("memory = 99999999999999999999", 1, "no number");
	bad("memory = 000000000000000000000000000000000002M", 1, "no number");
}

static void bounds_of_vcpus(void **state)
{
	(void)state;
	bad("vcpus = 0", 1, "1 to 64");
	bad("vcpus = 65", 1, "1 to 64");
	bad("vcpus = 4294967297", 1, "1 to 64");
	bad("vcpus = two", 1, "no number");
}

static void autostart_is_yes_or_no(void **state)
{
	(void)state;
	good("autostart = yes");
	assert_true(config.autostart);
	bad("autostart = Yes", 1, "neither yes nor no");
	bad("autostart = ye", 1, "neither yes nor no");
	bad("autostart =", 1, "neither yes nor no");
}

static void bootargs_may_just_fit(void **state)
{
	char text[2048] = "bootargs = ";
	size_t start = strlen(text);

	(void)state;
	memset(text + start, 'a', GUEST_BOOTARGS_MAX - 1);
	good(text);
	assert_int_equal(strlen(config.bootargs), GUEST_BOOTARGS_MAX - 1);
	text[start + GUEST_BOOTARGS_MAX - 1] = 'a';
	bad(text, 1, "longer than 1023");
}

static void mistakes_are_named_with_their_line(void **state)
{
	(void)state;
	bad("memory = 2M\n\n# x\nmemroy = 2M\nvcpus = 1", 4, "unknown key");
	bad("vcpus 2", 1, "no '='");
	bad("vcpus = 2\nvcpus = 2", 2, "twice");
	bad("= 2", 1, "unknown key");
	bad("Memory = 2M", 1, "unknown key");
	bad("memor = 2M", 1, "unknown key");
	bad("memory2 = 2M", 1, "unknown key");
	bad("\nbootargs = a\033[2Jb", 2, "control character");
	bad("bootargs = a\rb", 1, "control character");
	assert_int_equal(read_bytes("vcpus = 2\0", 10), -EINVAL);
	assert_string_equal(error.why, "a control character");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_the_contracts),
		cmocka_unit_test(every_key_is_read),
		cmocka_unit_test(spaces_comments_and_line_ends),
		cmocka_unit_test(lines_are_split_at_the_first_equals),
		cmocka_unit_test(bounds_of_memory),
		cmocka_unit_test(bounds_of_vcpus),
		cmocka_unit_test(autostart_is_yes_or_no),
		cmocka_unit_test(bootargs_may_just_fit),
		cmocka_unit_test(mistakes_are_named_with_their_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
