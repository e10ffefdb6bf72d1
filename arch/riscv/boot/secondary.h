/* What a hart that HSM starts finds at its a1 (a physical address). */
#pragma once

#include <stdint.h>

#include "lib/addr.h"

struct secondary {
	uint64_t satp; /* of the boot tables, which hold the identity page */
	va_t entry;    /* secondary_high, in the high half */
	va_t sp;       /* top of its own stack */
	va_t tp;       /* its own per-hart block */
};

/* Physical entry of a started hart (head.S), and its first C code. */
void secondary_start(void);
void secondary_high(void);
_Noreturn void secondary_main(void);
