#pragma once

/**
 * interrupt_init() - catch SIGINT and SIGTERM instead of dying of them.
 *
 * SIGPIPE is ignored: a closed output is seen where it is written. Returns 0
 * or -errno.
 */
int interrupt_init(void);

/** interrupt_fd() - readable while interrupts are waiting to be taken. */
int interrupt_fd(void);

/** interrupt_take() - how many came since the last call. */
int interrupt_take(void);
