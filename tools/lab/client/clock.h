#pragma once

#include <stdint.h>
#include <time.h>

/** clock_ms() - milliseconds on a clock that only goes forward. */
static inline uint64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}
