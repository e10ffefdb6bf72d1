/*
 * A guest's PLIC (RISC-V Platform-Level Interrupt Controller Specification
 * 1.0): 31 sources, one supervisor context per vcpu, context n being vcpu n's.
 * All sources are level-triggered.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/lock.h"
#include "arch/vcpu.h"
#include "kernel/guest/layout.h"

#define VPLIC_PRIORITY_MAX 7u /* 0: never */

/* The external interrupt of @context is now @level. Called with the PLIC's lock
 * held; must not call back into it. */
typedef void vplic_output(void *arg, unsigned context, bool level);

struct vplic_context {
	uint32_t enable; /* by source */
	uint8_t threshold;
	bool level; /* of its output */
};

struct vplic {
	struct spinlock lock;
	vplic_output *output;
	void *arg;
	unsigned context_count;
	uint32_t wire;	     /* by source: level of its input */
	uint32_t pending;    /* by source: IP bits */
	uint32_t in_service; /* by source: claimed, not completed */
	uint8_t priority[GUEST_PLIC_SOURCES + 1];
	struct vplic_context context[GUEST_VCPUS_MAX];
};

/* A PLIC after reset; @contexts is 1 to GUEST_VCPUS_MAX. */
void vplic_init(struct vplic *p, unsigned contexts, vplic_output *output,
		void *arg);

/* As the guest's reset line. Inputs keep their levels. */
void vplic_reset(struct vplic *p);

/*
 * Input @source (1 to GUEST_PLIC_SOURCES) is now @level. A request that was
 * raised stays pending although the level falls before it is claimed (chapter
 * "Interrupt Gateways"): the claimer finds its device idle.
 */
void vplic_source_set(struct vplic *p, unsigned source, bool level);

/*
 * A mmio_handler; @dev is the struct vplic. Registers of sources and contexts
 * that do not exist read as 0 and ignore writes (chapter "Memory Map").
 * -EINVAL: not 4 bytes wide.
 */
int vplic_access(void *dev, uint64_t offset, struct vcpu_mmio *mmio);
