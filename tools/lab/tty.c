/*
 * Serial line set-up by termios2, whose BOTHER takes the rate as a number:
 * boards with 1.5 Mbaud consoles need no table. glibc's <termios.h> cannot be
 * included beside the kernel's.
 */
#include "tools/lab/tty.h"

#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

int tty_open(const char *path, unsigned baud)
{
	int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	struct termios2 t;
	int err;

	if (fd < 0)
		return -errno;
	if (ioctl(fd, TCGETS2, &t) || ioctl(fd, TIOCEXCL))
		goto fail;
	t.c_iflag = 0;
	t.c_oflag = 0;
	t.c_lflag = 0;
	t.c_cflag = CS8 | CREAD | CLOCAL | BOTHER | BOTHER << IBSHIFT;
	t.c_ispeed = t.c_ospeed = baud;
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	if (ioctl(fd, TCSETS2, &t))
		goto fail;
	return fd;
fail:
	err = -errno;
	close(fd);
	return err;
}

void tty_flush_input(int fd)
{
	ioctl(fd, TCFLSH, TCIFLUSH);
}

void tty_share(int fd)
{
	ioctl(fd, TIOCNXCL);
}
