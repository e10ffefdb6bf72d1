#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "tools/lab/client/http.h"

/** How following a job came to its end. */
enum follow_result {
	FOLLOW_ENDED,	/* the job is over, every byte was handed over */
	FOLLOW_LEFT,	/* wait() asked for it */
	FOLLOW_REFUSED, /* the daemon said no; reason in @problem */
	FOLLOW_LOST,	/* no way to it for too long; reason in @problem */
};

/** Set the first part, leave the rest zero. */
struct follow {
	struct http *http;
	const char *job;       /* id */
	uint64_t offset;       /* the next byte wanted; goes up */
	unsigned int patience; /* seconds without progress before LOST */
	int fd;		       /* one more descriptor to wait for, or -1 */
	/* console bytes, in order, each once */
	int (*bytes)(void *arg, uint64_t offset, const uint8_t *bytes,
		     size_t n);
	void (*state)(void *arg, const json_t *job);
	void (*notice)(void *arg, const char *text);
	/* called whenever something may be waiting; true leaves */
	bool (*wait)(void *arg);
	void *arg;

	json_t *end;	    /* the job's JSON when ENDED */
	struct buf problem; /* in words */
	bool broken;	    /* the stream made no sense: cut it */
};

/**
 * follow_run() - watch a job's event stream to its end.
 *
 * A cut, stalled or senseless stream is taken up again at the first byte not
 * yet handed over (`Last-Event-ID`), with growing delays; bytes that come
 * twice are dropped by their offset. Errors of @bytes do not end it.
 */
enum follow_result follow_run(struct follow *follow);

/** follow_free() - give the results back. */
void follow_free(struct follow *follow);
