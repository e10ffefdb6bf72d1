/*
 * LCUS-type USB relays: a CH340 and a micro-controller that takes 2- or 4-byte
 * commands at 9600 baud. Some answer the status query FF with a text line per
 * channel, some not at all.
 */
#include "tools/lab/relay.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define A0_START 0xa0
#define D0_START 0xd0
#define QUERY	 0xff

int relay_command(enum relay_dialect d, unsigned channel, bool on, uint8_t *out)
{
	if (channel < 1 || channel > (d == RELAY_D0 ? 1 : 16))
		return -EINVAL;
	if (d == RELAY_D0) {
		out[0] = D0_START;
		out[1] = on;
		return 2;
	}
	out[0] = A0_START;
	out[1] = channel;
	out[2] = on;
	out[3] = out[0] + out[1] + out[2];
	return 4;
}

int relay_query(enum relay_dialect d, uint8_t *out)
{
	if (d == RELAY_D0)
		return 0;
	out[0] = QUERY;
	return 1;
}

/* Behind "CH<n>" if the text at *p names this channel, else NULL. */
static const uint8_t *channel_named(const uint8_t *p, const uint8_t *end,
				    unsigned channel)
{
	unsigned n = 0;

	if (end - p < 3 || toupper(p[0]) != 'C' || toupper(p[1]) != 'H')
		return NULL;
	for (p += 2; p < end && isdigit(*p) && n < 100; p++)
		n = n * 10 + (*p - '0');
	return n == channel ? p : NULL;
}

enum relay_contact relay_answer(const uint8_t *text, size_t len,
				unsigned channel)
{
	const uint8_t *end = text + len;

	for (const uint8_t *p = text; p < end; p++) {
		const uint8_t *v = channel_named(p, end, channel);

		if (!v)
			continue;
		while (v < end && (*v == ':' || *v == ' ' || *v == '='))
			v++;
		if (end - v >= 3 && memcmp(v, "OFF", 3) == 0)
			return RELAY_OFF;
		if (end - v >= 2 && memcmp(v, "ON", 2) == 0)
			return RELAY_ON;
	}
	return RELAY_UNKNOWN;
}
