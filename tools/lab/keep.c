/*
 * What has to be looked at now and then. Retention removes whole jobs, oldest
 * first: row, log, and images that no other job names.
 */
#include "tools/lab/keep.h"

#include <limits.h>
#include <stdio.h>

#include "tools/lab/attempt.h"
#include "tools/lab/db.h"
#include "tools/lab/job.h"
#include "tools/lab/logfile.h"
#include "tools/lab/loop.h"
#include "tools/lab/store.h"

#define TICK		(LOOP_SECOND / 2)
#define RETENTION_TICKS 120
#define RETENTION_TIME	(LOOP_SECOND / 100)
/* Somebody may still be reading how it ended. */
#define FRESH (60 * LOOP_SECOND)

static struct {
	const struct config *config;
	struct loop_timer timer;
	unsigned ticks;
	bool more; /* retention has not come to its end */
	bool disk_low;
} keep;

static void end_for_disk(void *arg, struct job *j)
{
	(void)arg;
	if (j->attempt)
		attempt_infra(j->attempt, "the lab's disk is nearly full");
}

static void disk_check(void)
{
	bool low = store_disk_low();

	/* Nothing ends while there is something left to remove. */
	if (low == keep.disk_low || (low && keep.more))
		return;
	keep.disk_low = low;
	fprintf(stderr, "labd: the disk is %s\n",
		low ? "nearly full: no job is started" : "usable again");
	/* First the hold, or what ends would be started again at once. */
	jobs_hold(low);
	if (low)
		jobs_each(end_for_disk, NULL);
}

/* Returns the bytes of its log, or -1: it cannot be read, and stays. */
static int64_t job_remove(int64_t id)
{
	char logs[PATH_MAX];
	struct db_job row;

	if (db_job_load(id, &row))
		return -1;
	snprintf(logs, sizeof(logs), "%s/logs", keep.config->state);
	db_job_delete(id);
	logfile_remove(logs, id);
	store_blob_release(row.image.hash);
	store_blob_release(row.initrd.hash);
	store_blob_release(row.dtb.hash);
	return row.log_size;
}

/* The job to remove next, 0 = none; logs: bytes of all logs. */
static int64_t next_to_go(int64_t now, int64_t logs)
{
	int64_t id = db_oldest_over(now - keep.config->keep_age);

	if (!id && store_bytes() + logs > keep.config->keep_bytes)
		id = db_oldest_over(now);
	if (!id && store_room_wanted()) {
		id = db_oldest_over(now - FRESH);
		if (!id)
			store_room_give_up();
	}
	return id;
}

/*
 * Bounded in time, so that a large clean-up does not hold up consoles. Returns
 * whether there may be more to do.
 */
static bool retention(void)
{
	int64_t end = loop_now() + RETENTION_TIME, now = loop_wall();
	int64_t logs = db_log_bytes(), id, gone;

	while ((id = next_to_go(now, logs))) {
		gone = job_remove(id);
		if (gone < 0)
			return false;
		logs -= gone;
		if (loop_now() >= end)
			return true;
	}
	return false;
}

static void on_tick(void *arg)
{
	(void)arg;
	/* What comes goes first, then what is over, and last what runs. */
	if (store_disk_low())
		store_uploads_refuse();
	if (keep.more || keep.ticks++ % RETENTION_TICKS == 0 ||
	    store_room_wanted())
		keep.more = retention();
	disk_check();
	jobs_expire();
	jobs_schedule();
	loop_timer_set(&keep.timer, keep.more ? 0 : TICK);
}

void keep_init(const struct config *c)
{
	keep.config = c;
	keep.timer.fire = on_tick;
	store_sweep();
	on_tick(NULL);
}

void keep_exit(void)
{
	loop_timer_cancel(&keep.timer);
}
