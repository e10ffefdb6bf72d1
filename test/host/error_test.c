/* Sources: kernel/error.c */
/* Words for error numbers. */
#include "kernel/error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Those that functions of the kernel are documented to return. */
static const int used[] = {
	ENOENT, EINVAL, ERANGE, ENODEV,	   ENOMEM, EBUSY,  ENOSPC,
	ENOSYS, EIO,	EAGAIN, ETIMEDOUT, EEXIST, EACCES, ENAMETOOLONG,
};

static void each_has_words_of_its_own(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(used) / sizeof(used[0]); i++) {
		const char *text = error_text(-used[i]);

		assert_string_not_equal(text, "error");
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(text, error_text(-used[j]));
	}
	assert_string_equal(error_text(-ENOMEM), "out of memory");
	assert_string_equal(error_text(-ETIMEDOUT), "no answer");
}

static void others_are_just_errors(void **state)
{
	(void)state;
	assert_string_equal(error_text(0), "error");
	assert_string_equal(error_text(ENOMEM), "error");
	assert_string_equal(error_text(-4095), "error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_has_words_of_its_own),
		cmocka_unit_test(others_are_just_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
