/* Connections and answers: the one place that knows libmicrohttpd's rules. */
#pragma once

#include <jansson.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/lab/auth.h"
#include "tools/lab/config.h"

#define HTTP_BODY_MAX ((size_t)64 * 1024)

struct http_request;
struct upload;

/* A route: what answers a method on a path. */
struct http_route {
	const char *method;
	const char *path; /* webcheck_path() */
	enum auth_role role;
	bool changes; /* Origin is checked */
	enum {
		BODY_NONE,
		BODY_SMALL,
		BODY_UPLOAD
	} body;
	/*
	 * Before the body: may answer at once (413, 429) and then returns
	 * false. NULL: nothing to do.
	 */
	bool (*begin)(struct http_request *r);
	/* When the body is there, or there is none: answers. */
	enum MHD_Result (*answer)(struct http_request *r);
};

struct http_request {
	struct MHD_Connection *connection;
	const struct http_route *route;
	const char *path;
	int64_t id;	  /* of '#' in the route's path */
	const char *name; /* of '*' */
	struct auth_who who;
	bool begun;
	bool answered;
	char *body;
	size_t body_len;
	bool too_long; /* the rest of the body was dropped */
	struct upload *upload;
	struct http_conn *conn;
};

/*
 * Listens as c says; who comes waits for http_init(). Returns 0, also where
 * that fails for another reason than -EADDRINUSE (said on stderr): the others
 * are http_init()'s to return.
 */
int http_listen(const struct config *c);
/* Answers. routes end with a NULL method. Returns 0 or -errno (on stderr). */
int http_init(const struct config *c, const struct http_route *routes);
/* Lets libmicrohttpd work; returns its next deadline in microseconds or -1. */
int64_t http_work(void);
void http_exit(void);
/* The port listened on. */
int http_port(void);

/* A request header, or NULL; a query value, or NULL. */
const char *http_header(const struct http_request *r, const char *name);
const char *http_query(const struct http_request *r, const char *name);

/* Answers; each consumes its argument. */
enum MHD_Result http_reply(struct http_request *r, unsigned status,
			   struct MHD_Response *response);
enum MHD_Result http_reply_json(struct http_request *r, unsigned status,
				json_t *value);
enum MHD_Result http_reply_text(struct http_request *r, const char *type,
				char *text);
/* {error: text}; 429 and 507 with Retry-After. */
enum MHD_Result http_reply_error(struct http_request *r, unsigned status,
				 const char *text);
enum MHD_Result http_reply_empty(struct http_request *r, unsigned status);

/* MHD_resume_connection(), noticed by the loop's next turn. */
void http_resume(struct MHD_Connection *c);

/* This request may take long (an answer that streams). */
void http_no_deadline(struct http_request *r);
