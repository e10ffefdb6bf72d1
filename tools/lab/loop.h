/* The daemon's one event loop: descriptors, timers, clocks. Single thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define LOOP_SECOND ((int64_t)1000000)

/* A watched descriptor, owned by the caller; fd is not closed by the loop. */
struct loop_watch {
	int fd;
	void (*ready)(void *arg, uint32_t events); /* EPOLLIN, EPOLLOUT, ... */
	void *arg;
};

/* A one-shot timer, owned by the caller; zeroed means not set. */
struct loop_timer {
	int64_t due; /* on loop_now()'s clock; 0 = not set */
	void (*fire)(void *arg);
	void *arg;
	struct loop_timer *next;
};

/* Creates the epoll instance. Returns 0 or -errno. */
int loop_init(void);
void loop_exit(void);

/*
 * Runs until loop_stop(). idle(), called before every wait, may return how
 * many microseconds the wait may last at most, or -1 for "no matter".
 */
void loop_run(int64_t (*idle)(void));
void loop_stop(void);

/* Starts watching w->fd. Returns 0 or -errno (epoll_ctl(2)). */
int loop_watch_add(struct loop_watch *w, uint32_t events);
/* Changes the events of a watch that was added. */
void loop_watch_set(struct loop_watch *w, uint32_t events);
/* Stops watching; allowed from any callback, and for one never added. */
void loop_watch_remove(struct loop_watch *w);

/* (Re)arms the timer to fire once, delay microseconds from now. */
void loop_timer_set(struct loop_timer *t, int64_t delay);
void loop_timer_cancel(struct loop_timer *t);

/*
 * When descriptors were last asked, on loop_now()'s clock. All that had come
 * by then is being handled, or was: "nothing came until now" may only be said
 * of this moment, however long the daemon itself was held up since.
 */
int64_t loop_polled(void);

/* Microseconds of CLOCK_MONOTONIC, and since the Unix epoch. */
int64_t loop_now(void);
int64_t loop_wall(void);
