/*
 * Viewers. Each is an answer whose bytes come from a callback: it reads the
 * log from where this viewer is, so a slow one costs only itself, and one that
 * has seen everything is suspended until the job wakes it. The offset behind
 * the bytes is the event's id: a browser that reconnects goes on from there.
 */
#include "tools/lab/stream.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/list.h"
#include "tools/lab/view.h"

/* 2 KiB blocks would hold a viewer to 50 kB/s. */
#define BLOCK_SIZE  ((size_t)16 * 1024)
#define EVENT_EXTRA 64 /* "id: ", "data: " and line ends */
#define RAW_MAX	    ((BLOCK_SIZE - EVENT_EXTRA) / 4 * 3 - 3)

struct viewer {
	struct job_viewer link;
	struct job *job;
	struct MHD_Connection *connection;
	bool raw;
	bool suspended;
	bool beat; /* a heartbeat is due */
	bool ended;
	unsigned changes; /* of the job, told already */
	int64_t offset;
	char *text; /* what is being sent before anything else */
	size_t text_len, text_sent;
	struct list entry; /* of stream.list */
};

/*
 * The event made last. Viewers who keep up all ask for the same bytes in the
 * same turn of the loop; they are encoded once.
 */
struct made_event {
	const struct job *job;
	int64_t offset;
	int64_t log_size;
	int bytes;
	size_t len;
	char text[BLOCK_SIZE];
};

/* The job's JSON as told last: the same for all its viewers. */
struct made_state {
	const struct job *job;
	unsigned changes;
	const char *name; /* of the event */
	char *text;
};

static struct {
	const struct config *config;
	struct made_event made;
	struct made_state state;
	struct list list;
	struct loop_timer heartbeat;
	bool exiting;
} stream = {.list = LIST_EMPTY(stream.list)};

static void viewer_wake(void *arg)
{
	struct viewer *v = arg;

	if (!v->suspended)
		return;
	v->suspended = false;
	http_resume(v->connection);
}

static void on_heartbeat(void *arg)
{
	struct list *at;

	(void)arg;
	list_for_each (at, &stream.list) {
		struct viewer *v = container_of(at, struct viewer, entry);

		v->beat = true;
		viewer_wake(v);
	}
	loop_timer_set(&stream.heartbeat, stream.config->heartbeat);
}

/* Takes over text. */
static void text_set(struct viewer *v, char *text)
{
	free(v->text);
	v->text = text;
	v->text_len = text ? strlen(text) : 0;
	v->text_sent = 0;
}

static char *state_make(const struct job *j, const char *name)
{
	json_t *o = view_job(&j->row, j);
	char *json = json_dumps(o, JSON_COMPACT), *text = NULL;

	json_decref(o);
	if (json && asprintf(&text, "event: %s\ndata: %s\n\n", name, json) < 0)
		text = NULL;
	free(json);
	return text;
}

static char *job_event(const struct viewer *v, const char *name)
{
	struct made_state *m = &stream.state;

	if (m->job != v->job || m->changes != v->job->changes ||
	    strcmp(m->name, name)) {
		free(m->text);
		*m = (struct made_state){v->job, v->job->changes, name,
					 state_make(v->job, name)};
	}
	return m->text ? strdup(m->text) : NULL;
}

static char *run_end_line(const struct viewer *v)
{
	const struct db_job *row = &v->job->row;
	char last = '\n', *text;

	if (v->offset > 0)
		logfile_read(&v->job->log, v->offset - 1, &last, 1);
	if (asprintf(&text, "%slab: job %" PRId64 " %s: %s\n",
		     last == '\n' ? "" : "\n", row->id,
		     row->verdict == VERDICT_NONE ? "cancelled"
						  : verdict_name(row->verdict),
		     row->reason) < 0)
		return NULL;
	return text;
}

/* Decides which text is due; false if none. */
static bool text_due(struct viewer *v)
{
	struct job *j = v->job;

	if (!v->raw && v->changes != j->changes) {
		v->changes = j->changes;
		if (!job_over(j)) {
			text_set(v, job_event(v, "state"));
			return v->text != NULL;
		}
	}
	if (job_over(j) && v->offset >= j->log.size && !v->ended) {
		v->ended = true;
		text_set(v, v->raw ? run_end_line(v) : job_event(v, "end"));
		return v->text != NULL;
	}
	if (v->beat && !v->raw && v->offset >= j->log.size) {
		v->beat = false;
		text_set(v, strdup(": beat\n\n"));
		return v->text != NULL;
	}
	return false;
}

static ssize_t text_send(struct viewer *v, char *out, size_t max)
{
	size_t n = v->text_len - v->text_sent;

	if (n > max)
		n = max;
	memcpy(out, v->text + v->text_sent, n);
	v->text_sent += n;
	if (v->text_sent == v->text_len)
		text_set(v, NULL);
	return n;
}

static int event_make(struct made_event *e, const struct job *j, int64_t offset,
		      size_t room)
{
	uint8_t bytes[RAW_MAX];

	e->job = NULL;
	e->bytes = logfile_read(&j->log, offset, bytes,
				room < sizeof(bytes) ? room : sizeof(bytes));
	if (e->bytes <= 0)
		return e->bytes;
	e->len = snprintf(e->text, sizeof(e->text),
			  "id: %" PRId64 "\ndata: ", offset + e->bytes);
	sodium_bin2base64(e->text + e->len, sizeof(e->text) - e->len, bytes,
			  e->bytes, sodium_base64_VARIANT_ORIGINAL);
	e->len += strlen(e->text + e->len);
	memcpy(e->text + e->len, "\n\n", 2);
	e->len += 2;
	e->job = j;
	e->offset = offset;
	e->log_size = j->log.size;
	return e->bytes;
}

/* Console bytes as one event; 0 if there are none. */
static ssize_t event_send(struct viewer *v, char *out, size_t max)
{
	struct made_event *e = &stream.made;
	size_t room = (max - EVENT_EXTRA) / 4 * 3 - 3;

	if (e->job != v->job || e->offset != v->offset ||
	    e->log_size != v->job->log.size || e->len > max) {
		int n = event_make(e, v->job, v->offset, room);

		if (n <= 0)
			return n;
	}
	memcpy(out, e->text, e->len);
	v->offset += e->bytes;
	return e->len;
}

static ssize_t raw_send(struct viewer *v, char *out, size_t max)
{
	int n = logfile_read(&v->job->log, v->offset, out, max);

	if (n > 0)
		v->offset += n;
	return n;
}

static ssize_t on_read(void *cls, uint64_t pos, char *out, size_t max)
{
	struct viewer *v = cls;
	ssize_t n;

	(void)pos;
	if (stream.exiting)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (v->text || text_due(v))
		return text_send(v, out, max);
	if (v->ended)
		return MHD_CONTENT_READER_END_OF_STREAM;
	/* Too little room for an event: after this block there is more. */
	if (!v->raw && max < 4 * EVENT_EXTRA)
		return 0;
	n = v->raw ? raw_send(v, out, max) : event_send(v, out, max);
	if (n < 0)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (n == 0) {
		v->suspended = true;
		MHD_suspend_connection(v->connection);
	}
	return n;
}

static void viewer_free(void *cls)
{
	struct viewer *v = cls;

	job_viewer_remove(v->job, &v->link);
	/* The job may be freed, and its address be another one's. */
	if (stream.made.job == v->job)
		stream.made.job = NULL;
	if (stream.state.job == v->job)
		stream.state.job = NULL;
	job_put(v->job);
	list_remove(&v->entry);
	free(v->text);
	free(v);
}

static struct viewer *viewer_new(struct http_request *r, struct job *j,
				 int64_t from, bool raw)
{
	struct viewer *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->job = j;
	v->connection = r->connection;
	v->raw = raw;
	v->offset = from;
	v->changes = j->changes - 1; /* the first event is the state */
	v->link.wake = viewer_wake;
	v->link.arg = v;
	list_add(&stream.list, &v->entry);
	job_viewer_add(j, &v->link);
	return v;
}

static enum MHD_Result stream_start(struct http_request *r, struct job *j,
				    int64_t from, bool raw)
{
	struct MHD_Response *m;
	struct viewer *v;
	char id[24];

	if (job_log_open(j)) {
		job_put(j);
		return http_reply_error(r, 404, "the log is gone");
	}
	if (from > j->log.size) {
		job_put(j);
		return http_reply_error(r, 416, "beyond the log's end");
	}
	if (jobs_viewers() >= (size_t)stream.config->viewers_max) {
		job_put(j);
		return http_reply_error(r, 429, "too many viewers");
	}
	v = viewer_new(r, j, from, raw);
	if (!v) {
		job_put(j);
		return MHD_NO;
	}
	m = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_SIZE,
					      on_read, v, viewer_free);
	if (!m) {
		viewer_free(v);
		return MHD_NO;
	}
	snprintf(id, sizeof(id), "%" PRId64, j->row.id);
	MHD_add_response_header(m, "X-Lab-Job", id);
	MHD_add_response_header(m, "Content-Type",
				raw ? "text/plain; charset=utf-8"
				    : "text/event-stream");
	/* The end of the stream is the end of the connection. */
	MHD_add_response_header(m, "Connection", "close");
	/* A proxy that buffers would defeat the purpose. */
	MHD_add_response_header(m, "X-Accel-Buffering", "no");
	http_no_deadline(r);
	return http_reply(r, 200, m);
}

enum MHD_Result stream_events(struct http_request *r, struct job *j,
			      int64_t from)
{
	return stream_start(r, j, from, false);
}

enum MHD_Result stream_raw(struct http_request *r, struct job *j)
{
	return stream_start(r, j, 0, true);
}

void stream_init(const struct config *c)
{
	stream.config = c;
	stream.heartbeat.fire = on_heartbeat;
	loop_timer_set(&stream.heartbeat, c->heartbeat);
}

void stream_exit(void)
{
	struct list *at;

	stream.exiting = true;
	loop_timer_cancel(&stream.heartbeat);
	list_for_each (at, &stream.list)
		viewer_wake(container_of(at, struct viewer, entry));
}
