/*
 * Power by a serial relay. One tty may carry up to 16 contacts, each another
 * board's, and is open to one holder at a time: so there is one port per tty,
 * where the boards' commands queue, each with its time to settle. The tty is
 * opened when commands come and closed after the last of them, so a relay that
 * was unplugged and came back just works. Where the relay can be asked, its
 * answer has to agree; where not, board.c demands a silent console.
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

struct port {
	struct port *next;
	const char *path;
	struct stream_fd stream;
	struct loop_timer timer;
	struct relay *queue; /* the first one's command is under way */
	bool asked;
	int64_t answer_by;
	uint8_t answer[512];
	size_t answer_len;
	int stop_fd; /* at the daemon's end */
};

/* One contact: a board's. */
struct relay {
	struct power power;
	const struct config_board *board;
	struct port *port;
	struct relay *next; /* in the port's queue */
	bool on;
	bool unheard; /* the relay gave another no answer while this waited */
	int failed;   /* errno of the sending */
	char problem[CONFIG_TEXT_MAX + 64];
};

static struct {
	struct port *list;
} ports;

static void port_begin(struct port *p);

static void port_close(struct port *p)
{
	loop_timer_cancel(&p->timer);
	if (p->stream.watch.fd >= 0)
		tty_share(p->stream.watch.fd);
	stream_fd_close(&p->stream);
}

/* The first command is over; the next one begins. */
static void port_done(struct port *p, const char *problem)
{
	struct relay *r = p->queue;

	loop_timer_cancel(&p->timer);
	p->queue = r->next;
	/* After trouble the next command opens the tty anew. */
	if (problem || !p->queue)
		port_close(p);
	if (p->queue)
		port_begin(p);
	if (problem)
		snprintf(r->problem, sizeof(r->problem), "relay %s: %s",
			 p->path, problem);
	r->power.done(r->power.arg, problem ? r->problem : NULL);
}

/* Those that wait are not to wait as long each for the same silence. */
static void port_silent(struct port *p)
{
	for (struct relay *r = p->queue->next; r; r = r->next)
		r->unheard = true;
	port_done(p, "does not answer");
}

/* The answer has paused, or is all there can be. */
static void on_answered(void *arg)
{
	struct port *p = arg;
	const struct relay *r = p->queue;
	enum relay_contact c =
		relay_answer(p->answer, p->answer_len, r->board->relay_channel);
	int64_t left = p->answer_by - loop_now();

	if (c == RELAY_UNKNOWN && left > 0)
		loop_timer_set(&p->timer, left);
	else if (c == RELAY_UNKNOWN)
		port_silent(p);
	else if ((c == RELAY_ON) == r->on)
		port_done(p, NULL);
	else
		port_done(p, r->on ? "says off after on" : "says on after off");
}

/*
 * Read to its end before the next command: other contacts are in it too, as
 * they were, and would be taken for the answer to the next query.
 */
static void on_answer(void *arg, const void *bytes, size_t len)
{
	struct port *p = arg;

	if (!p->asked)
		return;
	if (len > sizeof(p->answer) - p->answer_len)
		len = sizeof(p->answer) - p->answer_len;
	memcpy(p->answer + p->answer_len, bytes, len);
	p->answer_len += len;
	loop_timer_set(&p->timer, len ? p->queue->board->relay_delay : 0);
}

static void on_closed(void *arg)
{
	port_done(arg, "went away");
}

static enum relay_dialect dialect_of(const struct relay *r)
{
	return r->board->relay_dialect == DIALECT_D0 ? RELAY_D0 : RELAY_A0;
}

/* The command has had its time. */
static void on_settled(void *arg)
{
	struct port *p = arg;
	const struct relay *r = p->queue;
	uint8_t query[RELAY_COMMAND_MAX];
	int n = relay_query(dialect_of(r), query);

	if (!r->board->relay_readback) {
		port_done(p, NULL);
		return;
	}
	if (r->unheard || n == 0) {
		port_done(p, "does not answer");
		return;
	}
	p->asked = true;
	p->answer_len = 0;
	p->answer_by = loop_now() + ANSWER_DELAYS * r->board->relay_delay;
	p->timer.fire = on_answered;
	loop_timer_set(&p->timer, p->answer_by - loop_now());
	stream_fd_write(&p->stream, query, n);
}

static void on_failed(void *arg)
{
	struct port *p = arg;

	port_done(p, strerror(p->queue->failed));
}

static int port_open(struct port *p)
{
	int fd, err;

	if (p->stream.watch.fd >= 0)
		return 0;
	fd = tty_open(p->path, RELAY_BAUD);
	if (fd < 0)
		return fd;
	err = stream_fd_open(&p->stream, fd);
	if (err)
		close(fd);
	return err;
}

static int port_send(struct port *p)
{
	const struct relay *r = p->queue;
	uint8_t command[RELAY_COMMAND_MAX];
	int n = relay_command(dialect_of(r), r->board->relay_channel, r->on,
			      command);
	int err = n < 0 ? n : port_open(p);

	return err ? err : stream_fd_write(&p->stream, command, n);
}

/* Sends the first command; what fails here is told by the timer's turn. */
static void port_begin(struct port *p)
{
	struct relay *r = p->queue;

	p->asked = false;
	r->failed = -port_send(p);
	p->timer.fire = r->failed ? on_failed : on_settled;
	loop_timer_set(&p->timer, r->board->relay_delay);
}

static void relay_set(struct power *power, bool on)
{
	struct relay *r = (struct relay *)power;
	struct relay **last = &r->port->queue;

	r->on = on;
	r->unheard = false;
	r->next = NULL;
	while (*last)
		last = &(*last)->next;
	*last = r;
	if (r->port->queue == r)
		port_begin(r->port);
}

/* By itself, without the loop: all contacts one after the other. */
static void relay_stop(struct power *power)
{
	struct relay *r = (struct relay *)power;
	struct port *p = r->port;
	bool busy = p->stream.watch.fd >= 0 || p->stop_fd >= 0;
	uint8_t command[RELAY_COMMAND_MAX];
	int n = relay_command(dialect_of(r), r->board->relay_channel, false,
			      command);

	port_close(p);
	p->queue = NULL;
	/* What it was sent last needs its time. */
	if (busy)
		usleep(r->board->relay_delay);
	if (p->stop_fd < 0)
		p->stop_fd = tty_open(p->path, RELAY_BAUD);
	r->failed = 0;
	if (p->stop_fd < 0)
		r->failed = -p->stop_fd;
	else if (write(p->stop_fd, command, n) != n)
		r->failed = EIO;
}

static const char *relay_stopped(struct power *power)
{
	struct relay *r = (struct relay *)power;
	struct port *p = r->port;

	/* Time for the last four bytes to leave at 9600 baud. */
	if (p->stop_fd >= 0) {
		usleep(r->board->relay_delay);
		tty_share(p->stop_fd);
		close(p->stop_fd);
	}
	p->stop_fd = -1;
	return r->failed ? strerror(r->failed) : NULL;
}

static const struct power_ops relay_ops = {relay_set, relay_stop,
					   relay_stopped};

static struct port *port_get(const char *path)
{
	struct port *p = ports.list;

	while (p && strcmp(p->path, path))
		p = p->next;
	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->path = path;
	p->stop_fd = -1;
	p->stream.watch.fd = -1;
	p->stream.bytes = on_answer;
	p->stream.closed = on_closed;
	p->stream.arg = p;
	p->timer.arg = p;
	p->next = ports.list;
	ports.list = p;
	return p;
}

struct power *power_relay_new(const struct config_board *b)
{
	struct relay *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->power.ops = &relay_ops;
	r->power.proves_off = b->relay_readback;
	r->board = b;
	r->port = port_get(b->relay);
	if (!r->port) {
		free(r);
		return NULL;
	}
	return &r->power;
}
