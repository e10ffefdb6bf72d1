/*
 * The kernel's log: every line goes to a ring kept for the `log` command and,
 * at its level, to the console. Lines logged before the console is up are kept
 * and shown once it is (with `earlycon` at once, through the firmware).
 */
#pragma once

#include <stddef.h>

/* Levels as Linux's loglevel= counts them; one is shown when < loglevel. */
#define LOG_ERR	  3
#define LOG_WARN  4
#define LOG_INFO  6
#define LOG_DEBUG 7

/*
 * Log one line as `[sssss.uuuuuu] area: text` at @level, cut at 254 bytes;
 * control characters in it become '?'. Any context but the sink; one line is
 * never mixed with another.
 */
void log_line(int level, const char *area, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define log_info(area, ...) log_line(LOG_INFO, area, __VA_ARGS__)
#define log_warn(area, ...) log_line(LOG_WARN, area, __VA_ARGS__)
#define log_err(area, ...)  log_line(LOG_ERR, area, __VA_ARGS__)

/* Show lines below @level from now on (bootarg loglevel=, 0 to 8). */
void log_level_set(int level);

/*
 * From now on lines go to @write; those kept so far and not yet shown are
 * written first. NULL keeps lines without showing them.
 */
void log_sink_set(void (*write)(const char *buf, size_t len));

/* Write out the kept lines, oldest first. */
void log_dump(void (*write)(const char *buf, size_t len));

/* For a panic: break the lock and write the lines that were not shown yet. */
void log_panic(void (*write)(const char *buf, size_t len));
