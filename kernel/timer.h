/*
 * Timers: a queue per hart, sorted by deadline, over the hart's one hardware
 * timer. A timer runs once, on the hart that started it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct timer {
	/* Called with interrupts off, no lock held; may start @t again. */
	void (*fn)(struct timer *t);
	uint64_t deadline; /* in ticks of the timebase */
	struct timer *next;
	unsigned cpu; /* whose queue it is in, valid while queued */
	bool queued;
};

/* Take the hardware timer over, with nothing to wait for. Returns 0. */
int timer_init(void);

/*
 * Run @t->fn on this hart once the clock has reached @deadline; of equal
 * deadlines the one started first runs first. A queued timer is moved. Any
 * context; starts of one timer from several harts at once are the caller's to
 * keep apart.
 */
void timer_start(struct timer *t, uint64_t deadline);

/*
 * Take @t out of its queue. Returns true when it was there and will not run;
 * false when it was not queued or has begun to run (it may still be running
 * on another hart). Any context, any hart.
 */
bool timer_cancel(struct timer *t);

/* The timer interrupt: run what is due and set the hardware to the next. */
void timer_interrupt(void);
