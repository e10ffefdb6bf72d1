/*
 * The verdict engine against recorded consoles (test/lab/corpus, made by
 * test/lab/record.py): as they are, and mutated by a seeded choice of what
 * serial lines and kernels do to a log. Beside it stands another reading of
 * contract.md, which has the whole text, looks for the first line of each
 * kind, and takes the earliest; it shares no code with the engine. No log may
 * pass that it does not pass, and they must agree on the verdict.
 *
 * Sources: tools/lab/verdict.c tools/lab/pattern.c
 */
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test/host/random.h"
#include "tools/lab/verdict.h"

#define CORPUS	  "test/lab/corpus/"
#define LOGS_MAX  48
#define TEXT_MAX  (192 << 10)
#define LINES_MAX 8192
#define ROUNDS	  12000

/* A line of the index, and the log it tells of. */
struct recorded {
	char name[32];
	char nonce[VERDICT_NONCE_MAX]; /* "-": the log has none */
	bool by_console; /* else the console alone decides nothing */
	enum verdict verdict;
	char stage[16];
	char pass[64]; /* "-": Aloft's TEST lines decide */
	char reason[VERDICT_REASON_MAX];
	char *text;
	size_t len;
};

struct text {
	char data[TEXT_MAX];
	size_t len;
};

static struct {
	struct recorded logs[LOGS_MAX];
	size_t count;
	uint64_t random;
} corpus;

/* --- the corpus -------------------------------------------------------- */

static void log_load(struct recorded *r)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), CORPUS "%s.log", r->name);
	f = fopen(path, "rb");
	assert_non_null(f);
	r->text = malloc(TEXT_MAX);
	assert_non_null(r->text);
	r->len = fread(r->text, 1, TEXT_MAX, f);
	assert_in_range(r->len, 1, 64 << 10);
	fclose(f);
}

static void index_line(struct recorded *r, const char *line)
{
	char by[16], verdict[16];

	assert_int_equal(sscanf(line,
				"%31[^\t]\t%31[^\t]\t%15[^\t]\t%15[^\t]\t"
				"%15[^\t]\t%63[^\t]\t%239[^\n]",
				r->name, r->nonce, by, verdict, r->stage,
				r->pass, r->reason),
			 7);
	r->by_console = strcmp(by, "console") == 0;
	r->verdict = verdict_from_name(verdict);
	assert_int_not_equal(r->verdict, VERDICT_NONE);
	log_load(r);
}

static int corpus_load(void **state)
{
	FILE *f = fopen(CORPUS "index", "r");
	char line[1024];

	(void)state;
	corpus.random = random_seed();
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (line[0] == '#')
			continue;
		assert_in_range(corpus.count, 0, LOGS_MAX - 1);
		index_line(&corpus.logs[corpus.count++], line);
	}
	fclose(f);
	return 0;
}

static int corpus_free(void **state)
{
	(void)state;
	for (size_t i = 0; i < corpus.count; i++)
		free(corpus.logs[i].text);
	return 0;
}

/* --- the other reading ------------------------------------------------- */

struct reading {
	enum verdict verdict;
	const char *stage;
	bool sure; /* no line is so long that the engine judges pieces */
};

/* The whole text as lines, without what terminals swallow. */
struct lines {
	char plain[TEXT_MAX + 1];
	const char *at[LINES_MAX];
	size_t count, longest;
};

enum kind {
	KIND_PASS_TEST,
	KIND_FAIL_TEST,
	KIND_END,
	KIND_BANNER,
	KIND_PANIC,
	KIND_PANIC_INSIDE,
	KIND_GUEST,
	KINDS
};

#define STAMPS "^(\\[[0-9. TC]+\\] *)*"
#define CRASH                                                           \
	"(panic: |Kernel panic - not syncing|---\\[ end Kernel "        \
	"panic|Oops($|[ :[-])|"                                         \
	"Internal error: Oops|Unable to handle kernel |kernel BUG at |" \
	"Kernel BUG|(watchdog: )?BUG: )"
static const char *const kind_patterns[KINDS] = {
	[KIND_PASS_TEST] = STAMPS "TEST [^ ]+ PASS( |$)",
	[KIND_FAIL_TEST] = STAMPS "TEST [^ ]+ FAIL( |$)",
	[KIND_END] = STAMPS "TEST end [0-9]{1,9} passed, [0-9]{1,9} failed$",
	[KIND_BANNER] = STAMPS "(OpenSBI v|U-Boot SPL 2|U-Boot 2)",
	[KIND_PANIC] = STAMPS CRASH,
	[KIND_PANIC_INSIDE] = "\\[ *[0-9]+\\.[0-9]{6}\\]( |\\[[0-9. TC]+\\]) *"
			      "(\\[[0-9. TC]+\\] *)*" CRASH,
	[KIND_GUEST] = "[A-Za-z0-9_-]\\| ",
};

static regex_t kind_regex[KINDS];

static bool is(enum kind k, const char *line)
{
	return regexec(&kind_regex[k], line, 0, NULL, 0) == 0;
}

/* The kernel's, at the begin or behind what no line's end came after. */
static bool is_panic(const char *line)
{
	regmatch_t at, guest;

	if (is(KIND_PANIC, line))
		return true;
	if (regexec(&kind_regex[KIND_PANIC_INSIDE], line, 1, &at, 0) != 0)
		return false;
	return regexec(&kind_regex[KIND_GUEST], line, 1, &guest, 0) != 0 ||
		guest.rm_so >= at.rm_so;
}

/* Which firmware's banner, by its length; 0: none. */
static size_t banner_of(const char *line)
{
	regmatch_t m[3];

	if (regexec(&kind_regex[KIND_BANNER], line, 3, m, 0) != 0)
		return 0;
	return m[2].rm_eo - m[2].rm_so;
}

static bool begins(const char *line, const char *with)
{
	return strncmp(line, with, strlen(with)) == 0;
}

static bool crash_of_firmware(const char *line)
{
	return strstr(line, "Unhandled exception: ") ||
		strstr(line, "sbi_trap_error: ");
}

/* Behind the sequence that begins at p with ESC. */
static const char *behind_escape(const char *p, const char *end)
{
	p++;
	if (p == end || *p == '\n' || *p == 0x1b)
		return p;
	if (*p++ != '[')
		return p;
	while (p < end && *p >= ' ' && *p <= '?')
		p++;
	return p < end && *p >= '@' && *p <= '~' ? p + 1 : p;
}

static void lines_cut(struct lines *l, const char *text, size_t len)
{
	const char *end = text + len;
	char *out = l->plain, *line = out;

	l->count = l->longest = 0;
	while (text < end) {
		char c = *text;

		text = c == 0x1b ? behind_escape(text, end) : text + 1;
		if (c != 0x1b && c != '\r' && c != '\0')
			*out++ = c;
	}
	*out = '\0';
	for (char *p = line; *p; p = line) {
		line = p + strcspn(p, "\n");
		if ((size_t)(line - p) > l->longest)
			l->longest = line - p;
		assert_in_range(l->count, 0, LINES_MAX - 1);
		l->at[l->count++] = p;
		if (*line)
			*line++ = '\0';
	}
}

/* Where the boot script's "lab: <nonce> <word>" stands first. */
static size_t script_says(const struct lines *l, size_t end, const char *nonce,
			  const char *word, bool whole)
{
	char want[96];

	snprintf(want, sizeof(want), "lab: %s %s", nonce, word);
	for (size_t i = 0; i < end; i++)
		if (whole ? strcmp(l->at[i], want) == 0
			  : begins(l->at[i], want))
			return i;
	return end;
}

/* First line of a banner that was there before, up to end. */
static size_t banner_twice(const struct lines *l, size_t end)
{
	for (size_t i = 0; i < end; i++)
		for (size_t j = 0; banner_of(l->at[i]) && j < i; j++)
			if (banner_of(l->at[j]) == banner_of(l->at[i]))
				return i;
	return end;
}

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t crash_in(const struct lines *l, size_t from, size_t end)
{
	while (from < end && !crash_of_firmware(l->at[from]))
		from++;
	return from;
}

static enum verdict read_boot(const struct lines *l, const char *nonce,
			      size_t start, bool entered, size_t *decided)
{
	size_t refused = script_says(l, start, nonce, "refused", true);
	size_t infra = min_size(banner_twice(l, start), crash_in(l, 0, start));

	infra = min_size(infra,
			 script_says(l, start, nonce, "tftp failed", false));
	*decided = min_size(infra, refused);
	if (*decided < start)
		return refused < infra ? VERDICT_FAIL : VERDICT_INFRA;
	/* Something was started that is not this job's. */
	return start < l->count && !entered ? VERDICT_INFRA : VERDICT_NONE;
}

/* Whether the end line at end adds up with the lines from..end. */
static bool adds_up(const struct lines *l, size_t from, size_t end)
{
	unsigned passed, failed, seen = 0;

	assert_int_equal(sscanf(strstr(l->at[end], "TEST end "),
				"TEST end %u passed, %u failed", &passed,
				&failed),
			 2);
	for (size_t i = from; i < end; i++) {
		if (is(KIND_FAIL_TEST, l->at[i]))
			return false;
		seen += is(KIND_PASS_TEST, l->at[i]);
	}
	return failed == 0 && seen == passed;
}

/* Where the pass rule is met, and where a result says it cannot be. */
static void read_results(const struct lines *l, size_t from, const char *pass,
			 size_t *met, size_t *missed)
{
	size_t i = from;
	regex_t r;

	*met = *missed = l->count;
	if (pass) {
		assert_int_equal(regcomp(&r, pass, REG_EXTENDED | REG_NOSUB),
				 0);
		while (i < l->count && regexec(&r, l->at[i], 0, NULL, 0) != 0)
			i++;
		regfree(&r);
		*met = i;
		return;
	}
	while (i < l->count && !is(KIND_END, l->at[i]))
		i++;
	if (i < l->count)
		*(adds_up(l, from, i) ? met : missed) = i;
}

static enum verdict read_run(const struct lines *l, size_t start,
			     const char *pass)
{
	size_t met, fail, panic = start + 1, banner = start + 1;

	read_results(l, start + 1, pass, &met, &fail);
	while (banner < l->count && !is(KIND_BANNER, l->at[banner]))
		banner++;
	while (panic < l->count && !is_panic(l->at[panic]))
		panic++;
	fail = min_size(fail, banner);
	panic = min_size(panic, crash_in(l, start, l->count));
	if (met < l->count && met <= fail && met <= panic)
		return VERDICT_PASS;
	if (fail < l->count && fail <= panic)
		return VERDICT_FAIL;
	return panic < l->count ? VERDICT_PANIC : VERDICT_NONE;
}

/* How far the lines up to last came before the kernel. */
static const char *read_stage(const struct lines *l, size_t last,
			      const char *nonce)
{
	static const char *const names[] = {"queued", "firmware", "uboot",
					    "dhcp", "tftp"};
	size_t stage = 0, s;
	char script[64];

	snprintf(script, sizeof(script), "lab: %s ", nonce);
	for (size_t i = 0; i < l->count && i <= last; i++) {
		const char *line = l->at[i];

		s = banner_of(line) == strlen("U-Boot 2")
			? 2
			: banner_of(line) != 0;
		if (begins(line, "DHCP client bound"))
			s = 3;
		if (begins(line, "TFTP from server") || begins(line, script))
			s = 4;
		if (s > stage)
			stage = s;
	}
	return names[stage];
}

static struct reading read_log(const char *text, size_t len, const char *nonce,
			       const char *pass)
{
	static struct lines l;
	struct reading r = {.sure = true};
	size_t start = 0, decided;
	bool entered;

	lines_cut(&l, text, len);
	r.sure = l.longest <= VERDICT_LINE_MAX;
	while (start < l.count && !begins(l.at[start], "Starting kernel ..."))
		start++;
	entered = start < l.count &&
		script_says(&l, start, nonce, "boot", true) < start;
	r.verdict = read_boot(&l, nonce, start, entered, &decided);
	r.stage = read_stage(&l, decided, nonce);
	if (r.verdict == VERDICT_NONE && entered) {
		r.stage = "kernel";
		r.verdict = read_run(&l, start, pass);
	}
	return r;
}

/* --- the engine -------------------------------------------------------- */

/*
 * Fed in random pieces, or whole (piece 0). Without pass patterns a pause in
 * between must change nothing.
 */
static struct verdict_state judge(const struct recorded *r, const char *text,
				  size_t len, size_t piece)
{
	bool has_pass = strcmp(r->pass, "-") != 0;
	struct verdict_rules rules = {
		.nonce = r->nonce, .pass = {r->pass}, .pass_count = has_pass};
	struct verdict_engine *e = verdict_new(&rules);
	struct verdict_state s;
	size_t n;

	assert_non_null(e);
	for (size_t i = 0; i < len; i += n) {
		n = piece ? 1 + random_below(&corpus.random, piece) : len;
		n = min_size(n, len - i);
		verdict_feed(e, text + i, n);
		if (piece && !has_pass && random_below(&corpus.random, 4) == 0)
			verdict_pause(e);
	}
	verdict_finish(e);
	s = *verdict_state(e);
	verdict_free(e);
	return s;
}

static const char *named(enum verdict v)
{
	return v == VERDICT_NONE ? "none" : verdict_name(v);
}

static struct reading read_recorded(const struct recorded *r, const char *text,
				    size_t len)
{
	return read_log(text, len, r->nonce,
			strcmp(r->pass, "-") ? r->pass : NULL);
}

static enum verdict check(const struct recorded *r, const struct text *t)
{
	struct verdict_state whole = judge(r, t->data, t->len, 0);
	struct verdict_state cut = judge(r, t->data, t->len, 300);
	struct reading want = read_recorded(r, t->data, t->len);
	bool agreed =
		whole.verdict != VERDICT_PASS || want.verdict == VERDICT_PASS;

	if (want.sure)
		agreed = whole.verdict == want.verdict &&
			strcmp(stage_name(whole.stage), want.stage) == 0;
	if (!agreed)
		print_error("of %s: %s at %s, but by the contract %s at %s\n"
			    "%.*s\n",
			    r->name, named(whole.verdict),
			    stage_name(whole.stage), named(want.verdict),
			    want.stage, (int)t->len, t->data);
	assert_true(agreed);
	assert_int_equal(cut.verdict, whole.verdict);
	assert_string_equal(cut.reason, whole.reason);
	return whole.verdict;
}

/* --- what happens to a log --------------------------------------------- */

static size_t below(size_t bound)
{
	return random_below(&corpus.random, bound);
}

/* Replaces n bytes at at, if there is room. */
static void replace(struct text *t, size_t at, size_t n, const char *with,
		    size_t len)
{
	n = min_size(n, t->len - at);
	if (t->len - n + len > TEXT_MAX)
		return;
	memmove(t->data + at + len, t->data + at + n, t->len - at - n);
	memcpy(t->data + at, with, len);
	t->len = t->len - n + len;
}

/* The line around a random byte: its begin, and its length with its end. */
static size_t some_line(const struct text *t, size_t *len)
{
	size_t at = below(t->len), end = at;

	while (at > 0 && t->data[at - 1] != '\n')
		at--;
	while (end < t->len && t->data[end] != '\n')
		end++;
	*len = end - at + (end < t->len);
	return at;
}

static void bytes_changed(struct text *t, const struct recorded *r)
{
	static const char likely[] = "0123456789TESPAFIL \n\r[]:\x1b|";

	(void)r;
	for (size_t n = 1 + below(4); n; n--)
		t->data[below(t->len)] = below(2)
			? (char)below(256)
			: likely[below(sizeof(likely) - 1)];
}

static void bytes_lost(struct text *t, const struct recorded *r)
{
	(void)r;
	replace(t, below(t->len), 1 + below(60), "", 0);
}

static void end_lost(struct text *t, const struct recorded *r)
{
	(void)r;
	t->len = 1 + below(t->len);
}

static void line_twice(struct text *t, const struct recorded *r)
{
	static char line[TEXT_MAX];
	size_t len, at = some_line(t, &len);

	(void)r;
	memcpy(line, t->data + at, len);
	replace(t, below(2) ? at : some_line(t, &at), 0, line, len);
}

static void lines_lost(struct text *t, const struct recorded *r)
{
	size_t len, at;

	(void)r;
	for (size_t n = 1 + below(8); n && t->len; n--) {
		at = some_line(t, &len);
		replace(t, at, len, "", 0);
	}
}

/* Another line between two, or in the middle of one. */
static void line_inserted(struct text *t, const struct recorded *r)
{
	static const char *const lines[] = {
		"panic: no reason",
		"[00001.000000] panic: with a stamp",
		"[    1.000000][    T1] Kernel panic - not syncing: x",
		"Oops [#1]",
		"login: [   12.345678] Kernel panic - not syncing: x",
		"..[   12.345678][    T1] Oops [#1]",
		"linux| login: [    1.000000] Kernel panic - not syncing: x",
		"[    1.000000] Kernel BUG [#1]",
		"[    2.0] U-Boot 2023.01",
		"Unable to handle kernel paging request",
		"Unhandled exception: Breakpoint",
		"sbi_trap_error: hart0: trap handler failed",
		"linux| [    1.0] Kernel panic - not syncing: a guest's",
		"OpenSBI v1.2",
		"U-Boot SPL 2021.10",
		"U-Boot 2023.01",
		"linux| U-Boot 2023.01",
		"TEST one PASS",
		"TEST two FAIL why",
		"TEST end 0 passed, 0 failed",
		"TEST end 2 passed, 0 failed",
		"TEST end 13 passed, 0 failed",
		"TEST end 1 passed, 1 failed",
		"linux| TEST end 0 passed, 0 failed",
		"INIT-OK uptime 1.00 cpus 1",
		"Starting kernel ...",
		"lab: 0123456789abcdef boot",
		"DHCP client bound to address 10.0.2.15 (1 ms)",
	};
	static const char *const words[] = {"boot", "refused", "tftp failed"};
	char line[128];
	size_t len, at = some_line(t, &len);

	if (below(8) == 0)
		snprintf(line, sizeof(line), "lab: %s %s\r\n", r->nonce,
			 words[below(3)]);
	else
		snprintf(line, sizeof(line), "%s%s",
			 lines[below(sizeof(lines) / sizeof(lines[0]))],
			 below(4) ? "\r\n" : "");
	replace(t, below(8) ? at : below(t->len), 0, line, strlen(line));
}

/* Colours, whole and torn. */
static void escape_inserted(struct text *t, const struct recorded *r)
{
	static const char *const escapes[] = {
		"\x1b[1;31m", "\x1b[0m", "\x1b[K",     "\x1b[3",
		"\x1b[",      "\x1b",	 "\x1b\x1b[m", "\x1b[1\x1b[0m",
	};
	const char *escape = escapes[below(sizeof(escapes) / sizeof(*escapes))];
	size_t len, at = some_line(t, &len);

	(void)r;
	replace(t, below(4) ? at : below(t->len), 0, escape, strlen(escape));
}

/* A kernel that prints without a line's end, about to where lines are cut. */
static void line_lengthened(struct text *t, const struct recorded *r)
{
	static char filler[VERDICT_LINE_MAX + 1];
	size_t n = sizeof(filler) - below(3) - 64 * below(2);
	size_t len, at = some_line(t, &len);

	(void)r;
	memset(filler, below(2) ? '.' : ' ', sizeof(filler));
	replace(t, at, 0, filler, n);
}

static void line_ends_changed(struct text *t, const struct recorded *r)
{
	static const char *const ends[] = {"\n", "\r\n", "\r\r\n", "\n\r"};
	static struct text old;
	const char *end = ends[below(4)];

	(void)r;
	old.len = t->len;
	memcpy(old.data, t->data, t->len);
	t->len = 0;
	for (size_t i = 0; i < old.len && t->len < TEXT_MAX - 3; i++) {
		if (old.data[i] == '\n') {
			memcpy(t->data + t->len, end, strlen(end));
			t->len += strlen(end);
		} else if (old.data[i] != '\r') {
			t->data[t->len++] = old.data[i];
		}
	}
}

/* This log up to somewhere, then another from somewhere on, as its own. */
static void spliced(struct text *t, const struct recorded *r)
{
	const struct recorded *other = &corpus.logs[below(corpus.count)];
	size_t from = below(other->len), at = below(t->len), len;
	char *found;

	if (below(2))
		at = some_line(t, &len);
	t->len = at;
	replace(t, at, 0, other->text + from, other->len - from);
	t->data[min_size(t->len, TEXT_MAX - 1)] = '\0';
	while (below(4) && (found = strstr(t->data, other->nonce)) &&
	       strlen(other->nonce) == strlen(r->nonce) && other != r)
		memcpy(found, r->nonce, strlen(r->nonce));
}

/* Most of what lies behind the kernel's start is missing. */
static void thinned(struct text *t, const struct recorded *r)
{
	static struct text old;
	size_t at = 0, n, keep = 1 + below(4);

	(void)r;
	old.len = t->len;
	memcpy(old.data, t->data, t->len);
	for (t->len = 0; at < old.len; at += n) {
		const char *line = old.data + at;
		const char *end = memchr(line, '\n', old.len - at);

		n = end ? (size_t)(end + 1 - line) : old.len - at;
		if (line[0] != '[' || below(8) < keep) {
			memcpy(t->data + t->len, line, n);
			t->len += n;
		}
	}
}

static void mutate(struct text *t, const struct recorded *r)
{
	static void (*const ways[])(struct text *, const struct recorded *) = {
		bytes_changed,	   bytes_lost,	    end_lost,
		line_twice,	   lines_lost,	    line_inserted,
		line_inserted,	   line_inserted,   escape_inserted,
		line_ends_changed, line_lengthened, spliced,
		thinned,
	};

	t->len = r->len;
	memcpy(t->data, r->text, r->len);
	for (size_t n = 1 + below(4); n && t->len; n--)
		ways[below(sizeof(ways) / sizeof(ways[0]))](t, r);
}

/* --- tests ------------------------------------------------------------- */

static void recorded_logs_are_judged_as_the_lab_did(void **state)
{
	bool met[VERDICT_INFRA + 1] = {false};

	(void)state;
	for (size_t i = 0; i < corpus.count; i++) {
		const struct recorded *r = &corpus.logs[i];
		struct verdict_state s = judge(r, r->text, r->len, 0);

		print_message("%s: %s\n", r->name, named(s.verdict));
		assert_string_equal(stage_name(s.stage), r->stage);
		assert_int_equal(s.verdict,
				 r->by_console ? r->verdict : VERDICT_NONE);
		if (r->by_console)
			assert_string_equal(s.reason, r->reason);
		met[r->verdict] = true;
	}
	for (enum verdict v = VERDICT_PASS; v <= VERDICT_INFRA; v++)
		assert_true(met[v]);
}

static void recorded_logs_read_as_the_lab_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < corpus.count; i++) {
		const struct recorded *r = &corpus.logs[i];
		struct reading got = read_recorded(r, r->text, r->len);

		assert_true(got.sure);
		assert_int_equal(got.verdict,
				 r->by_console ? r->verdict : VERDICT_NONE);
		assert_string_equal(got.stage, r->stage);
	}
}

static void mutated_logs_are_judged_by_the_contract(void **state)
{
	unsigned met[VERDICT_INFRA + 1] = {0};
	static struct text t;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		const struct recorded *r = &corpus.logs[below(corpus.count)];

		/* Most there is to get wrong about a pass. */
		while (round % 2 && r->verdict != VERDICT_PASS)
			r = &corpus.logs[below(corpus.count)];
		mutate(&t, r);
		met[check(r, &t)]++;
	}
	/* Else nothing was tried. */
	for (enum verdict v = VERDICT_NONE; v <= VERDICT_INFRA; v++) {
		print_message("%s: %u\n", named(v), met[v]);
		if (v != VERDICT_TIMEOUT)
			assert_in_range(met[v], ROUNDS / 50, ROUNDS);
	}
}

/* Any log with a result behind what ended the job. */
static void nothing_passes_behind_what_ends_the_job(void **state)
{
	static const char *const ends[] = {
		"panic: x\r\n",
		"[    1.0] Kernel panic - not syncing: x\r\n",
		"Unhandled exception: Breakpoint\r\n",
		"\r\nOpenSBI v1.1\r\n",
		"U-Boot 2023.01\r\n",
		"TEST one FAIL\r\nTEST end 0 passed, 1 failed\r\n",
	};
	size_t tried = 0;
	const size_t count = sizeof(ends) / sizeof(ends[0]);
	static struct text t;

	(void)state;
	for (size_t i = 0; i < corpus.count; i++) {
		const struct recorded *r = &corpus.logs[i];
		const char *start = strstr(r->text, "Starting kernel ...");

		if (!r->by_console || r->verdict != VERDICT_PASS)
			continue;
		/* With a pass pattern TEST lines are no result. */
		for (size_t k = 0; k < count - (r->pass[0] != '-'); k++) {
			size_t at = strchr(start, '\n') + 1 - r->text;

			t.len = r->len;
			memcpy(t.data, r->text, r->len);
			replace(&t, at, 0, ends[k], strlen(ends[k]));
			assert_int_not_equal(check(r, &t), VERDICT_PASS);
			tried++;
		}
	}
	assert_true(tried >= 3 * (count - 1));
}

static int kinds_compile(void **state)
{
	for (int k = 0; k < KINDS; k++)
		assert_int_equal(
			regcomp(&kind_regex[k], kind_patterns[k], REG_EXTENDED),
			0);
	return corpus_load(state);
}

static int kinds_free(void **state)
{
	for (int k = 0; k < KINDS; k++)
		regfree(&kind_regex[k]);
	return corpus_free(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_logs_are_judged_as_the_lab_did),
		cmocka_unit_test(recorded_logs_read_as_the_lab_judged),
		cmocka_unit_test(mutated_logs_are_judged_by_the_contract),
		cmocka_unit_test(nothing_passes_behind_what_ends_the_job),
	};

	return cmocka_run_group_tests(tests, kinds_compile, kinds_free);
}
