/* Sources: kernel/panic.c kernel/cmdline.c */
/*
 * The end of the kernel, on fakes that leave by longjmp() where the kernel
 * would not come back.
 */
#include "kernel/panic.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/boot.h"
#include "arch/irq.h"
#include "arch/smp.h"
#include "arch/timer.h"
#include "arch/trap.h"
#include "kernel/console.h"
#include "kernel/log.h"
#include "kernel/panic_report.h"
#include "kernel/reset.h"
#include "kernel/smp.h"

enum end {
	NONE,
	REPORTED,
	HALTED,
	POWEROFF,
	REBOOT,
	LEFT
};

static struct boot_info info;
static char said[1024], reason[512];
static unsigned cpu, stops;
static bool interrupts;
static uint64_t now;
static unsigned look_limit; /* looks at the clock, then LEFT; 0: no limit */
static jmp_buf out;

const struct boot_info *boot_info(void)
{
	return &info;
}

unsigned arch_cpu_index(void)
{
	return cpu;
}

uint64_t arch_time_now(void)
{
	if (look_limit && !--look_limit)
		longjmp(out, LEFT);
	return now += 1000000;
}

uint64_t arch_timebase(void)
{
	return 4000000;
}

unsigned long arch_irq_save(void)
{
	interrupts = false;
	return 0;
}

void arch_panic(const char *text)
{
	/* The reason is on the stack of who panics: use it before it goes. */
	strcpy(reason, text);
	longjmp(out, REPORTED);
}

void arch_cpu_halt(void)
{
	longjmp(out, HALTED);
}

void reset_machine(enum firmware_reset type)
{
	longjmp(out, type == FIRMWARE_REBOOT ? REBOOT : POWEROFF);
}

void smp_stop_others(void)
{
	assert_string_equal(said, "");
	stops++;
}

void console_write_panic(const char *buf, size_t len)
{
	strncat(said, buf, len);
}

void log_panic(void (*write)(const char *buf, size_t len))
{
	write("unseen\n", 7);
}

static int setup(void **state)
{
	(void)state;
	memset(&info, 0, sizeof(info));
	said[0] = reason[0] = 0;
	cpu = stops = 0;
	interrupts = true;
	look_limit = 0;
	return 0;
}

static enum end end_with(const char *args)
{
	int how;

	strcpy(info.args, args);
	said[0] = 0;
	how = setjmp(out);
	if (!how)
		panic_end();
	return how;
}

static void reason_is_formatted_with_interrupts_off(void **state)
{
	char text[300];
	int how = setjmp(out);

	(void)state;
	if (!how)
		panic("page %#x freed twice by %s", 0x1000, "me");
	assert_int_equal(how, REPORTED);
	assert_string_equal(reason, "page 0x1000 freed twice by me");
	assert_false(interrupts);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	how = setjmp(out);
	if (!how)
		panic("%s", text);
	assert_int_equal(strlen(reason), 255);
}

static void words_are_cut_not_overrun(void **state)
{
	char text[600];

	(void)state;
	panic_print("%s %d\n", "words", 3);
	assert_string_equal(said, "words 3\n");
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	said[0] = 0;
	panic_print("%s", text);
	assert_int_equal(strlen(said), 255);
}

static void power_off_is_the_default(void **state)
{
	(void)state;
	assert_int_equal(end_with(""), POWEROFF);
	assert_int_equal(end_with("panic"), POWEROFF);
	assert_int_equal(end_with("panic=never"), POWEROFF);
	assert_int_equal(end_with("panic=-1"), POWEROFF);
	assert_string_equal(said, "");
}

static void zero_stays(void **state)
{
	(void)state;
	assert_int_equal(end_with("panic=5 panic=0"), HALTED);
	assert_string_equal(said, "panic: staying here (panic=0)\n");
}

static void seconds_are_waited_before_reboot(void **state)
{
	uint64_t before = now;

	(void)state;
	assert_int_equal(end_with("panic=3"), REBOOT);
	assert_string_equal(said, "panic: rebooting in 3 s\n");
	assert_in_range(now - before, 12000000, 14000000);
}

/* 2^62 s at 4 MHz are 2^64 ticks: a product that wraps ends at once. */
static void endless_wait_is_not_short(void **state)
{
	(void)state;
	look_limit = 1000;
	assert_int_equal(end_with("panic=4611686018427387904"), LEFT);
	assert_string_equal(said,
			    "panic: rebooting in 4611686018427387904 s\n");
}

/* Once a hart owns the report it keeps it: the last tests, in this order. */
static void first_hart_reports_the_others_halt(void **state)
{
	uint32_t depth[3] = {0};

	(void)state;
	cpu = 1;
	assert_true(panic_enter(&depth[1]));
	assert_int_equal(stops, 1);
	assert_string_equal(said, "unseen\n");
	for (cpu = 0; cpu < 3; cpu += 2) {
		int how = setjmp(out);

		if (!how)
			panic_enter(&depth[cpu]);
		assert_int_equal(how, HALTED);
	}
	assert_int_equal(stops, 1);
}

static void report_that_faults_goes_on_and_ends(void **state)
{
	uint32_t depth = 1;

	(void)state;
	cpu = 1;
	/* Nested: neither the harts nor the log a second time. */
	assert_true(panic_enter(&depth));
	assert_true(panic_enter(&depth));
	assert_int_equal(depth, 3);
	assert_int_equal(stops, 0);
	assert_string_equal(said, "");
	assert_false(panic_enter(&depth));
	assert_false(panic_enter(&depth));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(reason_is_formatted_with_interrupts_off,
				       setup),
		cmocka_unit_test_setup(words_are_cut_not_overrun, setup),
		cmocka_unit_test_setup(power_off_is_the_default, setup),
		cmocka_unit_test_setup(zero_stays, setup),
		cmocka_unit_test_setup(seconds_are_waited_before_reboot, setup),
		cmocka_unit_test_setup(endless_wait_is_not_short, setup),
		cmocka_unit_test_setup(first_hart_reports_the_others_halt,
				       setup),
		cmocka_unit_test_setup(report_that_faults_goes_on_and_ends,
				       setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
