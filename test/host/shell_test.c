/* Sources: kernel/shell.c kernel/lineedit.c kernel/log.c kernel/fdt/show.c
 * kernel/fdt/cpus.c kernel/fdt/dt.c kernel/fdt/address.c kernel/mm/memmap.c
 * kernel/fdt/memory.c kernel/fdt/chosen.c lib/range.c lib/mix.c
 * test/host/fake/hart.c test/host/fake/dts.c libfdt */
/* The shell, typed at: from the keys to the words on the console. */
#include "kernel/shell.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/boot.h"
#include "arch/mmu.h"
#include "arch/smp.h"
#include "kernel/console.h"
#include "kernel/fdt/dt.h"
#include "kernel/guest/guest.h"
#include "kernel/log.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/reset.h"
#include "test/host/fake/dts.h"
#include "test/host/fake/hart.h"

enum {
	ALL_TYPED = 1,
	OFF,
	REBOOT
};

static struct boot_info info;
static void *tree;
static char said[16384];
static const char *keys;
static jmp_buf out;
static struct page_stats pages;

const struct boot_info *boot_info(void)
{
	return &info;
}

const void *boot_fdt(void)
{
	return tree;
}

static bool at_once; /* all keys were typed before the first was read */
static bool broken;  /* somebody wrote over the line */

void console_write(const char *buf, size_t len)
{
	assert_true(strlen(said) + len < sizeof(said));
	strncat(said, buf, len);
}

bool console_waiting(void)
{
	return at_once && *keys;
}

bool console_line_is_open(void)
{
	return !broken;
}

int console_getc(void)
{
	if (!*keys)
		longjmp(out, ALL_TYPED);
	return (unsigned char)*keys++;
}

/* No guest has the console here; what is asked of guests is written down. */
static char asked[256];

bool guests_attached(void)
{
	return false;
}

void guests_yield(void)
{
}

bool guests_work(void)
{
	return false;
}

bool guests_input(uint8_t byte, bool *detached)
{
	(void)byte;
	(void)detached;
	return false;
}

static void ask(const char *what, const char *name)
{
	snprintf(asked + strlen(asked), sizeof(asked) - strlen(asked),
		 "%s(%s) ", what, name);
}

void guests_list(void)
{
	ask("list", "");
}

void guests_start(const char *name)
{
	ask("start", name);
}

void guests_stop(const char *name)
{
	ask("stop", name);
}

void guests_reset(const char *name)
{
	ask("reset", name);
}

void guests_handover(const char *name)
{
	ask("handover", name);
}

void guests_console(const char *name)
{
	ask("console", name);
}

void guests_stat(const char *name)
{
	ask("stat", name);
}

unsigned arch_cpu_count(void)
{
	return 2;
}

void arch_mmu_describe(void (*line)(void *arg, const char *text), void *arg)
{
	line(arg, "the tables");
}

void page_stats_read(struct page_stats *stats)
{
	*stats = pages;
}

void heap_stats_read(struct heap_stats *stats)
{
	*stats = (struct heap_stats){.objects = 12, .slabs = 3};
}

void reset_machine(enum firmware_reset type)
{
	longjmp(out, type == FIRMWARE_REBOOT ? REBOOT : OFF);
}

static void cpu_node(const char *name, uint32_t hart, const char *mmu)
{
	dts_node(name);
	dts_string("device_type", "cpu");
	dts_cells("reg", hart);
	dts_string("riscv,isa", "rv64imac");
	if (mmu)
		dts_string("mmu-type", mmu);
	dts_end();
}

static int setup(void **state)
{
	const char *why;

	(void)state;
	fake_hart_reset();
	fake_hart.hart = 1;
	memset(&info, 0, sizeof(info));
	memset(&pages, 0, sizeof(pages));
	said[0] = 0;
	asked[0] = 0;
	dts_begin();
	dts_node("aliases");
	dts_string("serial0", "/soc/uart@0");
	dts_end();
	dts_node("cpus");
	dts_cells("#address-cells", 1);
	dts_cells("#size-cells", 0);
	cpu_node("cpu@0", 0, NULL);
	cpu_node("cpu@1", 1, "riscv,sv39");
	cpu_node("cpu@2", 2, "riscv,sv48");
	cpu_node("cpu@7", 7, "riscv,sv57");
	dts_end();
	dts_node("soc");
	dts_node("uart@0");
	dts_string("compatible", "ns16550a");
	dts_end();
	dts_end();
	tree = dts_finish();
	assert_int_equal(dt_check(tree, DTS_SIZE, &why), 0);
	return 0;
}

static int type(const char *text)
{
	int how;

	keys = text;
	said[0] = 0;
	how = setjmp(out);
	if (!how)
		shell_run();
	return how;
}

/* What the command in @line says, between its echo and the next prompt. */
static const char *answer(const char *line)
{
	char text[300];
	char *end;

	snprintf(text, sizeof(text), "%s\r", line);
	assert_int_equal(type(text), ALL_TYPED);
	end = strrchr(said, '\n');
	assert_non_null(end);
	assert_string_equal(end + 1, "aloft> ");
	end[1] = 0;
	return strchr(said, '\n') + 1;
}

static void prompt_echo_and_nothing_for_nothing(void **state)
{
	(void)state;
	assert_int_equal(type("\r"), ALL_TYPED);
	assert_string_equal(said, "aloft> \naloft> ");
	assert_string_equal(answer("   "), "");
}

static void help_lists_every_command(void **state)
{
	static const char *const names[] = {"help",   "mem",	 "map",
					    "harts",  "dt",	 "log",
					    "reboot", "poweroff"};
	char line[32];

	(void)state;
	answer("help");
	for (unsigned i = 0; i < 8; i++) {
		snprintf(line, sizeof(line), "\n  %s ", names[i]);
		assert_non_null(strstr(said, line));
	}
}

static void unknown_input_gets_a_hint(void **state)
{
	(void)state;
	assert_string_equal(answer("hep"),
			    "unknown command \"hep\", did you mean \"help\"? "
			    "(help lists all)\n");
	assert_string_equal(answer("hart now"),
			    "unknown command \"hart\", did you mean "
			    "\"harts\"? (help lists all)\n");
	assert_string_equal(answer("xyz"),
			    "unknown command \"xyz\", try \"help\"\n");
	/* Names are whole. */
	assert_non_null(strstr(answer("poweroffs"), "unknown command"));
	assert_non_null(strstr(answer("power"), "\"poweroff\""));
}

static void line_that_was_broken_is_drawn_again(void **state)
{
	(void)state;
	assert_int_equal(type("he"), ALL_TYPED);
	broken = true;
	assert_int_equal(type("lp"), ALL_TYPED);
	broken = false;
	assert_non_null(strstr(said, "\raloft> \x1b[K\r\x1b[7Cl"));
	assert_non_null(strstr(said, "\raloft> l\x1b[K\r\x1b[8Cp"));
}

static void keys_typed_at_once_are_answered_at_once(void **state)
{
	(void)state;
	at_once = true;
	broken = true;
	assert_int_equal(type("help\rx"), ALL_TYPED);
	at_once = false;
	broken = false;
	assert_non_null(strstr(said, "\raloft> \x1b[K\r\x1b[7Chelp\n"));
	/* Drawn again once, not for each key. */
	assert_null(strstr(strstr(said, "\x1b[K") + 1, "\x1b[K"));
}

static void longest_line_is_answered_whole(void **state)
{
	char line[128];

	(void)state;
	memset(line, 'd', 127);
	line[127] = 0;
	answer(line);
	assert_non_null(strstr(said, "\"? (help lists all)\n"));
}

static void arguments_are_trimmed_and_checked(void **state)
{
	(void)state;
	assert_string_equal(answer("mem now"), "mem takes no argument\n");
	assert_non_null(strstr(answer("  mem   "), "pages: "));
	assert_non_null(
		strstr(answer("  dt    /soc   "), "/soc\n  uart@0 { ... }\n"));
	assert_string_equal(answer("poweroff now"),
			    "poweroff takes no argument\n");
}

static void memory_in_units_that_read_well(void **state)
{
	(void)state;
	pages.total = 16ull << 30;
	pages.free = (10239ull << 20) + 1023;
	pages.blocks[0] = 3;
	pages.blocks[18] = 9;
	assert_string_equal(answer("mem"),
			    "pages: 16 GiB managed, 10239 MiB free\n"
			    "free blocks: 3 x 4 KiB 9 x 1 GiB\n"
			    "heap: 12 objects, 3 slabs\n");
	pages.total = 64ull << 40;
	pages.free = 0;
	assert_non_null(strstr(answer("mem"), "64 TiB managed, 0 KiB free"));
}

static void map_draws_memory_and_tables(void **state)
{
	(void)state;
	memmap_add(&info.memmap, 0x80000000, MIB(512));
	memmap_mark(&info.memmap, 0x80000000, KIB(512), MEMMAP_NOMAP);
	memmap_mark(&info.memmap, 0x9ffff000, KIB(4), MEMMAP_TABLES);
	assert_string_equal(
		answer("map"),
		"physical memory (each # doubles, from 4 KiB)\n"
		"  000080000000-00008007ffff   512 KiB no-map    ########\n"
		"  000080080000-00009fffefff   511 MiB free      "
		"#################\n"
		"  00009ffff000-00009fffffff     4 KiB tables    #\n"
		"the tables\n");
}

static void harts_and_what_became_of_them(void **state)
{
	(void)state;
	assert_string_equal(answer("harts"),
			    "hart 0    not usable\n"
			    "          rv64imac\n"
			    "hart 1    cpu 0   online (boot)  sv39\n"
			    "          rv64imac\n"
			    "hart 2    cpu 1   online  sv48\n"
			    "          rv64imac\n"
			    "hart 7    left out  sv57\n"
			    "          rv64imac\n");
}

static void tree_by_path_and_alias(void **state)
{
	(void)state;
	assert_string_equal(answer("dt /soc/uart@0"),
			    "/soc/uart@0\n  compatible = \"ns16550a\"\n");
	assert_string_equal(answer("dt serial0"),
			    "/soc/uart@0\n  compatible = \"ns16550a\"\n");
	assert_non_null(strstr(answer("dt"), "  cpus { ... }\n"));
	assert_string_equal(answer("dt /nowhere"),
			    "dt: no node or alias \"/nowhere\"\n");
}

static void log_is_shown(void **state)
{
	(void)state;
	log_info("test", "line %d", 1);
	assert_non_null(strstr(answer("log"), "] test: line 1\n"));
}

static void machine_is_switched(void **state)
{
	(void)state;
	assert_int_equal(type("reboot\r"), REBOOT);
	assert_int_equal(type("poweroff\r"), OFF);
}

static void commands_are_completed_and_remembered(void **state)
{
	(void)state;
	assert_int_equal(type("pow\t\r"), OFF);
	assert_int_equal(type("reb\t\r"), REBOOT);
	assert_int_equal(type("m\t\t"), ALL_TYPED);
	assert_non_null(strstr(said, "mem  map"));
	assert_int_equal(type("\x1b[A"), ALL_TYPED);
	assert_int_equal(type("mem\rdt\r\x10\x10\r"), ALL_TYPED);
	assert_non_null(strstr(strstr(said, "pages:") + 1, "pages:"));
}

static void guest_commands_reach_the_guests(void **state)
{
	(void)state;
	type("guests\nstart a\nstop  b \nreset c\nconsole d\nstat e\n");
	assert_string_equal(asked,
			    "list() start(a) stop(b) reset(c) "
			    "console(d) stat(e) ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(prompt_echo_and_nothing_for_nothing,
				       setup),
		cmocka_unit_test_setup(help_lists_every_command, setup),
		cmocka_unit_test_setup(unknown_input_gets_a_hint, setup),
		cmocka_unit_test_setup(line_that_was_broken_is_drawn_again,
				       setup),
		cmocka_unit_test_setup(keys_typed_at_once_are_answered_at_once,
				       setup),
		cmocka_unit_test_setup(longest_line_is_answered_whole, setup),
		cmocka_unit_test_setup(arguments_are_trimmed_and_checked,
				       setup),
		cmocka_unit_test_setup(memory_in_units_that_read_well, setup),
		cmocka_unit_test_setup(map_draws_memory_and_tables, setup),
		cmocka_unit_test_setup(harts_and_what_became_of_them, setup),
		cmocka_unit_test_setup(tree_by_path_and_alias, setup),
		cmocka_unit_test_setup(log_is_shown, setup),
		cmocka_unit_test_setup(machine_is_switched, setup),
		cmocka_unit_test_setup(guest_commands_reach_the_guests, setup),
		cmocka_unit_test_setup(commands_are_completed_and_remembered,
				       setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
