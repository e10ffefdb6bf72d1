/*
 * Patterns come from users and lines from kernels, both hostile: a matcher
 * that goes back, or that builds states as it goes, can be made to hold up the
 * whole lab (glibc's regexec takes minutes for "[ab]*a.{30}c" on a line of a's
 * and b's). Here a pattern becomes a program, and all its threads step through
 * the line together, so that none is twice at one instruction at one byte
 * (K. Thompson, Regular Expression Search Algorithm, CACM 11(6), 1968). Jumps
 * are relative: a fragment is repeated by copying it.
 */
#include "tools/lab/pattern.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX  32
#define COUNT_MAX  32767
#define SET_SIZE   32
#define NO_LIMIT   (-1)
#define TOO_LARGE  "pattern whose repeats expand to more than 500 parts"
#define BAD_COUNT  "pattern with a bad repeat count"
#define BAD_REPEAT "pattern that repeats nothing"
#define BAD_SET	   "pattern with a bad bracket expression"

enum op {
	OP_SET,	   /* takes a byte of the set */
	OP_ASSERT, /* takes nothing, where the assertion holds */
	OP_SPLIT,  /* goes both ways */
	OP_JUMP,
	OP_MATCH
};

struct inst {
	uint8_t op;
	char assert;   /* the character that stands for it: ^ $ b B < > */
	uint16_t set;  /* index */
	int16_t to[2]; /* relative */
};

struct pattern {
	size_t count, sets;
	struct inst code[PATTERN_PARTS_MAX + 1];
	uint8_t set[PATTERN_TEXT_MAX][SET_SIZE];
	uint8_t first[SET_SIZE]; /* bytes that a match can begin with */
	bool nullable;		 /* a match may be empty */
};

/* A pattern being compiled. why is set once something is wrong. */
struct compiler {
	const char *at;
	struct pattern *out;
	const char *why;
	int depth;
};

static void fail(struct compiler *c, const char *why)
{
	if (!c->why)
		c->why = why;
}

static bool set_has(const uint8_t *set, unsigned char byte)
{
	return set[byte / 8] >> byte % 8 & 1;
}

static void set_add(uint8_t *set, unsigned char byte)
{
	set[byte / 8] |= 1 << byte % 8;
}

static void emit(struct compiler *c, struct inst i)
{
	if (c->out->count < PATTERN_PARTS_MAX)
		c->out->code[c->out->count++] = i;
	else
		fail(c, TOO_LARGE);
}

/* Makes room for one instruction in front of the fragment at index at. */
static void insert(struct compiler *c, size_t at, struct inst i)
{
	struct inst *code = c->out->code;

	emit(c, i);
	if (c->why)
		return;
	memmove(code + at + 1, code + at,
		(c->out->count - 1 - at) * sizeof(*code));
	code[at] = i;
}

/* A new, empty set and the instruction that takes a byte of it. */
static uint8_t *emit_set(struct compiler *c)
{
	static uint8_t dummy[SET_SIZE];
	struct pattern *p = c->out;

	emit(c, (struct inst){.op = OP_SET, .set = p->sets});
	/* Every set takes at least one character of the text. */
	return c->why ? dummy : p->set[p->sets++];
}

static bool is_word(unsigned char byte)
{
	return isalnum(byte) || byte == '_';
}

static bool is_space(unsigned char byte)
{
	return isspace(byte) != 0;
}

static void add_if(uint8_t *set, bool (*is)(unsigned char), bool wanted)
{
	for (int byte = 0; byte < 256; byte++)
		if (is(byte) == wanted)
			set_add(set, byte);
}

static const char *add_class(uint8_t *set, const char *name, size_t len)
{
	static const struct {
		const char *name;
		int (*is)(int);
	} classes[] = {
		{"alnum", isalnum}, {"alpha", isalpha}, {"blank", isblank},
		{"cntrl", iscntrl}, {"digit", isdigit}, {"graph", isgraph},
		{"lower", islower}, {"print", isprint}, {"punct", ispunct},
		{"space", isspace}, {"upper", isupper}, {"xdigit", isxdigit},
	};

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		if (strlen(classes[i].name) != len ||
		    strncmp(classes[i].name, name, len))
			continue;
		for (int byte = 0; byte < 256; byte++)
			if (classes[i].is(byte))
				set_add(set, byte);
		return NULL;
	}
	return BAD_SET;
}

/* One end of a range: a character, [.x.] or [=x=]. */
static unsigned char bracket_end(struct compiler *c)
{
	unsigned char byte = *c->at;

	if (c->at[0] == '[' && (c->at[1] == '.' || c->at[1] == '=')) {
		byte = c->at[2];
		if (!byte || c->at[3] != c->at[1] || c->at[4] != ']')
			fail(c, BAD_SET);
		else
			c->at += 4;
	}
	if (!byte)
		fail(c, BAD_SET);
	else
		c->at++;
	return byte;
}

/* A class, a character or a range. */
static void bracket_item(struct compiler *c, uint8_t *set)
{
	const char *end;
	unsigned from, to;

	if (c->at[0] == '[' && c->at[1] == ':') {
		end = strstr(c->at, ":]");
		if (!end || add_class(set, c->at + 2, end - c->at - 2)) {
			fail(c, BAD_SET);
			return;
		}
		c->at = end + 2;
		return;
	}
	from = to = bracket_end(c);
	if (c->at[0] == '-' && c->at[1] && c->at[1] != ']') {
		c->at++;
		to = bracket_end(c);
		if (to < from)
			fail(c, BAD_SET);
	}
	for (; from <= to; from++)
		set_add(set, from);
}

/* Behind the '['. */
static void bracket(struct compiler *c)
{
	uint8_t *set = emit_set(c);
	bool not = *c->at == '^';

	c->at += not ;
	do
		bracket_item(c, set);
	while (!c->why && *c->at && *c->at != ']');
	if (*c->at == ']')
		c->at++;
	else
		fail(c, BAD_SET);
	for (int i = 0; not &&i < SET_SIZE; i++)
		set[i] = ~set[i];
}

/* Behind the '\'. Returns whether the atom may be repeated. */
static bool escape(struct compiler *c)
{
	char byte = *c->at;

	if (!byte) {
		fail(c, "pattern that ends in a backslash");
		return false;
	}
	c->at++;
	if (byte >= '1' && byte <= '9') {
		fail(c, "pattern with a back reference");
	} else if (strchr("bB<>", byte)) {
		emit(c, (struct inst){.op = OP_ASSERT, .assert = byte});
		return false;
	} else if (tolower(byte) == 'w') {
		add_if(emit_set(c), is_word, byte == 'w');
	} else if (tolower(byte) == 's') {
		add_if(emit_set(c), is_space, byte == 's');
	} else {
		set_add(emit_set(c), byte);
	}
	return true;
}

static void alternatives(struct compiler *c);

/* Returns whether it may be repeated; an assertion may not. */
static bool atom(struct compiler *c)
{
	char byte = *c->at++;

	switch (byte) {
	case '(':
		if (++c->depth > DEPTH_MAX)
			fail(c, "pattern nested deeper than 32");
		else
			alternatives(c);
		if (*c->at != ')')
			fail(c, "pattern with an open parenthesis");
		else
			c->at++;
		c->depth--;
		return true;
	case '[':
		bracket(c);
		return true;
	case '.':
		memset(emit_set(c), 0xff, SET_SIZE);
		return true;
	case '^':
	case '$':
		emit(c, (struct inst){.op = OP_ASSERT, .assert = byte});
		return false;
	case '\\':
		return escape(c);
	case '*':
	case '+':
	case '?':
	case '{':
		fail(c, BAD_REPEAT);
		return false;
	default:
		set_add(emit_set(c), byte);
		return true;
	}
}

static void emit_all(struct compiler *c, const struct inst *list, int n)
{
	for (int i = 0; i < n && !c->why; i++)
		emit(c, list[i]);
}

/* The fragment from index at on comes least to most times. */
static void repeat(struct compiler *c, size_t at, int least, int most)
{
	struct inst copy[PATTERN_PARTS_MAX];
	int n = c->out->count - at;

	memcpy(copy, c->out->code + at, n * sizeof(*copy));
	c->out->count = at;
	for (int i = 0; i < least && !c->why; i++)
		emit_all(c, copy, n);
	if (most == NO_LIMIT && least > 0) {
		emit(c, (struct inst){.op = OP_SPLIT, .to = {-n, 1}});
	} else if (most == NO_LIMIT) {
		emit(c, (struct inst){.op = OP_SPLIT, .to = {1, n + 2}});
		emit_all(c, copy, n);
		emit(c, (struct inst){.op = OP_JUMP, .to = {-n - 1}});
	}
	for (int i = least; i < most && !c->why; i++) {
		emit(c, (struct inst){.op = OP_SPLIT, .to = {1, n + 1}});
		emit_all(c, copy, n);
	}
}

static int count(struct compiler *c)
{
	int n = 0;

	while (isdigit((unsigned char)*c->at) && n <= COUNT_MAX)
		n = n * 10 + (*c->at++ - '0');
	return n;
}

/* Behind the '{'. */
static void interval(struct compiler *c, size_t at)
{
	bool from_zero = *c->at == ',';
	int least, most;

	if (!from_zero && !isdigit((unsigned char)*c->at)) {
		fail(c, BAD_COUNT);
		return;
	}
	least = most = count(c);
	if (*c->at == ',') {
		c->at++;
		most = isdigit((unsigned char)*c->at) ? count(c) : NO_LIMIT;
	}
	if (*c->at != '}' || least > COUNT_MAX || most > COUNT_MAX ||
	    (most != NO_LIMIT && most < least)) {
		fail(c, BAD_COUNT);
		return;
	}
	c->at++;
	repeat(c, at, least, most);
}

/* An atom and what repeats it. */
static void piece(struct compiler *c)
{
	size_t at = c->out->count;
	bool may_repeat = atom(c);

	while (!c->why && *c->at && strchr("*+?{", *c->at)) {
		if (!may_repeat) {
			fail(c, BAD_REPEAT);
			return;
		}
		switch (*c->at++) {
		case '*':
			repeat(c, at, 0, NO_LIMIT);
			break;
		case '+':
			repeat(c, at, 1, NO_LIMIT);
			break;
		case '?':
			repeat(c, at, 0, 1);
			break;
		default:
			interval(c, at);
		}
	}
}

static void alternatives(struct compiler *c)
{
	size_t at = c->out->count, jump;

	/* A ')' that closes nothing is a character (glibc's reading). */
	while (!c->why && *c->at && *c->at != '|' &&
	       (*c->at != ')' || c->depth == 0))
		piece(c);
	if (c->why || *c->at != '|')
		return;
	c->at++;
	insert(c, at, (struct inst){.op = OP_SPLIT});
	jump = c->out->count;
	emit(c, (struct inst){.op = OP_JUMP});
	if (c->why)
		return;
	c->out->code[at].to[0] = 1;
	c->out->code[at].to[1] = c->out->count - at;
	alternatives(c);
	c->out->code[jump].to[0] = c->out->count - jump;
}

/* The threads at one byte of a line. */
struct threads {
	uint16_t at[PATTERN_PARTS_MAX + 1];
	size_t count;
};

/* A match under way, or (line NULL) the search for what it begins with. */
struct run {
	const struct pattern *p;
	const char *line;
	size_t len;
	bool bol, eol;
	uint32_t seen[PATTERN_PARTS_MAX + 1]; /* by instruction: position + 1 */
};

static bool holds(const struct run *r, char assert, size_t pos)
{
	bool before, after;

	if (!r->line)
		return true;
	before = pos > 0 && is_word(r->line[pos - 1]);
	after = pos < r->len && is_word(r->line[pos]);
	switch (assert) {
	case '^':
		return pos == 0 && r->bol;
	case '$':
		return pos == r->len && r->eol;
	case '<':
		return !before && after;
	case '>':
		return before && !after;
	default:
		return (before != after) == (assert == 'b');
	}
}

/* Adds a thread and all it reaches without a byte; true: a match. */
static bool add(struct run *r, struct threads *t, size_t start, size_t pos)
{
	uint16_t stack[2 * PATTERN_PARTS_MAX + 2];
	size_t n = 0;

	stack[n++] = start;
	while (n > 0) {
		size_t at = stack[--n];
		const struct inst *i = &r->p->code[at];

		if (r->seen[at] == pos + 1)
			continue;
		r->seen[at] = pos + 1;
		switch (i->op) {
		case OP_MATCH:
			return true;
		case OP_SET:
			t->at[t->count++] = at;
			break;
		case OP_ASSERT:
			if (holds(r, i->assert, pos))
				stack[n++] = at + 1;
			break;
		case OP_SPLIT:
			stack[n++] = at + i->to[1];
			stack[n++] = at + i->to[0];
			break;
		default:
			stack[n++] = at + i->to[0];
		}
	}
	return false;
}

static void find_first(struct pattern *p)
{
	struct run r = {.p = p};
	struct threads t = {.count = 0};

	p->nullable = add(&r, &t, 0, 0);
	for (size_t i = 0; i < t.count; i++)
		for (int b = 0; b < SET_SIZE; b++)
			p->first[b] |= p->set[p->code[t.at[i]].set][b];
}

struct pattern *pattern_new(const char *text, const char **why)
{
	struct pattern *p = calloc(1, sizeof(*p));
	struct compiler c = {.at = text, .out = p};

	if (!p) {
		*why = "out of memory";
		return NULL;
	}
	if (!*text)
		c.why = "empty pattern";
	else if (strlen(text) > PATTERN_TEXT_MAX)
		c.why = "pattern longer than 256 bytes";
	else
		alternatives(&c);
	if (c.why) {
		*why = c.why;
		free(p);
		return NULL;
	}
	p->code[p->count++].op = OP_MATCH;
	find_first(p);
	return p;
}

void pattern_free(struct pattern *p)
{
	free(p);
}

size_t pattern_parts(const struct pattern *p)
{
	return p->count;
}

bool pattern_matches(const struct pattern *p, const char *line, size_t len,
		     bool bol, bool eol)
{
	struct run r = {
		.p = p, .line = line, .len = len, .bol = bol, .eol = eol};
	struct threads list[2], *now = &list[0], *next = &list[1], *swap;

	now->count = 0;
	for (size_t pos = 0;; pos++) {
		while (!p->nullable && now->count == 0 && pos < len &&
		       !set_has(p->first, line[pos]))
			pos++;
		if (add(&r, now, 0, pos))
			return true;
		if (pos == len)
			return false;
		next->count = 0;
		for (size_t i = 0; i < now->count; i++) {
			size_t at = now->at[i];

			if (set_has(p->set[p->code[at].set], line[pos]) &&
			    add(&r, next, at + 1, pos + 1))
				return true;
		}
		swap = now;
		now = next;
		next = swap;
	}
}
