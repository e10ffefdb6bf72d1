/* Sources: kernel/reset.c */
/* Who is asked to switch the machine, and in which order. */
#include "kernel/reset.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arch/timer.h"
#include "arch/trap.h"
#include "kernel/panic_report.h"

static char steps[256];
static jmp_buf halted;

static void step(const char *what)
{
	strcat(steps, what);
	strcat(steps, " ");
}

int arch_firmware_reset(enum firmware_reset type)
{
	step(type == FIRMWARE_REBOOT ? "srst-reboot" : "srst-off");
	return -ENOSYS;
}

void arch_firmware_shutdown(void)
{
	step("legacy");
}

void arch_cpu_halt(void)
{
	step("halt");
	longjmp(halted, 1);
}

void panic_print(const char *fmt, ...)
{
	char text[128];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	assert_int_equal(text[strlen(text) - 1], '\n');
	text[strlen(text) - 1] = 0;
	step(text);
}

/* Each look at the clock takes a tenth of a second. */
static uint64_t now;

uint64_t arch_time_now(void)
{
	return now++;
}

uint64_t arch_timebase(void)
{
	return 10;
}

static void driver_off(void)
{
	step("driver-off");
}

static void driver_reboot(void)
{
	step("driver-reboot");
}

static void driver_works(void)
{
	step("works");
	longjmp(halted, 1);
}

static int setup(void **state)
{
	(void)state;
	steps[0] = 0;
	reset_register(FIRMWARE_POWEROFF, NULL);
	reset_register(FIRMWARE_REBOOT, NULL);
	return 0;
}

static const char *switch_machine(enum firmware_reset type)
{
	if (!setjmp(halted))
		reset_machine(type);
	return steps;
}

static void without_anything_it_says_so_and_halts(void **state)
{
	(void)state;
	assert_string_equal(switch_machine(FIRMWARE_POWEROFF),
			    "srst-off reset: nothing here can power off this "
			    "machine, halted legacy halt ");
	steps[0] = 0;
	/* The legacy call only switches off. */
	assert_string_equal(switch_machine(FIRMWARE_REBOOT),
			    "srst-reboot reset: nothing here can reboot this "
			    "machine, halted halt ");
}

static void driver_is_asked_after_the_firmware(void **state)
{
	(void)state;
	reset_register(FIRMWARE_POWEROFF, driver_off);
	reset_register(FIRMWARE_REBOOT, driver_reboot);
	assert_non_null(strstr(switch_machine(FIRMWARE_POWEROFF),
			       "srst-off driver-off reset: "));
	steps[0] = 0;
	assert_non_null(strstr(switch_machine(FIRMWARE_REBOOT),
			       "srst-reboot driver-reboot reset: "));
}

static void last_driver_counts(void **state)
{
	(void)state;
	reset_register(FIRMWARE_REBOOT, driver_reboot);
	reset_register(FIRMWARE_REBOOT, driver_works);
	assert_string_equal(switch_machine(FIRMWARE_REBOOT),
			    "srst-reboot works ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(without_anything_it_says_so_and_halts,
				       setup),
		cmocka_unit_test_setup(driver_is_asked_after_the_firmware,
				       setup),
		cmocka_unit_test_setup(last_driver_counts, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
