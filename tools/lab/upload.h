/* The body of POST /api/jobs and POST /run, and the job that comes of it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "tools/lab/http.h"
#include "tools/lab/job.h"

/*
 * Reads the query and the headers of r; answers and returns false if the job
 * cannot be taken, before any body.
 */
bool upload_begin(struct http_request *r);
/* Body bytes. False: give the connection up. */
bool upload_body(struct upload *u, const char *data, size_t len);
/*
 * The body is whole: makes the job. NULL: refused, and answered. Else a job
 * with a reference.
 */
struct job *upload_finish(struct http_request *r);
void upload_free(struct upload *u);

void upload_init(const struct config *c);
