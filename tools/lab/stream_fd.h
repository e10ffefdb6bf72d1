/* A non-blocking descriptor with a bounded output buffer: any console line. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tools/lab/loop.h"

#define STREAM_FD_OUT_MAX ((size_t)64 * 1024)

struct stream_fd {
	struct loop_watch watch; /* watch.fd < 0: closed */
	uint8_t *out;
	size_t out_len;
	void (*bytes)(void *arg, const void *bytes, size_t len);
	void (*closed)(void *arg); /* end or error; already closed */
	void *arg;
};

/* Takes over fd (non-blocking) and watches it. Returns 0 or -errno. */
int stream_fd_open(struct stream_fd *s, int fd);
/* Closes, calls nobody. */
void stream_fd_close(struct stream_fd *s);
/* Returns 0; -EAGAIN: the buffer is full, nothing taken; -ENOTCONN. */
int stream_fd_write(struct stream_fd *s, const void *bytes, size_t len);
