/*
 * Line editor. Every change redraws the line whole: CR, prompt, text, erase to
 * the end, CR, cursor right. That is a little more output than needed and one
 * code path for all keys.
 */
#include "kernel/lineedit.h"

#include <stdio.h>
#include <string.h>

#define CTRL(c) ((c)&0x1f)
#define ESC	0x1b
#define DEL	0x7f

static void draw_text(struct lineedit *e, const char *text)
{
	e->draw(text, strlen(text));
}

void lineedit_redraw(struct lineedit *e)
{
	char move[16];

	draw_text(e, "\r");
	draw_text(e, e->prompt);
	e->draw(e->line, e->length);
	draw_text(e, "\x1b[K\r");
	/* A column of 0 would count as 1. */
	snprintf(move, sizeof(move), "\x1b[%uC",
		 (unsigned)(strlen(e->prompt) + e->cursor));
	if (*e->prompt || e->cursor)
		draw_text(e, move);
}

static void insert(struct lineedit *e, const char *text, size_t len)
{
	if (e->length + len >= LINE_SIZE)
		return;
	memmove(e->line + e->cursor + len, e->line + e->cursor,
		e->length - e->cursor);
	memcpy(e->line + e->cursor, text, len);
	e->length += len;
	e->cursor += len;
	/* At the end of the line no more than the text needs drawing. */
	if (e->cursor == e->length)
		e->draw(text, len);
	else
		lineedit_redraw(e);
}

/* Remove [@from, @to) and leave the cursor there. */
static void cut(struct lineedit *e, size_t from, size_t to)
{
	memmove(e->line + from, e->line + to, e->length - to);
	e->length -= to - from;
	e->cursor = from;
	lineedit_redraw(e);
}

/* Where the word before the cursor begins, blanks behind it included. */
static size_t word_start(const struct lineedit *e)
{
	size_t i = e->cursor;

	while (i && e->line[i - 1] == ' ')
		i--;
	while (i && e->line[i - 1] != ' ')
		i--;
	return i;
}

static void history_show(struct lineedit *e, unsigned at)
{
	unsigned oldest = e->history_count > HISTORY_SIZE
		? e->history_count - HISTORY_SIZE
		: 0;

	if (at < oldest || at > e->history_count)
		return;
	e->history_at = at;
	e->length = 0;
	if (at < e->history_count) {
		const char *old = e->history[at % HISTORY_SIZE];

		e->length = strlen(old);
		memcpy(e->line, old, e->length);
	}
	e->cursor = e->length;
	lineedit_redraw(e);
}

static void history_add(struct lineedit *e)
{
	const char *last = e->history[(e->history_count + HISTORY_SIZE - 1) %
				      HISTORY_SIZE];

	if (!e->length || (e->history_count && !strcmp(last, e->line)))
		return;
	strcpy(e->history[e->history_count++ % HISTORY_SIZE], e->line);
}

/* Length of the beginning that all candidates share. */
static size_t common_length(struct lineedit *e, const char *start, size_t len)
{
	const char *first = e->complete(start, len, 0), *other;
	size_t common = strlen(first), i;
	unsigned n;

	for (n = 1; (other = e->complete(start, len, n)); n++) {
		for (i = 0; i < common && first[i] == other[i]; i++)
			;
		common = i;
	}
	return common;
}

/* The first word is the command: it alone is completed. */
static void complete(struct lineedit *e)
{
	size_t start = word_start(e), len = e->cursor - start, common;
	const char *text = e->line + start, *word;
	unsigned n;

	for (n = 0; n < start; n++)
		if (e->line[n] != ' ')
			return;
	if (!e->complete || !(word = e->complete(text, len, 0)))
		return;
	common = common_length(e, text, len);
	if (common > len) {
		insert(e, word + len, common - len);
	} else if (e->complete(text, len, 1)) {
		draw_text(e, "\n");
		for (n = 0; (word = e->complete(text, len, n)); n++) {
			draw_text(e, word);
			draw_text(e, "  ");
		}
		draw_text(e, "\n");
		lineedit_redraw(e);
	}
	if (!e->complete(e->line + start, e->cursor - start, 1) &&
	    e->cursor == e->length)
		insert(e, " ", 1);
}

static void cursor_set(struct lineedit *e, size_t at)
{
	if (at > e->length)
		return;
	e->cursor = at;
	lineedit_redraw(e);
}

static void delete_at_cursor(struct lineedit *e)
{
	if (e->cursor < e->length)
		cut(e, e->cursor, e->cursor + 1);
}

/* The last byte of ESC [ <parameters> @c (ECMA-48, 5.4), or of ESC O @c. */
static void escape_key(struct lineedit *e, char c)
{
	switch (c) {
	case 'A':
		history_show(e, e->history_at - 1);
		break;
	case 'B':
		history_show(e, e->history_at + 1);
		break;
	case 'C':
		cursor_set(e, e->cursor + 1);
		break;
	case 'D':
		cursor_set(e, e->cursor - 1);
		break;
	case 'H':
		cursor_set(e, 0);
		break;
	case 'F':
		cursor_set(e, e->length);
		break;
	case '~':
		if (e->number == 3)
			delete_at_cursor(e);
		else if (e->number == 1 || e->number == 7)
			cursor_set(e, 0);
		else if (e->number == 4 || e->number == 8)
			cursor_set(e, e->length);
		break;
	}
}

/* Take @c as part of an escape sequence; false when there is none. */
static bool escape_feed(struct lineedit *e, char c)
{
	if (c == ESC) {
		e->escape = 1;
		e->first = true;
		e->number = 0;
		return true;
	}
	if (!e->escape)
		return false;
	/* Control characters mean what they always do: Enter is not lost. */
	if ((unsigned char)c < ' ') {
		e->escape = 0;
		return false;
	}
	if (e->escape == 1) {
		e->escape = c == '[' || c == 'O' ? 2 : 0;
		return e->escape != 0;
	}
	if ((unsigned char)c >= '@') {
		e->escape = 0;
		escape_key(e, c);
	} else if (c < '0' || c > '9') {
		e->first = false;
	} else if (e->first && e->number < 1000) {
		e->number = e->number * 10 + (c - '0');
	}
	return true;
}

static bool line_end(struct lineedit *e)
{
	e->line[e->length] = 0;
	history_add(e);
	draw_text(e, "\n");
	return true;
}

static void control_key(struct lineedit *e, char c)
{
	switch (c) {
	case CTRL('A'):
		cursor_set(e, 0);
		break;
	case CTRL('B'):
		cursor_set(e, e->cursor - 1);
		break;
	case CTRL('C'):
		draw_text(e, "^C\n");
		lineedit_start(e);
		break;
	case CTRL('D'):
		delete_at_cursor(e);
		break;
	case CTRL('E'):
		cursor_set(e, e->length);
		break;
	case CTRL('F'):
		cursor_set(e, e->cursor + 1);
		break;
	case CTRL('H'):
	case DEL:
		if (e->cursor)
			cut(e, e->cursor - 1, e->cursor);
		break;
	case '\t':
		complete(e);
		break;
	case CTRL('K'):
		cut(e, e->cursor, e->length);
		break;
	case CTRL('L'):
		draw_text(e, "\x1b[H\x1b[2J");
		lineedit_redraw(e);
		break;
	case CTRL('N'):
		history_show(e, e->history_at + 1);
		break;
	case CTRL('P'):
		history_show(e, e->history_at - 1);
		break;
	case CTRL('U'):
		cut(e, 0, e->cursor);
		break;
	case CTRL('W'):
		cut(e, word_start(e), e->cursor);
		break;
	}
}

void lineedit_init(struct lineedit *e, const char *prompt,
		   void (*draw)(const char *text, size_t len),
		   const char *(*completer)(const char *start, size_t len,
					    unsigned n))
{
	memset(e, 0, sizeof(*e));
	e->prompt = prompt;
	e->draw = draw;
	e->complete = completer;
}

void lineedit_start(struct lineedit *e)
{
	e->length = 0;
	e->cursor = 0;
	e->escape = 0;
	e->history_at = e->history_count;
	draw_text(e, e->prompt);
}

bool lineedit_feed(struct lineedit *e, char c)
{
	bool after_cr = e->after_cr;

	e->after_cr = c == '\r';
	if (escape_feed(e, c))
		return false;
	if (c == '\n' && after_cr)
		return false;
	if (c == '\r' || c == '\n')
		return line_end(e);
	if (c >= ' ' && c < DEL)
		insert(e, &c, 1);
	else
		control_key(e, c);
	return false;
}
