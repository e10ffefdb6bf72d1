/* The list of drivers that kernel.lds makes, for one host test. */
#pragma once

#include "kernel/driver.h"

/* List the @count drivers whose addresses follow, at file scope. */
#define DRIVERS_LIST(count, ...)                                       \
	const struct driver *const drivers_start[] = {__VA_ARGS__};    \
	_Static_assert(sizeof(drivers_start) == 8 * (count), "count"); \
	__asm__(".globl drivers_end\n"                                 \
		".set drivers_end, drivers_start + 8 * " #count)
