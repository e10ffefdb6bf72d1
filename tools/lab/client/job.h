#pragma once

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

/** Room for a job's id as text. */
#define JOB_ID_MAX 64

/** job_text() - the string @key of @job, "" where there is none. */
const char *job_text(const json_t *job, const char *key);

/** job_number() - the number @key of @job, @fallback where there is none. */
double job_number(const json_t *job, const char *key, double fallback);

/**
 * job_id() - write the id of @job into @id of JOB_ID_MAX bytes.
 *
 * Numbers and strings of letters, digits, `-` and `_` are ids: it becomes
 * part of a path. Returns 0 or -EINVAL.
 */
int job_id(const json_t *job, char *id);

/** job_id_valid() - what job_id() would take. */
int job_id_valid(const char *id);

/** job_verdict() - the verdict, "cancelled" for a job without one. */
const char *job_verdict(const json_t *job);

/**
 * job_place() - write where a waiting job is in the queue, at most @room
 * bytes: "position 2, about 40 s", the estimate only where there is one.
 */
void job_place(const json_t *job, char *words, size_t room);

/** job_last_attempt() - log offset where the last attempt begins. */
uint64_t job_last_attempt(const json_t *job);
