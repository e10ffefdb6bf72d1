/* The end of the kernel: only for an invariant of ours that is broken. */
#pragma once

#include <stdarg.h>

/*
 * Print `panic: <reason>`, registers and backtrace, stop the other harts, then
 * do as the `panic=` bootarg says (docs/boot.md): power off at once by
 * default. Safe in any context, with locks held, before the console is up and
 * while another panic is under way.
 */
_Noreturn void panic(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));
