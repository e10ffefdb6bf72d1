/* This hart's interrupt enables. */
#pragma once

#include <stdbool.h>

/* Turn interrupts off; returns the former state for arch_irq_restore(). */
unsigned long arch_irq_save(void);
void arch_irq_restore(unsigned long flags);

/* Turn interrupts on, and tell whether they are. */
void arch_irq_enable(void);
bool arch_irq_enabled(void);

/* Let external (interrupt controller) interrupts of this hart through. */
void arch_irq_external_enable(void);

/* Sleep until an interrupt is pending; may return early. */
void arch_wait_for_interrupt(void);
