/*
 * The HTTP server: checks that every request passes, in this order: Host,
 * route, method, token, role, Origin, and what the route itself says about
 * the size, all before a byte of the body is read. A connection that does not
 * get its request out in time is shut down, whatever it trickles meanwhile.
 */
#include "tools/lab/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/list.h"
#include "tools/lab/config.h"
#include "tools/lab/loop.h"
#include "tools/lab/upload.h"
#include "tools/lab/webcheck.h"

/* Half of it reads uploads; every viewer costs all of it. */
#define CONNECTION_MEMORY ((size_t)64 * 1024)
#define BODY_DROP_MAX	  ((size_t)1024 * 1024) /* of one that is too long */
#define SWEEP_INTERVAL	  LOOP_SECOND
#define WRITE_TIMEOUT	  300u /* seconds a viewer may take nothing */
#define RETRY_AFTER	  "30"

/* A TCP connection and by when it has to be further. */
struct http_conn {
	struct list entry; /* of http.conns */
	int fd;
	int64_t deadline; /* 0 = none */
};

static struct {
	const struct config *config;
	const struct http_route *routes;
	int listener; /* or -errno */
	struct MHD_Daemon *daemon;
	struct loop_watch watch;
	struct loop_timer sweep;
	struct list conns;
	char *cert, *key;
	bool resumed; /* connections that MHD_run() has to look at */
} http = {.conns = LIST_EMPTY(http.conns)};

static const char csp[] =
	"default-src 'none'; script-src 'self'; style-src 'self'; "
	"img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
	"form-action 'none'; frame-ancestors 'none'";

const char *http_header(const struct http_request *r, const char *name)
{
	return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND,
					   name);
}

const char *http_query(const struct http_request *r, const char *name)
{
	return MHD_lookup_connection_value(r->connection, MHD_GET_ARGUMENT_KIND,
					   name);
}

static void add_security_headers(struct MHD_Response *m)
{
	static const char *const headers[][2] = {
		{"Content-Security-Policy", csp},
		{"X-Content-Type-Options", "nosniff"},
		{"X-Frame-Options", "DENY"},
		{"Referrer-Policy", "no-referrer"},
		{"Cross-Origin-Resource-Policy", "same-origin"},
		{"Cross-Origin-Opener-Policy", "same-origin"},
	};

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		MHD_add_response_header(m, headers[i][0], headers[i][1]);
	if (!MHD_get_response_header(m, "Cache-Control"))
		MHD_add_response_header(m, "Cache-Control", "no-store");
}

enum MHD_Result http_reply(struct http_request *r, unsigned status,
			   struct MHD_Response *m)
{
	enum MHD_Result ok;

	if (!m)
		return MHD_NO;
	add_security_headers(m);
	r->answered = true;
	ok = MHD_queue_response(r->connection, status, m);
	MHD_destroy_response(m);
	return ok;
}

static enum MHD_Result reply_typed(struct http_request *r, unsigned status,
				   const char *type, char *text)
{
	struct MHD_Response *m;

	if (!text)
		return MHD_NO;
	m = MHD_create_response_from_buffer(strlen(text), text,
					    MHD_RESPMEM_MUST_FREE);
	if (!m) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(m, "Content-Type", type);
	if (status == 429 || status == 507)
		MHD_add_response_header(m, "Retry-After", RETRY_AFTER);
	if (status == 401)
		MHD_add_response_header(m, "WWW-Authenticate", "Bearer");
	return http_reply(r, status, m);
}

enum MHD_Result http_reply_text(struct http_request *r, const char *type,
				char *text)
{
	return reply_typed(r, 200, type, text);
}

enum MHD_Result http_reply_json(struct http_request *r, unsigned status,
				json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT);

	json_decref(value);
	return reply_typed(r, status, "application/json", text);
}

enum MHD_Result http_reply_error(struct http_request *r, unsigned status,
				 const char *text)
{
	return http_reply_json(r, status, json_pack("{s:s}", "error", text));
}

enum MHD_Result http_reply_empty(struct http_request *r, unsigned status)
{
	return http_reply(
		r, status,
		MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT));
}

void http_no_deadline(struct http_request *r)
{
	if (r->conn)
		r->conn->deadline = 0;
}

/* Finds the route; *path_known tells whether only the method was wrong. */
static const struct http_route *route_find(struct http_request *r,
					   const char *method, bool *path_known)
{
	/* libmicrohttpd answers HEAD like GET without the body. */
	if (strcmp(method, "HEAD") == 0)
		method = "GET";
	*path_known = false;
	for (const struct http_route *t = http.routes; t->method; t++) {
		if (!webcheck_path(t->path, r->path, &r->id, &r->name))
			continue;
		*path_known = true;
		if (strcmp(t->method, method) == 0)
			return t;
	}
	return NULL;
}

/* Who asks; ROLE_NONE if nobody we know. */
static void identify(struct http_request *r)
{
	const char *bearer = http_header(r, "Authorization");
	char session[AUTH_SESSION_MAX];
	const char *user = http_query(r, "user");
	bool cookie;

	memset(&r->who, 0, sizeof(r->who));
	if (!http.config->tokens) {
		r->who.role = ROLE_ADMIN;
		snprintf(r->who.user, sizeof(r->who.user), "%s",
			 user && params_is_name(user, PARAMS_USER_MAX)
				 ? user
				 : "local");
		return;
	}
	cookie = webcheck_cookie(http_header(r, "Cookie"), "lab", session,
				 sizeof(session));
	if (bearer && strncasecmp(bearer, "Bearer ", 7) == 0)
		auth_check(bearer + 7, NULL, &r->who);
	else if (cookie)
		auth_check(NULL, session, &r->who);
}

/* The checks; true if the request may go on. */
static bool request_admit(struct http_request *r, const char *method)
{
	const char *host = http_header(r, "Host");
	bool path_known;

	if (!webcheck_host(host, http.config->hosts)) {
		http_reply_error(r, 421,
				 "this is not a name of this lab "
				 "(hosts = in its configuration)");
		return false;
	}
	r->route = route_find(r, method, &path_known);
	if (!r->route) {
		http_reply_error(r, path_known ? 405 : 404,
				 path_known ? "method not allowed"
					    : "no such page");
		return false;
	}
	identify(r);
	if (r->who.role < r->route->role) {
		http_reply_error(r, r->who.role == ROLE_NONE ? 401 : 403,
				 r->who.role == ROLE_NONE
					 ? "a token is needed"
					 : "your role does not allow this");
		return false;
	}
	if (r->route->changes &&
	    !webcheck_origin(http_header(r, "Origin"),
			     http_header(r, "Sec-Fetch-Site"), host)) {
		http_reply_error(r, 403, "request from a foreign page");
		return false;
	}
	return true;
}

static bool small_body_admit(struct http_request *r)
{
	const char *length = http_header(r, "Content-Length");
	int64_t n;

	if (r->route->body == BODY_UPLOAD)
		return true;
	if (length &&
	    (webcheck_number(length, &n) || n > (int64_t)HTTP_BODY_MAX)) {
		http_reply_error(r, 413, "body larger than 64 KiB");
		return false;
	}
	return true;
}

static enum MHD_Result request_begin(struct http_request *r, const char *method)
{
	int64_t limit = http.config->request_timeout;

	r->begun = true;
	if (!request_admit(r, method) || !small_body_admit(r))
		return r->answered ? MHD_YES : MHD_NO;
	if (r->route->body == BODY_UPLOAD)
		limit = http.config->upload_timeout;
	if (r->conn)
		r->conn->deadline = loop_now() + limit;
	if (r->route->begin && !r->route->begin(r))
		return r->answered ? MHD_YES : MHD_NO;
	return MHD_YES;
}

static enum MHD_Result body_take(struct http_request *r, const char *data,
				 size_t *size)
{
	size_t n = *size;
	char *more;

	*size = 0;
	if (r->upload)
		return upload_body(r->upload, data, n) ? MHD_YES : MHD_NO;
	/* Without a Content-Length only the bytes themselves tell. */
	r->too_long = r->too_long || r->body_len + n > HTTP_BODY_MAX;
	if (r->too_long) {
		r->body_len += n;
		return r->body_len > BODY_DROP_MAX ? MHD_NO : MHD_YES;
	}
	more = realloc(r->body, r->body_len + n + 1);
	if (!more)
		return MHD_NO;
	r->body = more;
	memcpy(more + r->body_len, data, n);
	r->body_len += n;
	more[r->body_len] = '\0';
	return MHD_YES;
}

/* Stands for a request whose path has a NUL byte in it. */
static char bad_path;

/*
 * Sees the path as it was sent. libmicrohttpd hands it on decoded, as a C
 * string: what follows a %00 would be cut off and never looked at.
 */
static void *on_uri(void *cls, const char *uri, struct MHD_Connection *c)
{
	const char *nul = strstr(uri, "%00"), *query = strchr(uri, '?');

	(void)cls;
	(void)c;
	return nul && (!query || nul < query) ? &bad_path : NULL;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c,
				  const char *url, const char *method,
				  const char *version, const char *data,
				  size_t *size, void **state)
{
	struct http_request *r = *state;
	const union MHD_ConnectionInfo *info;

	bool bad = *state == &bad_path;

	(void)cls;
	(void)version;
	if (!r || bad) {
		r = calloc(1, sizeof(*r));
		*state = r;
		if (!r)
			return MHD_NO;
		info = MHD_get_connection_info(
			c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
		r->conn = info ? info->socket_context : NULL;
	}
	r->connection = c;
	r->path = url;
	if (bad)
		return http_reply_error(r, 400, "a NUL byte in the path");
	if (!r->begun)
		return request_begin(r, method);
	if (*size > 0)
		return body_take(r, data, size);
	if (r->answered)
		return MHD_YES;
	if (r->conn)
		r->conn->deadline = loop_now() + http.config->upload_timeout;
	if (r->too_long)
		return http_reply_error(r, 413, "body larger than 64 KiB");
	return r->route->answer(r);
}

static void on_completed(void *cls, struct MHD_Connection *c, void **state,
			 enum MHD_RequestTerminationCode why)
{
	struct http_request *r = *state;

	(void)cls;
	(void)c;
	(void)why;
	if (!r || *state == &bad_path)
		return;
	/* Kept alive, it has as long for the next request's headers. */
	if (r->conn)
		r->conn->deadline = loop_now() + http.config->request_timeout;
	upload_free(r->upload);
	free(r->body);
	free(r);
	*state = NULL;
}

static void on_connection(void *cls, struct MHD_Connection *c, void **context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct http_conn *n = *context;

	(void)cls;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		n = calloc(1, sizeof(*n));
		if (!n)
			return;
		n->fd = MHD_get_connection_info(
				c, MHD_CONNECTION_INFO_CONNECTION_FD)
				->connect_fd;
		n->deadline = loop_now() + http.config->request_timeout;
		list_add(&http.conns, &n->entry);
		*context = n;
	} else if (n) {
		list_remove(&n->entry);
		free(n);
		*context = NULL;
	}
}

/* libmicrohttpd only knows idle time; a byte now and then would hold it. */
static void sweep(void *arg)
{
	int64_t now = loop_now();
	struct list *at;

	(void)arg;
	list_for_each (at, &http.conns) {
		struct http_conn *n = container_of(at, struct http_conn, entry);

		if (n->deadline && n->deadline < now)
			shutdown(n->fd, SHUT_RDWR);
	}
	loop_timer_set(&http.sweep, SWEEP_INTERVAL);
}

static void on_epoll(void *arg, uint32_t events)
{
	(void)arg;
	(void)events;
	MHD_run(http.daemon);
}

void http_resume(struct MHD_Connection *c)
{
	MHD_resume_connection(c);
	http.resumed = true;
}

int64_t http_work(void)
{
	MHD_UNSIGNED_LONG_LONG ms;

	/* Without a thread of its own it has no descriptor to wake us by. */
	if (http.resumed) {
		http.resumed = false;
		MHD_run(http.daemon);
	}
	if (MHD_get_timeout(http.daemon, &ms) != MHD_YES)
		return -1;
	if (ms == 0) {
		MHD_run(http.daemon);
		if (MHD_get_timeout(http.daemon, &ms) != MHD_YES)
			return -1;
	}
	return (int64_t)ms * 1000;
}

static int address_parse(const char *listen, struct sockaddr_storage *out,
			 socklen_t *size)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV |
					 AI_PASSIVE,
				 .ai_socktype = SOCK_STREAM};
	char host[CONFIG_TEXT_MAX], *colon, *name = host;
	struct addrinfo *a;

	snprintf(host, sizeof(host), "%s", listen);
	colon = strrchr(host, ':');
	*colon = '\0';
	if (*name == '[' && colon[-1] == ']') {
		colon[-1] = '\0';
		name++;
	}
	if (getaddrinfo(name, colon + 1, &hints, &a))
		return -EINVAL;
	memcpy(out, a->ai_addr, a->ai_addrlen);
	*size = a->ai_addrlen;
	freeaddrinfo(a);
	return 0;
}

static int listen_on(const char *where)
{
	struct sockaddr_storage a;
	socklen_t size;
	int one = 1, err = address_parse(where, &a, &size), fd;

	if (err)
		return err;
	fd = socket(a.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&a, size) || listen(fd, 511)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static char *file_text(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;

	if (f && getdelim(&text, &size, '\0', f) < 0) {
		free(text);
		text = NULL;
	}
	if (f)
		fclose(f);
	return text;
}

static struct MHD_Daemon *daemon_start(void)
{
	const struct config *c = http.config;
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME;
	struct MHD_OptionItem tls[] = {
		{MHD_OPTION_HTTPS_MEM_CERT, 0, http.cert},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, http.key},
		{MHD_OPTION_END, 0, NULL},
	};

	if (c->tls_cert[0])
		flags |= MHD_USE_TLS;
	else
		tls[0].option = MHD_OPTION_END;
	return MHD_start_daemon(
		flags, 0, NULL, NULL, on_request, NULL,
		MHD_OPTION_LISTEN_SOCKET, http.listener,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)c->viewers_max + 256,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY,
		MHD_OPTION_CONNECTION_TIMEOUT, WRITE_TIMEOUT,
		MHD_OPTION_URI_LOG_CALLBACK, on_uri, NULL,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, NULL,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY, tls,
		MHD_OPTION_END);
}

int http_listen(const struct config *c)
{
	http.listener = listen_on(c->listen);
	if (http.listener == -EADDRINUSE) {
		fprintf(stderr, "labd: %s: %s\n", c->listen,
			strerror(EADDRINUSE));
		return -EADDRINUSE;
	}
	return 0;
}

int http_init(const struct config *c, const struct http_route *routes)
{
	http.config = c;
	http.routes = routes;
	if (c->tls_cert[0]) {
		http.cert = file_text(c->tls_cert);
		http.key = file_text(c->tls_key);
		if (!http.cert || !http.key) {
			fprintf(stderr, "labd: cannot read %s or %s\n",
				c->tls_cert, c->tls_key);
			return -ENOENT;
		}
	}
	if (http.listener < 0) {
		fprintf(stderr, "labd: %s: %s\n", c->listen,
			strerror(-http.listener));
		return http.listener;
	}
	http.daemon = daemon_start();
	if (!http.daemon) {
		fprintf(stderr, "labd: the HTTP server does not start\n");
		return -EIO;
	}
	http.watch.fd =
		MHD_get_daemon_info(http.daemon, MHD_DAEMON_INFO_EPOLL_FD)
			->epoll_fd;
	http.watch.ready = on_epoll;
	http.sweep.fire = sweep;
	sweep(NULL);
	return loop_watch_add(&http.watch, EPOLLIN);
}

int http_port(void)
{
	struct sockaddr_storage a;
	socklen_t size = sizeof(a);
	int fd = MHD_get_daemon_info(http.daemon, MHD_DAEMON_INFO_LISTEN_FD)
			 ->listen_fd;

	if (getsockname(fd, (struct sockaddr *)&a, &size))
		return 0;
	return ntohs(a.ss_family == AF_INET6
			     ? ((struct sockaddr_in6 *)&a)->sin6_port
			     : ((struct sockaddr_in *)&a)->sin_port);
}

void http_exit(void)
{
	loop_watch_remove(&http.watch);
	loop_timer_cancel(&http.sweep);
	MHD_stop_daemon(http.daemon);
	free(http.cert);
	free(http.key);
}
