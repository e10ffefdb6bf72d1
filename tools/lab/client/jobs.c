/*
 * lab list, lab log and lab cancel: the commands that ask once and show what
 * they got.
 */
#include "tools/lab/client/command.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/lab/client/console.h"
#include "tools/lab/client/follow.h"
#include "tools/lab/client/interrupt.h"
#include "tools/lab/client/job.h"
#include "tools/lab/client/report.h"

#define LIST_FINISHED 20

static void list_age(const json_t *job, char *age, size_t room)
{
	double created = job_number(job, "created", 0);
	double s = created > 0 ? difftime(time(NULL), (time_t)created) : -1;

	if (s < 0)
		snprintf(age, room, "-");
	else if (s < 120)
		snprintf(age, room, "%.0fs", s);
	else if (s < 7200)
		snprintf(age, room, "%.0fm", s / 60);
	else if (s < 48 * 3600)
		snprintf(age, room, "%.0fh", s / 3600);
	else
		snprintf(age, room, "%.0fd", s / 86400);
}

/* A cell of the table: foreign text, cut to @width characters. */
static void list_cell(const char *text, int width)
{
	struct buf safe = {0};
	int shown = 0;
	size_t i = 0;

	if (filter_line(text, &safe))
		return;
	while (i < safe.len && shown < width) {
		do
			putchar(safe.data[i++]);
		while (i < safe.len && (safe.data[i] & 0xc0) == 0x80);
		shown++;
	}
	printf("%*s", width - shown + 1, "");
	buf_free(&safe);
}

static void list_row(const json_t *job)
{
	const char *state = job_text(job, "state");
	const char *verdict = job_text(job, "verdict");
	char id[JOB_ID_MAX];
	char age[32];
	char place[64];
	struct buf safe = {0};

	if (job_id(job, id))
		return;
	list_age(job, age, sizeof(age));
	list_cell(id, 8);
	list_cell(*verdict ? verdict : state, 10);
	list_cell(age, 5);
	list_cell(job_text(job, "user"), 10);
	list_cell(job_text(job, "board"), 10);
	list_cell(job_text(job, "name"), 20);
	job_place(job, place, sizeof(place));
	if (!strcmp(state, "queued"))
		printf("%s\n", place);
	else if (!filter_line(job_text(job, "reason"), &safe))
		printf("%s\n", safe.data);
	buf_free(&safe);
}

static bool list_is_over(const json_t *job)
{
	const char *state = job_text(job, "state");

	return !strcmp(state, "done") || !strcmp(state, "cancelled");
}

static int list_show(const json_t *answer, bool all)
{
	const json_t *jobs = json_is_array(answer)
		? answer
		: json_object_get(answer, "jobs");
	size_t finished = 0;
	size_t i;
	json_t *job;

	if (!json_is_array(jobs)) {
		fprintf(stderr, "lab: the daemon's answer made no sense\n");
		return EXIT_INFRA;
	}
	printf("JOB      STATE      AGE   USER       BOARD      "
	       "NAME                 REASON\n");
	json_array_foreach(jobs, i, job)
	{
		if (list_is_over(job) && finished++ >= LIST_FINISHED && !all)
			continue;
		list_row(job);
	}
	return EXIT_PASS;
}

int list_command(struct command *command, int argc, char **argv)
{
	static const struct option options[] = {
		{"json", 0, NULL, 'j'}, {"all", 0, NULL, 'a'}, {0}};
	struct http_request request = {.method = "GET", .path = "/api/jobs"};
	bool all = false;
	bool raw = false;
	int code = EXIT_INFRA;
	json_t *answer = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == '?')
			return EXIT_BAD_USAGE;
		all |= option == 'a';
		raw |= option == 'j';
	}
	if (optind != argc)
		return EXIT_BAD_USAGE;
	if (all)
		request.path = "/api/jobs?limit=500";
	if (http_call(&command->http, &request) || !http_succeeded(&request)) {
		code = command_report(&request, "list");
	} else if (raw) {
		fwrite(request.answer.data, 1, request.answer.len, stdout);
		code = EXIT_PASS;
	} else {
		if (request.answer.len)
			answer = json_loadb(request.answer.data,
					    request.answer.len, 0, NULL);
		code = list_show(answer, all);
	}
	json_decref(answer);
	http_finish(&command->http, &request);
	return code;
}

struct log {
	struct console console;
	struct follow follow;
};

static int log_on_data(void *arg, const char *bytes, size_t n)
{
	struct log *log = arg;

	return console_write(&log->console, (const uint8_t *)bytes, n);
}

static int log_on_bytes(void *arg, uint64_t offset, const uint8_t *bytes,
			size_t n)
{
	struct log *log = arg;

	(void)offset;
	return console_write(&log->console, bytes, n);
}

static void log_on_notice(void *arg, const char *text)
{
	struct log *log = arg;

	console_note(&log->console, "%s", text);
}

static bool log_on_wait(void *arg)
{
	struct log *log = arg;

	return log->console.closed || interrupt_take();
}

static int log_follow(struct command *command, struct log *log)
{
	enum follow_result result;

	log->follow.http = &command->http;
	log->follow.patience = command->patience;
	log->follow.fd = -1;
	log->follow.bytes = log_on_bytes;
	log->follow.notice = log_on_notice;
	log->follow.wait = log_on_wait;
	log->follow.arg = log;
	result = follow_run(&log->follow);
	if (result == FOLLOW_REFUSED || result == FOLLOW_LOST)
		fprintf(stderr, "lab: log: %s\n",
			log->follow.problem.len ? log->follow.problem.data
						: "");
	follow_free(&log->follow);
	if (result == FOLLOW_REFUSED)
		return EXIT_REFUSED;
	return result == FOLLOW_LOST ? EXIT_INFRA : EXIT_PASS;
}

static int log_once(struct command *command, struct log *log)
{
	char path[128];
	char range[64];
	struct http_request request = {
		.method = "GET",
		.path = path,
		.data = log_on_data,
		.arg = log,
	};
	int code = EXIT_PASS;

	snprintf(path, sizeof(path), "/api/jobs/%s/log", log->follow.job);
	snprintf(range, sizeof(range), "Range: bytes=%llu-",
		 (unsigned long long)log->follow.offset);
	if (log->follow.offset)
		request.headers[0] = range;
	if ((http_call(&command->http, &request) ||
	     !http_succeeded(&request)) &&
	    !log->console.closed)
		code = command_report(&request, "log");
	http_finish(&command->http, &request);
	return code;
}

int log_command(struct command *command, int argc, char **argv)
{
	static const struct option options[] = {{"follow", 0, NULL, 'f'},
						{"from", 1, NULL, 'o'},
						{"raw", 0, NULL, 'r'},
						{0}};
	struct log log = {0};
	bool follow = false;
	bool raw = false;
	char *end = "";
	int option;
	int code;

	while ((option = getopt_long(argc, argv, "f", options, NULL)) != -1) {
		if (option == '?')
			return EXIT_BAD_USAGE;
		follow |= option == 'f';
		raw |= option == 'r';
		if (option == 'o')
			log.follow.offset = strtoull(optarg, &end, 10);
	}
	log.follow.job = command_job_argument(argc, argv);
	if (!log.follow.job || *end)
		return EXIT_BAD_USAGE;
	console_open(&log.console, STDOUT_FILENO, FILTER_TEXT, raw);
	code = follow ? log_follow(command, &log) : log_once(command, &log);
	console_close(&log.console);
	return code;
}

int cancel_command(struct command *command, int argc, char **argv)
{
	static const struct option options[] = {{0}};
	char path[128];
	struct http_request request = {.method = "DELETE", .path = path};
	const char *job;
	int code = EXIT_PASS;

	if (getopt_long(argc, argv, "", options, NULL) != -1)
		return EXIT_BAD_USAGE;
	job = command_job_argument(argc, argv);
	if (!job)
		return EXIT_BAD_USAGE;
	snprintf(path, sizeof(path), "/api/jobs/%s", job);
	if (http_call(&command->http, &request) || !http_succeeded(&request))
		code = command_report(&request, "cancel");
	http_finish(&command->http, &request);
	return code;
}
