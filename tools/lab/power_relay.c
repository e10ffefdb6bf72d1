/*
 * Power by a serial relay. The tty is opened for each switching, so a relay
 * that was unplugged and came back just works. Where the relay can be asked,
 * its answer has to agree; where not, board.c demands a silent console.
 */
#include "tools/lab/power.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/lab/relay.h"
#include "tools/lab/stream_fd.h"
#include "tools/lab/tty.h"

#define RELAY_BAUD    9600
#define ANSWER_DELAYS 100 /* an answer may take so many relay_delay */

struct relay {
	struct power power;
	const struct config_board *board;
	struct stream_fd stream;
	struct loop_timer timer;
	bool on;
	bool asked;
	int failed; /* errno of the sending */
	uint8_t answer[512];
	size_t answer_len;
	char problem[CONFIG_TEXT_MAX + 64];
};

static void relay_done(struct relay *r, const char *problem)
{
	stream_fd_close(&r->stream);
	loop_timer_cancel(&r->timer);
	if (problem)
		snprintf(r->problem, sizeof(r->problem), "relay %s: %s",
			 r->board->relay, problem);
	r->power.done(r->power.arg, problem ? r->problem : NULL);
}

static void on_answer(void *arg, const void *bytes, size_t len)
{
	struct relay *r = arg;
	enum relay_contact c;

	if (!r->asked)
		return;
	if (len > sizeof(r->answer) - r->answer_len)
		len = sizeof(r->answer) - r->answer_len;
	memcpy(r->answer + r->answer_len, bytes, len);
	r->answer_len += len;
	c = relay_answer(r->answer, r->answer_len, r->board->relay_channel);
	if (c == RELAY_UNKNOWN)
		return;
	if ((c == RELAY_ON) == r->on)
		relay_done(r, NULL);
	else
		relay_done(r,
			   r->on ? "says off after on"
				 : "says on after "
				   "off");
}

static void on_closed(void *arg)
{
	relay_done(arg, "went away");
}

static void on_timer(void *arg)
{
	struct relay *r = arg;
	uint8_t query[RELAY_COMMAND_MAX];
	int n = relay_query(r->board->relay_dialect == DIALECT_D0 ? RELAY_D0
								  : RELAY_A0,
			    query);

	if (!r->board->relay_readback) {
		relay_done(r, NULL);
		return;
	}
	if (r->asked || n == 0) {
		relay_done(r, "does not answer");
		return;
	}
	r->asked = true;
	r->answer_len = 0;
	stream_fd_write(&r->stream, query, n);
	loop_timer_set(&r->timer, ANSWER_DELAYS * r->board->relay_delay);
}

/* Sends the command; what fails here is told by the timer's next turn. */
static int relay_send(struct relay *r, bool on)
{
	uint8_t command[RELAY_COMMAND_MAX];
	int fd, n, err;

	n = relay_command(r->board->relay_dialect == DIALECT_D0 ? RELAY_D0
								: RELAY_A0,
			  r->board->relay_channel, on, command);
	if (n < 0)
		return n;
	fd = tty_open(r->board->relay, RELAY_BAUD);
	if (fd < 0)
		return fd;
	err = stream_fd_open(&r->stream, fd);
	if (err) {
		close(fd);
		return err;
	}
	return stream_fd_write(&r->stream, command, n);
}

static void on_failed(void *arg)
{
	struct relay *r = arg;

	relay_done(r, strerror(r->failed));
}

static void relay_set(struct power *p, bool on)
{
	struct relay *r = (struct relay *)p;
	int err;

	r->on = on;
	r->asked = false;
	err = relay_send(r, on);
	r->timer.fire = on_timer;
	if (err) {
		/* From the loop, as promised, not from within the call. */
		r->failed = -err;
		r->timer.fire = on_failed;
	}
	loop_timer_set(&r->timer, r->board->relay_delay);
}

static void relay_stop(struct power *p)
{
	struct relay *r = (struct relay *)p;

	loop_timer_cancel(&r->timer);
	stream_fd_close(&r->stream);
	r->failed = -relay_send(r, false);
}

static const char *relay_stopped(struct power *p)
{
	struct relay *r = (struct relay *)p;

	/* Time for the four bytes to leave at 9600 baud. */
	if (!r->failed)
		usleep(r->board->relay_delay);
	stream_fd_close(&r->stream);
	return r->failed ? strerror(r->failed) : NULL;
}

static const struct power_ops relay_ops = {relay_set, relay_stop,
					   relay_stopped};

struct power *power_relay_new(const struct config_board *b)
{
	struct relay *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->power.ops = &relay_ops;
	r->power.proves_off = b->relay_readback;
	r->board = b;
	r->stream.watch.fd = -1;
	r->stream.bytes = on_answer;
	r->stream.closed = on_closed;
	r->stream.arg = r;
	r->timer.fire = on_timer;
	r->timer.arg = r;
	return &r->power;
}
