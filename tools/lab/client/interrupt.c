/*
 * Ctrl-C as something to poll for: the handler writes one byte into a pipe,
 * the only thing that is safe to do there and wakes every wait.
 */
#include "tools/lab/client/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static struct {
	int pipe[2];
} interrupt;

static void interrupt_handler(int number)
{
	int saved = errno;

	(void)number;
	/* a full pipe already holds more than anyone will count */
	if (write(interrupt.pipe[1], "", 1) < 0)
		errno = saved;
	errno = saved;
}

int interrupt_init(void)
{
	struct sigaction catch = {.sa_handler = interrupt_handler};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	if (pipe2(interrupt.pipe, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	sigemptyset(&catch.sa_mask);
	if (sigaction(SIGINT, &catch, NULL) || sigaction(SIGTERM, &catch, NULL))
		return -errno;
	return sigaction(SIGPIPE, &ignore, NULL) ? -errno : 0;
}

int interrupt_fd(void)
{
	return interrupt.pipe[0];
}

int interrupt_take(void)
{
	char bytes[64];
	ssize_t n = read(interrupt.pipe[0], bytes, sizeof(bytes));

	return n > 0 ? (int)n : 0;
}
