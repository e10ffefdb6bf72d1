/* Work on other harts: start them, call functions there, stop them. */
#pragma once

#include <stdbool.h>

/*
 * Start every usable hart of the device tree up to maxcpus= (nosmp: none) and
 * log `boot: harts <n> of <m> online`; each that fails is logged and left out.
 * Returns 0: a machine with one hart works.
 */
int smp_init(void);

/*
 * Run @fn(@arg) on hart @cpu with interrupts off and wait for its end; on
 * this hart it is a plain call. Interrupts may be off; meanwhile this hart runs
 * what others ask of it, so no lock may be held that @fn or such calls take.
 * Returns 0 or -EIO when the hart cannot be signalled.
 */
int smp_call(unsigned cpu, void (*fn)(void *arg), void *arg);

/* The same on all harts, this one included, all at once; harts that cannot be
 * signalled are left out. */
void smp_call_all(void (*fn)(void *arg), void *arg);

/* A software interrupt has come: do what others asked for. */
void smp_interrupt(void);

/* Bring all other harts to a halt, by force, for a panic; waits briefly. */
void smp_stop_others(void);

/*
 * From now on started harts call @work with interrupts off whenever they are
 * idle: true when it did something and is to be asked again, false to sleep
 * until the next interrupt. Wakes them for it.
 */
void smp_idle_work_set(bool (*work)(void));

/* The loop of a started hart. */
_Noreturn void smp_idle(void);
