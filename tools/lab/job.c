/*
 * The registry of jobs. A job that is over and watched by nobody lives in the
 * database alone. This file decides when a job may start and what becomes of
 * it after an attempt; attempt.c says how the attempt went.
 */
#include "tools/lab/job.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/lab/attempt.h"
#include "tools/lab/board.h"
#include "tools/lab/queue.h"
#include "tools/lab/store.h"

/*
 * Viewers are woken together, the later the more they are: 500 cost 25 wakes
 * a second, one sees every burst at once.
 */
#define WAKE_PER_VIEWER 80 /* microseconds */
#define WAKE_MAX	40000
#define RESTARTED	"daemon restarted"

static struct {
	const struct config *config;
	struct queue *queue;
	struct job *list;
	char log_dir[PATH_MAX];
	size_t viewers;
	int64_t began; /* loop_now() at the daemon's start */
	bool hold;
	bool stopping;
} jobs;

static struct job *job_find(int64_t id)
{
	for (struct job *j = jobs.list; j; j = j->next)
		if (j->row.id == id)
			return j;
	return NULL;
}

static void wake_viewers(void *arg)
{
	struct job *j = arg;

	j->last_wake = loop_now();
	for (struct job_viewer *v = j->viewers; v; v = v->next)
		v->wake(v->arg);
}

static struct job *job_add(const struct db_job *row)
{
	struct job *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->row = *row;
	j->log.fd = j->log.index_fd = -1;
	j->wake.fire = wake_viewers;
	j->wake.arg = j;
	j->next = jobs.list;
	jobs.list = j;
	return j;
}

/* Forgets a job that is over and unwatched. */
static void job_drop_if_idle(struct job *j)
{
	struct job **p = &jobs.list;

	if (j->refs > 0 || !job_over(j))
		return;
	while (*p != j)
		p = &(*p)->next;
	*p = j->next;
	loop_timer_cancel(&j->wake);
	logfile_close(&j->log);
	free(j);
}

struct job *job_get(int64_t id)
{
	struct job *j = job_find(id);
	struct db_job row;

	if (!j && db_job_load(id, &row) == 0)
		j = job_add(&row);
	if (j)
		j->refs++;
	return j;
}

void job_put(struct job *j)
{
	j->refs--;
	job_drop_if_idle(j);
}

int job_log_open(struct job *j)
{
	int err;

	if (j->log_open)
		return 0;
	err = logfile_open(&j->log, jobs.log_dir, j->row.id, !job_over(j));
	j->log_open = err == 0;
	return err;
}

void job_viewer_add(struct job *j, struct job_viewer *v)
{
	v->next = j->viewers;
	j->viewers = v;
	j->viewer_count++;
	jobs.viewers++;
}

void job_viewer_remove(struct job *j, struct job_viewer *v)
{
	struct job_viewer **p = &j->viewers;

	while (*p != v)
		p = &(*p)->next;
	*p = v->next;
	j->viewer_count--;
	jobs.viewers--;
}

size_t jobs_viewers(void)
{
	return jobs.viewers;
}

void jobs_wake_all(void)
{
	for (struct job *j = jobs.list; j; j = j->next)
		wake_viewers(j);
}

void job_changed(struct job *j)
{
	j->changes++;
	wake_viewers(j);
}

void job_log_grew(struct job *j)
{
	int64_t delay = j->viewer_count * WAKE_PER_VIEWER;

	if (j->wake.due)
		return;
	if (delay > WAKE_MAX)
		delay = WAKE_MAX;
	/* At once if the last time is long enough ago. */
	loop_timer_set(&j->wake, j->last_wake + delay - loop_now());
}

static int queue_job(const struct db_job *row, bool front)
{
	return queue_add(jobs.queue, row->id, row->params.user,
			 row->params.priority, row->params.board, front);
}

/* Everybody behind has moved: the waiting see their new place. */
static void positions_changed(void)
{
	for (struct job *j = jobs.list; j; j = j->next)
		if (j->row.state == JOB_QUEUED && j->viewers)
			job_changed(j);
}

static bool board_exists(const char *name)
{
	return config_board_find(jobs.config, name) != NULL;
}

bool job_admit(const char *user, const char *board, int64_t bytes,
	       struct job_refusal *why)
{
	const struct config *c = jobs.config;

	if (board[0] && !board_exists(board))
		*why = (struct job_refusal){422, "no such board"};
	else if (store_disk_low())
		*why = (struct job_refusal){507,
					    "the lab's disk is nearly "
					    "full"};
	else if (queue_length(jobs.queue) >= (size_t)c->queue_max)
		*why = (struct job_refusal){429, "the queue is full"};
	else if (queue_user_length(jobs.queue, user) >= (size_t)c->user_jobs)
		*why = (struct job_refusal){429,
					    "you have too many waiting "
					    "jobs"};
	else if (db_user_bytes(user) + bytes > c->user_bytes)
		*why = (struct job_refusal){429,
					    "your waiting jobs and uploads "
					    "are too large together"};
	else
		return true;
	return false;
}

/* It is in the database already, but nobody was told of it. */
static void submit_failed(struct job *j, int64_t id)
{
	struct db_end end = {.verdict = VERDICT_INFRA,
			     .reason = "its log could not be made",
			     .next = JOB_DONE,
			     .at = loop_wall()};

	queue_remove(jobs.queue, id);
	db_job_close(id, &end);
	if (!j)
		return;
	j->row.state = JOB_DONE;
	job_drop_if_idle(j);
}

int job_submit(struct db_job *row)
{
	struct job *j;

	row->created = loop_wall();
	if (!row->params.timeout)
		row->params.timeout = jobs.config->timeout;
	if (!row->params.silence)
		row->params.silence = jobs.config->silence;
	if (db_job_insert(row))
		return -EIO;
	j = job_add(row);
	if (!j || queue_job(row, false) || job_log_open(j)) {
		submit_failed(j, row->id);
		return -EIO;
	}
	positions_changed();
	jobs_schedule();
	return 0;
}

/* From queued straight to its end. */
static void close_waiting(struct job *j, enum verdict v, const char *reason,
			  enum job_state next)
{
	struct db_end end = {.verdict = v,
			     .reason = reason,
			     .next = next,
			     .at = loop_wall(),
			     .log_size = j->log_open ? j->log.size : 0};

	queue_remove(jobs.queue, j->row.id);
	db_job_close(j->row.id, &end);
	db_job_load(j->row.id, &j->row);
	job_changed(j);
	positions_changed();
	job_drop_if_idle(j);
}

int job_cancel(struct job *j)
{
	int err;

	if (job_over(j))
		return -ESRCH;
	if (j->attempt) {
		err = attempt_cancel(j->attempt);
		/* Infra that is tried again is no verdict of the job's. */
		if (j->row.state != JOB_QUEUED)
			return err;
	}
	close_waiting(j, VERDICT_NONE, "cancelled", JOB_CANCELLED);
	return 0;
}

/* What becomes of a job whose attempt ended with v. */
static enum job_state state_after(const struct db_job *row, enum verdict v)
{
	if (v == VERDICT_NONE)
		return JOB_CANCELLED;
	/* Infra trouble is retried once. */
	return v == VERDICT_INFRA && row->infra == 0 ? JOB_QUEUED : JOB_DONE;
}

void job_attempt_over(struct job *j, const struct db_end *how)
{
	struct db_end end = *how;

	end.next = state_after(&j->row, end.verdict);
	/* Another run would find the same file. */
	if (j->damaged && end.next == JOB_QUEUED)
		end.next = JOB_DONE;
	j->attempt = NULL;
	j->writer[0] = '\0';
	db_attempt_end(j->row.id, j->row.attempts, &end);
	db_job_load(j->row.id, &j->row);
	if (end.next == JOB_QUEUED)
		queue_job(&j->row, true);
	job_changed(j);
	positions_changed();
	job_drop_if_idle(j);
}

static void start_on(struct board *b, int64_t id)
{
	struct job *j = job_find(id);

	j->row.attempts++;
	db_attempt_begin(id, j->row.attempts, board_config(b)->name,
			 j->log.size, loop_wall());
	db_job_load(id, &j->row);
	j->attempt = attempt_start(j, b);
	job_changed(j);
	positions_changed();
}

static bool board_fits(const struct board *b, const struct job *j)
{
	const char *wanted = j->row.params.board;

	return !wanted[0] || strcmp(wanted, board_config(b)->name) == 0;
}

/* Where it is likely to be infra, once more. */
static bool board_is_poor_for(const struct board *b, const struct job *j)
{
	return board_doubtful(b) ||
		(j->row.infra > 0 &&
		 strcmp(j->row.board, board_config(b)->name) == 0);
}

/* For queue_pick(): not on a poor board while a better one is up, if busy. */
static bool may_run_on(void *arg, int64_t id)
{
	const struct board *b = arg;
	const struct job *j = job_find(id);

	if (!board_is_poor_for(b, j))
		return true;
	for (size_t i = 0; i < boards_count(); i++) {
		const struct board *other = board_at(i);

		if (board_up(other) && board_fits(other, j) &&
		    !board_is_poor_for(other, j))
			return false;
	}
	return true;
}

void jobs_schedule(void)
{
	/* Every board is off before anything starts. */
	if (jobs.hold || jobs.stopping || !boards_settled())
		return;
	for (size_t i = 0; i < boards_count(); i++) {
		struct board *b = board_at(i);
		int64_t id;

		if (!board_available(b))
			continue;
		id = queue_pick(jobs.queue, board_config(b)->name, may_run_on,
				b);
		if (id)
			start_on(b, id);
	}
}

void jobs_hold(bool hold)
{
	jobs.hold = hold;
	if (!hold)
		jobs_schedule();
}

size_t job_position(const struct job *j)
{
	return j->row.state == JOB_QUEUED
		? queue_position(jobs.queue, j->row.id)
		: 0;
}

double job_eta(const struct job *j)
{
	size_t up = 0, position = job_position(j);
	int64_t mean = db_mean_duration();
	struct board_status s;

	for (size_t i = 0; i < boards_count(); i++) {
		board_status(board_at(i), &s);
		up += s.state != BOARD_DOWN &&
			(!j->row.params.board[0] ||
			 strcmp(j->row.params.board, s.config->name) == 0);
	}
	if (!position || !up || !mean)
		return -1;
	return (double)mean / 1e6 * (double)position / (double)up;
}

size_t jobs_queued(void)
{
	return queue_length(jobs.queue);
}

/* How long something lasts that nobody could have mended without a daemon. */
static int64_t waited_since(int64_t wall)
{
	int64_t age = loop_wall() - wall, ours = loop_now() - jobs.began;

	return age < ours ? age : ours;
}

/* The board that keeps a job waiting: all fitting ones are down that long. */
static const struct board *hopeless(const struct job *j)
{
	const struct board *found = NULL;

	for (size_t i = 0; i < boards_count(); i++) {
		const struct board *b = board_at(i);
		int64_t since = board_down_since(b);

		if (!board_fits(b, j))
			continue;
		if (!since || waited_since(since) < jobs.config->board_wait)
			return NULL;
		found = b;
	}
	return found;
}

static void expire_one(struct job *j)
{
	char why[VERDICT_REASON_MAX];
	const struct board *b;
	struct board_status s;

	if (waited_since(j->row.created) > jobs.config->queue_timeout) {
		close_waiting(j, VERDICT_INFRA, "no board was free in time",
			      JOB_DONE);
		return;
	}
	if (j->row.params.board[0] && !board_exists(j->row.params.board)) {
		close_waiting(j, VERDICT_INFRA,
			      "its board is not in the lab any more", JOB_DONE);
		return;
	}
	b = hopeless(j);
	if (!b)
		return;
	board_status(b, &s);
	snprintf(why, sizeof(why), "board %s is down: %.160s", s.config->name,
		 s.problem ? s.problem : "");
	close_waiting(j, VERDICT_INFRA, why, JOB_DONE);
}

void jobs_expire(void)
{
	struct job *next;

	/* What is known of a board may be older than its repair. */
	if (!boards_settled())
		return;
	for (struct job *j = jobs.list; j; j = next) {
		next = j->next;
		if (j->row.state == JOB_QUEUED)
			expire_one(j);
	}
}

void jobs_each(void (*each)(void *arg, struct job *j), void *arg)
{
	struct job *next;

	for (struct job *j = jobs.list; j; j = next) {
		next = j->next;
		each(arg, j);
	}
}

static void end_interrupted(void *arg, const struct db_attempt *a)
{
	struct db_end end = {.verdict = VERDICT_INFRA,
			     .reason = RESTARTED,
			     .stage = a->stage,
			     .at = loop_wall()};
	struct logfile log;
	struct db_job row;

	(void)arg;
	if (db_job_load(a->job, &row))
		return;
	if (logfile_open(&log, jobs.log_dir, a->job, true) == 0) {
		end.log_size = log.size;
		logfile_close(&log);
	}
	end.next = state_after(&row, VERDICT_INFRA);
	db_attempt_end(a->job, a->n, &end);
}

static void load_waiting(void *arg, const struct db_job *row)
{
	struct job *j = job_add(row);
	int *err = arg;

	if (!j || queue_job(row, row->attempts > 0)) {
		*err = -ENOMEM;
		return;
	}
	job_log_open(j);
	j->inherited = true;
}

/* One job's files are no reason for the others to wait. */
static void end_without_log(void *arg, struct job *j)
{
	(void)arg;
	if (!j->log_open)
		close_waiting(j, VERDICT_INFRA, "its log cannot be opened",
			      JOB_DONE);
}

int jobs_init(const struct config *c)
{
	struct db_filter waiting = {.state = JOB_QUEUED, .oldest_first = true};
	int err = 0;

	jobs.config = c;
	jobs.began = loop_now();
	snprintf(jobs.log_dir, sizeof(jobs.log_dir), "%s/logs", c->state);
	jobs.queue = queue_new();
	if (!jobs.queue)
		return -ENOMEM;
	db_interrupted(end_interrupted, NULL);
	db_jobs(&waiting, load_waiting, &err);
	jobs_each(end_without_log, NULL);
	return err;
}

static void stop_one(void *arg, struct job *j)
{
	(void)arg;
	if (j->attempt)
		attempt_infra(j->attempt, RESTARTED);
}

void jobs_stop(void)
{
	jobs.stopping = true;
	jobs_each(stop_one, NULL);
}
