/* The serial protocols of cheap relay boards (LCUS-1 and kin). Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RELAY_COMMAND_MAX 4

enum relay_dialect {
	RELAY_A0, /* A0 <channel> <1|0> <sum of the three> */
	RELAY_D0, /* D0 01 / D0 00, one channel */
};

/* What a status answer says about a channel. */
enum relay_contact {
	RELAY_UNKNOWN,
	RELAY_OFF,
	RELAY_ON
};

/*
 * The command that opens (on = false) or closes the contact.
 * Returns its length, <= RELAY_COMMAND_MAX; -EINVAL: channel not 1-16, or not
 * 1 in the D0 dialect.
 */
int relay_command(enum relay_dialect d, unsigned channel, bool on,
		  uint8_t *out);

/* The status query; 0 = the dialect has none (D0). */
int relay_query(enum relay_dialect d, uint8_t *out);

/*
 * Reads the answer to the query: lines such as "CH1: ON", "CH1:OFF", in the
 * first len bytes so far. RELAY_UNKNOWN while the channel is not in it.
 */
enum relay_contact relay_answer(const uint8_t *text, size_t len,
				unsigned channel);
