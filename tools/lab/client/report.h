#pragma once

#include <stdint.h>
#include <stdio.h>

#include "tools/lab/client/testlog.h"

/** What a finished job looks like to a report; every string is foreign text. */
struct report {
	const char *job;     /* id */
	const char *name;    /* of the job, "" for none */
	const char *board;   /* "" for none */
	const char *verdict; /* "cancelled" where there is none */
	const char *reason;
	double seconds; /* from start to end, 0 where not known */
	const struct testlog *tests;
	uint64_t from;	  /* log offset of the last attempt: older results are
			   * of an attempt that was repeated */
	const char *tail; /* the log's last bytes, any bytes */
	size_t tail_len;
};

/**
 * report_junit() - write @report as JUnit XML (Jenkins' xUnit schema).
 *
 * One test case per result line and one named `boot` for the verdict itself:
 * a failure for fail, panic, timeout and cancelled, an error for infra. All
 * text is made well-formed XML 1.0. Returns 0 or -EIO.
 */
int report_junit(FILE *out, const struct report *report);

/**
 * report_tap() - write @report as TAP version 13, the cases as for JUnit.
 *
 * An infra verdict is written as `Bail out!`, which no consumer takes for a
 * failed test. Returns 0 or -EIO.
 */
int report_tap(FILE *out, const struct report *report);

/**
 * report_exit_code() - the exit code of `lab run` for a verdict.
 *
 * 0 pass; 1 fail, panic, timeout, cancelled; 2 infra and anything unknown.
 */
int report_exit_code(const char *verdict);
