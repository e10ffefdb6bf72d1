/* An Image in memory, unpacked if it was packed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More than any kernel needs, and little enough to survive a gzip bomb. */
#define BLOB_MAX ((size_t)512 << 20)

struct blob {
	uint8_t *data; /* aligned for any type */
	size_t size;
	bool gzip;	    /* it was packed, */
	size_t packed_size; /* to this many bytes */
};

/*
 * Copies size bytes, unpacked if they are gzip (of one or more members). Not
 * more than max bytes come out. Returns 0 and *out, to be freed; or -errno and
 * in *why a static text for the user: -ENOMEM; -EFBIG more than max;
 * -EBADMSG the gzip data is cut short or damaged.
 */
int blob_from_bytes(const uint8_t *bytes, size_t size, size_t max,
		    struct blob *out, const char **why);

/* The same from a file; also the errors of opening and reading it. */
int blob_from_file(const char *path, struct blob *out, const char **why);

/* Copies a blob as it is. Returns 0, or -ENOMEM. */
int blob_copy(const struct blob *from, struct blob *out);

void blob_free(struct blob *blob);
