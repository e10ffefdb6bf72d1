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

/*
 * Calls a hart that waits at the image's entry (head.S). Not in bss: such
 * harts look at it while the boot hart clears that.
 */
struct boot_summons {
	uint64_t hart; /* who is called; UINT64_MAX nobody. Written last */
	pa_t start;    /* its struct secondary */
};
extern struct boot_summons boot_summons;

/* Physical entry of a started hart (head.S), and its first C code. */
void secondary_start(void);
void secondary_high(void);
_Noreturn void secondary_main(void);
