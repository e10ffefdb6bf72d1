#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <curl/curl.h>

#include "tools/lab/client/buf.h"

/** Seconds without a byte after which a connection counts as dead. */
#define HTTP_STALL_SECONDS 45

/** Where the daemon is and how to be let in. */
struct http_config {
	const char *url;     /* http:// or https://, without the final slash */
	const char *token;   /* or NULL */
	const char *ca_file; /* PEM certificates to trust instead, or NULL */
};

struct http {
	struct http_config config;
	CURLM *multi;
};

/** One request: the first part is the caller's, the second the result. */
struct http_request {
	const char *method;
	const char *path;	/* from "/", escaped, with the query */
	const char *headers[3]; /* more "Name: value" lines */
	const void *body;	/* bytes kept by the caller, or: */
	size_t body_len;
	FILE *file; /* a stream to send, or: */
	curl_off_t file_len;
	curl_mime *mime; /* parts, freed by the caller */
	/* takes a 2xx answer as it comes; anything but 0 ends the request */
	int (*data)(void *arg, const char *bytes, size_t n);
	void (*progress)(void *arg, curl_off_t sent, curl_off_t total);
	void *arg;

	bool done;
	CURLcode code;		/* CURLE_OK when there was an answer */
	long status;		/* HTTP's */
	curl_off_t retry_after; /* seconds, 0 for none */
	struct buf answer;	/* what @data did not take */
	char error[CURL_ERROR_SIZE];
	CURL *easy;
	struct curl_slist *header_list;
};

/**
 * http_open() - make @http ready for requests to @config.
 *
 * The strings are kept, not copied. Returns 0, -EINVAL for a URL that is
 * neither http nor https, or -ENOMEM.
 */
int http_open(struct http *http, const struct http_config *config);

/** http_close() - undo http_open(); every request is finished before. */
void http_close(struct http *http);

/** http_is_loopback() - @url, an http or https one, is this machine. */
bool http_is_loopback(const char *url);

/** http_easy() - the handle of @request, for parts made before the start. */
CURL *http_easy(struct http_request *request);

/** http_start() - send @request; http_step() drives it. 0 or -ENOMEM. */
int http_start(struct http *http, struct http_request *request);

/**
 * http_step() - wait up to @timeout_ms for any request, interrupt or @fd.
 *
 * @fd: one more descriptor to wait for readability of, or -1. Requests that
 * came to their end have @done set. Returns 0 or -EIO.
 */
int http_step(struct http *http, int timeout_ms, int fd);

/** http_finish() - take @request back, also one still under way. */
void http_finish(struct http *http, struct http_request *request);

/**
 * http_call() - send @request and wait for its end.
 *
 * The result stays in @request for http_finish(). Returns 0, -EINTR after an
 * interrupt (the request is dropped), -EIO or -ENOMEM.
 */
int http_call(struct http *http, struct http_request *request);

/** http_succeeded() - the answer came and is a 2xx. */
bool http_succeeded(const struct http_request *request);

/**
 * http_problem() - append in words why @request did not succeed.
 *
 * The daemon's own words where it gave some, made safe for a terminal.
 */
void http_problem(const struct http_request *request, struct buf *text);

/** http_query() - append `?key=value` or `&key=value`, escaped. 0, -ENOMEM. */
int http_query(struct buf *path, const char *key, const char *value);
