/*
 * The log is written as the bytes come, without a buffer of our own, so a
 * killed daemon loses nothing it showed to anyone. The index has a record per
 * burst (at most one per RECORD_SPACING) and serves asciicast export.
 */
#include "tools/lab/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORD_SPACING 10000 /* microseconds */

static void put_le64(uint8_t *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = v >> (8 * i);
}

static uint64_t get_le64(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 7; i >= 0; i--)
		v = v << 8 | p[i];
	return v;
}

void logfile_record_write(const struct logfile_record *r, uint8_t *out)
{
	put_le64(out, r->offset);
	put_le64(out + 8, r->time);
}

void logfile_record_read(const uint8_t *in, struct logfile_record *r)
{
	r->offset = get_le64(in);
	r->time = get_le64(in + 8);
}

size_t logfile_index_check(const uint8_t *index, size_t len, int64_t log_size)
{
	struct logfile_record before = {-1, 0}, r;
	size_t good = 0;

	for (; (good + 1) * LOGFILE_RECORD_SIZE <= len; good++) {
		logfile_record_read(index + good * LOGFILE_RECORD_SIZE, &r);
		if (r.offset <= before.offset || r.time < before.time ||
		    r.offset >= log_size)
			break;
		before = r;
	}
	return good;
}

static void log_path(char *out, const char *dir, int64_t id, const char *ext)
{
	snprintf(out, PATH_MAX, "%s/%" PRId64 ".%s", dir, id, ext);
}

/* Cuts the index behind its last good record, and finds that one. */
static int index_repair(struct logfile *l)
{
	struct stat st;
	uint8_t *bytes;
	size_t good = 0;
	ssize_t n;
	int err = 0;

	if (fstat(l->index_fd, &st))
		return -errno;
	bytes = malloc(st.st_size + 1);
	if (!bytes)
		return -ENOMEM;
	n = pread(l->index_fd, bytes, st.st_size, 0);
	if (n > 0)
		good = logfile_index_check(bytes, n, l->size);
	if (good > 0)
		logfile_record_read(bytes + (good - 1) * LOGFILE_RECORD_SIZE,
				    &l->last);
	if (ftruncate(l->index_fd, good * LOGFILE_RECORD_SIZE))
		err = -errno;
	free(bytes);
	return err;
}

int logfile_open(struct logfile *l, const char *dir, int64_t id, bool writable)
{
	int flags = O_CLOEXEC | (writable ? O_RDWR | O_CREAT | O_APPEND : 0);
	char path[PATH_MAX];
	struct stat st;
	int err;

	*l = (struct logfile){.fd = -1, .index_fd = -1, .writable = writable};
	l->last.offset = -1;
	log_path(path, dir, id, "log");
	l->fd = open(path, flags, 0600);
	if (l->fd < 0)
		return -errno;
	log_path(path, dir, id, "idx");
	l->index_fd = open(path, flags, 0600);
	if (l->index_fd < 0 || fstat(l->fd, &st)) {
		err = -errno;
		goto out_close;
	}
	l->size = st.st_size;
	err = writable ? index_repair(l) : 0;
	if (err)
		goto out_close;
	if (writable)
		l->tail = malloc(LOGFILE_TAIL_SIZE);
	l->tail_from = l->size;
	return 0;
out_close:
	logfile_close(l);
	return err;
}

void logfile_close(struct logfile *l)
{
	if (l->fd >= 0)
		close(l->fd);
	if (l->index_fd >= 0)
		close(l->index_fd);
	free(l->tail);
	l->tail = NULL;
	l->fd = l->index_fd = -1;
}

void logfile_remove(const char *dir, int64_t id)
{
	char path[PATH_MAX];

	log_path(path, dir, id, "log");
	unlink(path);
	log_path(path, dir, id, "idx");
	unlink(path);
}

static void tail_put(struct logfile *l, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t at = (l->size + i) % LOGFILE_TAIL_SIZE;
		size_t n = LOGFILE_TAIL_SIZE - at;

		if (n > len - i)
			n = len - i;
		memcpy(l->tail + at, bytes + i, n);
		i += n;
	}
}

static int index_append(struct logfile *l, int64_t now)
{
	struct logfile_record r = {l->size, now};
	uint8_t bytes[LOGFILE_RECORD_SIZE];

	if (l->last.offset >= 0 && now - l->last.time < RECORD_SPACING)
		return 0;
	logfile_record_write(&r, bytes);
	if (write(l->index_fd, bytes, sizeof(bytes)) != sizeof(bytes))
		return errno ? -errno : -ENOSPC;
	l->last = r;
	return 0;
}

int logfile_append(struct logfile *l, const void *bytes, size_t len,
		   int64_t now)
{
	int64_t before = l->size;
	ssize_t n = write(l->fd, bytes, len);
	int err = n < 0 ? -errno : -ENOSPC;

	if (n != (ssize_t)len) {
		/* A disk that ran full took a part: the log stays as it was. */
		if (n > 0 && ftruncate(l->fd, before))
			l->size = before + n;
		return err;
	}
	/* The bytes are safe; a lost record costs only timing in the cast. */
	(void)index_append(l, now);
	if (l->tail)
		tail_put(l, bytes, len);
	l->size += len;
	return 0;
}

int logfile_read(const struct logfile *l, int64_t offset, void *out,
		 size_t size)
{
	ssize_t n;

	if (offset >= l->size)
		return 0;
	if ((int64_t)size > l->size - offset)
		size = l->size - offset;
	if (l->tail && offset >= l->tail_from &&
	    l->size - offset <= LOGFILE_TAIL_SIZE) {
		size_t at = offset % LOGFILE_TAIL_SIZE;

		/* Up to the ring's end; the caller asks for the rest again. */
		if (size > LOGFILE_TAIL_SIZE - at)
			size = LOGFILE_TAIL_SIZE - at;
		memcpy(out, l->tail + at, size);
		return size;
	}
	n = pread(l->fd, out, size, offset);
	return n < 0 ? -errno : n;
}

bool logfile_record_at(const struct logfile *l, int64_t n,
		       struct logfile_record *out)
{
	uint8_t bytes[LOGFILE_RECORD_SIZE];

	if (pread(l->index_fd, bytes, sizeof(bytes), n * LOGFILE_RECORD_SIZE) !=
	    sizeof(bytes))
		return false;
	logfile_record_read(bytes, out);
	return true;
}
