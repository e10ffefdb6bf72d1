/* Reports of the kernel's own end, and halting. */
#pragma once

/*
 * Print `panic: <reason>` with the registers at the caller and a backtrace,
 * then do what panic_end() does.
 */
_Noreturn void arch_panic(const char *reason);

/* Stop this hart for good: through the firmware, else in a wait loop. */
_Noreturn void arch_cpu_halt(void);
