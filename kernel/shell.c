/*
 * The operator's shell: one table of commands, each a function that gets its
 * argument as text. Unknown input gets the nearest command as a hint.
 */
#include "kernel/shell.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "kernel/boot.h"
#include "arch/irq.h"
#include "arch/machine.h"
#include "arch/mmu.h"
#include "arch/smp.h"
#include "arch/timer.h"
#include "kernel/console.h"
#include "kernel/fdt/cpus.h"
#include "kernel/fdt/dt.h"
#include "kernel/fdt/show.h"
#include "kernel/guest/guest.h"
#include "kernel/lineedit.h"
#include "kernel/log.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/reset.h"

struct command {
	const char *name;
	const char *argument; /* as `help` shows it, "" = takes none */
	const char *what;
	void (*run)(const char *argument);
};

static struct lineedit editor;

/* Output is gathered to lines, and to the answer to what was typed at once:
 * what others write comes between these. */
static struct {
	char text[1024];
	size_t len;
} out;

static void out_flush(void)
{
	if (!out.len)
		return;
	console_write(out.text, out.len);
	out.len = 0;
}

static void out_add(const char *text, size_t len)
{
	size_t n;

	for (; len; text += n, len -= n) {
		if (out.len == sizeof(out.text))
			out_flush();
		n = min_u64(len, sizeof(out.text) - out.len);
		memcpy(out.text + out.len, text, n);
		out.len += n;
	}
}

void shell_print(const char *fmt, ...)
{
	char text[256];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (len <= 0)
		return;
	len = (int)min_u64(len, sizeof(text) - 1);
	out_add(text, len);
	if (text[len - 1] == '\n')
		out_flush();
}

static void print_line(void *arg, const char *text)
{
	(void)arg;
	shell_print("%s\n", text);
}

/* "123 KiB": the largest unit that divides @bytes or leaves four digits. */
static const char *size_text(uint64_t bytes, char buf[24])
{
	static const char unit[] = "KMGT";
	unsigned u = 0;

	bytes >>= 10;
	while (u < 3 && bytes &&
	       (bytes >= 10240 || is_aligned(bytes, KIB(1)))) {
		bytes >>= 10;
		u++;
	}
	snprintf(buf, 24, "%" PRIu64 " %ciB", bytes, unit[u]);
	return buf;
}

static void command_mem(const char *argument)
{
	struct page_stats pages;
	struct heap_stats heap;
	char total[24], free[24];
	int order;

	(void)argument;
	page_stats_read(&pages);
	heap_stats_read(&heap);
	shell_print("pages: %s managed, %s free\n",
		    size_text(pages.total, total), size_text(pages.free, free));
	shell_print("free blocks:");
	for (order = 0; order <= PAGE_ORDER_MAX; order++)
		if (pages.blocks[order])
			shell_print(" %" PRIu64 " x %s", pages.blocks[order],
				    size_text(PAGE_SIZE << order, free));
	shell_print("\nheap: %" PRIu64 " objects, %" PRIu64 " slabs\n",
		    heap.objects, heap.slabs);
}

/* One '#' for 4 KiB, one more for every doubling. */
static const char *size_bar(uint64_t size)
{
	static const char bar[] = "################################";
	unsigned n = 0;

	for (size >>= PAGE_SHIFT; size && n < 32; size >>= 1)
		n++;
	return bar + 32 - n;
}

static void command_map(const char *argument)
{
	const struct memmap *map = &boot_info()->memmap;
	char size[24];
	unsigned i;

	(void)argument;
	shell_print("physical memory (each # doubles, from 4 KiB)\n");
	for (i = 0; i < map->count; i++) {
		const struct memmap_region *r = &map->region[i];

		shell_print("  %012" PRIx64 "-%012" PRIx64 " %9s %-9s %s\n",
			    r->start, r->start + r->size - 1,
			    size_text(r->size, size), memmap_kind_name(r->kind),
			    size_bar(r->size));
	}
	arch_mmu_describe(print_line, NULL);
}

static void command_harts(const char *argument)
{
	const void *fdt = boot_fdt();
	struct dt_cpu_iter it;
	struct dt_cpu cpu;
	unsigned i;

	(void)argument;
	dt_cpu_begin(fdt, &it);
	while (dt_cpu_next(fdt, &it, &cpu)) {
		for (i = 0; i < arch_cpu_count(); i++)
			if (arch_cpu_hart(i) == cpu.hart)
				break;
		if (i < arch_cpu_count())
			shell_print("hart %-4" PRIu64 " cpu %-3u online%s",
				    cpu.hart, i, i ? "" : " (boot)");
		else
			shell_print("hart %-4" PRIu64 " %s", cpu.hart,
				    cpu.usable ? "left out" : "not usable");
		if (cpu.mmu_levels)
			shell_print("  sv%u", 12 + 9 * cpu.mmu_levels);
		shell_print("\n          ");
		out_add(cpu.isa, strlen(cpu.isa));
		shell_print("\n");
	}
}

static void command_dt(const char *argument)
{
	struct dt_node node;

	if (!*argument)
		argument = "/";
	if (dt_find_path(boot_fdt(), argument, &node))
		shell_print("dt: no node or alias \"%s\"\n", argument);
	else
		dt_show(boot_fdt(), &node, print_line, NULL);
}

static void command_log(const char *argument)
{
	(void)argument;
	log_dump(console_write);
}

static void command_reboot(const char *argument)
{
	(void)argument;
	reset_machine(FIRMWARE_REBOOT);
}

static void command_poweroff(const char *argument)
{
	(void)argument;
	reset_machine(FIRMWARE_POWEROFF);
}

static void command_guests(const char *argument)
{
	(void)argument;
	guests_list();
}

static void command_help(const char *argument);

static const struct command commands[] = {
	{"help", "", "this list", command_help},
	{"mem", "", "memory in use and free", command_mem},
	{"map", "", "physical memory and page tables", command_map},
	{"harts", "", "harts and what they can do", command_harts},
	{"dt", "[path]", "a node of the device tree, by path or alias",
	 command_dt},
	{"log", "", "the kernel's log", command_log},
	{"guests", "", "the guests of the bundle", command_guests},
	{"start", "<guest>", "start a guest", guests_start},
	{"stop", "<guest>", "stop a guest at once", guests_stop},
	{"reset", "<guest>", "restart a guest", guests_reset},
	{"console", "<guest>", "connect to a guest; Ctrl-] comes back",
	 guests_console},
	{"stat", "<guest>", "exits of a guest; \"measure on\" behind it counts",
	 guests_stat},
	{"handover", "<guest>", "give the machine to a guest, for good",
	 guests_handover},
	{"reboot", "", "restart the machine", command_reboot},
	{"poweroff", "", "switch the machine off", command_poweroff},
};

static void command_help(const char *argument)
{
	unsigned i;

	(void)argument;
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		shell_print("  %-9s %-7s %s\n", commands[i].name,
			    commands[i].argument, commands[i].what);
}

static const char *complete(const char *start, size_t len, unsigned n)
{
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strncmp(commands[i].name, start, len) && !n--)
			return commands[i].name;
	return NULL;
}

/* The command that shares the longest beginning with @name, or NULL. */
static const char *nearest(const char *name)
{
	const char *best = NULL;
	size_t best_len = 0, len;
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		for (len = 0; name[len] && commands[i].name[len] == name[len];
		     len++)
			;
		if (len > best_len) {
			best_len = len;
			best = commands[i].name;
		}
	}
	return best;
}

static void run(char *line)
{
	char *name = line + strspn(line, " ");
	char *argument = name + strcspn(name, " ");
	const char *hint;
	unsigned i;
	size_t end;

	if (!*name)
		return;
	if (*argument)
		*argument++ = 0;
	argument += strspn(argument, " ");
	for (end = strlen(argument); end && argument[end - 1] == ' '; end--)
		argument[end - 1] = 0;
	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].name, name))
			continue;
		if (*argument && !*commands[i].argument)
			shell_print("%s takes no argument\n", name);
		else if (!*argument && *commands[i].argument == '<')
			shell_print("which one? %s %s\n", name,
				    commands[i].argument);
		else
			commands[i].run(argument);
		return;
	}
	hint = nearest(name);
	shell_print("unknown command \"%s\", %s%s%s\n", name,
		    hint ? "did you mean \"" : "try \"help\"", hint ? hint : "",
		    hint ? "\"? (help lists all)" : "");
}

/* A typed byte: the attached guest's, or a part of a command. */
static void input(int c)
{
	bool detached;

	if (guests_input((uint8_t)c, &detached)) {
		if (detached)
			shell_resume();
		return;
	}
	if (!out.len && !console_line_is_open())
		lineedit_redraw(&editor);
	if (lineedit_feed(&editor, (char)c)) {
		out_flush();
		guests_yield();
		run(editor.line);
		if (!guests_attached())
			lineedit_start(&editor);
	}
	if (!console_waiting())
		out_flush();
}

void shell_resume(void)
{
	lineedit_start(&editor);
	out_flush();
}

void shell_run(void)
{
	unsigned long flags;
	int c;

	lineedit_init(&editor, "aloft> ", out_add, complete);
	if (!guests_attached())
		shell_resume();
	for (;;) {
		/* With interrupts off none is lost between the look and the
		 * sleep: wfi ends when one is pending, and restoring lets it
		 * in. */
		flags = arch_irq_save();
		c = console_getc();
		if (c < 0 && !guests_work())
			arch_wait_for_interrupt();
		arch_irq_restore(flags);
		if (c >= 0)
			input(c);
	}
}
