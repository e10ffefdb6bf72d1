/*
 * The console's choice. It reads the tree through kernel/fdt and the drivers'
 * own readers of their nodes, touches no device and keeps no pointer.
 */
#include "kernel/console_choice.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "arch/firmware.h"
#include "kernel/fdt/chosen.h"

static const struct uart_ops *binding_ops(const struct driver_binding *binding)
{
	return drivers_start[binding->driver]->ops;
}

/* Take @node as the console; *@out changes only on success. */
static int node_take(const void *fdt, const struct dt_node *node,
		     struct console_choice *out)
{
	struct driver_binding binding;
	struct uart_regs regs;
	int err;

	if (!dt_enabled(fdt, node))
		return -EACCES;
	if (driver_match(fdt, node, DRIVER_UART, &binding))
		return -ENODEV;
	err = binding_ops(&binding)->regs_read(fdt, node, &regs);
	if (err)
		return err == -ERANGE ? err : -EINVAL;
	out->node = *node;
	out->binding = binding;
	out->regs = regs;
	out->firmware = false;
	return 0;
}

/*
 * Find the @n-th (from 0) enabled UART in the tree whose kind is @tty, or of
 * any kind where @tty is NULL, and take it.
 */
static int scan_take(const void *fdt, const char *tty, unsigned n,
		     struct console_choice *out)
{
	struct driver_binding binding;
	struct dt_node node;
	bool more;

	dt_root(fdt, &node);
	for (more = true; more; more = dt_next(fdt, &node)) {
		if (driver_match(fdt, &node, DRIVER_UART, &binding))
			continue;
		if (tty && strcmp(binding_ops(&binding)->tty, tty))
			continue;
		if (!dt_enabled(fdt, &node) || n-- > 0)
			continue;
		if (!node_take(fdt, &node, out))
			return 0;
		n = 0;
	}
	return -ENOENT;
}

/* The UART that Linux would call @tty<@n>: by its alias, else by counting. */
static int tty_take(const void *fdt, const char *tty, unsigned n,
		    struct console_choice *out)
{
	struct driver_binding binding;
	struct dt_node node;
	char alias[32];

	snprintf(alias, sizeof(alias), "serial%u", n);
	if (!dt_find_path(fdt, alias, &node) &&
	    !driver_match(fdt, &node, DRIVER_UART, &binding) &&
	    !strcmp(binding_ops(&binding)->tty, tty) &&
	    !node_take(fdt, &node, out))
		return 0;
	return scan_take(fdt, tty, n, out);
}

/* The length of the kind in "ttySIF0", and the number after it; 0 when @arg is
 * not of this form. */
static size_t tty_length(const char *arg, unsigned *n)
{
	size_t kind = strcspn(arg, "0123456789");
	size_t digits = strspn(arg + kind, "0123456789");
	size_t i;

	if (strncmp(arg, "tty", 3) || !digits || digits > 4 ||
	    !strchr(",", arg[kind + digits]))
		return 0;
	for (*n = 0, i = kind; i < kind + digits; i++)
		*n = *n * 10 + (arg[i] - '0');
	return kind;
}

static bool is_word(const char *arg, const char *word)
{
	size_t len = strlen(word);

	return !strncmp(arg, word, len) &&
		(!arg[len] || arg[len] == ',' || arg[len] == ':');
}

static int arg_take(const void *fdt, const char *arg,
		    struct console_choice *out)
{
	char tty[16];
	struct dt_node node;
	unsigned n;
	size_t len;

	if (is_word(arg, "sbi") || is_word(arg, "hvc0")) {
		out->firmware = true;
		return 0;
	}
	len = tty_length(arg, &n);
	if (len && len < sizeof(tty)) {
		memcpy(tty, arg, len);
		tty[len] = 0;
		return tty_take(fdt, tty, n, out);
	}
	if (dt_find_path(fdt, arg, &node))
		return -ENOENT;
	return node_take(fdt, &node, out);
}

/* True when taken; out->stdout_error stays 0 where there is no stdout-path. */
static bool stdout_take(const void *fdt, struct console_choice *out)
{
	struct dt_node node;
	const char *path;
	int err = dt_stdout(fdt, &node, &path, NULL);

	if (err && !path)
		return false;
	if (!err)
		err = node_take(fdt, &node, out);
	out->stdout_error = err;
	return !err;
}

void console_choose(const void *fdt, const char *arg,
		    struct console_choice *out)
{
	memset(out, 0, sizeof(*out));
	if (arg) {
		out->source = CONSOLE_ARG;
		out->arg_error = arg_take(fdt, arg, out);
		if (!out->arg_error)
			return;
	}
	out->source = CONSOLE_STDOUT;
	if (stdout_take(fdt, out))
		return;
	out->source = CONSOLE_SCAN;
	if (!scan_take(fdt, NULL, 0, out))
		return;
	out->source = CONSOLE_FIRMWARE;
	out->firmware = true;
}

void console_choice_describe(const void *fdt,
			     const struct console_choice *choice, char *buf,
			     size_t len)
{
	const struct driver_binding *b = &choice->binding;
	char path[96];

	if (choice->firmware) {
		snprintf(buf, len, "sbi %s", arch_firmware_console());
		return;
	}
	dt_path(fdt, &choice->node, path, sizeof(path));
	snprintf(buf, len, "%s %s stride %u width %u", path,
		 drivers_start[b->driver]->match[b->match].compatible,
		 1u << choice->regs.shift, choice->regs.width);
}
