/*
 * A small epoll loop. libmicrohttpd brings an epoll descriptor of its own,
 * which is watched like any other; everything in the daemon happens in one of
 * these callbacks, so no state needs a lock.
 */
#include "tools/lab/loop.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64

static struct {
	int epoll;
	bool stop;
	int64_t polled;
	struct loop_timer *timers; /* sorted by due */
	struct epoll_event batch[BATCH];
	int batch_len;
} loop = {.epoll = -1};

static int64_t clock_us(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return t.tv_sec * LOOP_SECOND + t.tv_nsec / 1000;
}

int64_t loop_now(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

int64_t loop_wall(void)
{
	return clock_us(CLOCK_REALTIME);
}

int64_t loop_polled(void)
{
	return loop.polled;
}

int loop_init(void)
{
	loop.polled = loop_now();
	loop.epoll = epoll_create1(EPOLL_CLOEXEC);
	return loop.epoll < 0 ? -errno : 0;
}

void loop_exit(void)
{
	close(loop.epoll);
	loop.epoll = -1;
}

int loop_watch_add(struct loop_watch *w, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = w};

	return epoll_ctl(loop.epoll, EPOLL_CTL_ADD, w->fd, &e) ? -errno : 0;
}

void loop_watch_set(struct loop_watch *w, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = w};

	epoll_ctl(loop.epoll, EPOLL_CTL_MOD, w->fd, &e);
}

void loop_watch_remove(struct loop_watch *w)
{
	epoll_ctl(loop.epoll, EPOLL_CTL_DEL, w->fd, NULL);
	/* Its event may be waiting in the batch being worked off. */
	for (int i = 0; i < loop.batch_len; i++)
		if (loop.batch[i].data.ptr == w)
			loop.batch[i].data.ptr = NULL;
}

void loop_timer_cancel(struct loop_timer *t)
{
	struct loop_timer **p = &loop.timers;

	if (t->due == 0)
		return;
	while (*p && *p != t)
		p = &(*p)->next;
	if (*p)
		*p = t->next;
	t->due = 0;
}

void loop_timer_set(struct loop_timer *t, int64_t delay)
{
	struct loop_timer **p = &loop.timers;

	loop_timer_cancel(t);
	t->due = loop_now() + (delay > 0 ? delay : 0);
	while (*p && (*p)->due <= t->due)
		p = &(*p)->next;
	t->next = *p;
	*p = t;
}

static void fire_timers(void)
{
	while (loop.timers && loop.timers->due <= loop.polled) {
		struct loop_timer *t = loop.timers;

		loop.timers = t->next;
		t->due = 0;
		t->fire(t->arg);
	}
}

static int wait_ms(int64_t idle_limit)
{
	int64_t wait = idle_limit;

	if (loop.timers) {
		int64_t left = loop.timers->due - loop_now();

		if (wait < 0 || left < wait)
			wait = left > 0 ? left : 0;
	}
	/* Rounded up: waking before the time would spin. */
	return wait < 0 ? -1 : (int)((wait + 999) / 1000);
}

static void wait_and_dispatch(int64_t idle_limit)
{
	int n = epoll_wait(loop.epoll, loop.batch, BATCH, wait_ms(idle_limit));

	loop.polled = loop_now();
	loop.batch_len = n < 0 ? 0 : n;
	for (int i = 0; i < loop.batch_len; i++) {
		struct loop_watch *w = loop.batch[i].data.ptr;

		if (w)
			w->ready(w->arg, loop.batch[i].events);
	}
	loop.batch_len = 0;
}

void loop_run(int64_t (*idle)(void))
{
	loop.stop = false;
	while (!loop.stop) {
		wait_and_dispatch(idle());
		fire_timers();
	}
}

void loop_stop(void)
{
	loop.stop = true;
}
