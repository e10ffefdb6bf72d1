/*
 * The guests of the bundle: started at start-up, listed and handled from the
 * shell. All calls are for the boot hart, with interrupts on if not said
 * otherwise.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Read the bundle, if the boot loader gave one, and start the guests that
 * bootarg guest= names (default: those with autostart); without the hypervisor
 * extension the first of these gets the machine, and this does not return.
 * Every problem is logged and concerns that guest only. Returns 0.
 */
int guests_init(void);

/*
 * Look after guests that have ended, and run one of those that wait for this
 * hart for a while. False: nothing to do. Interrupts off.
 */
bool guests_work(void);

/*
 * The boot hart is about to do something that may take long: vcpus that wait
 * for it go to other harts. Until guests_work() it runs none.
 */
void guests_yield(void);

/* A byte was typed; true when the attached guest has it, or it led out of
 * there: then *@detached. */
bool guests_input(uint8_t byte, bool *detached);

/* Does a guest have the console? */
bool guests_attached(void);

/* The shell's commands; @name is a guest's. They print their own errors. */
void guests_list(void);
void guests_start(const char *name);
void guests_stop(const char *name);
void guests_reset(const char *name);
void guests_handover(const char *name);
void guests_console(const char *name);
/* @argument is a name, or a name and "measure on" or "measure off". */
void guests_stat(const char *argument);
