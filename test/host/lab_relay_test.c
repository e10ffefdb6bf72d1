/*
 * The relay protocols byte for byte.
 *
 * Sources: tools/lab/relay.c
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/lab/relay.h"

static void a0_commands_carry_their_sum(void **state)
{
	uint8_t b[RELAY_COMMAND_MAX];

	(void)state;
	assert_int_equal(relay_command(RELAY_A0, 1, true, b), 4);
	assert_memory_equal(b, "\xa0\x01\x01\xa2", 4);
	assert_int_equal(relay_command(RELAY_A0, 1, false, b), 4);
	assert_memory_equal(b, "\xa0\x01\x00\xa1", 4);
	assert_int_equal(relay_command(RELAY_A0, 16, true, b), 4);
	assert_memory_equal(b, "\xa0\x10\x01\xb1", 4);
}

static void d0_commands_are_two_bytes(void **state)
{
	uint8_t b[RELAY_COMMAND_MAX];

	(void)state;
	assert_int_equal(relay_command(RELAY_D0, 1, true, b), 2);
	assert_memory_equal(b, "\xd0\x01", 2);
	assert_int_equal(relay_command(RELAY_D0, 1, false, b), 2);
	assert_memory_equal(b, "\xd0\x00", 2);
	assert_int_equal(relay_query(RELAY_D0, b), 0);
	assert_int_equal(relay_query(RELAY_A0, b), 1);
	assert_int_equal(b[0], 0xff);
}

static void impossible_channels_are_refused(void **state)
{
	uint8_t b[RELAY_COMMAND_MAX];

	(void)state;
	assert_int_equal(relay_command(RELAY_A0, 0, true, b), -EINVAL);
	assert_int_equal(relay_command(RELAY_A0, 17, true, b), -EINVAL);
	assert_int_equal(relay_command(RELAY_D0, 2, true, b), -EINVAL);
}

static enum relay_contact answer(const char *text, unsigned channel)
{
	return relay_answer((const uint8_t *)text, strlen(text), channel);
}

static void answers_are_read_per_channel(void **state)
{
	const char *text = "CH1: ON \r\nCH2: OFF\r\nCH11:ON\r\n";

	(void)state;
	assert_int_equal(answer(text, 1), RELAY_ON);
	assert_int_equal(answer(text, 2), RELAY_OFF);
	assert_int_equal(answer(text, 11), RELAY_ON);
	assert_int_equal(answer(text, 3), RELAY_UNKNOWN);
	assert_int_equal(answer("ch1:OFF", 1), RELAY_OFF);
	assert_int_equal(answer("CH1=ON", 1), RELAY_ON);
}

/* "OFF" cut after "O" must not read as anything yet. */
static void partial_and_foreign_answers_say_nothing(void **state)
{
	static const char whole[] = "CH1: OFF";

	(void)state;
	for (size_t n = 0; n < strlen(whole); n++)
		assert_int_equal(relay_answer((const uint8_t *)whole, n, 1),
				 RELAY_UNKNOWN);
	assert_int_equal(answer("\xa0\x01\x01\xa2", 1), RELAY_UNKNOWN);
	assert_int_equal(answer("CH: ON", 1), RELAY_UNKNOWN);
	assert_int_equal(answer("CH99999999999999999999: ON", 1),
			 RELAY_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a0_commands_carry_their_sum),
		cmocka_unit_test(d0_commands_are_two_bytes),
		cmocka_unit_test(impossible_channels_are_refused),
		cmocka_unit_test(answers_are_read_per_channel),
		cmocka_unit_test(partial_and_foreign_answers_say_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
