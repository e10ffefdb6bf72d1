/* What outlives the daemon: jobs, attempts, boards, tokens. Owns SQLite. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/lab/params.h"
#include "tools/lab/verdict.h"

#define DB_HASH_TEXT   65 /* 64 hex digits and NUL */
#define DB_PROBLEM_MAX 384

enum job_state {
	JOB_QUEUED,
	JOB_BOOTING,
	JOB_RUNNING,
	JOB_DONE,
	JOB_CANCELLED,
};

/* An uploaded file by the hash of its unpacked bytes; hash "" = none. */
struct db_blob {
	char hash[DB_HASH_TEXT];
	int64_t size;
};

/* A job's row. Times are microseconds since the epoch, 0 = not yet. */
struct db_job {
	int64_t id;
	struct params params;
	struct db_blob image, initrd, dtb;
	enum job_state state;
	enum verdict verdict;
	char reason[VERDICT_REASON_MAX];
	char board[PARAMS_BOARD_MAX]; /* where the last attempt runs or ran */
	enum stage stage;
	int attempts; /* begun so far */
	int infra;    /* of them, ended as infra */
	int64_t created, started, finished;
	int64_t log_size; /* known once it is over */
};

struct db_attempt {
	int64_t job;
	int n; /* from 1 */
	char board[PARAMS_BOARD_MAX];
	int64_t offset; /* where its bytes start in the log */
	int64_t started, ended;
	enum verdict verdict; /* NONE with ended: cancelled */
	char reason[VERDICT_REASON_MAX];
	enum stage stage;
};

struct db_stage {
	int attempt;
	enum stage stage;
	int64_t at;
};

/* How an attempt ends and what becomes of its job. */
struct db_end {
	enum verdict verdict; /* of the attempt; NONE = cancelled */
	const char *reason;
	enum stage stage;
	enum job_state next; /* QUEUED (retry), DONE or CANCELLED */
	int64_t at;
	int64_t log_size;
};

/* "queued", ...; the contract's words. */
const char *job_state_name(enum job_state s);
/* -1 for an unknown word. */
int job_state_from_name(const char *name);

/*
 * Opens or creates the database. durable: every transition is synced to the
 * disk. Returns 0 or -EIO (said on stderr).
 */
int db_open(const char *path, bool durable);
/* Called before a failure of the database ends the daemon. */
void db_on_death(void (*dying)(void));
void db_close(void);

/* Adds j (state queued), fills in j->id. Returns 0 or -EIO. */
int db_job_insert(struct db_job *j);
/* Returns 0, -ENOENT. */
int db_job_load(int64_t id, struct db_job *out);

/*
 * The transitions. Each is one transaction and happens at most once: finding
 * the row in another state, or failing to write, ends the daemon, since what
 * is in memory would no longer be what the next start believes.
 */
void db_attempt_begin(int64_t job, int n, const char *board, int64_t offset,
		      int64_t now);
void db_stage_add(int64_t job, int n, enum stage s, int64_t now);
void db_attempt_end(int64_t job, int n, const struct db_end *end);
/* queued to done or cancelled, without an attempt. */
void db_job_close(int64_t job, const struct db_end *end);

/* Which jobs: 0 or NULL = all. */
struct db_filter {
	const char *user;
	int state;	/* -1 = all, -2 = not over */
	int64_t before; /* id below this */
	int limit;
	bool oldest_first;
};
/* Calls each() for every job, newest first unless asked otherwise. */
void db_jobs(const struct db_filter *f,
	     void (*each)(void *arg, const struct db_job *j), void *arg);
void db_attempts(int64_t job,
		 void (*each)(void *arg, const struct db_attempt *a),
		 void *arg);
void db_stages(int64_t job, void (*each)(void *arg, const struct db_stage *s),
	       void *arg);
/* Attempts that have begun and not ended: what a crash interrupted. */
void db_interrupted(void (*each)(void *arg, const struct db_attempt *a),
		    void *arg);

/* What is known of a board between two daemons. */
struct db_board {
	int on; /* 1: switched on, 0: proven off since, -1: not known */
	char problem[DB_PROBLEM_MAX]; /* "" = none */
	int64_t since;	 /* of its state, microseconds since the epoch */
	int64_t down_at; /* out of use since then; 0 = it is not */
	int64_t jobs, infra, power_cycles;
};

/* 0; -ENOENT: a board never seen, *out is left alone. */
int db_board_load(const char *name, struct db_board *out);
void db_board_save(const char *name, const struct db_board *b);

/* Bytes of what a user's waiting jobs uploaded. */
int64_t db_user_bytes(const char *user);
/* Jobs over, by verdict (index enum verdict; NONE = cancelled). */
void db_verdict_counts(int64_t out[VERDICT_INFRA + 1]);
/* Mean microseconds of the last 20 finished jobs' last attempts; 0 = none. */
int64_t db_mean_duration(void);

/* Retention: the oldest job that is over, finished before limit; 0 = none. */
int64_t db_oldest_over(int64_t limit);
void db_job_delete(int64_t id);
bool db_blob_used(const char *hash);
/* Bytes of the logs of all jobs that are over. */
int64_t db_log_bytes(void);

/* A token's row; the hash is of the token's text. */
struct db_token {
	int64_t id;
	char user[PARAMS_USER_MAX + 1];
	char role[8];
	uint8_t hash[32];
	int64_t created;
};

int db_token_add(const struct db_token *t);
/* Returns how many were deleted. */
int db_token_delete(const char *user);
void db_tokens(void (*each)(void *arg, const struct db_token *t), void *arg);
/* Sessions: same rows, but of a cookie's hash, with an end. */
int db_session_add(const uint8_t hash[32], int64_t token, int64_t expires);
void db_session_delete(const uint8_t hash[32]);
void db_sessions(int64_t now, void (*each)(void *arg, const struct db_token *t),
		 void *arg);
