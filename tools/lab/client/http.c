/*
 * Requests to the daemon over libcurl's multi interface: an upload, a stream
 * and the keys typed meanwhile go through one loop that also sees Ctrl-C.
 */
#include "tools/lab/client/http.h"

#include <errno.h>
#include <string.h>

#include <jansson.h>

#include "tools/lab/client/filter.h"
#include "tools/lab/client/interrupt.h"

#define HTTP_ANSWER_MAX (64u << 20)

int http_open(struct http *http, const struct http_config *config)
{
	if (strncmp(config->url, "http://", 7) &&
	    strncmp(config->url, "https://", 8))
		return -EINVAL;
	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return -ENOMEM;
	http->config = *config;
	http->multi = curl_multi_init();
	return http->multi ? 0 : -ENOMEM;
}

void http_close(struct http *http)
{
	curl_multi_cleanup(http->multi);
	curl_global_cleanup();
}

static size_t http_on_data(char *bytes, size_t size, size_t n, void *arg)
{
	struct http_request *request = arg;

	n *= size;
	if (!request->status)
		curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE,
				  &request->status);
	if (request->data && request->status / 100 == 2)
		return request->data(request->arg, bytes, n) ? 0 : n;
	if (request->answer.len + n > HTTP_ANSWER_MAX)
		return 0;
	return buf_append(&request->answer, bytes, n) ? 0 : n;
}

static size_t http_on_read(char *bytes, size_t size, size_t n, void *arg)
{
	struct http_request *request = arg;

	n = fread(bytes, size, n, request->file);
	return ferror(request->file) ? CURL_READFUNC_ABORT : n;
}

static int http_on_progress(void *arg, curl_off_t all, curl_off_t received,
			    curl_off_t total, curl_off_t sent)
{
	struct http_request *request = arg;

	(void)all;
	(void)received;
	request->progress(request->arg, sent, total);
	return 0;
}

CURL *http_easy(struct http_request *request)
{
	if (!request->easy)
		request->easy = curl_easy_init();
	return request->easy;
}

static int http_header(struct http_request *request, const char *line)
{
	struct curl_slist *list;

	list = curl_slist_append(request->header_list, line);
	if (!list)
		return -ENOMEM;
	request->header_list = list;
	return 0;
}

static int http_headers(struct http *http, struct http_request *request)
{
	struct buf bearer = {0};
	int err = 0;

	for (size_t i = 0; i < 3 && request->headers[i] && !err; i++)
		err = http_header(request, request->headers[i]);
	if (err || !http->config.token)
		return err;
	err = buf_append(&bearer, "Authorization: Bearer ", 22);
	if (!err)
		err = buf_append(&bearer, http->config.token,
				 strlen(http->config.token));
	if (!err)
		err = http_header(request, bearer.data);
	buf_free(&bearer);
	return err;
}

bool http_is_loopback(const char *url)
{
	CURLU *parts = curl_url();
	char *host = NULL;
	bool loopback = false;

	if (parts && !curl_url_set(parts, CURLUPART_URL, url, 0) &&
	    !curl_url_get(parts, CURLUPART_HOST, &host, 0))
		loopback = !strcmp(host, "localhost") ||
			!strcmp(host, "[::1]") ||
			(!strncmp(host, "127.", 4) &&
			 !host[strspn(host, "0123456789.")]);
	curl_free(host);
	curl_url_cleanup(parts);
	return loopback;
}

static void http_set_body(struct http_request *request)
{
	CURL *easy = request->easy;

	if (request->mime) {
		curl_easy_setopt(easy, CURLOPT_MIMEPOST, request->mime);
		return;
	}
	if (!request->file && !request->body)
		return;
	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	if (request->file) {
		curl_easy_setopt(easy, CURLOPT_READFUNCTION, http_on_read);
		curl_easy_setopt(easy, CURLOPT_READDATA, request);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
				 request->file_len);
		return;
	}
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)request->body_len);
}

static void http_set_limits(struct http *http, CURL *easy)
{
	/* no signals: libcurl must not touch ours */
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, 10L);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME,
			 (long)HTTP_STALL_SECONDS);
	curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 512L << 10);
	if (http->config.ca_file)
		curl_easy_setopt(easy, CURLOPT_CAINFO, http->config.ca_file);
	/* the environment's proxy is for the outside, not for this machine */
	if (http_is_loopback(http->config.url))
		curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
}

static int http_set_url(struct http *http, struct http_request *request)
{
	struct buf url = {0};
	int err;

	err = buf_append(&url, http->config.url, strlen(http->config.url));
	while (!err && url.len && url.data[url.len - 1] == '/')
		url.data[--url.len] = '\0';
	if (!err)
		err = buf_append(&url, request->path, strlen(request->path));
	if (!err && curl_easy_setopt(request->easy, CURLOPT_URL, url.data))
		err = -ENOMEM;
	buf_free(&url);
	return err;
}

int http_start(struct http *http, struct http_request *request)
{
	CURL *easy = http_easy(request);

	if (!easy || http_headers(http, request) || http_set_url(http, request))
		return -ENOMEM;
	http_set_body(request);
	http_set_limits(http, easy);
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->header_list);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, http_on_data);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->error);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, request);
	if (request->progress) {
		curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
		curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION,
				 http_on_progress);
		curl_easy_setopt(easy, CURLOPT_XFERINFODATA, request);
	}
	return curl_multi_add_handle(http->multi, easy) ? -ENOMEM : 0;
}

static void http_collect(struct http *http)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left))) {
		struct http_request *request;

		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE,
				  (char **)&request);
		request->done = true;
		request->code = message->data.result;
		curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE,
				  &request->status);
		curl_easy_getinfo(request->easy, CURLINFO_RETRY_AFTER,
				  &request->retry_after);
	}
}

int http_step(struct http *http, int timeout_ms, int fd)
{
	struct curl_waitfd extra[] = {
		{.fd = interrupt_fd(), .events = CURL_WAIT_POLLIN},
		{.fd = fd, .events = CURL_WAIT_POLLIN},
	};
	int running;

	if (curl_multi_perform(http->multi, &running))
		return -EIO;
	http_collect(http);
	if (curl_multi_poll(http->multi, extra, fd < 0 ? 1 : 2, timeout_ms,
			    NULL))
		return -EIO;
	if (curl_multi_perform(http->multi, &running))
		return -EIO;
	http_collect(http);
	return 0;
}

void http_finish(struct http *http, struct http_request *request)
{
	if (request->easy) {
		curl_multi_remove_handle(http->multi, request->easy);
		curl_easy_cleanup(request->easy);
	}
	curl_slist_free_all(request->header_list);
	buf_free(&request->answer);
	request->easy = NULL;
	request->header_list = NULL;
	request->done = false;
	request->code = CURLE_OK;
	request->status = 0;
	request->error[0] = '\0';
}

int http_call(struct http *http, struct http_request *request)
{
	int err = http_start(http, request);

	while (!err && !request->done) {
		err = http_step(http, 1000, -1);
		if (!err && interrupt_take())
			err = -EINTR;
	}
	return err;
}

bool http_succeeded(const struct http_request *request)
{
	return request->done && request->code == CURLE_OK &&
		request->status / 100 == 2;
}

static void http_problem_status(const struct http_request *request,
				struct buf *text)
{
	json_t *answer = request->answer.len
		? json_loadb(request->answer.data, request->answer.len, 0, NULL)
		: NULL;
	const char *words = json_string_value(json_object_get(answer, "error"));
	char number[64];

	if (words)
		filter_line(words, text);
	else
		buf_append(text, "no reason given", 15);
	snprintf(number, sizeof(number), " (HTTP %ld", request->status);
	buf_append(text, number, strlen(number));
	if (request->retry_after > 0) {
		snprintf(number, sizeof(number), ", try again in %ld s",
			 (long)request->retry_after);
		buf_append(text, number, strlen(number));
	}
	buf_append(text, ")", 1);
	json_decref(answer);
}

void http_problem(const struct http_request *request, struct buf *text)
{
	const char *words;

	/* an answer that came before the body was sent is the real reason */
	if (request->status / 100 >= 3) {
		http_problem_status(request, text);
		return;
	}
	words = *request->error ? request->error
				: curl_easy_strerror(request->code);
	filter_line(words, text);
}

int http_query(struct buf *path, const char *key, const char *value)
{
	bool first = !path->data || !memchr(path->data, '?', path->len);
	char *escaped = curl_easy_escape(NULL, value, 0);
	int err = escaped ? 0 : -ENOMEM;

	if (!err)
		err = buf_append(path, first ? "?" : "&", 1);
	if (!err)
		err = buf_append(path, key, strlen(key));
	if (!err)
		err = buf_append(path, "=", 1);
	if (!err)
		err = buf_append(path, escaped, strlen(escaped));
	curl_free(escaped);
	return err;
}
