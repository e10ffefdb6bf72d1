/*
 * The walk of an attempt: the board is proven off, its files are put in place,
 * power comes on, and from then on console bytes go to the log and to the
 * verdict engine, whose stages are written down as they are seen. Deadlines
 * run beside it. However it ends, there is one way out, finish(), and behind
 * it the board is switched off.
 */
#include "tools/lab/attempt.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/lab/netboot.h"
#include "tools/lab/store.h"

#define PAUSE_DELAY 200000 /* a prompt is judged after this much quiet */
#define QUIET_DELAY 300000 /* the linger ends after this much quiet */

struct attempt {
	struct job *job;
	struct board *board;
	struct board_user user;
	struct verdict_engine *engine;
	unsigned stages; /* written down already, bit per stage */
	int64_t power_at;
	int64_t last_byte;
	int64_t off_by; /* the board has to be off and on by then */
	int64_t log_start;
	bool lingering;
	bool blameless; /* if infra, then by no fault of the board's */
	bool released;	/* finish() ran: freed at the next turn */
	int64_t linger_end;
	struct loop_timer timer; /* the next deadline, whichever it is */
	struct loop_timer pause;
	struct store_check *check; /* of the file'th file */
	size_t file;
	struct loop_timer check_turn;
};

static struct {
	const struct config *config;
} attempts;

static void check_deadlines(void *arg);

void attempts_init(const struct config *c)
{
	attempts.config = c;
}

static const struct config_board *config_of(const struct attempt *a)
{
	return board_config(a->board);
}

static void attempt_free(void *arg)
{
	struct attempt *a = arg;

	store_check_end(a->check);
	verdict_free(a->engine);
	free(a);
}

/* The one way out. v NONE: cancelled. */
static void finish(struct attempt *a, enum verdict v, const char *reason)
{
	struct db_end end = {.verdict = v,
			     .reason = reason,
			     .stage = attempt_stage(a),
			     .at = loop_wall(),
			     .log_size = a->job->log.size};

	if (a->released)
		return;
	a->released = true;
	loop_timer_cancel(&a->timer);
	loop_timer_cancel(&a->pause);
	loop_timer_cancel(&a->check_turn);
	if (v != VERDICT_NONE && !(a->stages & 1u << STAGE_VERDICT))
		db_stage_add(a->job->row.id, a->job->row.attempts,
			     STAGE_VERDICT, loop_wall());
	job_attempt_over(a->job, &end);
	board_release(a->board, v == VERDICT_INFRA ? reason : NULL,
		      !a->blameless);
	/* Callers up the stack still hold it. */
	a->timer.fire = attempt_free;
	loop_timer_set(&a->timer, 0);
}

static void finish_decided(struct attempt *a)
{
	const struct verdict_state *s = verdict_state(a->engine);

	finish(a, s->verdict, s->reason);
}

static void stage_note(struct attempt *a, enum stage s)
{
	if (a->stages & 1u << s)
		return;
	a->stages |= 1u << s;
	db_stage_add(a->job->row.id, a->job->row.attempts, s, loop_wall());
	a->job->row.stage = s;
	if (s == STAGE_KERNEL)
		a->job->row.state = JOB_RUNNING;
	job_changed(a->job);
}

/* Writes down what the engine has newly seen; true when it has decided. */
static bool sync_engine(struct attempt *a)
{
	const struct verdict_state *s = verdict_state(a->engine);

	for (enum stage st = STAGE_POWER; st <= STAGE_KERNEL; st++)
		if (s->seen & 1u << st)
			stage_note(a, st);
	return s->verdict != VERDICT_NONE;
}

/* The verdict is there: the board may still print its backtrace. */
static void linger(struct attempt *a)
{
	if (a->lingering)
		return;
	a->lingering = true;
	a->linger_end = loop_now() + config_of(a)->linger;
	stage_note(a, STAGE_VERDICT);
	check_deadlines(a);
}

static void decide(struct attempt *a, enum verdict v, const char *reason)
{
	verdict_decide(a->engine, v, reason);
	linger(a);
}

static int64_t min_time(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void check_linger(struct attempt *a, int64_t now)
{
	int64_t quiet =
		a->last_byte + min_time(QUIET_DELAY, config_of(a)->linger);
	int64_t end = min_time(quiet, a->linger_end);

	if (now >= end)
		finish_decided(a);
	else
		loop_timer_set(&a->timer, end - now);
}

/* Before the kernel: whatever takes too long is the lab's fault. */
static void check_boot(struct attempt *a, int64_t now)
{
	int64_t own = a->job->row.params.timeout;
	int64_t limit = min_time(own, config_of(a)->boot_timeout);
	int64_t end = a->power_at ? a->power_at + limit : a->off_by;
	char why[VERDICT_REASON_MAX];

	if (now < end) {
		loop_timer_set(&a->timer, end - now);
		return;
	}
	a->blameless = a->power_at && own < config_of(a)->boot_timeout;
	if (a->power_at)
		snprintf(why, sizeof(why),
			 "no kernel within %s of %g s, last stage %s",
			 limit == own ? "the job's timeout" : "boot_timeout",
			 (double)limit / 1e6, stage_name(attempt_stage(a)));
	else
		snprintf(why, sizeof(why), "the board was not ready in time");
	finish(a, VERDICT_INFRA, why);
}

static void check_run(struct attempt *a, int64_t now)
{
	const struct params *p = &a->job->row.params;
	int64_t end = a->power_at + p->timeout;
	int64_t silent = a->last_byte + p->silence;
	char why[VERDICT_REASON_MAX];

	if (now >= end) {
		snprintf(why, sizeof(why), "time limit of %g s reached",
			 (double)p->timeout / 1e6);
		decide(a, VERDICT_TIMEOUT, why);
	} else if (now >= silent) {
		snprintf(why, sizeof(why), "silent for %g s",
			 (double)p->silence / 1e6);
		decide(a, VERDICT_TIMEOUT, why);
	} else {
		loop_timer_set(&a->timer, min_time(end, silent) - now);
	}
}

/* The timer is not moved by every byte: it looks again when it fires. */
static void check_deadlines(void *arg)
{
	struct attempt *a = arg;
	int64_t now = loop_polled();

	if (a->released)
		return;
	if (a->lingering)
		check_linger(a, now);
	else if (attempt_stage(a) >= STAGE_KERNEL)
		check_run(a, now);
	else
		check_boot(a, now);
}

static void on_pause(void *arg)
{
	struct attempt *a = arg;

	verdict_pause(a->engine);
	if (sync_engine(a))
		linger(a);
}

static const char *engine_make(struct attempt *a, const char *nonce)
{
	struct verdict_rules rules = {.nonce = nonce};
	const struct params *p = &a->job->row.params;

	for (size_t i = 0; i < p->pass_count; i++)
		rules.pass[rules.pass_count++] = p->pass[i];
	for (size_t i = 0; i < p->fail_count; i++)
		rules.fail[rules.fail_count++] = p->fail[i];
	verdict_free(a->engine);
	a->engine = verdict_new(&rules);
	return a->engine ? NULL : "the job's patterns cannot be used";
}

/* The board is off and the files are good: that may have taken a while. */
static void boot(struct attempt *a)
{
	const char *why = board_console_problem(a->board);
	char nonce[17];
	uint8_t random[8];

	randombytes_buf(random, sizeof(random));
	sodium_bin2hex(nonce, sizeof(nonce), random, sizeof(random));
	if (!why)
		why = netboot_problem(config_of(a));
	if (!why) {
		why = engine_make(a, nonce);
		a->blameless = why != NULL;
	}
	if (!why)
		why = netboot_prepare(config_of(a), &a->job->row, nonce);
	if (why)
		finish(a, VERDICT_INFRA, why);
	else
		board_power_on(a->board);
}

/*
 * The daemon before this one may have ended with the machine's power: what it
 * took is read once, in turns with all else there is to do.
 */
static void check_files(void *arg)
{
	static const char *const damaged[] = {
		"the image is damaged in the store",
		"the initrd is damaged in the store",
		"the device tree is damaged in the store",
	};
	struct attempt *a = arg;
	struct db_job *row = &a->job->row;
	const char *const hashes[] = {row->image.hash, row->initrd.hash,
				      row->dtb.hash};
	int err = -EAGAIN;

	if (a->check) {
		err = store_check_step(a->check);
	} else if (a->file == sizeof(damaged) / sizeof(damaged[0])) {
		a->job->inherited = false;
		boot(a);
		return;
	} else if (!hashes[a->file][0] ||
		   store_check_begin(hashes[a->file], &a->check)) {
		err = 0; /* there is none; boot() misses what should be */
	}
	if (err == -EBADMSG) {
		a->job->damaged = true;
		a->blameless = true;
		finish(a, VERDICT_INFRA, damaged[a->file]);
		return;
	}
	if (err == 0) {
		store_check_end(a->check);
		a->check = NULL;
		a->file++;
	}
	a->off_by = loop_now() + 4 * config_of(a)->power_timeout;
	loop_timer_set(&a->check_turn, 0);
}

static void on_off(void *arg)
{
	struct attempt *a = arg;

	if (a->job->inherited)
		check_files(a);
	else
		boot(a);
}

/* Power is on: the relay says so, or the board already talks. */
static void powered(struct attempt *a)
{
	if (a->power_at)
		return;
	a->power_at = a->last_byte = loop_now();
	verdict_stage(a->engine, STAGE_POWER);
	sync_engine(a);
	check_deadlines(a);
}

static void on_on(void *arg)
{
	powered(arg);
}

/* Nothing more can be logged: with the verdict that is there, or this one. */
static void log_ends(struct attempt *a, enum verdict v, const char *why)
{
	sync_engine(a);
	verdict_decide(a->engine, v, why);
	finish_decided(a);
}

/*
 * Logs what still fits under the cap, which every attempt has to itself; false
 * when the attempt is over.
 */
static bool log_bytes(struct attempt *a, const void *bytes, size_t len)
{
	struct job *j = a->job;
	int64_t room = attempts.config->log_max - (j->log.size - a->log_start);
	size_t take = (int64_t)len < room ? len : (size_t)room;
	int err = take ? logfile_append(&j->log, bytes, take, loop_wall()) : 0;

	if (err) {
		a->blameless = !a->lingering;
		log_ends(a, VERDICT_INFRA, "the log cannot be written");
		return false;
	}
	job_log_grew(j);
	if (take == len)
		return true;
	if (attempt_stage(a) >= STAGE_KERNEL)
		log_ends(a, VERDICT_FAIL, "log limit");
	else
		log_ends(a, VERDICT_INFRA,
			 "log limit reached before the kernel's start");
	return false;
}

static void on_bytes(void *arg, const void *bytes, size_t len)
{
	struct attempt *a = arg;
	enum stage before;

	if (a->released)
		return;
	powered(a);
	a->last_byte = loop_now();
	before = attempt_stage(a);
	verdict_feed(a->engine, bytes, len);
	if (!log_bytes(a, bytes, len))
		return;
	if (sync_engine(a))
		linger(a);
	else if (attempt_stage(a) != before && before < STAGE_KERNEL)
		check_deadlines(a);
	if (!a->released)
		loop_timer_set(&a->pause, PAUSE_DELAY);
}

/* The emulator ended by itself: was there a result before? */
static void self_off(struct attempt *a, const char *why)
{
	verdict_finish(a->engine);
	sync_engine(a);
	if (why)
		verdict_decide(a->engine, VERDICT_INFRA, why);
	else if (attempt_stage(a) < STAGE_KERNEL)
		verdict_decide(a->engine, VERDICT_INFRA,
			       "the board went off before the kernel's start");
	else
		verdict_decide(a->engine, VERDICT_FAIL,
			       "the board powered itself off before any "
			       "result");
	finish_decided(a);
}

static void on_lost(void *arg, const char *why, bool off)
{
	struct attempt *a = arg;

	if (a->released)
		return;
	if (off && a->engine)
		self_off(a, why);
	else if (a->lingering)
		finish_decided(a);
	else
		finish(a, VERDICT_INFRA, why ? why : "the board was lost");
}

struct attempt *attempt_start(struct job *j, struct board *b)
{
	struct attempt *a = calloc(1, sizeof(*a));
	const struct config_board *c = board_config(b);

	if (!a)
		abort();
	a->job = j;
	a->board = b;
	a->user = (struct board_user){on_off, on_on, on_bytes, on_lost, a};
	a->timer.fire = check_deadlines;
	a->timer.arg = a;
	a->pause.fire = on_pause;
	a->pause.arg = a;
	a->check_turn.fire = check_files;
	a->check_turn.arg = a;
	a->log_start = j->log.size;
	a->off_by = loop_now() + c->dwell + 4 * c->power_timeout;
	loop_timer_set(&a->timer, a->off_by - loop_now());
	board_take(b, &a->user);
	return a;
}

int attempt_cancel(struct attempt *a)
{
	if (a->lingering) {
		finish_decided(a);
		return -ESRCH;
	}
	finish(a, VERDICT_NONE, "cancelled");
	return 0;
}

void attempt_infra(struct attempt *a, const char *reason)
{
	if (a->lingering) {
		finish_decided(a);
		return;
	}
	a->blameless = true;
	finish(a, VERDICT_INFRA, reason);
}

int attempt_write(struct attempt *a, const void *bytes, size_t len)
{
	if (attempt_stage(a) < STAGE_KERNEL || a->lingering || a->released)
		return -EPERM;
	return board_write(a->board, bytes, len);
}

void attempt_network_seen(struct attempt *a, enum stage s)
{
	if (a->released || !a->power_at || a->lingering ||
	    attempt_stage(a) >= STAGE_KERNEL)
		return;
	if (s == STAGE_QUEUED) {
		finish(a, VERDICT_INFRA, "the DHCP and TFTP server died");
		return;
	}
	verdict_stage(a->engine, s);
	sync_engine(a);
}

enum stage attempt_stage(const struct attempt *a)
{
	return a->engine ? verdict_state(a->engine)->stage : STAGE_QUEUED;
}
