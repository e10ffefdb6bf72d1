/* The operator's shell on the console. */
#pragma once

/* Read and run commands for ever; interrupts must be on. */
_Noreturn void shell_run(void);

/* The console is the shell's again: draw the prompt. */
void shell_resume(void);

/* Print one formatted line or a part of one to the console. */
void shell_print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
