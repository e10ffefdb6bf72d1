/* Serial lines of the host. */
#pragma once

#include <stdint.h>

/*
 * Opens a tty raw, 8N1, at any baud rate the driver can do (BOTHER), without
 * modem control, for this process alone (TIOCEXCL), non-blocking.
 * Returns the descriptor or -errno (-EBUSY: somebody else has it).
 */
int tty_open(const char *path, unsigned baud);

/* Throws away what was received and not read. */
void tty_flush_input(int fd);
/* Before a close: a tty whose other end stays (a pty) keeps TIOCEXCL else. */
void tty_share(int fd);
