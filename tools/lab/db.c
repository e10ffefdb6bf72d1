/*
 * The database. One table row per job, attempt, stage and board; a job's
 * state is only ever changed by an UPDATE that names the state it leaves.
 */
#include "tools/lab/db.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <libgen.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static struct {
	sqlite3 *handle;
	void (*dying)(void);
} db;

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS jobs ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, user TEXT,"
	" wanted TEXT, bootargs TEXT, priority INTEGER, timeout INTEGER,"
	" silence INTEGER, pass TEXT, fail TEXT,"
	" image TEXT, image_size INTEGER, initrd TEXT, initrd_size INTEGER,"
	" dtb TEXT, dtb_size INTEGER, state TEXT NOT NULL, verdict TEXT,"
	" reason TEXT, board TEXT, stage INTEGER DEFAULT 0,"
	" attempts INTEGER DEFAULT 0, infra INTEGER DEFAULT 0,"
	" created INTEGER, started INTEGER DEFAULT 0,"
	" finished INTEGER DEFAULT 0, log_size INTEGER DEFAULT 0);"
	"CREATE INDEX IF NOT EXISTS jobs_state ON jobs(state, finished);"
	"CREATE INDEX IF NOT EXISTS jobs_logs ON jobs(state, log_size);"
	"CREATE INDEX IF NOT EXISTS jobs_image ON jobs(image);"
	"CREATE INDEX IF NOT EXISTS jobs_initrd ON jobs(initrd);"
	"CREATE INDEX IF NOT EXISTS jobs_dtb ON jobs(dtb);"
	"CREATE TABLE IF NOT EXISTS attempts ("
	" job INTEGER, n INTEGER, board TEXT, offset INTEGER,"
	" started INTEGER, ended INTEGER, verdict TEXT, reason TEXT,"
	" stage INTEGER DEFAULT 0, PRIMARY KEY (job, n)) WITHOUT ROWID;"
	/* One attempt of a job, and one job on a board, at any time. */
	"CREATE UNIQUE INDEX IF NOT EXISTS attempts_open ON attempts(job)"
	" WHERE ended IS NULL;"
	"CREATE UNIQUE INDEX IF NOT EXISTS attempts_board ON attempts(board)"
	" WHERE ended IS NULL;"
	"CREATE TABLE IF NOT EXISTS stages ("
	" job INTEGER, attempt INTEGER, stage INTEGER, at INTEGER,"
	" PRIMARY KEY (job, attempt, stage)) WITHOUT ROWID;"
	/* on: 1, 0, NULL = not known; down_at: 0 = it is not. */
	"CREATE TABLE IF NOT EXISTS boards ("
	" name TEXT PRIMARY KEY, is_on INTEGER, problem TEXT, since INTEGER,"
	" down_at INTEGER, jobs INTEGER, infra INTEGER, power_cycles INTEGER)"
	" WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS tokens ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT, user TEXT, role TEXT,"
	" hash BLOB, created INTEGER);"
	"CREATE TABLE IF NOT EXISTS sessions ("
	" hash BLOB PRIMARY KEY, token INTEGER, expires INTEGER);";

static const char *const state_names[] = {"queued", "booting", "running",
					  "done", "cancelled"};

const char *job_state_name(enum job_state s)
{
	return state_names[s];
}

int job_state_from_name(const char *name)
{
	for (int s = JOB_QUEUED; s <= JOB_CANCELLED; s++)
		if (strcmp(name, state_names[s]) == 0)
			return s;
	return -1;
}

/* Nothing can be trusted any more: the next start puts things right. */
static void die(const char *what)
{
	fprintf(stderr, "labd: database: %s: %s\n", what,
		sqlite3_errmsg(db.handle));
	if (db.dying)
		db.dying();
	exit(EXIT_FAILURE);
}

void db_on_death(void (*dying)(void))
{
	db.dying = dying;
}

static int bind_all(sqlite3_stmt *s, const char *types, va_list args)
{
	for (int i = 0; types[i]; i++) {
		if (types[i] == 'i')
			sqlite3_bind_int64(s, i + 1, va_arg(args, int64_t));
		else if (types[i] == 's')
			sqlite3_bind_text(s, i + 1, va_arg(args, const char *),
					  -1, SQLITE_TRANSIENT);
		else
			sqlite3_bind_blob(s, i + 1, va_arg(args, const void *),
					  32, SQLITE_TRANSIENT);
	}
	return 0;
}

/* types: i = int64_t, s = text or NULL, h = 32-byte hash. NULL on error. */
static sqlite3_stmt *query(const char *sql, const char *types, ...)
{
	sqlite3_stmt *s;
	va_list args;

	if (sqlite3_prepare_v2(db.handle, sql, -1, &s, NULL) != SQLITE_OK)
		die(sql);
	va_start(args, types);
	bind_all(s, types, args);
	va_end(args);
	return s;
}

/* Runs a statement without result; the number of rows changed or -EIO. */
static int finish(sqlite3_stmt *s)
{
	int err = sqlite3_step(s);

	sqlite3_finalize(s);
	return err == SQLITE_DONE ? sqlite3_changes(db.handle) : -EIO;
}

static void begin(void)
{
	if (finish(query("BEGIN IMMEDIATE", "")) < 0)
		die("begin");
}

static void commit(void)
{
	if (finish(query("COMMIT", "")) < 0)
		die("commit");
}

/* For what must change exactly one row. */
static void must_change(sqlite3_stmt *s, const char *what)
{
	if (finish(s) != 1)
		die(what);
}

/*
 * The folder of @path, locked until it is closed. To go over to WAL SQLite does
 * not wait for others, whatever the busy timeout: the daemon and a command that
 * open a new database at once would get in each other's way. Not the file's own
 * lock, for SQLite's are lost when any descriptor of it is closed.
 */
static int folder_lock(const char *path)
{
	char *copy = strdup(path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	free(copy);
	if (fd >= 0)
		flock(fd, LOCK_EX);
	return fd;
}

static int setup(const char *path, bool durable)
{
	char *why = NULL;

	if (sqlite3_open(path, &db.handle) != SQLITE_OK) {
		fprintf(stderr, "labd: %s: %s\n", path,
			sqlite3_errmsg(db.handle));
		return -EIO;
	}
	sqlite3_busy_timeout(db.handle, 5000);
	if (sqlite3_exec(db.handle, "PRAGMA journal_mode = WAL", NULL, NULL,
			 &why) ||
	    sqlite3_exec(db.handle,
			 durable ? "PRAGMA synchronous = FULL"
				 : "PRAGMA synchronous = OFF",
			 NULL, NULL, &why) ||
	    sqlite3_exec(db.handle, schema, NULL, NULL, &why)) {
		fprintf(stderr, "labd: %s: %s\n", path, why);
		sqlite3_free(why);
		db_close();
		return -EIO;
	}
	return 0;
}

int db_open(const char *path, bool durable)
{
	int lock = folder_lock(path);
	int err = setup(path, durable);

	if (lock >= 0)
		close(lock);
	return err;
}

void db_close(void)
{
	sqlite3_close(db.handle);
	db.handle = NULL;
}

static char *patterns_text(const char (*list)[VERDICT_PATTERN_MAX + 1],
			   size_t count)
{
	json_t *array = json_array();
	char *text;

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array,
				      json_stringn(list[i], strlen(list[i])));
	text = json_dumps(array, JSON_COMPACT);
	json_decref(array);
	return text;
}

static void patterns_read(const char *text,
			  char (*list)[VERDICT_PATTERN_MAX + 1], size_t *count)
{
	json_t *array = json_loads(text ? text : "[]", 0, NULL);
	json_t *value;
	size_t i;

	*count = 0;
	json_array_foreach(array, i, value)
	{
		if (i == VERDICT_PATTERNS_MAX)
			break;
		snprintf(list[i], VERDICT_PATTERN_MAX + 1, "%s",
			 json_string_value(value));
		*count = i + 1;
	}
	json_decref(array);
}

int db_job_insert(struct db_job *j)
{
	char *pass = patterns_text(j->params.pass, j->params.pass_count);
	char *fail = patterns_text(j->params.fail, j->params.fail_count);
	int changed = finish(query(
		"INSERT INTO jobs (name, user, wanted, bootargs, priority,"
		" timeout, silence, pass, fail, image, image_size, initrd,"
		" initrd_size, dtb, dtb_size, state, created)"
		" VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,'queued',?)",
		"ssssiiisssisisii", j->params.name, j->params.user,
		j->params.board, j->params.bootargs,
		(int64_t)j->params.priority, j->params.timeout,
		j->params.silence, pass, fail, j->image.hash, j->image.size,
		j->initrd.hash, j->initrd.size, j->dtb.hash, j->dtb.size,
		j->created));

	free(pass);
	free(fail);
	if (changed != 1)
		return -EIO;
	j->id = sqlite3_last_insert_rowid(db.handle);
	j->state = JOB_QUEUED;
	return 0;
}

#define JOB_COLUMNS                                                            \
	"id, name, user, wanted, bootargs, priority, timeout, silence, pass,"  \
	" fail, image, image_size, initrd, initrd_size, dtb, dtb_size, state," \
	" verdict, reason, board, stage, attempts, infra, created, started,"   \
	" finished, log_size"

static void column_text(sqlite3_stmt *s, int i, char *out, size_t size)
{
	const unsigned char *text = sqlite3_column_text(s, i);

	snprintf(out, size, "%s", text ? (const char *)text : "");
}

static enum verdict column_verdict(sqlite3_stmt *s, int i)
{
	const unsigned char *text = sqlite3_column_text(s, i);

	return text ? verdict_from_name((const char *)text) : VERDICT_NONE;
}

static void blob_read(sqlite3_stmt *s, int i, struct db_blob *b)
{
	column_text(s, i, b->hash, sizeof(b->hash));
	b->size = sqlite3_column_int64(s, i + 1);
}

static void job_read(sqlite3_stmt *s, struct db_job *j)
{
	struct params *p = &j->params;

	j->id = sqlite3_column_int64(s, 0);
	column_text(s, 1, p->name, sizeof(p->name));
	column_text(s, 2, p->user, sizeof(p->user));
	column_text(s, 3, p->board, sizeof(p->board));
	column_text(s, 4, p->bootargs, sizeof(p->bootargs));
	p->priority = sqlite3_column_int(s, 5);
	p->timeout = sqlite3_column_int64(s, 6);
	p->silence = sqlite3_column_int64(s, 7);
	patterns_read((const char *)sqlite3_column_text(s, 8), p->pass,
		      &p->pass_count);
	patterns_read((const char *)sqlite3_column_text(s, 9), p->fail,
		      &p->fail_count);
	blob_read(s, 10, &j->image);
	blob_read(s, 12, &j->initrd);
	blob_read(s, 14, &j->dtb);
	j->state =
		job_state_from_name((const char *)sqlite3_column_text(s, 16));
	j->verdict = column_verdict(s, 17);
	column_text(s, 18, j->reason, sizeof(j->reason));
	column_text(s, 19, j->board, sizeof(j->board));
	j->stage = sqlite3_column_int(s, 20);
	j->attempts = sqlite3_column_int(s, 21);
	j->infra = sqlite3_column_int(s, 22);
	j->created = sqlite3_column_int64(s, 23);
	j->started = sqlite3_column_int64(s, 24);
	j->finished = sqlite3_column_int64(s, 25);
	j->log_size = sqlite3_column_int64(s, 26);
}

int db_job_load(int64_t id, struct db_job *out)
{
	sqlite3_stmt *s =
		query("SELECT " JOB_COLUMNS " FROM jobs WHERE id = ?", "i", id);
	bool found = sqlite3_step(s) == SQLITE_ROW;

	if (found)
		job_read(s, out);
	sqlite3_finalize(s);
	return found ? 0 : -ENOENT;
}

void db_attempt_begin(int64_t job, int n, const char *board, int64_t offset,
		      int64_t now)
{
	begin();
	must_change(query("UPDATE jobs SET state = 'booting', board = ?2,"
			  " attempts = ?3, stage = 0,"
			  " started = max(started, ?4 * (started = 0))"
			  " WHERE id = ?1 AND state = 'queued'"
			  " AND attempts = ?3 - 1",
			  "isii", job, board, (int64_t)n, now),
		    "job to booting");
	must_change(query("INSERT INTO attempts (job, n, board, offset,"
			  " started) VALUES (?,?,?,?,?)",
			  "iisii", job, (int64_t)n, board, offset, now),
		    "attempt");
	commit();
}

void db_stage_add(int64_t job, int n, enum stage s, int64_t now)
{
	begin();
	must_change(query("INSERT INTO stages VALUES (?,?,?,?)", "iiii", job,
			  (int64_t)n, (int64_t)s, now),
		    "stage");
	must_change(query("UPDATE attempts SET stage = ? WHERE job = ?"
			  " AND n = ? AND ended IS NULL",
			  "iii", (int64_t)s, job, (int64_t)n),
		    "attempt's stage");
	if (s == STAGE_KERNEL)
		must_change(query("UPDATE jobs SET state = 'running',"
				  " stage = ? WHERE id = ?"
				  " AND state = 'booting'",
				  "ii", (int64_t)s, job),
			    "job to running");
	else
		must_change(query("UPDATE jobs SET stage = ? WHERE id = ?",
				  "ii", (int64_t)s, job),
			    "job's stage");
	commit();
}

void db_attempt_end(int64_t job, int n, const struct db_end *end)
{
	bool over = end->next != JOB_QUEUED;
	const char *verdict = verdict_name(end->verdict);

	begin();
	must_change(query("UPDATE attempts SET ended = ?, verdict = ?,"
			  " reason = ?, stage = ? WHERE job = ? AND n = ?"
			  " AND ended IS NULL",
			  "issiii", end->at, verdict, end->reason,
			  (int64_t)end->stage, job, (int64_t)n),
		    "attempt's end");
	must_change(query("UPDATE jobs SET state = ?1, verdict = ?2,"
			  " reason = ?3, finished = ?4, log_size = ?5,"
			  " infra = infra + ?6, stage = ?7 WHERE id = ?8"
			  " AND state IN ('booting', 'running')"
			  " AND verdict IS NULL",
			  "sssiiiii", state_names[end->next],
			  over ? verdict : NULL, over ? end->reason : NULL,
			  over ? end->at : (int64_t)0, end->log_size,
			  (int64_t)(end->verdict == VERDICT_INFRA),
			  (int64_t)(over ? STAGE_OVER : STAGE_QUEUED), job),
		    "job's end");
	commit();
}

void db_job_close(int64_t job, const struct db_end *end)
{
	must_change(query("UPDATE jobs SET state = ?, verdict = ?, reason = ?,"
			  " finished = ?, log_size = ?, stage = ?"
			  " WHERE id = ? AND state = 'queued'",
			  "sssiiii", state_names[end->next],
			  verdict_name(end->verdict), end->reason, end->at,
			  end->log_size, (int64_t)STAGE_OVER, job),
		    "queued job's end");
}

void db_jobs(const struct db_filter *f,
	     void (*each)(void *arg, const struct db_job *j), void *arg)
{
	sqlite3_stmt *s = query(
		f->oldest_first ? "SELECT " JOB_COLUMNS " FROM jobs WHERE"
				  " (?1 IS NULL OR user = ?1) AND"
				  " (?2 IS NULL OR state = ?2) AND"
				  " (?3 = 0 OR state IN ('queued', 'booting',"
				  " 'running')) AND (?4 = 0 OR id < ?4)"
				  " ORDER BY id ASC LIMIT ?5"
				: "SELECT " JOB_COLUMNS " FROM jobs WHERE"
				  " (?1 IS NULL OR user = ?1) AND"
				  " (?2 IS NULL OR state = ?2) AND"
				  " (?3 = 0 OR state IN ('queued', 'booting',"
				  " 'running')) AND (?4 = 0 OR id < ?4)"
				  " ORDER BY id DESC LIMIT ?5",
		"ssiii", f->user, f->state >= 0 ? state_names[f->state] : NULL,
		(int64_t)(f->state == -2), f->before,
		(int64_t)(f->limit ? f->limit : -1));
	struct db_job j;

	while (sqlite3_step(s) == SQLITE_ROW) {
		job_read(s, &j);
		each(arg, &j);
	}
	sqlite3_finalize(s);
}

static void attempts_read(sqlite3_stmt *s,
			  void (*each)(void *arg, const struct db_attempt *a),
			  void *arg)
{
	while (sqlite3_step(s) == SQLITE_ROW) {
		struct db_attempt a = {
			.job = sqlite3_column_int64(s, 0),
			.n = sqlite3_column_int(s, 1),
			.offset = sqlite3_column_int64(s, 3),
			.started = sqlite3_column_int64(s, 4),
			.ended = sqlite3_column_int64(s, 5),
			.verdict = column_verdict(s, 6),
			.stage = sqlite3_column_int(s, 8),
		};

		column_text(s, 2, a.board, sizeof(a.board));
		column_text(s, 7, a.reason, sizeof(a.reason));
		each(arg, &a);
	}
	sqlite3_finalize(s);
}

#define ATTEMPT_COLUMNS \
	"job, n, board, offset, started, ended, verdict, reason, stage"

void db_attempts(int64_t job,
		 void (*each)(void *arg, const struct db_attempt *a), void *arg)
{
	attempts_read(query("SELECT " ATTEMPT_COLUMNS " FROM attempts"
			    " WHERE job = ? ORDER BY n",
			    "i", job),
		      each, arg);
}

void db_interrupted(void (*each)(void *arg, const struct db_attempt *a),
		    void *arg)
{
	attempts_read(query("SELECT " ATTEMPT_COLUMNS " FROM attempts"
			    " WHERE ended IS NULL",
			    ""),
		      each, arg);
}

void db_stages(int64_t job, void (*each)(void *arg, const struct db_stage *s),
	       void *arg)
{
	sqlite3_stmt *s = query("SELECT attempt, stage, at FROM stages"
				" WHERE job = ? ORDER BY attempt, stage",
				"i", job);

	while (sqlite3_step(s) == SQLITE_ROW) {
		struct db_stage st = {
			.attempt = sqlite3_column_int(s, 0),
			.stage = sqlite3_column_int(s, 1),
			.at = sqlite3_column_int64(s, 2),
		};

		each(arg, &st);
	}
	sqlite3_finalize(s);
}

int db_board_load(const char *name, struct db_board *out)
{
	sqlite3_stmt *s = query("SELECT coalesce(is_on, -1), problem, since,"
				" down_at, jobs, infra, power_cycles"
				" FROM boards WHERE name = ?",
				"s", name);
	bool found = sqlite3_step(s) == SQLITE_ROW;

	if (found) {
		out->on = sqlite3_column_int(s, 0);
		column_text(s, 1, out->problem, sizeof(out->problem));
		out->since = sqlite3_column_int64(s, 2);
		out->down_at = sqlite3_column_int64(s, 3);
		out->jobs = sqlite3_column_int64(s, 4);
		out->infra = sqlite3_column_int64(s, 5);
		out->power_cycles = sqlite3_column_int64(s, 6);
	}
	sqlite3_finalize(s);
	return found ? 0 : -ENOENT;
}

void db_board_save(const char *name, const struct db_board *b)
{
	must_change(query("INSERT OR REPLACE INTO boards VALUES (?,"
			  " nullif(?, -1), ?, ?, ?, ?, ?, ?)",
			  "sisiiiii", name, (int64_t)b->on, b->problem,
			  b->since, b->down_at, b->jobs, b->infra,
			  b->power_cycles),
		    "board");
}

static int64_t one_number(sqlite3_stmt *s)
{
	int64_t n = 0;

	if (sqlite3_step(s) == SQLITE_ROW)
		n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return n;
}

int64_t db_user_bytes(const char *user)
{
	return one_number(query("SELECT sum(image_size + initrd_size +"
				" dtb_size) FROM jobs WHERE state = 'queued'"
				" AND user = ?",
				"s", user));
}

void db_verdict_counts(int64_t out[VERDICT_INFRA + 1])
{
	sqlite3_stmt *s = query("SELECT verdict, count(*) FROM jobs WHERE"
				" state IN ('done', 'cancelled')"
				" GROUP BY verdict",
				"");

	memset(out, 0, (VERDICT_INFRA + 1) * sizeof(*out));
	while (sqlite3_step(s) == SQLITE_ROW)
		out[column_verdict(s, 0)] = sqlite3_column_int64(s, 1);
	sqlite3_finalize(s);
}

int64_t db_mean_duration(void)
{
	return one_number(query(
		"SELECT avg(finished - started) FROM (SELECT finished, started"
		" FROM jobs WHERE state = 'done' AND started > 0"
		" ORDER BY finished DESC LIMIT 20)",
		""));
}

int64_t db_oldest_over(int64_t limit)
{
	/* Of each state the first in the index; for both it would sort all. */
	return one_number(query(
		"SELECT id FROM (SELECT * FROM (SELECT id, finished FROM jobs"
		" WHERE state = 'done' AND finished < ?1"
		" ORDER BY finished LIMIT 1) UNION ALL"
		" SELECT * FROM (SELECT id, finished FROM jobs"
		" WHERE state = 'cancelled' AND finished < ?1"
		" ORDER BY finished LIMIT 1)) ORDER BY finished LIMIT 1",
		"i", limit));
}

void db_job_delete(int64_t id)
{
	begin();
	finish(query("DELETE FROM stages WHERE job = ?", "i", id));
	finish(query("DELETE FROM attempts WHERE job = ?", "i", id));
	must_change(query("DELETE FROM jobs WHERE id = ? AND state IN"
			  " ('done', 'cancelled')",
			  "i", id),
		    "job's deletion");
	commit();
}

bool db_blob_used(const char *hash)
{
	return one_number(query("SELECT EXISTS (SELECT 1 FROM jobs WHERE"
				" image = ?1 OR initrd = ?1 OR dtb = ?1)",
				"s", hash)) != 0;
}

int64_t db_log_bytes(void)
{
	return one_number(query("SELECT coalesce(sum(log_size), 0) FROM jobs"
				" WHERE state IN ('done', 'cancelled')",
				""));
}

int db_token_add(const struct db_token *t)
{
	return finish(query("INSERT INTO tokens (user, role, hash, created)"
			    " VALUES (?,?,?,?)",
			    "sshi", t->user, t->role, t->hash, t->created)) == 1
		? 0
		: -EIO;
}

int db_token_delete(const char *user)
{
	finish(query("DELETE FROM sessions WHERE token IN"
		     " (SELECT id FROM tokens WHERE user = ?)",
		     "s", user));
	return finish(query("DELETE FROM tokens WHERE user = ?", "s", user));
}

static void tokens_read(sqlite3_stmt *s,
			void (*each)(void *arg, const struct db_token *t),
			void *arg)
{
	while (sqlite3_step(s) == SQLITE_ROW) {
		struct db_token t = {
			.id = sqlite3_column_int64(s, 0),
			.created = sqlite3_column_int64(s, 4),
		};

		column_text(s, 1, t.user, sizeof(t.user));
		column_text(s, 2, t.role, sizeof(t.role));
		if (sqlite3_column_bytes(s, 3) != sizeof(t.hash))
			continue;
		memcpy(t.hash, sqlite3_column_blob(s, 3), sizeof(t.hash));
		each(arg, &t);
	}
	sqlite3_finalize(s);
}

void db_tokens(void (*each)(void *arg, const struct db_token *t), void *arg)
{
	tokens_read(
		query("SELECT id, user, role, hash, created FROM tokens", ""),
		each, arg);
}

int db_session_add(const uint8_t hash[32], int64_t token, int64_t expires)
{
	return finish(query("INSERT INTO sessions VALUES (?,?,?)", "hii", hash,
			    token, expires)) == 1
		? 0
		: -EIO;
}

void db_session_delete(const uint8_t hash[32])
{
	finish(query("DELETE FROM sessions WHERE hash = ?", "h", hash));
}

void db_sessions(int64_t now, void (*each)(void *arg, const struct db_token *t),
		 void *arg)
{
	finish(query("DELETE FROM sessions WHERE expires <= ?", "i", now));
	tokens_read(query("SELECT tokens.id, user, role, sessions.hash,"
			  " created FROM sessions JOIN tokens ON"
			  " tokens.id = sessions.token",
			  ""),
		    each, arg);
}
