/*
 * What each route does. The checks that all share are behind us here (http.c);
 * the answers' JSON is made in view.c.
 */
#include "tools/lab/api.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "tools/lab/assets.h"
#include "tools/lab/attempt.h"
#include "tools/lab/cast.h"
#include "tools/lab/stream.h"
#include "tools/lab/upload.h"
#include "tools/lab/view.h"
#include "tools/lab/webcheck.h"

#define LIST_DEFAULT 50
#define LIST_MAX     500
#define CAST_BLOCK   ((size_t)32 * 1024)

static struct {
	const struct config *config;
} api;

void api_init(const struct config *c)
{
	api.config = c;
}

static enum MHD_Result no_such_job(struct http_request *r)
{
	return http_reply_error(r, 404, "no such job");
}

/* --- jobs ------------------------------------------------------------- */

static enum MHD_Result post_job(struct http_request *r)
{
	struct job *j = upload_finish(r);
	json_t *all, *o;

	if (!j)
		return r->answered ? MHD_YES : MHD_NO;
	all = view_job(&j->row, j);
	o = json_pack("{s:O, s:O, s:O, s:O}", "id", json_object_get(all, "id"),
		      "url", json_object_get(all, "url"), "position",
		      json_object_get(all, "position"), "eta",
		      json_object_get(all, "eta"));
	json_decref(all);
	job_put(j);
	return http_reply_json(r, 201, o);
}

static enum MHD_Result post_run(struct http_request *r)
{
	struct job *j;

	/* Before there is a job: an error must not leave one running. */
	if (jobs_viewers() >= (size_t)api.config->viewers_max)
		return http_reply_error(r, 429, "too many viewers");
	j = upload_finish(r);
	if (!j)
		return r->answered ? MHD_YES : MHD_NO;
	return stream_raw(r, j);
}

/* A number from the query; false: answered with 400. */
static bool query_number(struct http_request *r, const char *key,
			 int64_t *value)
{
	const char *text = http_query(r, key);

	if (!text || webcheck_number(text, value) == 0)
		return true;
	http_reply_error(r, 400, "not a number in the query");
	return false;
}

static enum MHD_Result get_jobs(struct http_request *r)
{
	struct db_filter f = {.user = http_query(r, "user"), .state = -1};
	const char *state = http_query(r, "state");
	int64_t limit = LIST_DEFAULT;

	if (!query_number(r, "before", &f.before) ||
	    !query_number(r, "limit", &limit))
		return MHD_YES;
	f.limit = limit < 1 || limit > LIST_MAX ? LIST_MAX : (int)limit;
	if (state && strcmp(state, "active") == 0) {
		f.state = -2;
	} else if (state) {
		f.state = job_state_from_name(state);
		if (f.state < 0)
			return http_reply_error(r, 400, "unknown state");
	}
	return http_reply_json(r, 200, view_jobs(&f));
}

static enum MHD_Result get_job(struct http_request *r)
{
	struct job *j = job_get(r->id);
	json_t *o;

	if (!j)
		return no_such_job(r);
	o = view_job(&j->row, j);
	job_put(j);
	return http_reply_json(r, 200, o);
}

static bool may_change(const struct http_request *r, const struct job *j)
{
	return r->who.role == ROLE_ADMIN ||
		strcmp(r->who.user, j->row.params.user) == 0;
}

static enum MHD_Result delete_job(struct http_request *r)
{
	struct job *j = job_get(r->id);
	bool allowed;
	int err = 0;

	if (!j)
		return no_such_job(r);
	allowed = may_change(r, j);
	if (allowed)
		err = job_cancel(j);
	job_put(j);
	if (!allowed)
		return http_reply_error(r, 403, "not your job");
	if (err)
		return http_reply_error(r, 409, "the job is over");
	return http_reply_json(r, 202,
			       json_pack("{s:s}", "state", "cancelled"));
}

/* --- console ---------------------------------------------------------- */

static enum MHD_Result reply_log(struct http_request *r, const struct job *j)
{
	int64_t first = 0, length = j->log.size;
	enum webcheck_range range = webcheck_range(
		http_header(r, "Range"), j->log.size, &first, &length);
	struct MHD_Response *m;
	char text[96];
	int fd;

	if (range == RANGE_WRONG)
		return http_reply_error(r, 416, "beyond the log's end");
	if (range == RANGE_NONE)
		length = j->log.size;
	first = range == RANGE_NONE ? 0 : first;
	fd = fcntl(j->log.fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return MHD_NO;
	m = MHD_create_response_from_fd_at_offset64(length, fd, first);
	if (!m) {
		close(fd);
		return MHD_NO;
	}
	MHD_add_response_header(m, "Content-Type", "application/octet-stream");
	MHD_add_response_header(m, "Accept-Ranges", "bytes");
	snprintf(text, sizeof(text), "bytes %" PRId64 "-%" PRId64 "/%" PRId64,
		 first, first + length - 1, j->log.size);
	if (range == RANGE_GOOD)
		MHD_add_response_header(m, "Content-Range", text);
	return http_reply(r, range == RANGE_GOOD ? 206 : 200, m);
}

static enum MHD_Result get_log(struct http_request *r)
{
	struct job *j = job_get(r->id);
	enum MHD_Result ok;

	if (!j)
		return no_such_job(r);
	ok = job_log_open(j) ? http_reply_error(r, 404, "the log is gone")
			     : reply_log(r, j);
	job_put(j);
	return ok;
}

static enum MHD_Result get_events(struct http_request *r)
{
	const char *last = http_header(r, "Last-Event-ID");
	int64_t from = 0;
	struct job *j;

	if (last) {
		if (webcheck_number(last, &from))
			return http_reply_error(r, 400,
						"malformed Last-Event-ID");
	} else if (!query_number(r, "from", &from)) {
		return MHD_YES;
	}
	j = job_get(r->id);
	return j ? stream_events(r, j, from) : no_such_job(r);
}

static ssize_t cast_more(void *cls, uint64_t pos, char *out, size_t max)
{
	size_t n;

	(void)pos;
	/* An event has to fit whole; the next block has the room. */
	if (max < CAST_BLOCK / 2)
		return 0;
	n = cast_read(cls, out, max);
	return n ? (ssize_t)n : MHD_CONTENT_READER_END_OF_STREAM;
}

static void cast_done(void *cls)
{
	cast_free(cls);
}

static enum MHD_Result get_cast(struct http_request *r)
{
	struct job *j = job_get(r->id);
	struct MHD_Response *m;
	struct cast *c;
	char name[80];

	if (!j)
		return no_such_job(r);
	c = job_log_open(j) ? NULL : cast_new(j);
	if (!c) {
		job_put(j);
		return http_reply_error(r, 404, "the log is gone");
	}
	m = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, CAST_BLOCK,
					      cast_more, c, cast_done);
	if (!m) {
		cast_free(c);
		return MHD_NO;
	}
	snprintf(name, sizeof(name),
		 "attachment; filename=\"job-%" PRId64 ".cast\"", r->id);
	MHD_add_response_header(m, "Content-Type", "application/x-asciicast");
	MHD_add_response_header(m, "Content-Disposition", name);
	return http_reply(r, 200, m);
}

/* Whether the writer in the request may type; else it was answered. */
static bool writer_admit(struct http_request *r, struct job *j)
{
	const char *writer = http_header(r, "X-Lab-Writer");
	const char *take = http_query(r, "take");

	if (!writer)
		writer = r->who.user;
	if (!*writer || strlen(writer) > JOB_WRITER_MAX ||
	    !params_is_name(writer, JOB_WRITER_MAX)) {
		http_reply_error(r, 422,
				 "X-Lab-Writer is not 1-64 letters, "
				 "digits and _-.@+");
		return false;
	}
	if (strcmp(j->writer, writer) == 0)
		return true;
	if (j->writer[0] && !(take && strcmp(take, "1") == 0)) {
		http_reply_json(r, 409,
				json_pack("{s:s, s:s}", "error",
					  "another viewer is typing", "writer",
					  j->writer));
		return false;
	}
	strcpy(j->writer, writer);
	job_changed(j);
	return true;
}

static enum MHD_Result type_bytes(struct http_request *r, struct job *j)
{
	int err;

	if (!may_change(r, j))
		return http_reply_error(r, 403, "not your job");
	if (job_over(j))
		return http_reply_error(r, 409, "the job is over");
	if (!j->attempt || attempt_stage(j->attempt) < STAGE_KERNEL)
		return http_reply_error(r, 409,
					"the kernel is not running "
					"yet");
	if (!writer_admit(r, j))
		return MHD_YES;
	err = attempt_write(j->attempt, r->body, r->body_len);
	if (err == -EAGAIN)
		return http_reply_error(r, 429,
					"the board does not take input "
					"that fast");
	if (err)
		return http_reply_error(r, 409, "the console is closed");
	return http_reply_empty(r, 204);
}

static enum MHD_Result post_input(struct http_request *r)
{
	struct job *j = job_get(r->id);
	enum MHD_Result ok;

	if (!j)
		return no_such_job(r);
	ok = type_bytes(r, j);
	job_put(j);
	return ok;
}

/* --- the lab ---------------------------------------------------------- */

static enum MHD_Result get_boards(struct http_request *r)
{
	return http_reply_json(r, 200, view_boards());
}

static enum MHD_Result get_metrics(struct http_request *r)
{
	return http_reply_text(r, "text/plain; version=0.0.4; charset=utf-8",
			       view_metrics());
}

static enum MHD_Result get_whoami(struct http_request *r)
{
	return http_reply_json(r, 200,
			       json_pack("{s:s, s:s, s:b}", "user", r->who.user,
					 "role", auth_role_name(r->who.role),
					 "tokens", (int)api.config->tokens));
}

static enum MHD_Result reply_cookie(struct http_request *r, const char *value,
				    int64_t seconds)
{
	bool secure = api.config->tls_cert[0] || api.config->behind_proxy;
	struct MHD_Response *m =
		MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);
	char text[256];

	if (!m)
		return MHD_NO;
	snprintf(text, sizeof(text),
		 "lab=%s; Path=/; Max-Age=%" PRId64
		 "; HttpOnly; SameSite=Strict%s",
		 value, seconds, secure ? "; Secure" : "");
	MHD_add_response_header(m, "Set-Cookie", text);
	return http_reply(r, 204, m);
}

static enum MHD_Result post_login(struct http_request *r)
{
	json_t *o = json_loadb(r->body ? r->body : "", r->body_len, 0, NULL);
	const char *token = json_string_value(json_object_get(o, "token"));
	char session[AUTH_SESSION_MAX];
	int err = token ? auth_login(token, session) : -EINVAL;

	json_decref(o);
	if (err == -EINVAL)
		return http_reply_error(r, 400, "want {\"token\": \"...\"}");
	if (err == -EACCES)
		return http_reply_error(r, 401, "unknown token");
	if (err)
		return http_reply_error(r, 500, "no session");
	return reply_cookie(r, session, AUTH_SESSION_LIFE / LOOP_SECOND);
}

static enum MHD_Result post_logout(struct http_request *r)
{
	char session[AUTH_SESSION_MAX];

	if (webcheck_cookie(http_header(r, "Cookie"), "lab", session,
			    sizeof(session)))
		auth_logout(session);
	return reply_cookie(r, "", 0);
}

/* --- the page --------------------------------------------------------- */

static enum MHD_Result reply_asset(struct http_request *r, const char *folder,
				   const char *name)
{
	const struct asset *a = asset_find(folder, name);
	struct MHD_Response *m;

	if (!a)
		return http_reply_error(r, 404, "no such file");
	m = MHD_create_response_from_buffer(a->end - a->data, (void *)a->data,
					    MHD_RESPMEM_PERSISTENT);
	if (!m)
		return MHD_NO;
	MHD_add_response_header(m, "Content-Type", asset_type(name));
	MHD_add_response_header(m, "Cache-Control", "no-cache");
	return http_reply(r, 200, m);
}

static enum MHD_Result get_page(struct http_request *r)
{
	return reply_asset(r, "static", "index.html");
}

static enum MHD_Result get_static(struct http_request *r)
{
	return reply_asset(r, "static", r->name);
}

static enum MHD_Result get_xterm(struct http_request *r)
{
	return reply_asset(r, "xterm", r->name);
}

const struct http_route api_routes[] = {
	{"GET", "/", ROLE_NONE, false, BODY_NONE, NULL, get_page},
	{"GET", "/jobs/#", ROLE_NONE, false, BODY_NONE, NULL, get_page},
	{"GET", "/static/*", ROLE_NONE, false, BODY_NONE, NULL, get_static},
	{"GET", "/xterm/*", ROLE_NONE, false, BODY_NONE, NULL, get_xterm},
	{"POST", "/api/jobs", ROLE_RUN, true, BODY_UPLOAD, upload_begin,
	 post_job},
	{"POST", "/run", ROLE_RUN, true, BODY_UPLOAD, upload_begin, post_run},
	{"GET", "/api/jobs", ROLE_WATCH, false, BODY_NONE, NULL, get_jobs},
	{"GET", "/api/jobs/#", ROLE_WATCH, false, BODY_NONE, NULL, get_job},
	{"DELETE", "/api/jobs/#", ROLE_RUN, true, BODY_NONE, NULL, delete_job},
	{"GET", "/api/jobs/#/log", ROLE_WATCH, false, BODY_NONE, NULL, get_log},
	{"GET", "/api/jobs/#/events", ROLE_WATCH, false, BODY_NONE, NULL,
	 get_events},
	{"GET", "/api/jobs/#/cast", ROLE_WATCH, false, BODY_NONE, NULL,
	 get_cast},
	{"POST", "/api/jobs/#/input", ROLE_RUN, true, BODY_SMALL, NULL,
	 post_input},
	{"GET", "/api/boards", ROLE_WATCH, false, BODY_NONE, NULL, get_boards},
	{"GET", "/metrics", ROLE_WATCH, false, BODY_NONE, NULL, get_metrics},
	{"GET", "/api/whoami", ROLE_WATCH, false, BODY_NONE, NULL, get_whoami},
	{"POST", "/api/login", ROLE_NONE, true, BODY_SMALL, NULL, post_login},
	{"POST", "/api/logout", ROLE_NONE, true, BODY_SMALL, NULL, post_logout},
	{0},
};
