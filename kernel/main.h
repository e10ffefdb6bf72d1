/* The kernel proper. */
#pragma once

/* Everything from the high half to the shell, in order; never returns. */
_Noreturn void kernel_main(void);
