/*
 * Consoles that exist apart from the board's power: a tty, or a TCP port that
 * ser2net (raw mode) serves. Both are opened once for the daemon's life, so no
 * byte between power-on and attach is lost, and again when they come back.
 */
#include "tools/lab/console.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/lab/stream_fd.h"
#include "tools/lab/tty.h"

#define REOPEN_DELAY LOOP_SECOND
#define ALIVE_IDLE   3 /* seconds of quiet until the far end is asked */
#define ALIVE_EVERY  2 /* between questions */
#define ALIVE_TRIES  3

struct line {
	struct console console;
	const struct config_board *board;
	struct stream_fd stream;
	struct loop_timer reopen;
	struct loop_watch connecting; /* TCP, until it is connected */
	char problem[CONFIG_TEXT_MAX + 64];
};

static struct line *line_of(struct console *c)
{
	return (struct line *)c;
}

static int line_write(struct console *c, const void *bytes, size_t len)
{
	return stream_fd_write(&line_of(c)->stream, bytes, len);
}

static void line_flush(struct console *c)
{
	struct line *l = line_of(c);
	uint8_t drop[4096];

	if (l->stream.watch.fd < 0)
		return;
	if (l->board->console == CONSOLE_TTY)
		tty_flush_input(l->stream.watch.fd);
	/* Bounded: a line that never stops is the dwell's to find. */
	for (int i = 0; i < 64; i++)
		if (read(l->stream.watch.fd, drop, sizeof(drop)) <= 0)
			return;
}

static const struct console_ops line_ops = {line_write, line_flush};

static void line_failed(struct line *l, const char *name, int err)
{
	snprintf(l->problem, sizeof(l->problem), "console %s: %s", name,
		 strerror(-err));
	l->console.problem = l->problem;
	loop_timer_set(&l->reopen, REOPEN_DELAY);
}

static void on_bytes(void *arg, const void *bytes, size_t len)
{
	struct line *l = arg;

	l->console.bytes(l->console.arg, bytes, len);
}

static void on_closed(void *arg)
{
	struct line *l = arg;

	line_failed(l,
		    l->board->console == CONSOLE_TTY ? l->board->tty
						     : l->board->tcp,
		    -EIO);
	l->console.lost(l->console.arg);
}

static void line_opened(struct line *l, const char *name, int fd)
{
	int err = stream_fd_open(&l->stream, fd);

	if (err) {
		close(fd);
		line_failed(l, name, err);
		return;
	}
	l->console.problem = NULL;
	/* A tty is open before anybody could listen. */
	if (l->console.opened)
		l->console.opened(l->console.arg);
}

static void tty_reopen(void *arg)
{
	struct line *l = arg;
	int fd = tty_open(l->board->tty, l->board->baud);

	if (fd < 0)
		line_failed(l, l->board->tty, fd);
	else
		line_opened(l, l->board->tty, fd);
}

static void on_connected(void *arg, uint32_t events)
{
	struct line *l = arg;
	int fd = l->connecting.fd, err = 0;
	socklen_t size = sizeof(err);

	(void)events;
	loop_watch_remove(&l->connecting);
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size);
	if (err) {
		close(fd);
		line_failed(l, l->board->tcp, -err);
		return;
	}
	line_opened(l, l->board->tcp, fd);
}

/*
 * A console server that lost its power says nothing, and neither does a board
 * that is off: only questions tell them apart.
 */
static int keep_alive(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{SOL_SOCKET, SO_KEEPALIVE, 1},
		{IPPROTO_TCP, TCP_KEEPIDLE, ALIVE_IDLE},
		{IPPROTO_TCP, TCP_KEEPINTVL, ALIVE_EVERY},
		{IPPROTO_TCP, TCP_KEEPCNT, ALIVE_TRIES},
		/* Milliseconds; for bytes that were sent to it. */
		{IPPROTO_TCP, TCP_USER_TIMEOUT,
		 (ALIVE_IDLE + ALIVE_EVERY * ALIVE_TRIES) * 1000},
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (setsockopt(fd, options[i].level, options[i].name,
			       &options[i].value, sizeof(int)))
			return -errno;
	return 0;
}

/* A numeric address: looking a name up would block the loop. */
static int tcp_connect(const char *where)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
				 .ai_socktype = SOCK_STREAM};
	const char *colon = strrchr(where, ':');
	char host[CONFIG_TEXT_MAX];
	struct addrinfo *a;
	int fd, err;

	snprintf(host, sizeof(host), "%.*s", (int)(colon - where), where);
	if (getaddrinfo(host, colon + 1, &hints, &a))
		return -EINVAL;
	fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
		    0);
	err = fd < 0 ? -errno : keep_alive(fd);
	if (!err && connect(fd, a->ai_addr, a->ai_addrlen) &&
	    errno != EINPROGRESS)
		err = -errno;
	freeaddrinfo(a);
	if (err && fd >= 0)
		close(fd);
	return err ? err : fd;
}

static void tcp_reopen(void *arg)
{
	struct line *l = arg;
	int fd = tcp_connect(l->board->tcp);

	if (fd < 0) {
		line_failed(l, l->board->tcp, fd);
		return;
	}
	l->connecting.fd = fd;
	if (loop_watch_add(&l->connecting, EPOLLOUT)) {
		close(fd);
		line_failed(l, l->board->tcp, -ENOMEM);
	}
}

static struct console *line_new(const struct config_board *b,
				void (*reopen)(void *arg))
{
	struct line *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->console.ops = &line_ops;
	l->console.problem = "console not open yet";
	l->board = b;
	l->stream.watch.fd = -1;
	l->stream.bytes = on_bytes;
	l->stream.closed = on_closed;
	l->stream.arg = l;
	l->connecting.ready = on_connected;
	l->connecting.arg = l;
	l->reopen.fire = reopen;
	l->reopen.arg = l;
	reopen(l);
	return &l->console;
}

struct console *console_tty_new(const struct config_board *b)
{
	return line_new(b, tty_reopen);
}

struct console *console_tcp_new(const struct config_board *b)
{
	return line_new(b, tcp_reopen);
}
