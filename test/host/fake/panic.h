/* panic() that a test can expect, and the text it had. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The text of the last panic. */
extern char fake_panic_text[200];

/* Run @call, which must panic with a text that contains @text. */
#define expect_panic(call, text)                                \
	do {                                                    \
		fake_panic_text[0] = '\0';                      \
		expect_assert_failure(call);                    \
		assert_non_null(strstr(fake_panic_text, text)); \
	} while (0)
