/* Sources: kernel/guest/stat.c test/host/fake/hart.c */
/* What `stat` says of counters that are made up. */
#include "kernel/guest/stat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/guest/vm.h"
#include "kernel/shell.h"
#include "test/host/fake/hart.h"

#define TIMER_LENGTH 22u

static struct {
	char text[4096];
	struct vm vm;
	struct vcpu vcpu[2];
} fake;

void shell_print(const char *fmt, ...)
{
	size_t len = strlen(fake.text);
	va_list args;

	va_start(args, fmt);
	vsnprintf(fake.text + len, sizeof(fake.text) - len, fmt, args);
	va_end(args);
}

unsigned arch_vcpu_exit_length(enum vcpu_exit_kind kind)
{
	switch (kind) {
	case VCPU_EXIT_TIMER:
		return TIMER_LENGTH;
	case VCPU_EXIT_POLL:
		return 50;
	case VCPU_EXIT_SEND:
		return 70;
	default:
		return 0;
	}
}

static int setup(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	fake.vm.vcpu = fake.vcpu;
	fake.vm.vcpu_count = 2;
	fake.vcpu[1].id = 1;
	fake.vcpu[0].state = VCPU_RUNNING;
	fake.vcpu[0].exits[VCPU_EXIT_SBI] = 7;
	fake.vcpu[0].exits[VCPU_EXIT_TIMER] = 5;
	fake.vcpu[1].exits[VCPU_EXIT_MMIO] = 1234567890123;
	return 0;
}

static void exits_are_always_shown(void **state)
{
	(void)state;
	stat_show(&fake.vm);
	assert_non_null(strstr(fake.text,
			       "vcpu 0 running, exits: interrupt 0 "
			       "sbi 7 mmio 0 "));
	assert_non_null(strstr(fake.text, " set_timer 5 poll 0 send 0\n"));
	assert_non_null(strstr(fake.text, "vcpu 1 stopped, "));
	assert_non_null(strstr(fake.text, " mmio 1234567890123 "));
	assert_null(strstr(fake.text, "instructions"));
}

/* Exits from before the measurement do not count. */
static void measured_exits_have_a_mean(void **state)
{
	struct vcpu *v = &fake.vcpu[0];

	(void)state;
	v->measured = 1;
	v->exits_before[VCPU_EXIT_SBI] = 3;
	v->exits_before[VCPU_EXIT_TIMER] = 2;
	v->spent[VCPU_EXIT_SBI] = 400;
	v->executed = 1000;
	stat_show(&fake.vm);
	assert_non_null(strstr(fake.text, "an exit: sbi 100 set_timer 22\n"));
	assert_non_null(
		strstr(fake.text, "1000 instructions, 466 of them Aloft's\n"));
	fake.vcpu[1].executed = 10;
	fake.vcpu[1].spent[VCPU_EXIT_WFI] = 4;
	assert_int_equal(stat_executed(&fake.vm), 1010);
	assert_int_equal(stat_spent(&fake.vm), 470);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(exits_are_always_shown, setup),
		cmocka_unit_test_setup(measured_exits_have_a_mean, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
