/*
 * arch/imsic.h for host tests: one supervisor-level interrupt file (AIA 1.0,
 * chapter 3) with 255 identities.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct fake_imsic {
	uint64_t delivery, threshold;
	uint64_t pending[4], enabled[4];
	unsigned long accesses;
};

extern struct fake_imsic fake_imsic;

/* Everything off, as after reset; @junk: as a loader may leave it. */
void fake_imsic_reset(bool junk);

/* A message with value @identity arrives. */
void fake_imsic_message(unsigned identity);

/* Does the file ask for the hart's attention? */
bool fake_imsic_interrupt(void);
