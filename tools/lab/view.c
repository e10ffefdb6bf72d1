/*
 * What the daemon shows. Nothing here changes anything. All text that a user
 * or a board chose goes out as a JSON string, whatever is in it.
 */
#include "tools/lab/view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "tools/lab/board.h"

static json_t *time_value(int64_t us)
{
	return us ? json_real((double)us / 1e6) : json_null();
}

/* "" is null. */
static json_t *text_value(const char *s)
{
	return *s ? json_string(s) : json_null();
}

static json_t *verdict_value(enum verdict v)
{
	return v == VERDICT_NONE ? json_null() : json_string(verdict_name(v));
}

static json_t *blob_value(const struct db_blob *b)
{
	return b->hash[0] ? json_pack("{s:s, s:I}", "hash", b->hash, "size",
				      (json_int_t)b->size)
			  : json_null();
}

static json_t *patterns_value(const char (*list)[VERDICT_PATTERN_MAX + 1],
			      size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_string(list[i]));
	return array;
}

static void add_stage(void *arg, const struct db_stage *s)
{
	json_array_append_new(
		arg,
		json_pack("{s:i, s:s, s:o}", "attempt", s->attempt, "stage",
			  stage_name(s->stage), "at", time_value(s->at)));
}

static void add_attempt(void *arg, const struct db_attempt *a)
{
	json_array_append_new(
		arg,
		json_pack("{s:i, s:s, s:I, s:o, s:o, s:o, s:o, s:s}", "n", a->n,
			  "board", a->board, "offset", (json_int_t)a->offset,
			  "started", time_value(a->started), "ended",
			  time_value(a->ended), "verdict",
			  verdict_value(a->verdict), "reason",
			  text_value(a->reason), "stage",
			  stage_name(a->stage)));
}

static void set_waiting(json_t *o, const struct job *live)
{
	double eta = live ? job_eta(live) : -1;
	size_t position = live ? job_position(live) : 0;

	json_object_set_new(o, "position",
			    position ? json_integer(position) : json_null());
	json_object_set_new(o, "eta", eta >= 0 ? json_real(eta) : json_null());
}

static void set_params(json_t *o, const struct params *p)
{
	json_object_set_new(o, "name", json_string(p->name));
	json_object_set_new(o, "user", json_string(p->user));
	json_object_set_new(o, "wanted", text_value(p->board));
	json_object_set_new(o, "priority", json_integer(p->priority));
	json_object_set_new(o, "timeout", json_real((double)p->timeout / 1e6));
	json_object_set_new(o, "silence", json_real((double)p->silence / 1e6));
	json_object_set_new(o, "bootargs", json_string(p->bootargs));
	json_object_set_new(o, "pass", patterns_value(p->pass, p->pass_count));
	json_object_set_new(o, "fail", patterns_value(p->fail, p->fail_count));
}

json_t *view_job(const struct db_job *row, const struct job *live)
{
	json_t *o = json_object(), *stages = json_array();
	json_t *attempts = json_array();
	char url[48];

	snprintf(url, sizeof(url), "/jobs/%" PRId64, row->id);
	json_object_set_new(o, "id", json_integer(row->id));
	json_object_set_new(o, "url", json_string(url));
	json_object_set_new(o, "state",
			    json_string(job_state_name(row->state)));
	json_object_set_new(o, "stage", json_string(stage_name(row->stage)));
	json_object_set_new(o, "verdict", verdict_value(row->verdict));
	json_object_set_new(o, "reason", text_value(row->reason));
	json_object_set_new(o, "board", text_value(row->board));
	set_params(o, &row->params);
	set_waiting(o, live);
	json_object_set_new(o, "image", blob_value(&row->image));
	json_object_set_new(o, "initrd", blob_value(&row->initrd));
	json_object_set_new(o, "dtb", blob_value(&row->dtb));
	json_object_set_new(o, "created", time_value(row->created));
	json_object_set_new(o, "started", time_value(row->started));
	json_object_set_new(o, "finished", time_value(row->finished));
	json_object_set_new(o, "log_size",
			    json_integer(live && live->log_open
						 ? live->log.size
						 : row->log_size));
	json_object_set_new(o, "writer", text_value(live ? live->writer : ""));
	db_stages(row->id, add_stage, stages);
	json_object_set_new(o, "stages", stages);
	db_attempts(row->id, add_attempt, attempts);
	json_object_set_new(o, "attempts", attempts);
	return o;
}

/* A job in memory, by id or by the board it runs on. */
struct live_search {
	int64_t id;
	const char *board;
	struct job *found;
};

static void find_live(void *arg, struct job *j)
{
	struct live_search *s = arg;

	if (j->row.id == s->id)
		s->found = j;
}

static void add_job(void *arg, const struct db_job *row)
{
	struct live_search s = {.id = row->id};

	jobs_each(find_live, &s);
	json_array_append_new(arg, view_job(row, s.found));
}

json_t *view_jobs(const struct db_filter *f)
{
	json_t *array = json_array();

	db_jobs(f, add_job, array);
	return json_pack("{s:o}", "jobs", array);
}

static const char *board_word(const struct board_status *s)
{
	static const char *const words[] = {"starting", "off", "ready", "busy",
					    "down"};

	return s->busy && s->state != BOARD_DOWN ? "busy" : words[s->state];
}

static void find_user(void *arg, struct job *j)
{
	struct live_search *s = arg;

	if (j->attempt && strcmp(j->row.board, s->board) == 0)
		s->found = j;
}

static const char *health_word(const struct board_status *s)
{
	if (s->problem)
		return "down";
	return s->doubt ? "doubtful" : "ok";
}

static json_t *board_value(const struct board *b)
{
	static const char *const powers[] = {"qemu", "relay", "command"};
	static const char *const consoles[] = {"qemu", "tty", "tcp"};
	static const char *const netboots[] = {"user", "tap", "dnsmasq",
					       "external"};
	struct live_search user = {0};
	const struct db_board *k;
	struct board_status s;
	const char *why;

	board_status(b, &s);
	why = s.problem ? s.problem : s.doubt;
	user.board = s.config->name;
	jobs_each(find_user, &user);
	k = s.known;
	return json_pack(
		"{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o,"
		" s:s, s:s, s:s, s:I, s:I, s:I}",
		"name", s.config->name, "state", board_word(&s), "health",
		health_word(&s), "reason", text_value(why ? why : ""), "since",
		time_value(k->since), "down_since",
		time_value(board_down_since(b)), "on",
		k->on < 0 ? json_null() : json_boolean(k->on), "job",
		user.found ? json_integer(user.found->row.id) : json_null(),
		"power", powers[s.config->power], "console",
		consoles[s.config->console], "netboot",
		netboots[s.config->netboot], "jobs", (json_int_t)k->jobs,
		"infra", (json_int_t)k->infra, "power_cycles",
		(json_int_t)k->power_cycles);
}

json_t *view_boards(void)
{
	json_t *array = json_array();

	for (size_t i = 0; i < boards_count(); i++)
		json_array_append_new(array, board_value(board_at(i)));
	return json_pack("{s:o}", "boards", array);
}

static void metric_head(FILE *f, const char *name, const char *type,
			const char *help)
{
	fprintf(f, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void metrics_boards(FILE *f)
{
	struct board_status s;

	metric_head(f, "lab_board_up", "gauge",
		    "1 unless the board cannot be switched off or served.");
	for (size_t i = 0; i < boards_count(); i++) {
		board_status(board_at(i), &s);
		fprintf(f, "lab_board_up{board=\"%s\"} %d\n", s.config->name,
			!s.problem);
	}
	metric_head(f, "lab_board_busy", "gauge", "1 while a job has it.");
	for (size_t i = 0; i < boards_count(); i++) {
		board_status(board_at(i), &s);
		fprintf(f, "lab_board_busy{board=\"%s\"} %d\n", s.config->name,
			s.busy);
	}
	metric_head(f, "lab_board_power_cycles_total", "counter",
		    "Times it was switched on.");
	for (size_t i = 0; i < boards_count(); i++) {
		board_status(board_at(i), &s);
		fprintf(f,
			"lab_board_power_cycles_total{board=\"%s\"} %" PRId64
			"\n",
			s.config->name, s.known->power_cycles);
	}
	metric_head(f, "lab_board_infra_total", "counter",
		    "Attempts that failed for the lab's reasons.");
	for (size_t i = 0; i < boards_count(); i++) {
		board_status(board_at(i), &s);
		fprintf(f, "lab_board_infra_total{board=\"%s\"} %" PRId64 "\n",
			s.config->name, s.known->infra);
	}
}

static void metrics_process(FILE *f)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	metric_head(f, "process_cpu_seconds_total", "counter",
		    "CPU time of the daemon.");
	fprintf(f, "process_cpu_seconds_total %.6f\n",
		(double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec +
			(double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) /
				1e6);
	metric_head(f, "process_max_resident_bytes", "gauge",
		    "Most memory the daemon ever had resident.");
	fprintf(f, "process_max_resident_bytes %ld\n", u.ru_maxrss * 1024);
}

char *view_metrics(void)
{
	int64_t counts[VERDICT_INFRA + 1];
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	metric_head(f, "lab_jobs_queued", "gauge", "Jobs waiting.");
	fprintf(f, "lab_jobs_queued %zu\n", jobs_queued());
	metric_head(f, "lab_viewers", "gauge", "Consoles being watched.");
	fprintf(f, "lab_viewers %zu\n", jobs_viewers());
	db_verdict_counts(counts);
	metric_head(f, "lab_jobs_total", "counter",
		    "Jobs that are over and kept, by verdict.");
	for (enum verdict v = VERDICT_NONE; v <= VERDICT_INFRA; v++)
		fprintf(f, "lab_jobs_total{verdict=\"%s\"} %" PRId64 "\n",
			v == VERDICT_NONE ? "cancelled" : verdict_name(v),
			counts[v]);
	metrics_boards(f);
	metrics_process(f);
	fclose(f);
	return text;
}
