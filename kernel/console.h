/*
 * The console in use: output to it, input from it.
 *
 * Output is polled and bounded: a UART that takes no bytes for about a second
 * is given up and the firmware's console used instead. Input comes by
 * interrupt where the UART has a line that works, else a timer polls.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Choose by the machine's device tree and bootargs, map and start the UART and
 * make it the log's sink. Always ends with a console, by the firmware if need
 * be; says what could not be followed. Returns 0.
 */
int console_init(void);

/* What console_choice_describe() says of the console in use. */
const char *console_description(void);

/* Write @len bytes, each newline as CR LF. Any context, any hart; one call's
 * bytes are not mixed with another's. Must not log. */
void console_write(const char *buf, size_t len);

/* The same with newlines as they are: what a guest sends to a terminal. */
void console_write_raw(const char *buf, size_t len);

/* console_write() for panic: takes no lock, works before console_init(). */
void console_write_panic(const char *buf, size_t len);

/*
 * Take input by the UART's interrupt, else by a timer, from now on. Call on
 * the boot hart when interrupt controllers and timers are up.
 */
void console_interrupts_enable(void);

/* How input comes: "plic 10", "poll", ... */
const char *console_input_description(void);

/* The next byte typed, or -1. One reader at a time. */
int console_getc(void);

/* Has a byte been typed that console_getc() would return? False while input
 * is not queued. */
bool console_waiting(void);
