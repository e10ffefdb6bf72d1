/*
 * The console's bytes on their way out, and the client's own notes between
 * them. Scripts get exact bytes, terminals filtered ones.
 */
#include "tools/lab/client/console.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void console_open(struct console *console, int fd, enum filter_mode mode,
		  bool raw)
{
	*console = (struct console){
		.fd = fd,
		.filtered = isatty(fd) && !raw,
		.same_tty = isatty(fd) && isatty(STDERR_FILENO),
		.line_start = true,
		.filter = {.mode = mode},
	};
}

static int console_write_all(int fd, const char *bytes, size_t n)
{
	while (n) {
		ssize_t done = write(fd, bytes, n);

		if (done < 0 && errno == EAGAIN)
			poll(&(struct pollfd){fd, POLLOUT, 0}, 1, -1);
		else if (done < 0 && errno != EINTR)
			return -errno;
		if (done > 0) {
			bytes += done;
			n -= (size_t)done;
		}
	}
	return 0;
}

int console_write(struct console *console, const uint8_t *bytes, size_t n)
{
	int err;

	if (console->closed)
		return 0;
	buf_clear(&console->out);
	err = console->filtered
		? filter_apply(&console->filter, bytes, n, &console->out)
		: buf_append(&console->out, bytes, n);
	if (!err)
		err = console_write_all(console->fd, console->out.data,
					console->out.len);
	if (!err && console->out.len)
		console->line_start =
			console->out.data[console->out.len - 1] == '\n';
	console->closed = err != 0;
	return err;
}

void console_note(struct console *console, const char *format, ...)
{
	va_list args;

	if (console->quiet)
		return;
	if (console->same_tty && !console->line_start)
		fputc('\n', stderr);
	fputs("lab: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	console->line_start = true;
}

void console_close(struct console *console)
{
	/* soft reset (DECSTR) undoes every mode the filter lets through */
	static const char text[] = "\x1b[0m";
	static const char terminal[] = "\x1b[!p\x1b[0m";
	bool screen = console->filter.mode == FILTER_TERMINAL;

	if (console->filtered && !console->closed)
		console_write_all(console->fd, screen ? terminal : text,
				  strlen(screen ? terminal : text));
	buf_free(&console->out);
}
