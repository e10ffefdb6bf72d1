/*
 * External interrupts: who asked for which line. Controllers register here by
 * their phandle, drivers ask for lines as the device tree names them. All
 * lines go to the boot hart.
 */
#pragma once

#include <stdint.h>

#include "kernel/fdt/dt.h"

/* Called on the boot hart with interrupts off. */
typedef void irq_handler(void *arg);

/* One line of a controller and who it belongs to; free while fn is NULL. */
struct irq_line {
	irq_handler *fn;
	void *arg;
};

struct irqchip {
	const char *name;
	uint32_t phandle;
	/*
	 * Give line @irq (as the tree writes it) to @fn and let it through.
	 * Returns 0; -EINVAL no such line or a wrong number of cells; -EBUSY
	 * taken; -ENOSPC no message identity left.
	 */
	int (*request)(struct irqchip *chip, const struct dt_irq *irq,
		       irq_handler *fn, void *arg);
	/* Run the handlers of what is pending; NULL where another controller
	 * delivers for this one. */
	void (*dispatch)(struct irqchip *chip);
	/* All lines off, nothing claimed, this hart's and the controller's
	 * registers as after reset; for good. */
	void (*stop)(struct irqchip *chip);
	struct irqchip *next;
};

/* Make @chip, whose lines are all off, known for good. */
void irqchip_register(struct irqchip *chip);

/*
 * Ask for the interrupt @irq: @fn(@arg) runs from now on. Returns 0; -ENODEV
 * no such controller; else as irqchip.request.
 */
int irq_request(const struct dt_irq *irq, irq_handler *fn, void *arg);

/* Stop all controllers, in the order in which messages pass through them. */
void irq_stop(void);

/* The name of the controller of @irq, "?" when it is not there. */
const char *irq_chip_name(const struct dt_irq *irq);

/* An external interrupt is pending on this hart: from the trap handler. */
void irq_handle_external(void);

/* The interrupt number of supervisor external interrupts at a hart. */
#define IRQ_CAUSE_EXTERNAL 9u

/*
 * Entry @index of the controller @node's interrupts-extended: 1 supervisor
 * external of this hart, 0 of another one, -EINVAL anything else (machine
 * level, not connected), -ENOENT past the end.
 */
int irq_context(const void *fdt, const struct dt_node *node, unsigned index);

/* Which entry is this hart's supervisor external one; -ENODEV none is. */
int irq_context_own(const void *fdt, const struct dt_node *node,
		    unsigned *index);
