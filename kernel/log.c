/*
 * The log: a byte ring of whole lines. `head` counts all bytes ever written,
 * `shown` those that went to the sink (or were of a level that is not shown),
 * so "kept but not yet shown" is just the part between the two. Each line
 * starts with one byte that holds its level.
 */
#include "kernel/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "kernel/boot.h"
#include "arch/lock.h"
#include "arch/timer.h"
#include "lib/terminal.h"

#define LOG_SIZE 16384u /* a power of two */
#define LINE_MAX 256u

static struct {
	struct spinlock lock;
	int level;
	uint64_t head, shown;
	void (*sink)(const char *buf, size_t len);
} state = {.level = 7};

static char ring[LOG_SIZE];

/* Only whole lines are ever between the start and the head. */
static void ring_line_put(char level, const char *line, size_t len)
{
	uint64_t at = state.head;
	size_t i;

	ring[at++ % LOG_SIZE] = level;
	for (i = 0; i < len; i++)
		ring[at++ % LOG_SIZE] = line[i];
	state.head = at;
}

/* Where the first whole line at or after @from begins. */
static uint64_t ring_first(uint64_t from)
{
	if (from + LOG_SIZE >= state.head)
		return from;
	from = state.head - LOG_SIZE;
	while (from < state.head && ring[from++ % LOG_SIZE] != '\n')
		;
	return from;
}

/* The first whole line at or after *@at: its bytes in @line, their number or,
 * at the end, 0. *@at: behind it. */
static size_t line_next(uint64_t *at, char *line, int *level)
{
	size_t n = 0;

	*at = ring_first(*at);
	if (*at == state.head)
		return 0;
	*level = ring[(*at)++ % LOG_SIZE];
	do
		line[n++] = ring[*at % LOG_SIZE];
	while (ring[(*at)++ % LOG_SIZE] != '\n');
	return n;
}

/* Write the lines from @at on that are below @level; returns the end. */
static uint64_t ring_write(uint64_t at, int level,
			   void (*write)(const char *buf, size_t len))
{
	char line[LINE_MAX];
	int its_level;
	size_t n;

	while ((n = line_next(&at, line, &its_level)) != 0)
		if (its_level < level)
			write(line, n);
	return at;
}

/* Names from the device tree and bootargs are not ours: no newline that would
 * forge a line, nor anything else that a terminal acts on. */
static void text_clean(char *text, size_t len)
{
	uint8_t before = 0, byte;
	size_t i;

	for (i = 0; i < len; i++, before = byte) {
		byte = (uint8_t)text[i];
		if (terminal_acts_on(before, byte))
			text[i] = '?';
	}
}

static size_t line_format(char *line, const char *area, const char *fmt,
			  va_list args)
{
	uint64_t hz = arch_timebase(), ticks = arch_time_now();
	size_t n, room = LINE_MAX - 1;
	int len;

	hz += !hz;
	len = snprintf(line, room,
		       "[%5" PRIu64 ".%06" PRIu64 "] %s: ", ticks / hz,
		       ticks % hz * 1000000 / hz, area);
	n = min_u64(len, room - 1);
	len = vsnprintf(line + n, room - n, fmt, args);
	if (len > 0)
		n = min_u64(n + len, room - 1);
	text_clean(line, n);
	line[n++] = '\n';
	return n;
}

void log_line(int level, const char *area, const char *fmt, ...)
{
	char line[LINE_MAX];
	unsigned long flags;
	va_list args;
	size_t len;

	va_start(args, fmt);
	len = line_format(line, area, fmt, args);
	va_end(args);
	flags = spin_lock_irqsave(&state.lock);
	ring_line_put(level, line, len);
	if (state.sink)
		state.shown = ring_write(state.shown, state.level, state.sink);
	spin_unlock_irqrestore(&state.lock, flags);
}

void log_level_set(int level)
{
	state.level = level;
}

void log_sink_set(void (*write)(const char *buf, size_t len))
{
	unsigned long flags = spin_lock_irqsave(&state.lock);

	state.sink = write;
	if (write)
		state.shown = ring_write(state.shown, state.level, write);
	spin_unlock_irqrestore(&state.lock, flags);
}

/* Writing takes long, so not with the lock held and interrupts off. */
void log_dump(void (*write)(const char *buf, size_t len))
{
	unsigned long flags = spin_lock_irqsave(&state.lock);
	uint64_t at = 0, end = state.head;
	char line[LINE_MAX];
	int level;
	size_t n;

	spin_unlock_irqrestore(&state.lock, flags);
	while (at < end) {
		flags = spin_lock_irqsave(&state.lock);
		n = line_next(&at, line, &level);
		spin_unlock_irqrestore(&state.lock, flags);
		write(line, n);
	}
}

void log_panic(void (*write)(const char *buf, size_t len))
{
	spin_lock_break(&state.lock);
	state.shown = ring_write(state.shown, state.level, write);
	state.sink = write;
}
