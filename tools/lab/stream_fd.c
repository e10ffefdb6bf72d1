/*
 * The one place that reads consoles. At most CONSOLE_READ_MAX bytes are taken
 * per turn of the loop, so that a flooding board leaves time for the others.
 */
#include "tools/lab/stream_fd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tools/lab/console.h"

static void lose(struct stream_fd *s)
{
	stream_fd_close(s);
	s->closed(s->arg);
}

static void write_out(struct stream_fd *s)
{
	ssize_t n = write(s->watch.fd, s->out, s->out_len);

	if (n > 0) {
		s->out_len -= n;
		memmove(s->out, s->out + n, s->out_len);
	}
	loop_watch_set(&s->watch, s->out_len ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void on_ready(void *arg, uint32_t events)
{
	static uint8_t buf[CONSOLE_READ_MAX];
	struct stream_fd *s = arg;
	ssize_t n;

	if (events & EPOLLOUT && s->out_len > 0)
		write_out(s);
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	n = read(s->watch.fd, buf, sizeof(buf));
	if (n > 0)
		s->bytes(s->arg, buf, n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		lose(s);
}

int stream_fd_open(struct stream_fd *s, int fd)
{
	int err;

	if (!s->out)
		s->out = malloc(STREAM_FD_OUT_MAX);
	if (!s->out)
		return -ENOMEM;
	s->out_len = 0;
	s->watch.fd = fd;
	s->watch.ready = on_ready;
	s->watch.arg = s;
	err = loop_watch_add(&s->watch, EPOLLIN);
	if (err)
		s->watch.fd = -1;
	return err;
}

void stream_fd_close(struct stream_fd *s)
{
	if (s->watch.fd < 0)
		return;
	loop_watch_remove(&s->watch);
	close(s->watch.fd);
	s->watch.fd = -1;
	s->out_len = 0;
}

int stream_fd_write(struct stream_fd *s, const void *bytes, size_t len)
{
	if (s->watch.fd < 0)
		return -ENOTCONN;
	if (len > STREAM_FD_OUT_MAX - s->out_len)
		return -EAGAIN;
	memcpy(s->out + s->out_len, bytes, len);
	s->out_len += len;
	write_out(s);
	return 0;
}
