/* What a panic report is made with (kernel/panic.c); for arch's reporter. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Begin a report on this hart: stop the others, take the console by force,
 * show the log lines not seen yet. @depth counts this hart's nested reports.
 * False when there were too many: then go to panic_end() without a word.
 */
bool panic_enter(uint32_t *depth);

/* Print to the console, or to the firmware while there is none. */
void panic_print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Do as the bootarg `panic=` says. */
_Noreturn void panic_end(void);
