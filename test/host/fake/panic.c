/* A panic ends the call under test; outside expect_panic() it fails it. */
#include "test/host/fake/panic.h"

#include <stdio.h>
#include <stdlib.h>

#include "kernel/panic.h"

char fake_panic_text[200];

void panic(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(fake_panic_text, sizeof(fake_panic_text), fmt, args);
	va_end(args);
	mock_assert(0, fake_panic_text, "panic", 0);
	abort();
}
