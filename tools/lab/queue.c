/*
 * Fair queueing: strict priorities, and inside one priority round robin
 * between users, so that a flood of one user costs another at most one turn
 * per competing user. A user keeps his turn number while he has jobs and is
 * remembered after, or submitting one at a time would jump the queue. Without
 * tokens anybody takes any name: a new one joins behind those who wait, and
 * only so many are remembered.
 */
#include "tools/lab/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	struct entry *next;
	int64_t id;
	size_t position;
	bool placed; /* scratch of the position walk */
	char board[32];
};

struct user {
	struct user *next;
	char *name;
	uint64_t served; /* number of his last turn, or of that at his coming */
	uint64_t walk;	 /* the same, in the position walk */
	size_t length;
	struct entry *jobs[QUEUE_PRIORITIES];
};

struct queue {
	struct user *users;
	uint64_t turn;
	size_t length;
	bool positions_valid;
};

struct queue *queue_new(void)
{
	return calloc(1, sizeof(struct queue));
}

void queue_free(struct queue *q)
{
	while (q && q->users) {
		struct user *u = q->users;

		q->users = u->next;
		for (int p = 0; p < QUEUE_PRIORITIES; p++) {
			while (u->jobs[p]) {
				struct entry *e = u->jobs[p];

				u->jobs[p] = e->next;
				free(e);
			}
		}
		free(u->name);
		free(u);
	}
	free(q);
}

static struct user *user_find(const struct queue *q, const char *name)
{
	for (struct user *u = q->users; u; u = u->next)
		if (strcmp(u->name, name) == 0)
			return u;
	return NULL;
}

static struct user *user_get(struct queue *q, const char *name)
{
	struct user *u = user_find(q, name);

	if (u)
		return u;
	u = calloc(1, sizeof(*u));
	if (!u)
		return NULL;
	u->name = strdup(name);
	if (!u->name) {
		free(u);
		return NULL;
	}
	/* As if just served; a tie goes to the older job. */
	u->served = q->turn;
	u->next = q->users;
	q->users = u;
	return u;
}

/* Of too many users without a job the one served longest ago. */
static void forget_one(struct queue *q)
{
	struct user **oldest = NULL, *u;
	size_t idle = 0;

	for (struct user **p = &q->users; *p; p = &(*p)->next) {
		if ((*p)->length > 0)
			continue;
		idle++;
		if (!oldest || (*p)->served < (*oldest)->served)
			oldest = p;
	}
	if (idle <= QUEUE_IDLE_USERS)
		return;
	u = *oldest;
	*oldest = u->next;
	free(u->name);
	free(u);
}

int queue_add(struct queue *q, int64_t id, const char *user, int priority,
	      const char *board, bool front)
{
	struct entry *e, **p;
	struct user *u;

	if (priority < 0 || priority >= QUEUE_PRIORITIES)
		return -EINVAL;
	u = user_get(q, user);
	e = calloc(1, sizeof(*e));
	if (!u || !e) {
		free(e);
		return -ENOMEM;
	}
	e->id = id;
	strncpy(e->board, board, sizeof(e->board) - 1);
	p = &u->jobs[priority];
	while (!front && *p)
		p = &(*p)->next;
	e->next = *p;
	*p = e;
	u->length++;
	q->length++;
	q->positions_valid = false;
	return 0;
}

/* Unlinks *p, a job of u, who may be forgotten then. */
static void entry_drop(struct queue *q, struct user *u, struct entry **p)
{
	struct entry *e = *p;

	*p = e->next;
	free(e);
	u->length--;
	q->length--;
	q->positions_valid = false;
	forget_one(q);
}

static struct entry **entry_find(const struct queue *q, int64_t id,
				 struct user **owner)
{
	for (struct user *u = q->users; u; u = u->next) {
		for (int prio = 0; prio < QUEUE_PRIORITIES; prio++) {
			struct entry **p = &u->jobs[prio];

			while (*p && (*p)->id != id)
				p = &(*p)->next;
			if (*p) {
				*owner = u;
				return p;
			}
		}
	}
	return NULL;
}

int queue_remove(struct queue *q, int64_t id)
{
	struct user *u;
	struct entry **p = entry_find(q, id, &u);

	if (!p)
		return -ENOENT;
	entry_drop(q, u, p);
	return 0;
}

/* What a job has to fit. */
struct place {
	const char *board;
	bool (*may)(void *arg, int64_t id);
	void *arg;
};

static bool fits(const struct entry *e, const struct place *where)
{
	if (e->board[0] && strcmp(e->board, where->board))
		return false;
	return !where->may || where->may(where->arg, e->id);
}

static struct entry **fitting_job(struct user *u, int prio,
				  const struct place *where)
{
	for (struct entry **p = &u->jobs[prio]; *p; p = &(*p)->next)
		if (fits(*p, where))
			return p;
	return NULL;
}

/* Whether a goes before b, both with a fitting job at the head. */
static bool goes_before(uint64_t a_served, int64_t a_id, uint64_t b_served,
			int64_t b_id)
{
	return a_served < b_served || (a_served == b_served && a_id < b_id);
}

int64_t queue_pick(struct queue *q, const char *board,
		   bool (*may)(void *arg, int64_t id), void *arg)
{
	const struct place where = {board, may, arg};

	for (int prio = QUEUE_PRIORITIES - 1; prio >= 0; prio--) {
		struct user *best = NULL;
		struct entry **job = NULL;
		int64_t id;

		for (struct user *u = q->users; u; u = u->next) {
			struct entry **p = fitting_job(u, prio, &where);

			if (p &&
			    (!best ||
			     goes_before(u->served, (*p)->id, best->served,
					 (*job)->id))) {
				best = u;
				job = p;
			}
		}
		if (!best)
			continue;
		id = (*job)->id;
		best->served = ++q->turn;
		entry_drop(q, best, job);
		return id;
	}
	return 0;
}

static struct entry *first_unplaced(struct user *u, int prio)
{
	struct entry *e = u->jobs[prio];

	while (e && e->placed)
		e = e->next;
	return e;
}

/* Numbers the jobs of one priority from position on; returns the next one. */
static size_t place_priority(struct queue *q, int prio, size_t position,
			     uint64_t *turn)
{
	for (;;) {
		struct user *best = NULL;
		struct entry *job = NULL;

		for (struct user *u = q->users; u; u = u->next) {
			struct entry *e = first_unplaced(u, prio);

			if (e &&
			    (!best ||
			     goes_before(u->walk, e->id, best->walk,
					 job->id))) {
				best = u;
				job = e;
			}
		}
		if (!best)
			return position;
		best->walk = ++*turn;
		job->placed = true;
		job->position = position++;
	}
}

static void place_all(struct queue *q)
{
	uint64_t turn = q->turn;
	size_t position = 1;

	for (struct user *u = q->users; u; u = u->next) {
		u->walk = u->served;
		for (int prio = 0; prio < QUEUE_PRIORITIES; prio++)
			for (struct entry *e = u->jobs[prio]; e; e = e->next)
				e->placed = false;
	}
	for (int prio = QUEUE_PRIORITIES - 1; prio >= 0; prio--)
		position = place_priority(q, prio, position, &turn);
	q->positions_valid = true;
}

size_t queue_position(struct queue *q, int64_t id)
{
	struct user *u;
	struct entry **p = entry_find(q, id, &u);

	if (!p)
		return 0;
	if (!q->positions_valid)
		place_all(q);
	return (*p)->position;
}

size_t queue_length(const struct queue *q)
{
	return q->length;
}

size_t queue_user_length(const struct queue *q, const char *user)
{
	const struct user *u = user_find(q, user);

	return u ? u->length : 0;
}

size_t queue_users(const struct queue *q)
{
	size_t n = 0;

	for (const struct user *u = q->users; u; u = u->next)
		n++;
	return n;
}
