/*
 * The incoming MSI controller (AIA 1.0, chapter 3; Linux binding
 * interrupt-controller/riscv,imsics.yaml): the supervisor-level interrupt file
 * of this hart. Messages have no line in the tree: who sends them (an APLIC)
 * asks here for an identity.
 */
#pragma once

#include "kernel/driver.h"
#include "kernel/irq.h"

extern const struct driver imsic_driver;

/* What a sender needs to reach a handler. */
struct imsic_target {
	unsigned hart_index; /* group and hart number: an APLIC's Hart Index */
	unsigned identity;   /* the message's value */
};

/*
 * Let @fn(@arg) run for messages of an identity that nobody has yet. Returns
 * 0 and where to send them; -EAGAIN when no IMSIC with @phandle is started
 * (yet); -ENOSPC.
 */
int imsic_request(uint32_t phandle, irq_handler *fn, void *arg,
		  struct imsic_target *out);

/* Is the IMSIC with @phandle started? */
bool imsic_started(uint32_t phandle);
