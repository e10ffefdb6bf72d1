/*
 * Which vcpu runs on which hart. One queue for all harts, first come first
 * served: who waited longest is next, wherever a hart comes free, so that no
 * vcpu starves and none waits beside an idle hart. A vcpu runs for a slice when
 * others wait, else undisturbed.
 */
#pragma once

#include <stdbool.h>

#include "kernel/guest/vcpu.h"

/* Slices per second. */
#define SCHED_SLICE_HZ 250u

/* Once, before the first vcpu. */
void sched_init(void);

/*
 * The next vcpu for this hart, RUNNING from now on; NULL: none waits, and this
 * hart counts as idle (it is signalled when one does) until it asks again.
 * Interrupts off.
 */
struct vcpu *sched_pick(void);

/*
 * This hart's vcpu @v goes to @to: READY (behind all others), STOPPED, or
 * WAITING; of the last it is READY instead when an interrupt came meanwhile.
 */
void sched_leave(struct vcpu *v, enum vcpu_state to);

/*
 * Make a STOPPED vcpu READY: @prepare(@v, @arg) is called while nobody can run
 * it. -EALREADY when it is not stopped.
 */
int sched_start(struct vcpu *v, void (*prepare)(struct vcpu *v, void *arg),
		void *arg);

/*
 * A WAITING @v becomes READY if an interrupt that it has enabled is pending.
 * With @force it does in any case, and one that runs on another hart comes out
 * of the guest, even if it is only on its way in, and does not go to wait. Any
 * hart, any context.
 */
void sched_wake(struct vcpu *v, bool force);

/*
 * Must this hart's vcpu make room: is its slice over and somebody waiting?
 * Starts a slice when somebody waits and none is under way. Interrupts off.
 */
bool sched_expired(void);

/*
 * Has this hart's vcpu the hart for itself, as long as no signal comes? Then no
 * slice is under way any more. Interrupts off.
 */
bool sched_alone(void);

/*
 * This hart has something else to do, and looks for vcpus by sched_pick() only
 * after that: what it was to run another one gets. Any context.
 */
void sched_withdraw(void);

/* Does a READY vcpu wait for a hart? Without a lock: a hint. */
bool sched_others_wait(void);
