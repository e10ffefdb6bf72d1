/* Steps of start-up that the machine's architecture does. */
#pragma once

/* Find out what the harts can do beyond the base. Returns 0. */
int arch_features_init(void);

/* Log it: the `boot: hypervisor` line. Returns 0. */
int arch_features_report(void);

/* Start the other harts (smp_init()), ready to be signalled by them. */
int arch_smp_init(void);

/* Self-tests and shell commands of arch's own are gathered by the linker. */
