/* One job's console log: append-only bytes and a time index beside them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOGFILE_RECORD_SIZE 16
#define LOGFILE_TAIL_SIZE   (64 * 1024)

/* The bytes from offset on came at time (microseconds since the epoch). */
struct logfile_record {
	int64_t offset;
	int64_t time;
};

struct logfile {
	int fd, index_fd; /* -1 = not open */
	bool writable;
	int64_t size;
	struct logfile_record last; /* of the index; offset -1 = none */
	uint8_t *tail; /* ring of the newest bytes, for viewers that keep up */
	int64_t tail_from; /* first offset that was ever put there */
};

/*
 * Opens dir/<id>.log and .idx. To write: created as needed, and what a crash
 * tore off the index is cut. Returns 0 or -errno (-ENOENT: no such log).
 */
int logfile_open(struct logfile *l, const char *dir, int64_t id, bool writable);
void logfile_close(struct logfile *l);
/* Removes both files of a log that is not open. */
void logfile_remove(const char *dir, int64_t id);

/* Appends bytes that came now. Returns 0 or -errno; then nothing is added. */
int logfile_append(struct logfile *l, const void *bytes, size_t len,
		   int64_t now);

/* Reads at offset. Returns how many bytes (0 at the end) or -errno. */
int logfile_read(const struct logfile *l, int64_t offset, void *out,
		 size_t size);

/* The n-th record of the index, from 0. False: there are not so many. */
bool logfile_record_at(const struct logfile *l, int64_t n,
		       struct logfile_record *out);

/* The record's 16 bytes: two little-endian 64-bit words. Pure. */
void logfile_record_write(const struct logfile_record *r, uint8_t *out);
void logfile_record_read(const uint8_t *in, struct logfile_record *r);

/*
 * How many of the records in index (len bytes) are good: whole, offsets and
 * times not falling, offsets below log_size. Pure.
 */
size_t logfile_index_check(const uint8_t *index, size_t len, int64_t log_size);
