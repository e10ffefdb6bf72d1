/*
 * Reading the daemon's JSON: missing and odd fields never fail, they read as
 * nothing. An id is checked, for it goes into paths.
 */
#include "tools/lab/client/job.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *job_text(const json_t *job, const char *key)
{
	const char *text = json_string_value(json_object_get(job, key));

	return text ? text : "";
}

double job_number(const json_t *job, const char *key, double fallback)
{
	const json_t *number = json_object_get(job, key);

	return json_is_number(number) ? json_number_value(number) : fallback;
}

int job_id_valid(const char *id)
{
	size_t len = strspn(id,
			    "0123456789-_"
			    "abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

	return len && len < JOB_ID_MAX && !id[len];
}

int job_id(const json_t *job, char *id)
{
	const json_t *value = json_object_get(job, "id");

	if (json_is_integer(value))
		snprintf(id, JOB_ID_MAX, "%lld",
			 (long long)json_integer_value(value));
	else
		snprintf(id, JOB_ID_MAX, "%s", job_text(job, "id"));
	return job_id_valid(id) ? 0 : -EINVAL;
}

const char *job_verdict(const json_t *job)
{
	const char *verdict = job_text(job, "verdict");

	return *verdict ? verdict : "cancelled";
}

void job_place(const json_t *job, char *words, size_t room)
{
	double eta = job_number(job, "eta", -1);
	double position = job_number(job, "position", 0);

	if (eta >= 0)
		snprintf(words, room, "position %.0f, about %.0f s", position,
			 eta);
	else
		snprintf(words, room, "position %.0f", position);
}

uint64_t job_last_attempt(const json_t *job)
{
	const json_t *attempts = json_object_get(job, "attempts");
	const json_t *last;
	double offset;

	if (!json_array_size(attempts))
		return 0;
	last = json_array_get(attempts, json_array_size(attempts) - 1);
	offset = job_number(last, "offset", 0);
	return offset > 0 ? (uint64_t)offset : 0;
}
