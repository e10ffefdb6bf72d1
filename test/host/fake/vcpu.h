/*
 * What kernel/guest/vcpu.c and vm.c stand on, on plain data: harts that hold
 * vcpus (arch/vcpu.h), memory, and devices that a VM has in name only. What a
 * guest executes is the test's function.
 */
#pragma once

#include "arch/vcpu.h"
#include "kernel/guest/vcpu.h"

/* The CSRs that matter here. */
struct arch_vcpu {
	uint64_t hvip, enabled; /* enum vcpu_irq */
	uint64_t deadline;	/* of the timer, in the host's time */
	bool loaded;
	bool own; /* WFI idles the hart */
	unsigned resets;
	/* Counts up with each fence and each hart: translations are new. */
	uint64_t flushes;
	uint64_t pc, opaque;
};

struct fake_vcpu {
	bool sstc;
	/*
	 * Execute @v from entry to exit: returns why it came back. It is
	 * `inside`, and what was asked of it before has been taken.
	 */
	enum vcpu_exit_kind (*guest)(struct vcpu *v);
	/* On the way in, before it is `inside`; may be NULL. */
	void (*entry)(struct vcpu *v);
	/* Then, the host's interrupts are served; may be NULL. */
	void (*interrupts)(void);
	long pages; /* blocks of guest memory in use */
};

extern struct fake_vcpu fake_vcpu;

/* Take over what others ask of @v, as the way into the guest does. */
void fake_vcpu_requests(struct vcpu *v);
