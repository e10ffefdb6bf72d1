/*
 * The guest that must not notice: sums up a pattern for ever, turning it over
 * each round, so that its checksum is one of two. A line every 100 ms tells
 * the round, the checksum and the longest time (microseconds) since the last
 * line in which it did nothing.
 */
#include "test/qemu/guests/guest.h"

#define WORDS 8192u /* payloads.py works out the sums over as many */
#define CHUNK 256u

static uint64_t pattern[WORDS];

static uint64_t now(void)
{
	return csr_get("time");
}

/* Sum the pattern and turn it over; what it was. */
static uint64_t round_do(uint64_t *last, uint64_t *gap)
{
	uint64_t sum = 0, t;
	unsigned i;

	for (i = 0; i < WORDS; i++) {
		sum = (sum << 1 | sum >> 63) ^ pattern[i];
		pattern[i] = ~pattern[i];
		if (i % CHUNK)
			continue;
		t = now();
		if (t - *last > *gap)
			*gap = t - *last;
		*last = t;
	}
	return sum;
}

void payload(uint64_t hart, const void *tree)
{
	/* virt's clock: 10 MHz */
	uint64_t state = 1, rounds, sum, gap = 0, last = now(), line = last;
	unsigned i;

	(void)hart;
	(void)tree;
	for (i = 0; i < WORDS; i++)
		pattern[i] = random_next(&state);
	for (rounds = 0;; rounds++) {
		sum = round_do(&last, &gap);
		if (now() - line < 1000000)
			continue;
		line = now();
		print("sum ");
		print_number(rounds);
		print(" ");
		print_hex(sum);
		print(" gap ");
		print_number(gap / 10);
		print("\n");
		gap = 0;
		last = now();
	}
}
