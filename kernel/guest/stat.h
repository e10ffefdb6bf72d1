/* What a guest's exits cost: the shell's command `stat`. */
#pragma once

#include <stdint.h>

struct vm;

/*
 * Print @vm's exits by cause, vcpu by vcpu, and while it is measured how many
 * instructions one took in the mean and what share of all was Aloft's. Figures
 * of a vcpu that runs are those of its last exit.
 */
void stat_show(const struct vm *vm);

/* Since @vm is measured, instructions: of its vcpus and of Aloft for them, as
 * long as they were on harts; and what of this was Aloft's. */
uint64_t stat_executed(const struct vm *vm);
uint64_t stat_spent(const struct vm *vm);
