/*
 * What GCC calls for bit counts on harts without Zbb. The toolchain's own
 * libgcc is built for another ABI (lp64d), so it cannot be linked.
 */
#include "lib/runtime.h"

int __ctzdi2(uint64_t x)
{
	int n = 0, step;

	for (step = 32; step; step /= 2) {
		if (x & ((1ull << step) - 1))
			continue;
		x >>= step;
		n += step;
	}
	return n;
}

int __clzdi2(uint64_t x)
{
	int n = 0, step;

	for (step = 32; step; step /= 2) {
		if (x >> (64 - step))
			continue;
		x <<= step;
		n += step;
	}
	return n;
}
