/* Which UART is the console: a choice from the device tree alone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "kernel/driver.h"
#include "kernel/uart.h"

/* Where the choice came from. */
enum console_source {
	CONSOLE_ARG,	  /* console= */
	CONSOLE_STDOUT,	  /* /chosen/stdout-path */
	CONSOLE_SCAN,	  /* the first enabled UART with a driver */
	CONSOLE_FIRMWARE, /* there is none: SBI */
};

/* The choice; no pointers and no device touched. */
struct console_choice {
	enum console_source source;
	bool firmware; /* SBI; the fields below are unset */
	struct driver_binding binding;
	struct dt_node node;
	struct uart_regs regs;
	/*
	 * Why console= and stdout-path were not followed: 0 (followed, or not
	 * there); -ENOENT no such node or name; -EACCES disabled; -ENODEV no
	 * driver; -EINVAL, -ERANGE bad registers.
	 */
	int arg_error, stdout_error;
};

/*
 * Choose by @arg (the value of console=, or NULL), else by stdout-path, else
 * the first enabled UART in the tree, else the firmware. @arg is an alias or a
 * path, either with options after ':'; "sbi" or "hvc0"; or ttyS<n>, ttySIF<n>
 * with options after ',': the UART of that kind whose alias is serial<n>, else
 * the n-th enabled one in the tree. Always succeeds.
 */
void console_choose(const void *fdt, const char *arg,
		    struct console_choice *out);

/*
 * Write "/soc/serial@10000000 ns16550a stride 1 width 1", or "sbi dbcn", to
 * @buf (@len bytes with the NUL).
 */
void console_choice_describe(const void *fdt,
			     const struct console_choice *choice, char *buf,
			     size_t len);
