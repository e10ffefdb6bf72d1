/*
 * Parameters of a job and the boot script made of them: nothing a submitter
 * says gets out of U-Boot's single quotes.
 *
 * Sources: tools/lab/params.c tools/lab/script.c tools/lab/pattern.c
 * tools/lab/config.c tools/lab/utf8.c
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

#include <zlib.h>

#include "tools/lab/params.h"
#include "tools/lab/script.h"

static void good_values_are_taken(void **state)
{
	struct params p;

	(void)state;
	params_init(&p);
	assert_null(params_set(&p, "name", "a <b> & c"));
	assert_null(params_set(&p, "user", "anna-1.x@y"));
	assert_null(params_set(&p, "board", "vf2"));
	assert_null(params_set(&p, "bootargs", "console=ttyS0 a=\"b;c\" $x"));
	assert_null(params_set(&p, "timeout", "0.5"));
	assert_null(params_set(&p, "silence", "2m"));
	assert_null(params_set(&p, "priority", "9"));
	assert_null(params_set(&p, "pass", "^ok$"));
	assert_null(params_set(&p, "pass", "done"));
	assert_null(params_set(&p, "fail", "bad|worse"));
	assert_null(params_set(&p, "fail",
			       "\xc3\xa4|\xe2\x82\xac|"
			       "\xf0\x9f\x92\xa5"));
	assert_int_equal(p.timeout, 500000);
	assert_int_equal(p.silence, 120000000);
	assert_int_equal(p.pass_count, 2);
	assert_string_equal(p.pass[1], "done");
}

static void bad_values_are_refused(void **state)
{
	static const char *const cases[][2] = {
		{"bootargs", "a' ; reset ; '"},
		{"bootargs", "a\nb"},
		{"bootargs", "a\rb"},
		{"bootargs", "a\x7f"},
		{"bootargs", "\xc3\xa4"},
		{"timeout", "0"},
		{"timeout", "-1"},
		{"timeout", "1e3"},
		{"timeout", ""},
		{"silence", "x"},
		{"priority", "10"},
		{"priority", "-1"},
		{"priority", ""},
		{"user", ""},
		{"user", "../x"},
		{"user", "-x"},
		{"user", "a b"},
		{"board", "a/b"},
		{"name", "a\tb"},
		{"pass", "("},
		{"pass", ""},
		{"fail", "a{1001}"},
		{"pass", "\xff"},
		{"pass", "a\xc3"},
		{"fail", "\xc0\x80"},
		{"fail", "\xed\xa0\x80"},
		{"fail", "\xf4\x90\x80\x80"},
		{"nonsense", "1"},
		{"", ""},
	};
	struct params p;

	(void)state;
	params_init(&p);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_non_null(params_set(&p, cases[i][0], cases[i][1]));
}

static void lengths_are_bounded(void **state)
{
	char text[2048];
	struct params p;

	(void)state;
	params_init(&p);
	memset(text, 'a', sizeof(text));
	text[PARAMS_BOOTARGS_MAX + 1] = '\0';
	assert_non_null(params_set(&p, "bootargs", text));
	text[PARAMS_BOOTARGS_MAX] = '\0';
	assert_null(params_set(&p, "bootargs", text));
	assert_non_null(params_set(&p, "name", text));
	assert_non_null(params_set(&p, "user", text));
	for (int i = 0; i < VERDICT_PATTERNS_MAX; i++)
		assert_null(params_set(&p, "fail", "x"));
	assert_non_null(params_set(&p, "fail", "x"));
}

/* Every byte value, tried in bootargs: accepted ones stay inside the quotes.*/
static void no_accepted_bootargs_end_the_quotes(void **state)
{
	char out[4096], want[64];
	struct params p;

	(void)state;
	for (int c = 1; c < 256; c++) {
		char text[4] = {'a', (char)c, 'b', '\0'};
		struct script_job job = {.nonce = "n", .bootargs = p.bootargs};

		params_init(&p);
		if (params_set(&p, "bootargs", text))
			continue;
		assert_true(script_commands(&job, out, sizeof(out)) > 0);
		snprintf(want, sizeof(want), "\nsetenv bootargs '%s'\n", text);
		assert_non_null(strstr(out, want));
		assert_int_not_equal(c, '\'');
		assert_int_not_equal(c, '\n');
	}
}

static void script_names_only_what_is_there(void **state)
{
	struct script_job job = {.nonce = "n", .bootargs = ""};
	char out[4096];

	(void)state;
	script_commands(&job, out, sizeof(out));
	assert_non_null(strstr(out,
			       "booti ${kernel_addr_r} - "
			       "${fdtcontroladdr}\n"));
	job.initrd = job.dtb = 1;
	script_commands(&job, out, sizeof(out));
	assert_non_null(strstr(out,
			       "booti ${kernel_addr_r} ${lab_initrd} "
			       "${fdt_addr_r}\n"));
	assert_non_null(strstr(out, "tftpboot ${ramdisk_addr_r} initrd"));
	assert_int_equal(script_commands(&job, out, 100), -ENOSPC);
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static void script_image_has_good_sums(void **state)
{
	static const char text[] = "echo hello\n";
	uint8_t b[256], head[64];
	int n = script_image(text, strlen(text), b, sizeof(b));

	(void)state;
	assert_int_equal(n, 64 + 8 + strlen(text));
	assert_int_equal(be32(b), 0x27051956);
	assert_int_equal(be32(b + 12), n - 64);
	assert_int_equal(b[30], 6);
	assert_int_equal(be32(b + 24), crc32(0, b + 64, n - 64));
	memcpy(head, b, 64);
	memset(head + 4, 0, 4);
	assert_int_equal(be32(b + 4), crc32(0, head, 64));
	assert_int_equal(be32(b + 64), strlen(text));
	assert_int_equal(be32(b + 68), 0);
	assert_memory_equal(b + 72, text, strlen(text));
	assert_int_equal(script_image(text, strlen(text), b, n - 1), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_values_are_taken),
		cmocka_unit_test(bad_values_are_refused),
		cmocka_unit_test(lengths_are_bounded),
		cmocka_unit_test(no_accepted_bootargs_end_the_quotes),
		cmocka_unit_test(script_names_only_what_is_there),
		cmocka_unit_test(script_image_has_good_sums),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
