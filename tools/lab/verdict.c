/*
 * The verdict engine. It assembles lines from console bytes (dropping what
 * terminals swallow), walks the boot stages by what firmware, U-Boot and the
 * job's own boot script print, and once the kernel was entered applies the
 * rules of contract.md to every line: pass, fail, panic, in this order.
 *
 * "Starting kernel" counts only after the boot script printed this run's
 * nonce: a board that boots something else from its own disk never passes.
 */
#include "tools/lab/verdict.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTROL_ESCAPE	0x1b
#define REASON_LINE_MAX 160
/* Of an overlong line's pieces, so that no cut hides a crash. */
#define PIECE_OVERLAP 64

enum escape {
	ESCAPE_NONE,
	ESCAPE_START,
	ESCAPE_CSI
};

struct rule {
	struct pattern *pattern;
	bool matched;
};

struct verdict_engine {
	struct verdict_state state;
	struct rule pass[VERDICT_PATTERNS_MAX];
	struct rule fail[VERDICT_PATTERNS_MAX];
	size_t pass_count, fail_count;
	char nonce[VERDICT_NONCE_MAX];
	bool script_boots; /* the script said it enters the kernel */
	unsigned banners;  /* bit per banner seen before the kernel */
	unsigned tests_passed, tests_failed;
	enum escape escape;
	char line[VERDICT_LINE_MAX + 1];
	size_t len;
	bool cut;	/* line is the continuation of an overlong one */
	bool guest;	/* the overlong line is a guest's */
	bool pause_new; /* bytes came since the last verdict_pause() */
};

static const char *const verdict_names[] = {NULL,    "pass",	"fail",
					    "panic", "timeout", "infra"};
static const char *const stage_names[] = {
	"queued", "power",  "firmware", "uboot", "dhcp",
	"tftp",	  "kernel", "verdict",	"over",
};

const char *verdict_name(enum verdict v)
{
	return verdict_names[v];
}

enum verdict verdict_from_name(const char *name)
{
	for (enum verdict v = VERDICT_PASS; v <= VERDICT_INFRA; v++)
		if (strcmp(name, verdict_names[v]) == 0)
			return v;
	return VERDICT_NONE;
}

const char *stage_name(enum stage s)
{
	return stage_names[s];
}

static bool rules_compile(struct rule *list, size_t *count,
			  const char *const *texts, size_t n)
{
	const char *why;

	for (size_t i = 0; i < n; i++) {
		list[i].pattern = pattern_new(texts[i], &why);
		if (!list[i].pattern)
			return false;
		*count = i + 1;
	}
	return true;
}

struct verdict_engine *verdict_new(const struct verdict_rules *rules)
{
	struct verdict_engine *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	snprintf(e->nonce, sizeof(e->nonce), "%s", rules->nonce);
	e->state.stage = STAGE_QUEUED;
	if (!rules_compile(e->pass, &e->pass_count, rules->pass,
			   rules->pass_count) ||
	    !rules_compile(e->fail, &e->fail_count, rules->fail,
			   rules->fail_count)) {
		verdict_free(e);
		return NULL;
	}
	return e;
}

static void rules_free(struct rule *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		pattern_free(list[i].pattern);
}

void verdict_free(struct verdict_engine *e)
{
	if (!e)
		return;
	rules_free(e->pass, e->pass_count);
	rules_free(e->fail, e->fail_count);
	free(e);
}

const struct verdict_state *verdict_state(const struct verdict_engine *e)
{
	return &e->state;
}

void verdict_stage(struct verdict_engine *e, enum stage s)
{
	if (s <= e->state.stage)
		return;
	e->state.stage = s;
	e->state.seen |= 1u << s;
}

void verdict_decide(struct verdict_engine *e, enum verdict v,
		    const char *reason)
{
	char *out = e->state.reason;
	size_t n = 0;

	if (e->state.verdict != VERDICT_NONE)
		return;
	e->state.verdict = v;
	for (; *reason && n < VERDICT_REASON_MAX - 1; reason++)
		out[n++] = *reason >= ' ' && *reason <= '~' ? *reason : '?';
	out[n] = '\0';
}

/* A verdict whose reason quotes the line. */
static void decide_line(struct verdict_engine *e, enum verdict v,
			const char *what, const char *line)
{
	char text[VERDICT_REASON_MAX];

	snprintf(text, sizeof(text), "%.60s: %.*s", what, REASON_LINE_MAX,
		 line);
	verdict_decide(e, v, text);
}

/* Behind the time stamps "[    1.234567] ", "[    T1] " of a console line. */
static const char *skip_stamp(const char *line)
{
	while (*line == '[') {
		size_t n = strspn(line + 1, "0123456789. TC");

		if (n == 0 || line[1 + n] != ']')
			return line;
		line += n + 2;
		while (*line == ' ')
			line++;
	}
	return line;
}

static bool starts(const char *line, const char *prefix)
{
	return strncmp(line, prefix, strlen(prefix)) == 0;
}

/* Where the next "[    1.234567] " or "[    1.234567][" begins; or NULL. */
static const char *find_stamp(const char *line)
{
	while ((line = strchr(line, '['))) {
		const char *p = line + 1 + strspn(line + 1, " ");
		size_t n = strspn(p, "0123456789");

		if (n > 0 && p[n] == '.' &&
		    strspn(p + n + 1, "0123456789") == 6 && p[n + 7] == ']' &&
		    (p[n + 8] == ' ' || p[n + 8] == '['))
			return line;
		line++;
	}
	return NULL;
}

/* Whether Aloft's "<guest>| " stands in the first n bytes. */
static bool has_guest(const char *line, size_t n)
{
	for (size_t i = 1; i + 1 < n; i++)
		if (line[i] == '|' && line[i + 1] == ' ' &&
		    (isalnum((unsigned char)line[i - 1]) ||
		     line[i - 1] == '_' || line[i - 1] == '-'))
			return true;
	return false;
}

/* Which of the firmware banners begins here: a bit, or 0. */
static unsigned banner_bit(const char *line)
{
	line = skip_stamp(line);
	if (starts(line, "OpenSBI v"))
		return 1;
	if (starts(line, "U-Boot SPL 2"))
		return 2;
	if (starts(line, "U-Boot 2"))
		return 4;
	return 0;
}

static void banner_line(struct verdict_engine *e, unsigned bit)
{
	if (e->banners & bit) {
		verdict_decide(e, VERDICT_INFRA,
			       "the board reset before the kernel's start");
		return;
	}
	e->banners |= bit;
	verdict_stage(e, bit == 4 ? STAGE_UBOOT : STAGE_FIRMWARE);
}

/* "lab: <nonce> <word>" from the boot script (netboot.c writes it). */
static void script_line(struct verdict_engine *e, const char *line)
{
	size_t n = strlen(e->nonce);

	line += strlen("lab: ");
	if (n == 0 || strncmp(line, e->nonce, n) || line[n] != ' ')
		return;
	line += n + 1;
	verdict_stage(e, STAGE_TFTP);
	if (strcmp(line, "boot") == 0)
		e->script_boots = true;
	else if (starts(line, "tftp failed"))
		decide_line(e, VERDICT_INFRA, "U-Boot", line);
	else if (strcmp(line, "refused") == 0)
		verdict_decide(e, VERDICT_FAIL,
			       "U-Boot's booti refused the image");
}

static void line_before_kernel(struct verdict_engine *e, const char *line)
{
	unsigned bit = banner_bit(line);

	if (bit) {
		banner_line(e, bit);
	} else if (starts(line, "lab: ")) {
		script_line(e, line);
	} else if (starts(line, "DHCP client bound")) {
		verdict_stage(e, STAGE_DHCP);
	} else if (starts(line, "TFTP from server")) {
		verdict_stage(e, STAGE_TFTP);
	} else if (starts(line, "Starting kernel ...")) {
		if (e->script_boots)
			verdict_stage(e, STAGE_KERNEL);
		else
			verdict_decide(e, VERDICT_INFRA,
				       "the board started something else than "
				       "this job's image");
	}
}

/* Takes word at *p, to the byte; false if something else stands there. */
static bool take_word(const char **p, const char *word)
{
	if (!starts(*p, word))
		return false;
	*p += strlen(word);
	return true;
}

/* Takes a number of 1 to 9 digits at *p. */
static bool take_number(const char **p, unsigned *out)
{
	size_t n = strspn(*p, "0123456789");

	if (n < 1 || n > 9)
		return false;
	*out = strtoul(*p, NULL, 10);
	*p += n;
	return true;
}

/* "TEST end <n> passed, <m> failed": exactly that, nothing behind. */
static bool test_end_parse(const char *line, unsigned *passed, unsigned *failed)
{
	return take_word(&line, "TEST end ") && take_number(&line, passed) &&
		take_word(&line, " passed, ") && take_number(&line, failed) &&
		strcmp(line, " failed") == 0;
}

static void test_end_line(struct verdict_engine *e, const char *line)
{
	char why[VERDICT_REASON_MAX];
	unsigned passed, failed;

	if (!test_end_parse(line, &passed, &failed))
		return;
	if (failed == 0 && passed == e->tests_passed && e->tests_failed == 0) {
		snprintf(why, sizeof(why), "%u tests passed", passed);
		verdict_decide(e, VERDICT_PASS, why);
		return;
	}
	if (failed != 0 && failed == e->tests_failed &&
	    passed == e->tests_passed)
		snprintf(why, sizeof(why), "%u of %u tests failed", failed,
			 passed + failed);
	else
		snprintf(why, sizeof(why),
			 "TEST end says %u passed, %u failed, but %u and %u "
			 "were seen",
			 passed, failed, e->tests_passed, e->tests_failed);
	verdict_decide(e, VERDICT_FAIL, why);
}

/* "TEST <name> PASS|FAIL [why]"; whole: its end is there. */
static void test_line(struct verdict_engine *e, const char *line, bool whole)
{
	const char *word;

	if (starts(line, "TEST end ")) {
		if (whole)
			test_end_line(e, line);
		return;
	}
	line += strlen("TEST ");
	word = strchr(line, ' ');
	if (!word || word == line)
		return;
	word++;
	if (strcmp(word, "PASS") == 0 || starts(word, "PASS "))
		e->tests_passed++;
	else if (strcmp(word, "FAIL") == 0 || starts(word, "FAIL "))
		e->tests_failed++;
}

static void judge_pass(struct verdict_engine *e, bool whole)
{
	bool all = true;

	for (size_t i = 0; i < e->pass_count; i++) {
		struct rule *r = &e->pass[i];

		r->matched = r->matched ||
			pattern_matches(r->pattern, e->line, e->len, !e->cut,
					whole);
		all = all && r->matched;
	}
	if (all)
		decide_line(e, VERDICT_PASS, "pass pattern", e->line);
}

/* whole: the line's end is there. */
static void judge_patterns(struct verdict_engine *e, bool whole)
{
	if (e->pass_count > 0)
		judge_pass(e, whole);
	for (size_t i = 0; i < e->fail_count; i++)
		if (pattern_matches(e->fail[i].pattern, e->line, e->len,
				    !e->cut, whole))
			decide_line(e, VERDICT_FAIL, "fail pattern", e->line);
}

/* Whether a crash is reported here, as Linux and Aloft do. */
static bool is_crash(const char *text)
{
	static const char *const words[] = {
		"panic: ",
		"Kernel panic - not syncing",
		"---[ end Kernel panic",
		"Oops",
		"Internal error: Oops",
		"Unable to handle kernel ",
		"kernel BUG at ",
		"Kernel BUG",
		"BUG: ",
		"watchdog: BUG: ",
	};

	if (starts(text, "Oops") && !strchr(" -:[", text[4]))
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (starts(text, words[i]))
			return true;
	return false;
}

/*
 * At the line's begin, or behind a time stamp further on: what a program left
 * there without a line's end (a prompt, "Loading drivers..") is no reason to
 * miss what the kernel says next. A guest's line is none of the kernel's.
 */
static void judge_panic(struct verdict_engine *e)
{
	const char *text = skip_stamp(e->line), *stamp;

	if (!e->cut && is_crash(text)) {
		verdict_decide(e, VERDICT_PANIC, text);
		return;
	}
	text = e->line;
	while (!e->guest && (stamp = find_stamp(text))) {
		e->guest = has_guest(text, stamp - text);
		text = skip_stamp(stamp);
		if (!e->guest && is_crash(text)) {
			verdict_decide(e, VERDICT_PANIC, text);
			return;
		}
	}
	e->guest = e->guest || has_guest(text, strlen(text));
}

/* What lies behind an overlong line's first piece begins no line. */
static void line_of_kernel(struct verdict_engine *e, bool whole)
{
	const char *text = skip_stamp(e->line);

	if (!e->cut && e->pass_count == 0 && starts(text, "TEST "))
		test_line(e, text, whole);
	judge_patterns(e, whole);
	if (!e->cut && banner_bit(e->line))
		decide_line(e, VERDICT_FAIL, "reset after the kernel's start",
			    e->line);
	judge_panic(e);
}

/* U-Boot and OpenSBI print theirs wherever the kernel left off. */
static void judge_firmware_crash(struct verdict_engine *e)
{
	const char *found = strstr(e->line, "Unhandled exception: ");

	if (!found)
		found = strstr(e->line, "sbi_trap_error: ");
	if (!found)
		return;
	if (e->state.stage >= STAGE_KERNEL)
		verdict_decide(e, VERDICT_PANIC, found);
	else
		decide_line(e, VERDICT_INFRA,
			    "firmware crashed before the kernel", found);
}

/* Judges what line holds; whole: its end is a line's end. */
static void judge_line(struct verdict_engine *e, bool whole)
{
	if (e->state.verdict != VERDICT_NONE)
		return;
	e->line[e->len] = '\0';
	if (e->state.stage >= STAGE_KERNEL)
		line_of_kernel(e, whole);
	else if (!e->cut)
		line_before_kernel(e, e->line);
	judge_firmware_crash(e);
}

static void line_end(struct verdict_engine *e)
{
	judge_line(e, true);
	e->len = 0;
	e->cut = e->guest = false;
}

/* Whether c belongs to a terminal sequence (colours) and is to be dropped. */
static bool escape_eats(struct verdict_engine *e, unsigned char c)
{
	switch (e->escape) {
	case ESCAPE_NONE:
		if (c != CONTROL_ESCAPE)
			return false;
		e->escape = ESCAPE_START;
		return true;
	case ESCAPE_START:
		if (c == CONTROL_ESCAPE)
			return true;
		e->escape = c == '[' ? ESCAPE_CSI : ESCAPE_NONE;
		/* "ESC 7" and the like are two bytes; a line end is none. */
		return c != '\n';
	case ESCAPE_CSI:
		if (c == CONTROL_ESCAPE)
			e->escape = ESCAPE_START;
		if (c == CONTROL_ESCAPE || (c >= 0x20 && c <= 0x3f))
			return true;
		e->escape = ESCAPE_NONE;
		return c >= 0x40 && c <= 0x7e;
	}
	return false;
}

static void feed_byte(struct verdict_engine *e, unsigned char c)
{
	if (escape_eats(e, c))
		return;
	if (c == '\n') {
		line_end(e);
		return;
	}
	if (c == '\r' || c == '\0')
		return;
	if (e->len == VERDICT_LINE_MAX) {
		judge_line(e, false);
		e->len = PIECE_OVERLAP;
		memmove(e->line, e->line + VERDICT_LINE_MAX - PIECE_OVERLAP,
			PIECE_OVERLAP);
		e->cut = true;
	}
	e->line[e->len++] = c;
}

void verdict_feed(struct verdict_engine *e, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;

	for (size_t i = 0; i < len && e->state.verdict == VERDICT_NONE; i++)
		feed_byte(e, p[i]);
	e->pause_new = true;
}

void verdict_pause(struct verdict_engine *e)
{
	if (!e->pause_new || e->len == 0 || e->state.verdict != VERDICT_NONE ||
	    e->state.stage < STAGE_KERNEL)
		return;
	e->pause_new = false;
	e->line[e->len] = '\0';
	judge_patterns(e, false);
}

void verdict_finish(struct verdict_engine *e)
{
	if (e->len > 0)
		line_end(e);
}
