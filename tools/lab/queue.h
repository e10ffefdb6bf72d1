/* The order of the waiting jobs: fair between users. Pure: no clock, no I/O. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUEUE_PRIORITIES 10  /* 0-9, 9 goes first */
#define QUEUE_IDLE_USERS 256 /* remembered without a job */

struct queue;

struct queue *queue_new(void); /* NULL: no memory */
void queue_free(struct queue *q);

/*
 * Adds a waiting job; board "" means any. With front it goes before the other
 * jobs of its user and priority (a retry). Returns 0, -EINVAL: priority;
 * -ENOMEM.
 */
int queue_add(struct queue *q, int64_t id, const char *user, int priority,
	      const char *board, bool front);

/* Takes a job out again. Returns 0 or -ENOENT. */
int queue_remove(struct queue *q, int64_t id);

/*
 * Takes out the job that a free board is to run: of the highest priority that
 * has a fitting job, the oldest job of the user whose last turn is longest
 * ago. A job fits if it wants this board or any, and may(arg, id) does not
 * say no (NULL: never). Returns its id, or 0.
 */
int64_t queue_pick(struct queue *q, const char *board,
		   bool (*may)(void *arg, int64_t id), void *arg);

/*
 * The place of a job, 1 = next, as if every board fitted; 0: not there.
 * Recomputed only after a change.
 */
size_t queue_position(struct queue *q, int64_t id);

size_t queue_length(const struct queue *q);
size_t queue_user_length(const struct queue *q, const char *user);
/* Those with jobs and those remembered. */
size_t queue_users(const struct queue *q);
