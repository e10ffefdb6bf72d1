/*
 * A guest's hart: its registers, run state and what is pending in it.
 *
 *	            vcpu_start                 sched picks it
 *	 STOPPED ---------------> READY <---------------------> RUNNING
 *	    ^                       ^      slice over, kicked      |
 *	    |      wake: interrupt  |                              |
 *	    |                    WAITING <-------------------------+
 *	    |                            WFI, HSM suspend          |
 *	    +------------------------------------------------------+
 *	                       HSM stop, VM stopped
 *
 * The state changes under the lock of the scheduler (kernel/guest/sched.c).
 * Registers belong to the hart that runs the vcpu; what other harts may touch
 * are the atomic words, through the calls below.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/vcpu.h"
#include "kernel/timer.h"
#include "lib/list.h"

/* The most vcpus of a VM: one word of a mask. Ids are 0 to count - 1. */
#define VCPU_MAX 64u

enum vcpu_state {
	VCPU_STOPPED,
	VCPU_READY,
	VCPU_RUNNING,
	VCPU_WAITING,
};

/* What a vcpu asked for during its exit; done when its exit is over. */
enum vcpu_leave {
	VCPU_STAY,
	VCPU_LEAVE_STOP,    /* HSM hart_stop */
	VCPU_LEAVE_SUSPEND, /* HSM hart_suspend, registers kept */
	VCPU_LEAVE_RESUME,  /* the same, but wakes at resume_pc as if started */
	VCPU_LEAVE_LOOK,    /* nothing: let the scheduler look */
};

struct vcpu {
	struct vcpu_regs regs; /* first: assembly reaches it by 0 */
	struct arch_vcpu *arch;
	struct vm *vm;
	unsigned id; /* the guest's hart id */

	/* Of the hart that runs it. */
	struct vcpu_exit exit;
	bool suspended; /* HSM status while WAITING: suspended, not in WFI */
	gpa_t resume_pc;
	uint64_t resume_opaque;
	uint64_t exits[VCPU_EXIT_KINDS];

	/* Answered in assembly, too: stores of a byte at 4 * sent_page. */
	struct vuart *sender;
	uint64_t sent_page;

	/*
	 * A device register that drivers poll: loads of a byte at
	 * 4 * polled_page + polled_low (guest-physical) are answered in
	 * assembly by *polled, unless its bit 7 is set.
	 */
	const uint8_t *polled;
	uint64_t polled_page, polled_value;
	uint32_t polled_low;

	/* While `measured`: exits before that, and since then instructions: of
	 * the exits of each kind, and all while the vcpu was on a hart. */
	uint64_t exits_before[VCPU_EXIT_KINDS];
	uint64_t spent[VCPU_EXIT_KINDS];
	uint64_t executed;
	/* When the exit under way began, and how far `executed` goes. */
	uint64_t measure_from, executed_to;
	enum vcpu_exit_kind measure_kind; /* of that exit */

	/* With the first two of the words below, what keeps an answered exit
	 * from going on at once (switch.S looks at each pair as one). */
	_Alignas(8) enum vcpu_leave leave;
	uint32_t measured; /* are its instructions counted? */

	/* Words that any hart may change, atomically. */
	uint32_t changed; /* which of `pending` the vcpu has not seen yet */
	uint32_t fences;  /* enum vcpu_fence asked for by others */
	uint64_t pending; /* enum vcpu_irq: the level to be */
	uint32_t inside;  /* 1 while it may execute guest code */

	/* Of the scheduler. */
	enum vcpu_state state;
	struct list queue;  /* entry of a run queue while READY */
	bool forced;	    /* told to come out since it runs */
	unsigned cpu;	    /* whose queue, or where it runs or ran last */
	struct timer timer; /* wakes it from WAITING at its deadline */
};

/*
 * Set or clear a pending interrupt; any hart, any context. A vcpu that runs
 * elsewhere is made to see it; one that waits is woken if it is enabled there.
 */
void vcpu_irq_set(struct vcpu *vcpu, enum vcpu_irq irq, bool level);

/*
 * SBI HSM hart_start: 0; -EALREADY when @vcpu is not stopped; -EINVAL when @pc
 * is not in the guest's RAM.
 */
int vcpu_start(struct vcpu *vcpu, gpa_t pc, uint64_t opaque);

/* HSM hart_stop, by the vcpu itself during its exit. */
void vcpu_stop(struct vcpu *self);

/*
 * HSM hart_suspend, by the vcpu itself. Retentive: goes on behind the call (the
 * caller sets a0, a1 first). Not retentive: starts again at @pc with a1 =
 * @opaque; -EINVAL when @pc is not in RAM.
 */
int vcpu_suspend(struct vcpu *self, bool retentive, gpa_t pc, uint64_t opaque);

/* HSM hart states (SBI 2.0, table "HSM Hart States") that occur here. */
enum {
	VCPU_HSM_STARTED = 0,
	VCPU_HSM_STOPPED = 1,
	VCPU_HSM_SUSPENDED = 4
};

unsigned vcpu_hsm_status(const struct vcpu *vcpu);

/*
 * SBI RFENCE: carry out @fences (enum vcpu_fence) on the vcpus of @self's VM
 * whose bits are set in @mask, @self included if its bit is. On return no
 * vcpu of them executes by what was fenced. @size UINT64_MAX: everything.
 */
void vcpu_fence(struct vcpu *self, uint64_t mask, unsigned fences,
		uint64_t start, uint64_t size);
