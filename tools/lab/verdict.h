/* What a console says about a run: bytes in, stages and a verdict out. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/lab/pattern.h"

#define VERDICT_PATTERNS_MAX 8
#define VERDICT_PATTERN_MAX  PATTERN_TEXT_MAX
#define VERDICT_REASON_MAX   240
#define VERDICT_LINE_MAX     4096
#define VERDICT_NONCE_MAX    32

enum verdict {
	VERDICT_NONE,
	VERDICT_PASS,
	VERDICT_FAIL,
	VERDICT_PANIC,
	VERDICT_TIMEOUT,
	VERDICT_INFRA,
};

/* In the order in which a run passes them. */
enum stage {
	STAGE_QUEUED,
	STAGE_POWER,
	STAGE_FIRMWARE,
	STAGE_UBOOT,
	STAGE_DHCP,
	STAGE_TFTP,
	STAGE_KERNEL,
	STAGE_VERDICT,
	STAGE_OVER,
};

/* "pass", "fail", ...; NULL for VERDICT_NONE. */
const char *verdict_name(enum verdict v);
/* VERDICT_NONE for an unknown name. */
enum verdict verdict_from_name(const char *name);
const char *stage_name(enum stage s);

/*
 * How to judge. Patterns (pattern.h) are matched on single lines without
 * colour sequences. Without pass patterns Aloft's TEST
 * lines decide. With some, every one of them must have matched.
 */
struct verdict_rules {
	const char *pass[VERDICT_PATTERNS_MAX];
	size_t pass_count;
	const char *fail[VERDICT_PATTERNS_MAX];
	size_t fail_count;
	const char *nonce; /* what this run's boot script prints */
};

/* Where the run is; to be read after every call below. */
struct verdict_state {
	enum stage stage;
	unsigned seen; /* bit 1 << stage for every stage passed */
	enum verdict verdict;
	char reason[VERDICT_REASON_MAX]; /* printable ASCII */
};

struct verdict_engine;

/* NULL: no memory, or a pattern that pattern_new() refuses. */
struct verdict_engine *verdict_new(const struct verdict_rules *rules);
void verdict_free(struct verdict_engine *e);
const struct verdict_state *verdict_state(const struct verdict_engine *e);

/* Console bytes, however cut: the result depends only on their sequence. */
void verdict_feed(struct verdict_engine *e, const void *bytes, size_t len);
/*
 * The console has paused: judges an unfinished line (a prompt) by the pass and
 * fail patterns; `$` does not match at its end.
 */
void verdict_pause(struct verdict_engine *e);
/* Nothing more will come: an unfinished last line is judged as a line. */
void verdict_finish(struct verdict_engine *e);

/*
 * A verdict that does not come from the console (time, power, relay). Kept
 * only if there is none yet.
 */
void verdict_decide(struct verdict_engine *e, enum verdict v,
		    const char *reason);
/* A stage that something else than the console reported. */
void verdict_stage(struct verdict_engine *e, enum stage s);
