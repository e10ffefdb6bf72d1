/* Answers that follow a job's console: SSE and POST /run. */
#pragma once

#include "tools/lab/http.h"
#include "tools/lab/job.h"

/* Both take over the caller's reference to j. */
enum MHD_Result stream_events(struct http_request *r, struct job *j,
			      int64_t from);
enum MHD_Result stream_raw(struct http_request *r, struct job *j);

/* Starts the heartbeat of all viewers. */
void stream_init(const struct config *c);
/* Lets every viewer's answer end; for the daemon's end. */
void stream_exit(void);
