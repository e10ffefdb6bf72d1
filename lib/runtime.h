/* The compiler's run-time library: GCC Internals, "Integer library routines".
 */
#pragma once

#include <stdint.h>

/* Zero bits below the lowest set bit of @x, and above the highest; @x not 0. */
int __ctzdi2(uint64_t x);
int __clzdi2(uint64_t x);
