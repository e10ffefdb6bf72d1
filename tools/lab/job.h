/* The jobs in memory: those waiting or running, and those being watched. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/lab/config.h"
#include "tools/lab/db.h"
#include "tools/lab/logfile.h"
#include "tools/lab/loop.h"

#define JOB_WRITER_MAX 64

struct attempt;

/* Somebody watching a job; wake() is called when there is more to see. */
struct job_viewer {
	struct job_viewer *next;
	void (*wake)(void *arg);
	void *arg;
};

struct job {
	struct db_job row; /* as in the database */
	struct logfile log;
	bool log_open;
	bool inherited; /* of another daemon; its files are not checked yet */
	bool damaged;	/* they were, and no run can use them */
	struct attempt *attempt; /* NULL unless active */
	unsigned changes;	 /* counts what event: state tells */
	char writer[JOB_WRITER_MAX + 1];
	struct job_viewer *viewers;
	size_t viewer_count;
	int refs;
	int64_t last_wake;
	struct loop_timer wake;
	struct job *next;
};

/* Why a job cannot be taken; the text is for the user. */
struct job_refusal {
	int status; /* HTTP: 422, 429, 507 */
	const char *why;
};

/*
 * Reads the database: ends what a crash interrupted ("infra: daemon
 * restarted"; once per job it goes back to the queue) and queues what waits.
 * Returns 0 or -errno.
 */
int jobs_init(const struct config *c);
/* Ends running attempts in the same way; for an orderly stop. */
void jobs_stop(void);

/*
 * Whether user may submit `bytes` more now. Returns true, or false with why.
 */
bool job_admit(const char *user, const char *board, int64_t bytes,
	       struct job_refusal *why);
/* Stores and queues a job whose row is filled in. Returns 0 or -EIO. */
int job_submit(struct db_job *row);
/* 0; -ESRCH: it is over, or has its verdict and is over now. */
int job_cancel(struct job *j);

/* A job by id with a reference to be given back; NULL: no such job. */
struct job *job_get(int64_t id);
void job_put(struct job *j);

static inline bool job_over(const struct job *j)
{
	return j->row.state >= JOB_DONE;
}

/* Opens the log to read or write as fits the state. 0 or -errno. */
int job_log_open(struct job *j);

void job_viewer_add(struct job *j, struct job_viewer *v);
void job_viewer_remove(struct job *j, struct job_viewer *v);
/* All viewers of all jobs. */
size_t jobs_viewers(void);
/* Wakes every viewer of every job: heartbeat, and the daemon's end. */
void jobs_wake_all(void);

/* What can be seen of j has changed: viewers get event: state. */
void job_changed(struct job *j);
/* Its log has grown: viewers are woken soon, together. */
void job_log_grew(struct job *j);

/*
 * The attempt is over. Writes it down with end, which says what becomes of
 * the job, and queues it again for a retry.
 */
void job_attempt_over(struct job *j, const struct db_end *end);

/* Gives free boards jobs. Called whenever either may have come. */
void jobs_schedule(void);
/* Stops and resumes starting jobs (disk). */
void jobs_hold(bool hold);

/* 1 = next, 0 = not waiting; seconds until the start, < 0 = unknown. */
size_t job_position(const struct job *j);
double job_eta(const struct job *j);
size_t jobs_queued(void);

/*
 * Ends jobs that waited too long, by the deadlines of the configuration. Only
 * this daemon's time counts, and none before every board was tried.
 */
void jobs_expire(void);

/* Calls each() for every job in memory. */
void jobs_each(void (*each)(void *arg, struct job *j), void *arg);
