/*
 * The console of a job as it grows: server-sent events whose id is the log
 * offset after their bytes. Connections come and go, the offset decides what
 * is new; so the bytes handed over are those of the log, each once.
 */
#include "tools/lab/client/follow.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/lab/client/base64.h"
#include "tools/lab/client/clock.h"
#include "tools/lab/client/sse.h"

#define DELAY_FIRST_MS 250
#define DELAY_MAX_MS   5000

static int follow_offset(const char *id, uint64_t *offset)
{
	char *end;

	if (!isdigit((unsigned char)*id))
		return -EINVAL;
	errno = 0;
	*offset = strtoull(id, &end, 10);
	return *end || errno ? -EINVAL : 0;
}

static int follow_bytes(struct follow *follow, const struct sse_event *event)
{
	uint8_t *bytes = (uint8_t *)event->data;
	ssize_t n = base64_decode(event->data, event->len, bytes);
	uint64_t known;
	uint64_t end;

	if (n < 0 || follow_offset(event->id, &end) || (uint64_t)n > end)
		return -EPROTO;
	if (end <= follow->offset)
		return 0;
	if (end - (uint64_t)n > follow->offset)
		return -EPROTO;
	known = follow->offset - (end - (uint64_t)n);
	follow->bytes(follow->arg, follow->offset, bytes + known,
		      (size_t)n - known);
	follow->offset = end;
	return 0;
}

static int follow_event(void *arg, const struct sse_event *event)
{
	struct follow *follow = arg;
	json_t *job;

	if (follow->end)
		return 0;
	if (!strcmp(event->type, "message"))
		return follow_bytes(follow, event);
	if (strcmp(event->type, "state") && strcmp(event->type, "end"))
		return 0;
	job = json_loadb(event->data, event->len, 0, NULL);
	if (!json_is_object(job)) {
		json_decref(job);
		return -EPROTO;
	}
	if (follow->state)
		follow->state(follow->arg, job);
	if (!strcmp(event->type, "end"))
		follow->end = job;
	else
		json_decref(job);
	return 0;
}

struct follow_cut {
	struct follow *follow;
	struct sse sse;
};

static int follow_on_data(void *arg, const char *bytes, size_t n)
{
	struct follow_cut *cut = arg;
	int err = sse_feed(&cut->sse, bytes, n);

	cut->follow->broken |= err != 0;
	/* after `end` nothing may follow: do not wait for the close */
	return err || cut->follow->end ? -1 : 0;
}

static bool follow_wait(struct follow *follow, int timeout_ms)
{
	if (http_step(follow->http, timeout_ms, follow->fd))
		return false;
	return follow->wait && follow->wait(follow->arg);
}

/* True when there is no point in asking again. */
static bool follow_is_refusal(const struct http_request *request)
{
	return request->status / 100 == 4 && request->status != 408 &&
		request->status != 429;
}

static void follow_problem(struct follow *follow, struct http_request *request)
{
	static const char nonsense[] = "the answer made no sense";
	static const char closed[] = "connection closed";

	buf_clear(&follow->problem);
	if (follow->broken)
		buf_append(&follow->problem, nonsense, strlen(nonsense));
	else if (http_succeeded(request))
		buf_append(&follow->problem, closed, strlen(closed));
	else
		http_problem(request, &follow->problem);
}

/* One connection. Returns ENDED, LEFT or REFUSED; LOST asks for another. */
static enum follow_result follow_once(struct follow *follow)
{
	struct follow_cut cut = {
		.follow = follow,
		.sse = {.event = follow_event, .arg = follow},
	};
	char path[128];
	char resume[64];
	struct http_request request = {
		.method = "GET",
		.path = path,
		.headers = {"Accept: text/event-stream", resume},
		.data = follow_on_data,
		.arg = &cut,
	};
	enum follow_result result = FOLLOW_LOST;
	bool left = false;

	snprintf(path, sizeof(path), "/api/jobs/%s/events", follow->job);
	snprintf(resume, sizeof(resume), "Last-Event-ID: %llu",
		 (unsigned long long)follow->offset);
	follow->broken = false;
	if (http_start(follow->http, &request))
		follow->broken = true;
	while (!follow->broken && !request.done && !follow->end && !left)
		left = follow_wait(follow, 1000);
	follow_problem(follow, &request);
	if (follow->end)
		result = FOLLOW_ENDED;
	else if (left)
		result = FOLLOW_LEFT;
	else if (follow_is_refusal(&request))
		result = FOLLOW_REFUSED;
	http_finish(follow->http, &request);
	sse_free(&cut.sse);
	return result;
}

static bool follow_pause(struct follow *follow, unsigned int ms)
{
	uint64_t until = clock_ms() + ms;
	bool left = false;

	while (!left && clock_ms() < until)
		left = follow_wait(follow, (int)(until - clock_ms()) + 1);
	return left;
}

static void follow_say(struct follow *follow, const char *what)
{
	char text[512];

	snprintf(text, sizeof(text), "%s (%s)", what,
		 follow->problem.len ? follow->problem.data : "");
	if (follow->notice)
		follow->notice(follow->arg, text);
}

enum follow_result follow_run(struct follow *follow)
{
	uint64_t progress = clock_ms();
	unsigned int delay = DELAY_FIRST_MS;
	bool lost = false;

	for (;;) {
		uint64_t before = follow->offset;
		uint64_t start = clock_ms();
		enum follow_result result = follow_once(follow);

		if (result != FOLLOW_LOST)
			return result;
		/* a connection that lived for long was one, if a silent one */
		if (follow->offset != before ||
		    clock_ms() - start > 2 * DELAY_MAX_MS) {
			progress = clock_ms();
			delay = DELAY_FIRST_MS;
			lost = false;
		}
		if (clock_ms() - progress >= follow->patience * 1000ull)
			return FOLLOW_LOST;
		if (!lost)
			follow_say(follow, "connection lost, taking up again");
		lost = true;
		if (follow_pause(follow, delay))
			return FOLLOW_LEFT;
		delay = delay * 2 > DELAY_MAX_MS ? DELAY_MAX_MS : delay * 2;
	}
}

void follow_free(struct follow *follow)
{
	json_decref(follow->end);
	buf_free(&follow->problem);
	follow->end = NULL;
}
