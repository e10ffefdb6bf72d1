/* Running vcpus on the calling hart, and making them. */
#pragma once

#include <stdbool.h>

#include "kernel/guest/vcpu.h"

/*
 * Run the vcpu whose turn it is on this hart until its slice is over, it waits
 * or it stops. False: none wants to run. Interrupts off, before and after; the
 * host's are served while a guest executes.
 */
bool run_next(void);

/*
 * On the boot hart ask @attention after every host interrupt: true makes
 * run_next() return, because the host itself has something to do.
 */
void run_attention_set(bool (*attention)(void));

/*
 * In long work of the boot hart, such as the making of a VM: give a vcpu that
 * waits for a hart this one for a slice, when the last turn is a slice ago.
 * Interrupts on. Call it after at most RUN_OTHERS_BYTES of memory work.
 */
void run_others(void);

#define RUN_OTHERS_BYTES 0x100000ull

/*
 * Let a device carry out the access in @self->exit.mmio, and fill in what it
 * read. Errors as mmio_access(). By the vcpu's own hart during its exit,
 * interrupts off.
 */
int vcpu_mmio_answer(struct vcpu *self);

/* Make vcpu @id of @vm, stopped, in @v, which is all zero. -ENOMEM. */
int vcpu_create(struct vcpu *v, struct vm *vm, unsigned id);

/* Free what vcpu_create() made; @v is stopped. */
void vcpu_destroy(struct vcpu *v);
