/* Randomness for addresses and the canary. */
#pragma once

#include "lib/mix.h"

/*
 * Put into @pool what this machine has: the seeds of the device tree at @fdt
 * (wiped there), Zkr's seed CSR where the tree lists it, and the clocks. Says
 * in the log when there is nothing but the clocks. Returns how many seeds and
 * seed words there were besides these.
 */
unsigned entropy_collect(struct mix *pool, void *fdt);
