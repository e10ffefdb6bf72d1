/*
 * lab attach: watch a job and type at its console. The keyboard goes raw to
 * the board, Ctrl-C and Ctrl-] included; `~` at the start of a line is ours,
 * as in ssh. Leaving leaves the job running.
 */
#include "tools/lab/client/command.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <termios.h>
#include <unistd.h>

#include "tools/lab/client/console.h"
#include "tools/lab/client/follow.h"
#include "tools/lab/client/interrupt.h"
#include "tools/lab/client/job.h"
#include "tools/lab/client/keys.h"
#include "tools/lab/client/report.h"

/* More typed ahead than this is dropped with a note. */
#define ATTACH_PENDING_MAX (64u << 10)

struct attach {
	struct command *command;
	struct follow follow;
	struct console console;
	struct keys keys;
	struct termios saved;
	bool tty;
	bool stdin_open;
	bool take;     /* the next keys take the input over */
	bool running;  /* keys are welcome */
	bool started;  /* the state was seen once */
	bool refusing; /* the last keys were refused, and that was said */
	struct buf pending;
	struct buf sending;
	struct http_request request;
	bool busy;
	char writer[96];
	char path[128];
};

static void attach_writer(struct attach *attach)
{
	const char *user = getenv("USER");
	unsigned int nonce = 0;
	char *at;

	if (getrandom(&nonce, sizeof(nonce), 0) < 0)
		nonce = (unsigned int)getpid();
	snprintf(attach->writer, sizeof(attach->writer),
		 "X-Lab-Writer: %.32s-%08x", user ? user : "lab", nonce);
	/* a user's name is not always a header's value */
	for (at = strchr(attach->writer, ' ') + 1; *at; at++)
		if (!strchr("-_.", *at) && (*at < '0' || *at > '9') &&
		    (*at < 'A' || *at > 'Z') && (*at < 'a' || *at > 'z'))
			*at = '_';
}

static int attach_raw(struct attach *attach)
{
	struct termios raw;

	attach->tty = isatty(STDIN_FILENO);
	attach->stdin_open = true;
	if (!attach->tty)
		return 0;
	if (tcgetattr(STDIN_FILENO, &attach->saved))
		return -errno;
	raw = attach->saved;
	cfmakeraw(&raw);
	/* not every kernel sends a carriage return with its line feeds */
	raw.c_oflag |= OPOST | ONLCR;
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw))
		return -errno;
	return 0;
}

static void attach_send(struct attach *attach)
{
	struct http_request *request = &attach->request;
	struct buf swap = attach->sending;

	if (attach->busy || !attach->pending.len)
		return;
	attach->sending = attach->pending;
	attach->pending = swap;
	buf_clear(&attach->pending);
	snprintf(attach->path, sizeof(attach->path), "/api/jobs/%s/input%s",
		 attach->follow.job, attach->take ? "?take=1" : "");
	*request = (struct http_request){
		.method = "POST",
		.path = attach->path,
		.headers = {"Content-Type: application/octet-stream",
			    attach->writer},
		.body = attach->sending.data,
		.body_len = attach->sending.len,
	};
	attach->busy = !http_start(&attach->command->http, request);
}

/* Keys are sent at most once: what was refused is not typed again later. */
static void attach_sent(struct attach *attach)
{
	struct http_request *request = &attach->request;
	struct buf problem = {0};

	if (!attach->busy || !request->done)
		return;
	if (http_succeeded(request)) {
		attach->take = false;
		attach->refusing = false;
	} else {
		http_problem(request, &problem);
		if (!attach->refusing)
			console_note(&attach->console, "not typed: %s%s",
				     problem.len ? problem.data : "",
				     request->status == 409 ? " (~t takes over)"
							    : "");
		attach->refusing = true;
		buf_clear(&attach->pending);
	}
	buf_free(&problem);
	http_finish(&attach->command->http, request);
	attach->busy = false;
}

static void attach_help(struct attach *attach)
{
	console_note(&attach->console, "at the start of a line:");
	console_note(&attach->console, "  ~.  leave, the job goes on");
	console_note(&attach->console, "  ~t  take the input over");
	console_note(&attach->console, "  ~~  the character ~");
	console_note(&attach->console, "  ~?  this help");
}

/* True when the keys ask to leave. */
static bool attach_keys(struct attach *attach, const char *bytes, size_t n)
{
	while (n) {
		enum keys_action action;
		size_t used = keys_feed(&attach->keys, bytes, n,
					&attach->pending, &action);

		bytes += used;
		n -= used;
		if (action == KEYS_LEAVE)
			return true;
		if (action == KEYS_HELP)
			attach_help(attach);
		if (action == KEYS_TAKE) {
			/* keys typed before were not meant to take over */
			buf_clear(&attach->pending);
			attach->take = true;
			attach->refusing = false;
			console_note(&attach->console,
				     "the next key takes the input over");
		}
	}
	if (attach->pending.len > ATTACH_PENDING_MAX) {
		console_note(&attach->console, "too much typed ahead, dropped");
		buf_clear(&attach->pending);
	}
	return false;
}

/* Reads what is typed; true when the user asks to leave. */
static bool attach_read(struct attach *attach)
{
	struct pollfd ready = {STDIN_FILENO, POLLIN, 0};
	char bytes[4096];
	ssize_t n;

	/* a script's input waits until the board can take it */
	if (!attach->stdin_open || (!attach->tty && !attach->running) ||
	    attach->pending.len > sizeof(bytes) || poll(&ready, 1, 0) < 1)
		return false;
	n = read(STDIN_FILENO, bytes, sizeof(bytes));
	if (n <= 0) {
		attach->stdin_open = n < 0 && errno == EINTR;
		return false;
	}
	if (attach->tty)
		return attach_keys(attach, bytes, (size_t)n);
	buf_append(&attach->pending, bytes, (size_t)n);
	return false;
}

static bool attach_on_wait(void *arg)
{
	struct attach *attach = arg;
	bool leave;

	attach_sent(attach);
	leave = attach_read(attach) || interrupt_take() ||
		attach->console.closed;
	attach_send(attach);
	attach->follow.fd =
		attach->stdin_open && (attach->tty || attach->running)
		? STDIN_FILENO
		: -1;
	return leave;
}

static int attach_on_bytes(void *arg, uint64_t offset, const uint8_t *bytes,
			   size_t n)
{
	struct attach *attach = arg;

	(void)offset;
	return console_write(&attach->console, bytes, n);
}

static void attach_on_state(void *arg, const json_t *job)
{
	struct attach *attach = arg;
	bool running = !strcmp(job_text(job, "state"), "running");

	if (!attach->started && !running)
		console_note(&attach->console, "the kernel is not running yet");
	if (running && !attach->running)
		console_note(&attach->console,
			     "the kernel runs; ~? at a line's start for help");
	attach->running = running;
	attach->started = true;
}

static void attach_on_notice(void *arg, const char *text)
{
	struct attach *attach = arg;

	console_note(&attach->console, "%s", text);
}

static int attach_end(struct attach *attach, enum follow_result result)
{
	struct follow *follow = &attach->follow;
	struct buf safe = {0};
	int code = result == FOLLOW_REFUSED ? EXIT_REFUSED : EXIT_INFRA;

	if (result == FOLLOW_LEFT) {
		console_note(&attach->console, "left; the job goes on");
		code = EXIT_PASS;
	} else if (result == FOLLOW_ENDED) {
		filter_line(job_text(follow->end, "reason"), &safe);
		console_note(&attach->console, "job %s %s: %s", follow->job,
			     job_verdict(follow->end),
			     safe.len ? safe.data : "");
		code = report_exit_code(job_verdict(follow->end));
	} else {
		console_note(&attach->console, "%s",
			     follow->problem.len ? follow->problem.data : "");
	}
	buf_free(&safe);
	return code;
}

static int attach_run(struct attach *attach)
{
	enum follow_result result;
	int code;

	attach->follow.http = &attach->command->http;
	attach->follow.patience = attach->command->patience;
	attach->follow.fd = -1;
	attach->follow.bytes = attach_on_bytes;
	attach->follow.state = attach_on_state;
	attach->follow.notice = attach_on_notice;
	attach->follow.wait = attach_on_wait;
	attach->follow.arg = attach;
	result = follow_run(&attach->follow);
	code = attach_end(attach, result);
	if (attach->busy)
		http_finish(&attach->command->http, &attach->request);
	console_close(&attach->console);
	if (attach->tty)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &attach->saved);
	follow_free(&attach->follow);
	buf_free(&attach->pending);
	buf_free(&attach->sending);
	return code;
}

int attach_command(struct command *command, int argc, char **argv)
{
	static const struct option options[] = {
		{"take", 0, NULL, 't'}, {"raw", 0, NULL, 'r'}, {0}};
	struct attach attach = {.command = command};
	bool raw = false;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == '?')
			return EXIT_BAD_USAGE;
		attach.take |= option == 't';
		raw |= option == 'r';
	}
	attach.follow.job = command_job_argument(argc, argv);
	if (!attach.follow.job)
		return EXIT_BAD_USAGE;
	console_open(&attach.console, STDOUT_FILENO, FILTER_TERMINAL, raw);
	attach_writer(&attach);
	keys_init(&attach.keys);
	if (attach_raw(&attach)) {
		fprintf(stderr, "lab: the terminal cannot be set to raw\n");
		return EXIT_INFRA;
	}
	return attach_run(&attach);
}
