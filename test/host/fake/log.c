/* Log lines go to a buffer; what does not fit is dropped. */
#include "test/host/fake/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kernel/log.h"

char fake_log_text[4096];

void fake_log_clear(void)
{
	fake_log_text[0] = '\0';
}

void log_line(int level, const char *area, const char *fmt, ...)
{
	char text[200], line[256];
	size_t room = sizeof(fake_log_text) - strlen(fake_log_text) - 1;
	va_list args;

	(void)level;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	snprintf(line, sizeof(line), "%.40s: %s\n", area, text);
	strncat(fake_log_text, line, room);
}
