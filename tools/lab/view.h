/* Jobs and boards as JSON, the way docs/lab.md describes. */
#pragma once

#include <jansson.h>

#include "tools/lab/job.h"

/* live: the job in memory, or NULL for one that is only in the database. */
json_t *view_job(const struct db_job *row, const struct job *live);
json_t *view_boards(void);
/* The newest jobs that fit the filter. */
json_t *view_jobs(const struct db_filter *f);
/* Prometheus text; to be freed. NULL: no memory. */
char *view_metrics(void);
