/*
 * A line editor for a terminal that understands ANSI escape sequences: cursor
 * keys, Home/End, Delete, Ctrl-A/E/B/F/D/K/U/W/L/C/P/N, history, completion.
 * Fed byte by byte; draws through a callback; no state but its struct.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define LINE_SIZE    128u /* with the final NUL */
#define HISTORY_SIZE 8u	  /* lines remembered */

struct lineedit {
	const char *prompt;
	void (*draw)(const char *text, size_t len);
	/*
	 * The @n-th word that completes the @len bytes at @start, the line's
	 * first word, or NULL when there are no more. May be NULL.
	 */
	const char *(*complete)(const char *start, size_t len, unsigned n);
	char line[LINE_SIZE]; /* terminated whenever a line is complete */
	size_t length, cursor;
	char escape;	 /* 0, or how far into an escape sequence */
	bool first;	 /* still in its first parameter */
	unsigned number; /* that one, as far as it is typed */
	bool after_cr;	 /* a LF that follows a CR is part of it */
	char history[HISTORY_SIZE][LINE_SIZE];
	unsigned history_count; /* lines ever entered */
	unsigned history_at;	/* the line shown; count = the new one */
};

/* Make @e ready; the pointers must stay valid. */
void lineedit_init(struct lineedit *e, const char *prompt,
		   void (*draw)(const char *text, size_t len),
		   const char *(*complete)(const char *start, size_t len,
					   unsigned n));

/* Begin a new line: empty it and draw the prompt. */
void lineedit_start(struct lineedit *e);

/* Draw prompt and line again: something else was written over them. */
void lineedit_redraw(struct lineedit *e);

/*
 * Take one byte typed. True when the line is complete: it is in e->line
 * without its end, and was added to the history unless empty or repeated.
 * Bytes that do not fit or mean nothing are dropped.
 */
bool lineedit_feed(struct lineedit *e, char c);
