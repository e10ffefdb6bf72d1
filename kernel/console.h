/*
 * The console in use: output to it, input from it.
 *
 * The kernel's own output, of log and shell, is polled and bounded: a UART that
 * takes no bytes for about a second is given up and the firmware's console used
 * instead. Guests' output is fetched from its source piece by piece as the UART
 * has room, which its interrupt tells, and nobody waits for it. Input comes by
 * interrupt. Where the UART has no line that works a timer does for both.
 *
 * Nobody's bytes get into another's line: who finds one unfinished ends it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Choose by the machine's device tree and bootargs, map and start the UART and
 * make it the log's sink. Always ends with a console, by the firmware if need
 * be; says what could not be followed. Returns 0.
 */
int console_init(void);

/* What console_choice_describe() says of the console in use. */
const char *console_description(void);

/* The shell's output: @len bytes, each newline as CR LF, at once. Any context,
 * any hart; one call's bytes are not mixed with another's. Must not log. */
void console_write(const char *buf, size_t len);

/* Did console_write() begin a line that nobody has ended since? */
bool console_line_is_open(void);

/* The same for the log: whole lines. */
void console_write_log(const char *buf, size_t len);

/* console_write() for panic: takes no lock, works before console_init(). */
void console_write_panic(const char *buf, size_t len);

/* The most bytes of one piece of guests' output. */
#define CONSOLE_PIECE_MAX 320u

/*
 * Put the next piece of output at @buf, as it is to go out: returns its length,
 * at most CONSOLE_PIECE_MAX. @owner: whose line it goes on with, or leaves
 * open; NULL: it is whole lines. 0: nothing now; then *@again is when to ask
 * again even if nobody kicks, UINT64_MAX: never. Called on any hart with
 * interrupts off, not twice at the same time; must not write to the console.
 */
typedef size_t console_source(char *buf, const void **owner, uint64_t *again);

/* Ask @source for guests' output from now on. */
void console_source_set(console_source *source);

/* The source has output: it is asked within a millisecond. Any context, and
 * cheap when it was kicked before and not asked yet. */
void console_kick(void);

/* A word that is not 0 while the source will be asked anyway: who gives it more
 * need not kick. It is 0 again before that happens. */
const uint32_t *console_listens(void);

/*
 * Take input by the UART's interrupt, else by a timer, from now on. Call on
 * the boot hart when interrupt controllers and timers are up.
 */
void console_interrupts_enable(void);

/*
 * Everything out, the UART's interrupts off: whoever has the machine next finds
 * it quiet. Output still works, input does not.
 */
void console_stop(void);

/* How input comes: "plic 10", "poll", ... */
const char *console_input_description(void);

/* The next byte typed, or -1. One reader at a time. */
int console_getc(void);

/* Has a byte been typed that console_getc() would return? False while input
 * is not queued. */
bool console_waiting(void);
