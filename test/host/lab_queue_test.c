/*
 * The queue: order, and that a flood costs another user at most one turn per
 * competing user. 10^5 jobs are simulated.
 *
 * Sources: tools/lab/queue.c
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/lab/queue.h"

#define JOBS 100000

static void one_user_is_first_in_first_out(void **state)
{
	struct queue *q = queue_new();

	(void)state;
	for (int i = 1; i <= 5; i++)
		assert_int_equal(queue_add(q, i, "a", 5, "", false), 0);
	for (int i = 1; i <= 5; i++) {
		assert_int_equal(queue_position(q, 5), 6 - i);
		assert_int_equal(queue_pick(q, "x", NULL, NULL), i);
	}
	assert_int_equal(queue_pick(q, "x", NULL, NULL), 0);
	queue_free(q);
}

static void users_take_turns(void **state)
{
	static const int64_t order[] = {1, 10, 20, 2, 11, 21, 3, 12, 4};
	struct queue *q = queue_new();

	(void)state;
	for (int i = 1; i <= 4; i++)
		queue_add(q, i, "a", 5, "", false);
	for (int i = 10; i <= 12; i++)
		queue_add(q, i, "b", 5, "", false);
	for (int i = 20; i <= 21; i++)
		queue_add(q, i, "c", 5, "", false);
	for (size_t i = 0; i < 9; i++)
		assert_int_equal(queue_position(q, order[i]), i + 1);
	for (size_t i = 0; i < 9; i++)
		assert_int_equal(queue_pick(q, "x", NULL, NULL), order[i]);
	queue_free(q);
}

static void higher_priority_goes_first(void **state)
{
	struct queue *q = queue_new();

	(void)state;
	queue_add(q, 1, "a", 0, "", false);
	queue_add(q, 2, "a", 9, "", false);
	queue_add(q, 3, "b", 5, "", false);
	assert_int_equal(queue_pick(q, "x", NULL, NULL), 2);
	assert_int_equal(queue_pick(q, "x", NULL, NULL), 3);
	assert_int_equal(queue_pick(q, "x", NULL, NULL), 1);
	assert_int_equal(queue_add(q, 4, "a", 10, "", false), -EINVAL);
	assert_int_equal(queue_add(q, 4, "a", -1, "", false), -EINVAL);
	queue_free(q);
}

static void job_waits_for_the_board_it_names(void **state)
{
	struct queue *q = queue_new();

	(void)state;
	queue_add(q, 1, "a", 5, "vf2", false);
	queue_add(q, 2, "a", 5, "", false);
	assert_int_equal(queue_pick(q, "virt", NULL, NULL), 2);
	assert_int_equal(queue_pick(q, "virt", NULL, NULL), 0);
	assert_int_equal(queue_pick(q, "vf2", NULL, NULL), 1);
	queue_free(q);
}

static void retry_goes_to_the_front(void **state)
{
	struct queue *q = queue_new();

	(void)state;
	queue_add(q, 1, "a", 5, "", false);
	queue_add(q, 2, "a", 5, "", false);
	assert_int_equal(queue_pick(q, "x", NULL, NULL), 1);
	queue_add(q, 1, "a", 5, "", true);
	assert_int_equal(queue_pick(q, "x", NULL, NULL), 1);
	queue_free(q);
}

static void removed_job_is_gone(void **state)
{
	struct queue *q = queue_new();

	(void)state;
	queue_add(q, 1, "a", 5, "", false);
	queue_add(q, 2, "a", 5, "", false);
	assert_int_equal(queue_remove(q, 1), 0);
	assert_int_equal(queue_remove(q, 1), -ENOENT);
	assert_int_equal(queue_position(q, 1), 0);
	assert_int_equal(queue_position(q, 2), 1);
	assert_int_equal(queue_length(q), 1);
	assert_int_equal(queue_user_length(q, "a"), 1);
	assert_int_equal(queue_user_length(q, "b"), 0);
	queue_free(q);
}

static uint64_t seed;

static uint32_t random32(void)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return seed >> 33;
}

/* One user's only waiting job, and how many others went before it. */
struct turns {
	int64_t job; /* 0: none waits */
	int64_t waited, worst, count;
};

static void turns_begin(struct turns *t, struct queue *q, int64_t id,
			const char *user)
{
	t->job = id;
	t->waited = 0;
	queue_add(q, id, user, 5, "", false);
}

/* id has been picked; true: it is the user's. */
static bool turns_picked(struct turns *t, int64_t id)
{
	assert_true(id > 0);
	if (id != t->job) {
		t->waited++;
		return false;
	}
	t->job = 0;
	t->count++;
	if (t->waited > t->worst)
		t->worst = t->waited;
	return true;
}

static void turns_end(const struct turns *t)
{
	print_message("%lld turns, waited for at most %lld other jobs\n",
		      (long long)t->count, (long long)t->worst);
	assert_true(t->count > 1000);
}

/*
 * Two users flood: they always have 50 jobs waiting. A third submits one job
 * at a time, at random moments. With one board and three users he waits for at
 * most two other jobs, however many wait.
 */
static void flooding_users_cost_another_two_turns(void **state)
{
	struct queue *q = queue_new();
	struct turns mine = {0};
	int64_t next = 1;

	(void)state;
	for (int i = 0; i < 50; i++) {
		queue_add(q, next++, "flood1", 5, "", false);
		queue_add(q, next++, "flood2", 5, "", false);
	}
	while (next < JOBS) {
		if (!mine.job && random32() % 7 == 0) {
			turns_begin(&mine, q, next++, "other");
			assert_true(queue_position(q, mine.job) <= 3);
		}
		if (turns_picked(&mine, queue_pick(q, "x", NULL, NULL)))
			continue;
		queue_add(q, next++, random32() % 2 ? "flood1" : "flood2", 5,
			  "", false);
	}
	turns_end(&mine);
	assert_true(mine.worst <= 2);
	queue_free(q);
}

/*
 * Without tokens anybody takes any name. One who takes a new one for each job
 * must not go before a user who waits: that one's turn comes after those whom
 * he found waiting, however many come behind him.
 */
static void new_names_do_not_jump_the_queue(void **state)
{
	struct queue *q = queue_new();
	struct turns mine = {0};
	int64_t next = 1;
	size_t before = 0;

	(void)state;
	while (next < JOBS) {
		char name[24];

		/* Two new names a turn while there is room for them. */
		for (int i = 0; i < 2 && queue_length(q) < 50; i++) {
			snprintf(name, sizeof(name), "name%lld",
				 (long long)next);
			queue_add(q, next++, name, 5, "", false);
		}
		if (!mine.job) {
			before = queue_length(q);
			turns_begin(&mine, q, next++, "steady");
			assert_true(queue_position(q, mine.job) <= before + 1);
		}
		if (!turns_picked(&mine, queue_pick(q, "x", NULL, NULL)))
			assert_true(mine.waited <= (int64_t)before);
	}
	turns_end(&mine);
	queue_free(q);
}

/* Users without jobs are remembered for their turns, but not for ever. */
static void names_are_forgotten(void **state)
{
	struct queue *q = queue_new();
	char name[24];

	(void)state;
	for (int i = 1; i <= 3 * QUEUE_IDLE_USERS; i++) {
		snprintf(name, sizeof(name), "name%d", i);
		assert_int_equal(queue_add(q, i, name, 5, "", false), 0);
		if (i % 2)
			assert_int_equal(queue_pick(q, "x", NULL, NULL), i);
		else
			assert_int_equal(queue_remove(q, i), 0);
		assert_true(queue_users(q) <= QUEUE_IDLE_USERS + 1);
	}
	assert_int_equal(queue_length(q), 0);
	queue_free(q);
}

/* Whatever is added and removed at random: nothing lost, nothing twice. */
static void no_job_is_lost_or_run_twice(void **state)
{
	static char where[20001]; /* 1 waiting, 2 picked, 3 removed */
	static const char *const boards[] = {"", "x", "y"};
	struct queue *q = queue_new();
	int64_t next = 1, waiting = 0;

	(void)state;
	memset(where, 0, sizeof(where));
	while (next <= 20000) {
		char user[2] = {'a' + random32() % 5, '\0'};
		int64_t id = 1 + random32() % next;

		switch (random32() % 4) {
		case 0:
		case 1:
			queue_add(q, next, user, random32() % 10,
				  boards[random32() % 3], random32() % 9 == 0);
			where[next++] = 1;
			waiting++;
			break;
		case 2:
			id = queue_pick(q, random32() % 2 ? "x" : "y", NULL,
					NULL);
			if (!id)
				break;
			assert_int_equal(where[id], 1);
			where[id] = 2;
			waiting--;
			break;
		default:
			assert_int_equal(queue_remove(q, id),
					 where[id] == 1 ? 0 : -ENOENT);
			if (where[id] == 1) {
				where[id] = 3;
				waiting--;
			}
		}
		assert_int_equal(queue_length(q), waiting);
	}
	queue_free(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_user_is_first_in_first_out),
		cmocka_unit_test(users_take_turns),
		cmocka_unit_test(higher_priority_goes_first),
		cmocka_unit_test(job_waits_for_the_board_it_names),
		cmocka_unit_test(retry_goes_to_the_front),
		cmocka_unit_test(removed_job_is_gone),
		cmocka_unit_test(flooding_users_cost_another_two_turns),
		cmocka_unit_test(new_names_do_not_jump_the_queue),
		cmocka_unit_test(names_are_forgotten),
		cmocka_unit_test(no_job_is_lost_or_run_twice),
	};
	const char *text = getenv("SEED");

	seed = text && *text ? strtoull(text, NULL, 0) : 1;
	print_message("seed %llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
