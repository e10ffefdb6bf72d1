/*
 * Console bytes on their way to somebody's terminal. They are hostile: an
 * uploaded kernel chose them. An allow-list over a small state machine: what
 * is not known to be harmless does not pass.
 */
#include "tools/lab/client/filter.h"

#include <stdbool.h>
#include <string.h>

enum {
	TEXT,
	ESCAPE,
	CHARSET,
	CSI,
	CSI_TOO_LONG,
	STRING,
	STRING_ESCAPE,
	UTF8
};

#define REPLACEMENT "\xef\xbf\xbd"

/* Finals of ECMA-48 that only move, erase, scroll or insert. */
static const char filter_csi_screen[] = "@ABCDEFGHIJKLMPSTXZ`adefr";

/* DEC private modes that change what is drawn and nothing else. */
static bool filter_mode_harmless(const char *seq, size_t len)
{
	static const char *const known[] = {"?1", "?7", "?25"};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i]) == len && !memcmp(known[i], seq, len))
			return true;
	return false;
}

static bool filter_digits(const char *seq, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!strchr("0123456789;:", seq[i]) || !seq[i])
			return false;
	return true;
}

/* @seq: the parameters, without introducer and final. */
static bool filter_csi_passes(enum filter_mode mode, const char *seq,
			      size_t len, char final)
{
	bool plain = filter_digits(seq, len);

	if (final == 'm')
		return plain;
	if (mode != FILTER_TERMINAL)
		return false;
	if (final == 'h' || final == 'l')
		return filter_mode_harmless(seq, len);
	return plain && strchr(filter_csi_screen, final);
}

static bool filter_control_passes(enum filter_mode mode, uint8_t c)
{
	if (c == '\n' || c == '\r' || c == '\t' || c == '\b')
		return true;
	return c == '\a' && mode == FILTER_TERMINAL;
}

static void filter_to(struct filter *filter, uint8_t state)
{
	filter->state = state;
	filter->held = 0;
}

static int filter_text(struct filter *filter, uint8_t c, struct buf *out)
{
	static const uint8_t lead[] = {0xc2, 0xe0, 0xf0, 0xf5};

	if (c == 0x1b) {
		filter_to(filter, ESCAPE);
		return 0;
	}
	if (c < 0x20 && !filter_control_passes(filter->mode, c))
		return 0;
	if (c < 0x7f)
		return buf_append(out, &c, 1);
	if (c == 0x7f)
		return 0;
	for (uint8_t k = 0; k < 3; k++) {
		if (c < lead[k] || c >= lead[k + 1])
			continue;
		filter_to(filter, UTF8);
		filter->left = (uint8_t)(k + 1);
		filter->hold[filter->held++] = (char)c;
		return 0;
	}
	return buf_append(out, REPLACEMENT, 3);
}

/* C1 controls, surrogates, overlong forms, bidirectional overrides. */
static bool filter_rune_harmful(const char *hold, size_t len)
{
	const uint8_t *b = (const uint8_t *)hold;

	if (len == 2)
		return b[0] == 0xc2 && b[1] < 0xa0;
	if (len == 4)
		return (b[0] == 0xf0 && b[1] < 0x90) ||
			(b[0] == 0xf4 && b[1] > 0x8f);
	if ((b[0] == 0xe0 && b[1] < 0xa0) || (b[0] == 0xed && b[1] > 0x9f))
		return true;
	if (b[0] != 0xe2)
		return false;
	return (b[1] == 0x80 && b[2] >= 0xa8 && b[2] <= 0xae) ||
		(b[1] == 0x81 && b[2] >= 0xa6 && b[2] <= 0xa9);
}

/* Returns 1 when @c does not belong to the character and is to be read anew. */
static int filter_utf8(struct filter *filter, uint8_t c, struct buf *out)
{
	int err;

	if ((c & 0xc0) != 0x80) {
		filter_to(filter, TEXT);
		err = buf_append(out, REPLACEMENT, 3);
		return err ? err : 1;
	}
	filter->hold[filter->held++] = (char)c;
	if (--filter->left)
		return 0;
	err = filter_rune_harmful(filter->hold, filter->held)
		? buf_append(out, REPLACEMENT, 3)
		: buf_append(out, filter->hold, filter->held);
	filter_to(filter, TEXT);
	return err;
}

static int filter_escape(struct filter *filter, uint8_t c, struct buf *out)
{
	char seq[2] = {0x1b, (char)c};

	if (c == '[')
		filter_to(filter, CSI);
	else if (strchr("]PX^_", c) && c)
		filter_to(filter, STRING);
	else if (c >= 0x20 && c < 0x30)
		filter_to(filter, CHARSET);
	else if (c != 0x1b)
		filter_to(filter, TEXT);
	/* save, restore, index, next line, reverse index */
	if (filter->mode == FILTER_TERMINAL && c && strchr("78DEM", c))
		return buf_append(out, seq, 2);
	return 0;
}

static int filter_csi(struct filter *filter, uint8_t c, struct buf *out)
{
	size_t len = filter->held;
	int err;

	if (c < 0x20 || c > 0x7e) {
		filter_to(filter, c == 0x1b ? ESCAPE : TEXT);
		return c == '\n' || c == '\r' ? buf_append(out, &c, 1) : 0;
	}
	if (c < 0x40) {
		if (len < sizeof(filter->hold))
			filter->hold[filter->held++] = (char)c;
		else
			filter->state = CSI_TOO_LONG;
		return 0;
	}
	if (filter->state == CSI_TOO_LONG ||
	    !filter_csi_passes(filter->mode, filter->hold, len, (char)c)) {
		filter_to(filter, TEXT);
		return 0;
	}
	err = buf_append(out, "\x1b[", 2);
	if (!err)
		err = buf_append(out, filter->hold, len);
	filter_to(filter, TEXT);
	return err ? err : buf_append(out, &c, 1);
}

/* BEL, ST, CAN and SUB end a string; so does a line end, lest all be eaten. */
static int filter_string(struct filter *filter, uint8_t c, struct buf *out)
{
	if (filter->state == STRING_ESCAPE && c != '\\') {
		filter_to(filter, ESCAPE);
		return filter_escape(filter, c, out);
	}
	if (c == '\n') {
		filter_to(filter, TEXT);
		return buf_append(out, &c, 1);
	}
	if (filter->state == STRING_ESCAPE || c == '\a' || c == 0x18 ||
	    c == 0x1a)
		filter_to(filter, TEXT);
	else if (c == 0x1b)
		filter->state = STRING_ESCAPE;
	return 0;
}

static int filter_byte(struct filter *filter, uint8_t c, struct buf *out)
{
	switch (filter->state) {
	case ESCAPE:
		return filter_escape(filter, c, out);
	case CHARSET:
		if (c >= 0x30)
			filter_to(filter, TEXT);
		return 0;
	case CSI:
	case CSI_TOO_LONG:
		return filter_csi(filter, c, out);
	case STRING:
	case STRING_ESCAPE:
		return filter_string(filter, c, out);
	case UTF8:
		return filter_utf8(filter, c, out);
	default:
		return filter_text(filter, c, out);
	}
}

int filter_apply(struct filter *filter, const uint8_t *bytes, size_t n,
		 struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		int err = filter_byte(filter, bytes[i], out);

		if (err == 1)
			err = filter_byte(filter, bytes[i], out);
		if (err)
			return err;
	}
	return 0;
}

int filter_line(const char *text, struct buf *out)
{
	struct filter filter = {.mode = FILTER_TEXT};
	size_t start = out->len;
	size_t kept = start;
	int err =
		filter_apply(&filter, (const uint8_t *)text, strlen(text), out);

	if (err)
		return err;
	err = buf_append(out, "", 0);
	/* colours go as well: a table is not the place for them */
	for (size_t i = start; i < out->len; i++) {
		uint8_t c = (uint8_t)out->data[i];

		if (c == 0x1b)
			i += strcspn(out->data + i, "m");
		else
			out->data[kept++] = c < 0x20 ? ' ' : (char)c;
	}
	if (out->data) {
		out->len = kept;
		out->data[kept] = '\0';
	}
	return err;
}
