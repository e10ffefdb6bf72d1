/* A node of the device tree as text: see the header. */
#include "kernel/fdt/show.h"

#include <stdio.h>
#include <string.h>

#include "kernel/fdt/dt_priv.h"

/* A line on a terminal of usual width. */
#define WIDTH 96

struct text {
	char buf[WIDTH + 2]; /* one more, to see that it is too long */
	size_t len;
};

static void text_put(struct text *t, const char *fmt, unsigned value)
{
	int n = snprintf(t->buf + t->len, sizeof(t->buf) - t->len, fmt, value);

	if (n > 0)
		t->len += n;
	if (t->len > WIDTH + 1)
		t->len = WIDTH + 1;
}

/* Names of properties are not checked: no control character gets through. */
static void text_string(struct text *t, const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len && t->len <= WIDTH; i++)
		t->buf[t->len++] = s[i] < ' ' || s[i] > '~' ? '?' : s[i];
	t->buf[t->len] = 0;
}

/* One or more terminated strings of printable characters, none empty? */
static bool is_strings(const char *value, int len)
{
	int i;

	if (len < 2 || value[len - 1] || !value[0])
		return false;
	for (i = 0; i < len; i++)
		if (value[i] ? value[i] < ' ' || value[i] > '~'
			     : i && !value[i - 1])
			return false;
	return true;
}

static void put_strings(struct text *t, const char *value, int len)
{
	int at;

	for (at = 0; at < len; at += strlen(value + at) + 1) {
		text_string(t, at ? ", \"" : "\"", at ? 3 : 1);
		text_string(t, value + at, strlen(value + at));
		text_string(t, "\"", 1);
	}
}

static void put_bytes(struct text *t, const uint8_t *value, int len)
{
	int i, step = len % 4 ? 1 : 4;

	text_string(t, step == 4 ? "<" : "[", 1);
	for (i = 0; i < len && t->len <= WIDTH; i += step) {
		if (i)
			text_string(t, " ", 1);
		if (step == 4)
			text_put(t, "0x%x", dt_cell(value + i));
		else
			text_put(t, "%02x", value[i]);
	}
	text_string(t, step == 4 ? ">" : "]", 1);
}

static void text_end(struct text *t, void (*line)(void *arg, const char *text),
		     void *arg)
{
	if (t->len > WIDTH)
		memcpy(t->buf + WIDTH - 3, "...", 4);
	line(arg, t->buf);
}

static void put_property(struct text *t, const char *name, const void *value,
			 int len)
{
	t->len = 0;
	text_string(t, "  ", 2);
	text_string(t, name, strlen(name));
	if (len)
		text_string(t, " = ", 3);
	if (is_strings(value, len))
		put_strings(t, value, len);
	else if (len)
		put_bytes(t, value, len);
}

void dt_show(const void *fdt, const struct dt_node *node,
	     void (*line)(void *arg, const char *text), void *arg)
{
	struct dt_node child;
	const void *value;
	const char *name;
	struct text t;
	int at = 0, len;
	char path[256];
	bool cut = dt_path(fdt, node, path, sizeof(path));

	t.len = 0;
	text_string(&t, path, strlen(path));
	text_string(&t, "/...", cut ? 4 : 0);
	text_end(&t, line, arg);
	while ((value = dt_prop_next(fdt, node, &at, &name, &len)) != NULL) {
		put_property(&t, name, value, len);
		text_end(&t, line, arg);
	}
	if (!dt_first_child(fdt, node, &child))
		return;
	do {
		name = dt_name(fdt, &child);
		t.len = 0;
		text_string(&t, "  ", 2);
		text_string(&t, name, strlen(name));
		text_string(&t, " { ... }", 8);
		text_end(&t, line, arg);
	} while (dt_next_child(fdt, &child));
}
