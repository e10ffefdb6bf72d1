/* One try of one job on one board: from power off to the verdict. */
#pragma once

#include <stddef.h>

#include "tools/lab/board.h"
#include "tools/lab/job.h"

struct attempt;

/* Takes the board and begins. Always ends in job_attempt_over(). */
struct attempt *attempt_start(struct job *j, struct board *b);
/*
 * Ends it now, without a verdict; the job is cancelled. -ESRCH: it has its
 * verdict already, ends now and keeps it.
 */
int attempt_cancel(struct attempt *a);
/*
 * Ends it now as infra for this reason, none of the board's, or with the
 * verdict it has.
 */
void attempt_infra(struct attempt *a, const char *reason);
/*
 * Types at the console. 0; -EPERM: the kernel is not running yet, or not any
 * more; -EAGAIN: too much waits already; -ENOTCONN.
 */
int attempt_write(struct attempt *a, const void *bytes, size_t len);
/* What the board's DHCP/TFTP server saw; STAGE_QUEUED: it died. */
void attempt_network_seen(struct attempt *a, enum stage s);
/* "power", ...: where the run is. */
enum stage attempt_stage(const struct attempt *a);

void attempts_init(const struct config *c);
