/*
 * lab run: upload, watch the console, hand on the verdict. Ctrl-C cancels the
 * job and waits for the daemon to say so; a second one leaves at once.
 */
#include "tools/lab/client/command.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/lab/client/console.h"
#include "tools/lab/client/follow.h"
#include "tools/lab/client/interrupt.h"
#include "tools/lab/client/job.h"
#include "tools/lab/client/progress.h"
#include "tools/lab/client/report.h"

#define RUN_TAIL_BYTES (64u << 10)
#define RUN_NAME_MAX   128 /* printable ASCII */

struct run {
	struct command *command;
	const char *image;
	const char *initrd;
	const char *dtb;
	const char *junit;
	bool tap;
	bool detach;
	bool quiet;
	bool raw;
	struct buf path; /* of the upload, with the query */

	char id[JOB_ID_MAX];
	struct console console;
	struct progress progress;
	struct testlog tests;
	struct buf tail;
	char shown[256]; /* the state said last */
	int interrupts;
};

enum {
	OPT_INITRD = 256,
	OPT_DTB,
	OPT_JUNIT,
	OPT_TAP,
	OPT_DETACH,
	OPT_QUIET,
	OPT_RAW,
	OPT_QUERY
};

/* Options that are handed to the daemon as they are, with its names. */
static const struct {
	const char *option;
	const char *key;
} run_queries[] = {
	{"board", "board"},	{"timeout", "timeout"},
	{"silence", "silence"}, {"bootargs", "bootargs"},
	{"expect", "pass"},	{"fail", "fail"},
	{"name", "name"},	{"priority", "priority"},
	{"user", "user"},
};

static const struct option run_options[] = {
	{"board", 1, NULL, OPT_QUERY},
	{"timeout", 1, NULL, OPT_QUERY},
	{"silence", 1, NULL, OPT_QUERY},
	{"bootargs", 1, NULL, OPT_QUERY},
	{"expect", 1, NULL, OPT_QUERY},
	{"fail", 1, NULL, OPT_QUERY},
	{"name", 1, NULL, OPT_QUERY},
	{"priority", 1, NULL, OPT_QUERY},
	{"user", 1, NULL, OPT_QUERY},
	{"initrd", 1, NULL, OPT_INITRD},
	{"dtb", 1, NULL, OPT_DTB},
	{"junit", 1, NULL, OPT_JUNIT},
	{"tap", 0, NULL, OPT_TAP},
	{"detach", 0, NULL, OPT_DETACH},
	{"quiet", 0, NULL, OPT_QUIET},
	{"raw", 0, NULL, OPT_RAW},
	{0},
};

static int run_query(struct run *run, int index, const char *value)
{
	for (size_t i = 0; i < sizeof(run_queries) / sizeof(*run_queries); i++)
		if (!strcmp(run_queries[i].option, run_options[index].name))
			return http_query(&run->path, run_queries[i].key,
					  value);
	return -EINVAL;
}

static int run_option(struct run *run, int option, int index)
{
	switch (option) {
	case OPT_QUERY:
		return run_query(run, index, optarg);
	case OPT_INITRD:
		run->initrd = optarg;
		return 0;
	case OPT_DTB:
		run->dtb = optarg;
		return 0;
	case OPT_JUNIT:
		run->junit = optarg;
		return 0;
	case OPT_TAP:
		run->tap = true;
		return 0;
	case OPT_DETACH:
		run->detach = true;
		return 0;
	case OPT_QUIET:
		run->quiet = true;
		return 0;
	case OPT_RAW:
		run->raw = true;
		return 0;
	default:
		return -EINVAL;
	}
}

/* The image's file name, as far as the daemon takes it. */
static int run_name_query(struct run *run)
{
	const char *slash = strrchr(run->image, '/');
	char name[RUN_NAME_MAX + 1];

	snprintf(name, sizeof(name), "%s", slash ? slash + 1 : run->image);
	for (char *c = name; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return http_query(&run->path, "name", name);
}

static int run_arguments(struct run *run, int argc, char **argv)
{
	int index = 0;
	int option;
	int err;

	err = buf_append(&run->path, "/api/jobs", strlen("/api/jobs"));
	while (!err &&
	       (option = getopt_long(argc, argv, "", run_options, &index)) !=
		       -1)
		err = run_option(run, option, index);
	if (err)
		return err;
	if (argc - optind != 1) {
		fprintf(stderr, "lab: one Image is wanted\n");
		return -EINVAL;
	}
	run->image = argv[optind];
	if (run->junit && run->tap && !strcmp(run->junit, "-")) {
		fprintf(stderr, "lab: two reports on standard output\n");
		return -EINVAL;
	}
	if (!strstr(run->path.data, "?name=") &&
	    !strstr(run->path.data, "&name="))
		err = run_name_query(run);
	return err;
}

/* Length of the regular file @path, or -1 having said why not. */
static curl_off_t run_file_len(const char *path)
{
	struct stat info;

	if (stat(path, &info)) {
		fprintf(stderr, "lab: %s: %s\n", path, strerror(errno));
		return -1;
	}
	if (!S_ISREG(info.st_mode) || access(path, R_OK)) {
		fprintf(stderr, "lab: %s: not a readable file\n", path);
		return -1;
	}
	return info.st_size;
}

static int run_part(curl_mime *mime, const char *name, const char *path)
{
	curl_mimepart *part;

	if (!path)
		return 0;
	part = curl_mime_addpart(mime);
	if (!part || curl_mime_name(part, name) ||
	    curl_mime_filedata(part, path) ||
	    curl_mime_type(part, "application/octet-stream"))
		return -ENOMEM;
	return 0;
}

/* One file goes as the body itself, more of them as parts. */
static int run_body(struct run *run, struct http_request *request)
{
	if (run_file_len(run->image) < 0 ||
	    (run->initrd && run_file_len(run->initrd) < 0) ||
	    (run->dtb && run_file_len(run->dtb) < 0))
		return -ENOENT;
	if (!run->initrd && !run->dtb) {
		request->file = fopen(run->image, "rb");
		request->file_len = run_file_len(run->image);
		request->headers[0] = "Content-Type: application/octet-stream";
		return request->file ? 0 : -ENOENT;
	}
	request->mime = curl_mime_init(http_easy(request));
	if (!request->mime)
		return -ENOMEM;
	if (run_part(request->mime, "image", run->image) ||
	    run_part(request->mime, "initrd", run->initrd) ||
	    run_part(request->mime, "dtb", run->dtb))
		return -ENOMEM;
	return 0;
}

static void run_on_progress(void *arg, curl_off_t sent, curl_off_t total)
{
	struct run *run = arg;

	progress_show(&run->progress, (uint64_t)sent, (uint64_t)total);
}

static int run_accepted(struct run *run, const struct http_request *request)
{
	json_t *answer = request->answer.len
		? json_loadb(request->answer.data, request->answer.len, 0, NULL)
		: NULL;
	int err = job_id(answer, run->id);
	const char *url = job_text(answer, "url");
	struct buf safe = {0};

	filter_line(url, &safe);
	if (err)
		fprintf(stderr, "lab: the daemon's answer made no sense\n");
	else if (run->detach)
		printf("%s\n", run->id);
	else
		console_note(&run->console, "job %s: %s%s", run->id,
			     *url == '/' ? run->command->http.config.url : "",
			     safe.len ? safe.data : "");
	buf_free(&safe);
	json_decref(answer);
	return err ? EXIT_INFRA : 0;
}

static int run_upload(struct run *run)
{
	struct http_request request = {
		.method = "POST",
		.path = run->path.data,
		.arg = run,
	};
	int code;
	int err = run_body(run, &request);

	if (isatty(STDERR_FILENO) && !run->quiet)
		request.progress = run_on_progress;
	if (!err)
		err = http_call(&run->command->http, &request);
	progress_end(&run->progress);
	if (err == -EINTR) {
		fprintf(stderr, "lab: upload given up\n");
		code = EXIT_FAILED;
	} else if (err == -ENOENT) {
		code = EXIT_BAD_USAGE;
	} else if (err) {
		fprintf(stderr, "lab: upload: %s\n", strerror(-err));
		code = EXIT_INFRA;
	} else if (!http_succeeded(&request)) {
		code = command_report(&request, "upload");
	} else {
		code = run_accepted(run, &request);
	}
	if (request.file)
		fclose(request.file);
	curl_mime_free(request.mime);
	http_finish(&run->command->http, &request);
	return code;
}

static int run_on_bytes(void *arg, uint64_t offset, const uint8_t *bytes,
			size_t n)
{
	struct run *run = arg;
	int err = console_write(&run->console, bytes, n);

	if (err == -EPIPE)
		err = 0;
	if (err)
		fprintf(stderr, "lab: console: %s\n", strerror(-err));
	testlog_feed(&run->tests, offset, bytes, n);
	if (buf_append(&run->tail, bytes, n))
		return -ENOMEM;
	if (run->tail.len > 2 * RUN_TAIL_BYTES)
		buf_drop(&run->tail, run->tail.len - RUN_TAIL_BYTES);
	return 0;
}

static void run_state_words(const json_t *job, char *words, size_t room)
{
	const char *state = job_text(job, "state");
	const char *stage = job_text(job, "stage");
	char place[64];

	job_place(job, place, sizeof(place));
	if (!strcmp(state, "queued"))
		snprintf(words, room, "queued, %s", place);
	else
		snprintf(words, room, "%s%s%s", state, *stage ? ": " : "",
			 stage);
}

/* The verdict has a line of its own at the end. */
static bool run_is_ending(const json_t *job)
{
	const char *state = job_text(job, "state");
	const char *stage = job_text(job, "stage");

	return !strcmp(state, "done") || !strcmp(state, "cancelled") ||
		!strcmp(stage, "verdict");
}

/* The estimate of a waiting job moves all the time; its position is news. */
static void run_on_state(void *arg, const json_t *job)
{
	struct run *run = arg;
	char words[256];
	struct buf safe = {0};
	const char *estimate;
	int news;

	if (run_is_ending(job))
		return;
	run_state_words(job, words, sizeof(words));
	estimate = strstr(words, ", about ");
	news = estimate ? (int)(estimate - words) : (int)strlen(words);
	if (!strncmp(words, run->shown, (size_t)news) && !run->shown[news])
		return;
	snprintf(run->shown, sizeof(run->shown), "%.*s", news, words);
	if (!filter_line(words, &safe))
		console_note(&run->console, "%s", safe.data);
	buf_free(&safe);
}

static void run_on_notice(void *arg, const char *text)
{
	struct run *run = arg;

	console_note(&run->console, "%s", text);
}

static bool run_cancel(struct run *run)
{
	char path[128];
	struct http_request request = {.method = "DELETE", .path = path};
	struct buf problem = {0};
	int err;

	console_note(&run->console,
		     "cancelling the job; once more to leave at once");
	snprintf(path, sizeof(path), "/api/jobs/%s", run->id);
	err = http_call(&run->command->http, &request);
	if (!err && !http_succeeded(&request)) {
		http_problem(&request, &problem);
		console_note(&run->console, "not cancelled: %s",
			     problem.len ? problem.data : "");
	}
	buf_free(&problem);
	http_finish(&run->command->http, &request);
	return err == -EINTR;
}

static bool run_on_wait(void *arg)
{
	struct run *run = arg;
	int before = run->interrupts;

	run->interrupts += interrupt_take();
	if (run->interrupts > 1)
		return true;
	return run->interrupts > before && run_cancel(run);
}

static FILE *run_report_file(const char *path)
{
	FILE *out = strcmp(path, "-") ? fopen(path, "w") : stdout;

	if (!out)
		fprintf(stderr, "lab: %s: %s\n", path, strerror(errno));
	return out;
}

static int run_junit(const char *path, const struct report *report)
{
	FILE *out = run_report_file(path);
	int err;

	if (!out)
		return -EIO;
	err = report_junit(out, report);
	if (out != stdout && fclose(out))
		err = -EIO;
	if (err)
		fprintf(stderr, "lab: %s: not written\n", path);
	return err;
}

static int run_reports(struct run *run, const json_t *job)
{
	double start = job_number(job, "started", 0);
	double end = job_number(job, "finished", 0);
	struct report report = {
		.job = run->id,
		.name = job_text(job, "name"),
		.board = job_text(job, "board"),
		.verdict = job_verdict(job),
		.reason = job_text(job, "reason"),
		.seconds = end > start && start > 0 ? end - start : 0,
		.tests = &run->tests,
		.from = job_last_attempt(job),
		.tail = run->tail.len ? run->tail.data : "",
		.tail_len = run->tail.len,
	};
	size_t spare = 0;
	int err = 0;

	if (report.tail_len > RUN_TAIL_BYTES)
		spare = report.tail_len - RUN_TAIL_BYTES;
	report.tail += spare;
	report.tail_len -= spare;
	if (run->junit)
		err = run_junit(run->junit, &report);
	if (run->tap && report_tap(stdout, &report))
		err = -EIO;
	return err;
}

static int run_finish(struct run *run, const json_t *job)
{
	const char *verdict = job_verdict(job);
	int code = report_exit_code(verdict);
	struct buf safe = {0};

	filter_line(job_text(job, "reason"), &safe);
	console_note(&run->console, "job %s %s: %s", run->id, verdict,
		     safe.len ? safe.data : "no reason given");
	buf_free(&safe);
	/* a lost report must not look like a passed run */
	return run_reports(run, job) ? EXIT_INFRA : code;
}

static int run_watch(struct run *run)
{
	struct follow follow = {
		.http = &run->command->http,
		.job = run->id,
		.patience = run->command->patience,
		.fd = -1,
		.bytes = run_on_bytes,
		.state = run_on_state,
		.notice = run_on_notice,
		.wait = run_on_wait,
		.arg = run,
	};
	const char *problem;
	int code;

	switch (follow_run(&follow)) {
	case FOLLOW_ENDED:
		code = run_finish(run, follow.end);
		break;
	case FOLLOW_LEFT:
		code = EXIT_FAILED;
		break;
	case FOLLOW_REFUSED:
		code = EXIT_REFUSED;
		break;
	default:
		code = EXIT_INFRA;
		break;
	}
	problem = follow.problem.len ? follow.problem.data : "";
	if (code > EXIT_FAILED && !follow.end)
		fprintf(stderr, "lab: job %s: %s\n", run->id, problem);
	follow_free(&follow);
	return code;
}

int run_command(struct command *command, int argc, char **argv)
{
	struct run run = {.command = command};
	int code = EXIT_BAD_USAGE;

	if (!run_arguments(&run, argc, argv)) {
		bool stdout_taken =
			run.tap || (run.junit && !strcmp(run.junit, "-"));

		console_open(&run.console,
			     stdout_taken ? STDERR_FILENO : STDOUT_FILENO,
			     FILTER_TEXT, run.raw);
		run.console.quiet = run.quiet;
		code = run_upload(&run);
		if (!code && !run.detach)
			code = run_watch(&run);
		console_close(&run.console);
	}
	testlog_free(&run.tests);
	buf_free(&run.tail);
	buf_free(&run.path);
	return code;
}
