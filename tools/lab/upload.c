/*
 * Uploads. The body is the Image, whatever its Content-Type says, unless it is
 * multipart/form-data with the parts image, initrd and dtb. libmicrohttpd
 * cannot answer in the middle of a body: after an error the rest is read and
 * dropped, up to a limit.
 */
#include "tools/lab/upload.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/list.h"
#include "tools/lab/store.h"
#include "tools/lab/webcheck.h"

#define PART_COUNT	3
#define PARTS_BUFFER	((size_t)64 * 1024)
#define DROP_EXTRA	((int64_t)16 << 20)
#define MULTIPART	"multipart/form-data"
#define MULTIPART_EXTRA 65536 /* for the parts' headers */

struct upload {
	struct list entry; /* of uploads.list */
	struct params params;
	struct store_upload *parts[PART_COUNT];
	struct MHD_PostProcessor *multipart;
	int64_t got, limit;
	int64_t counted; /* of its user's bytes; 0 once refused, or a job */
	int status;	 /* HTTP, of what multipart did wrong */
	const char *why;
};

static const char *const part_names[PART_COUNT] = {"image", "initrd", "dtb"};

static struct {
	const struct config *config;
	struct list list;
} uploads = {.list = LIST_EMPTY(uploads.list)};

void upload_init(const struct config *c)
{
	uploads.config = c;
}

static void refuse(struct upload *u, int status, const char *why)
{
	if (u->status)
		return;
	u->status = status;
	u->why = why;
	u->counted = 0;
}

/* One part's bytes; parts come in pieces, off tells where. */
static enum MHD_Result on_part(void *cls, enum MHD_ValueKind kind,
			       const char *key, const char *filename,
			       const char *type, const char *encoding,
			       const char *data, uint64_t off, size_t size)
{
	struct upload *u = cls;
	int i = 0;

	(void)kind;
	(void)filename;
	(void)type;
	(void)encoding;
	while (i < PART_COUNT && strcmp(key, part_names[i]))
		i++;
	if (i == PART_COUNT) {
		refuse(u, 422, "a part that is none of image, initrd, dtb");
		return MHD_YES;
	}
	if (off == 0 && u->parts[i]) {
		refuse(u, 422, "a part that is there twice");
		return MHD_YES;
	}
	if (!u->parts[i])
		u->parts[i] =
			store_upload_begin(i == 0 ? STORE_IMAGE : STORE_OTHER);
	if (u->parts[i])
		store_upload_write(u->parts[i], data, size);
	else
		refuse(u, 507, "no space for the upload");
	return MHD_YES;
}

/* State of the walk over the query. */
struct query_walk {
	struct params *params;
	const char *why;
};

static enum MHD_Result on_query(void *cls, enum MHD_ValueKind kind,
				const char *key, size_t key_len,
				const char *value, size_t value_len)
{
	struct query_walk *w = cls;

	(void)kind;
	if (strlen(key) != key_len || (value && strlen(value) != value_len))
		w->why = "a NUL byte in the query";
	else
		w->why = params_set(w->params, key, value ? value : "");
	return w->why ? MHD_NO : MHD_YES;
}

/* NULL, or why the parameters are refused; fills in the user. */
static const char *params_read(struct http_request *r, struct params *p)
{
	struct query_walk w = {.params = p};

	params_init(p);
	MHD_get_connection_values_n(r->connection, MHD_GET_ARGUMENT_KIND,
				    on_query, &w);
	if (w.why)
		return w.why;
	if (p->timeout > uploads.config->timeout_max)
		return "timeout is above the lab's limit";
	if (uploads.config->tokens) {
		strcpy(p->user, r->who.user);
		if (p->priority > PARAMS_PRIORITY && r->who.role < ROLE_ADMIN)
			return "priorities above 5 are for admins";
	}
	return NULL;
}

/* The declared size, 0 where there is none; -1: malformed. */
static int64_t declared_size(const struct http_request *r)
{
	const char *text = http_header(r, "Content-Length");
	int64_t n = 0;

	return text && webcheck_number(text, &n) ? -1 : n;
}

static bool is_multipart(const struct http_request *r)
{
	const char *type = http_header(r, "Content-Type");

	return type && strncasecmp(type, MULTIPART, strlen(MULTIPART)) == 0;
}

/* What a user's uploads on their way are or say they will be. */
static int64_t bytes_coming(const char *user)
{
	int64_t sum = 0;
	struct list *at;

	list_for_each (at, &uploads.list) {
		const struct upload *u = container_of(at, struct upload, entry);

		if (strcmp(u->params.user, user) == 0)
			sum += u->counted;
	}
	return sum;
}

/* 0, or the status to answer before the body. */
static int admit(struct http_request *r, struct upload *u, const char **why)
{
	const struct params *p = &u->params;
	bool parts = is_multipart(r);
	int64_t size = declared_size(r);
	int64_t limit = uploads.config->image_max * (parts ? PART_COUNT : 1) +
		(parts ? MULTIPART_EXTRA : 0);
	struct job_refusal no;

	if (size < 0) {
		*why = "malformed Content-Length";
		return 400;
	}
	if (size > limit) {
		*why = "larger than image_max";
		return 413;
	}
	if (!job_admit(p->user, p->board, size + bytes_coming(p->user), &no)) {
		*why = no.why;
		return no.status;
	}
	u->counted = size;
	return 0;
}

bool upload_begin(struct http_request *r)
{
	struct upload *u = calloc(1, sizeof(*u));
	const char *why;
	int status = 422;

	if (!u)
		return false;
	r->upload = u;
	list_add(&uploads.list, &u->entry);
	why = params_read(r, &u->params);
	if (!why)
		status = admit(r, u, &why);
	if (why) {
		http_reply_error(r, status, why);
		return false;
	}
	u->limit = uploads.config->image_max;
	if (is_multipart(r)) {
		u->limit = u->limit * PART_COUNT + MULTIPART_EXTRA;
		u->multipart = MHD_create_post_processor(
			r->connection, PARTS_BUFFER, on_part, u);
		if (!u->multipart)
			http_reply_error(r, 400, "malformed multipart type");
	} else {
		u->parts[0] = store_upload_begin(STORE_IMAGE);
		if (!u->parts[0])
			http_reply_error(r, 507, "no space for the upload");
	}
	return !r->answered;
}

bool upload_body(struct upload *u, const char *data, size_t len)
{
	u->got += len;
	if (u->got > u->limit)
		refuse(u, 413, "larger than image_max");
	/* Nobody who means well sends that much more. */
	if (u->got > u->limit + DROP_EXTRA)
		return false;
	if (u->status)
		return true;
	if (u->got > u->counted)
		u->counted = u->got;
	if (!u->multipart)
		store_upload_write(u->parts[0], data, len);
	else if (MHD_post_process(u->multipart, data, len) != MHD_YES)
		refuse(u, 400, "malformed multipart body");
	return true;
}

/* Closes all parts into row; the first error stands. */
static void parts_finish(struct upload *u, struct db_job *row)
{
	struct db_blob *blobs[PART_COUNT] = {&row->image, &row->initrd,
					     &row->dtb};

	for (int i = 0; i < PART_COUNT; i++) {
		const char *why;
		int status;

		if (!u->parts[i])
			continue;
		if (u->status) {
			store_upload_abort(u->parts[i]);
		} else {
			status = store_upload_finish(u->parts[i], blobs[i],
						     &why);
			if (status)
				refuse(u, status, why);
		}
		u->parts[i] = NULL;
	}
}

struct job *upload_finish(struct http_request *r)
{
	struct upload *u = r->upload;
	struct db_job *row = calloc(1, sizeof(*row));
	struct job *j = NULL;
	struct job_refusal no;

	if (!row)
		return NULL;
	if (u->multipart && MHD_destroy_post_processor(u->multipart) != MHD_YES)
		refuse(u, 400, "malformed multipart body");
	u->multipart = NULL;
	u->counted = 0;
	if (!u->parts[0])
		refuse(u, 422, "no part named image");
	parts_finish(u, row);
	/* Others may have filled the queue meanwhile. */
	if (!u->status &&
	    !job_admit(u->params.user, u->params.board,
		       row->image.size + row->initrd.size + row->dtb.size, &no))
		refuse(u, no.status, no.why);
	row->params = u->params;
	if (!u->status && job_submit(row))
		refuse(u, 500, "the job cannot be stored");
	if (u->status) {
		store_blob_release(row->image.hash);
		store_blob_release(row->initrd.hash);
		store_blob_release(row->dtb.hash);
		http_reply_error(r, u->status, u->why);
	} else {
		j = job_get(row->id);
	}
	free(row);
	return j;
}

void upload_free(struct upload *u)
{
	if (!u)
		return;
	list_remove(&u->entry);
	if (u->multipart)
		MHD_destroy_post_processor(u->multipart);
	for (int i = 0; i < PART_COUNT; i++)
		store_upload_abort(u->parts[i]);
	free(u);
}
