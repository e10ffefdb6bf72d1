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

#define TICK		 (LOOP_SECOND / 2)
#define RETENTION_TICKS	 120
#define REMOVALS_AT_ONCE 50
/* Somebody may still be reading how it ended. */
#define FRESH (60 * LOOP_SECOND)

static struct {
	const struct config *config;
	struct loop_timer timer;
	unsigned ticks;
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

	if (low == keep.disk_low)
		return;
	keep.disk_low = low;
	fprintf(stderr, "labd: the disk is %s\n",
		low ? "nearly full: no job is started" : "usable again");
	/* First the hold, or what ends would be started again at once. */
	jobs_hold(low);
	if (low)
		jobs_each(end_for_disk, NULL);
}

static void job_remove(int64_t id)
{
	char logs[PATH_MAX];
	struct db_job row;

	if (db_job_load(id, &row))
		return;
	snprintf(logs, sizeof(logs), "%s/logs", keep.config->state);
	db_job_delete(id);
	logfile_remove(logs, id);
	store_blob_release(row.image.hash);
	store_blob_release(row.initrd.hash);
	store_blob_release(row.dtb.hash);
}

/* Bounded per call, so that a large clean-up does not hold up consoles. */
static void retention(void)
{
	int64_t now = loop_wall(), id;

	for (int i = 0; i < REMOVALS_AT_ONCE; i++) {
		id = db_oldest_over(now - keep.config->keep_age);
		if (!id &&
		    store_bytes() + db_log_bytes() > keep.config->keep_bytes)
			id = db_oldest_over(now);
		if (!id && store_room_wanted()) {
			id = db_oldest_over(now - FRESH);
			if (!id)
				store_room_give_up();
		}
		if (!id)
			return;
		job_remove(id);
	}
}

static void on_tick(void *arg)
{
	(void)arg;
	/* What comes goes first, then what is over, and last what runs. */
	if (store_disk_low())
		store_uploads_refuse();
	if (keep.ticks++ % RETENTION_TICKS == 0 || store_room_wanted())
		retention();
	disk_check();
	jobs_expire();
	jobs_schedule();
	loop_timer_set(&keep.timer, TICK);
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
