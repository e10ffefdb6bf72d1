/* Client of the firmware's SBI (RISC-V SBI 3.0). */
#pragma once

#include "arch/sbi.h"

#ifndef __ASSEMBLER__

#include <stdbool.h>
#include <stdint.h>

struct sbi_ret {
	long error;
	long value;
};

/* One SBI call (chapter "Binary Encoding"): a0, a1 back, the rest kept. */
static inline struct sbi_ret sbi_call(unsigned long ext, unsigned long fn,
				      unsigned long arg0, unsigned long arg1,
				      unsigned long arg2)
{
	register unsigned long a0 __asm__("a0") = arg0;
	register unsigned long a1 __asm__("a1") = arg1;
	register unsigned long a2 __asm__("a2") = arg2;
	register unsigned long a6 __asm__("a6") = fn;
	register unsigned long a7 __asm__("a7") = ext;

	__asm__ volatile("ecall"
			 : "+r"(a0), "+r"(a1)
			 : "r"(a2), "r"(a6), "r"(a7)
			 : "memory");
	return (struct sbi_ret){(long)a0, (long)a1};
}

/* What the firmware offers; pointer-free, so it survives relocation. */
struct sbi_features {
	uint32_t version; /* major << 24 | minor; 0 = legacy (SBI 0.1) */
	uint32_t impl_id;
	uint32_t impl_version;
	bool time, ipi, hsm, srst, dbcn;
};

/* Ask the firmware what it is; from then on the calls below choose by it. */
void sbi_init(void);
const struct sbi_features *sbi_features(void);

/* Name of the implementation ("OpenSBI", ...), never NULL. */
const char *sbi_impl_name(void);

/* For a panic: its words may be on their way out of a call that holds it. */
void sbi_lock_break(void);

/* Set this hart's timer to @deadline (time CSR ticks); all ones: never. */
void sbi_timer_set(uint64_t deadline);

/* Raise a supervisor software interrupt on hardware hart @hart. */
int sbi_ipi_send(uint64_t hart);

/*
 * Can @hart be started (HSM status "stopped")? 0, or as sbi_hart_start().
 */
int sbi_hart_check(uint64_t hart);

/*
 * Start @hart at physical @entry with a1 = @opaque (HSM). 0; -ENOSYS without
 * HSM; -EBUSY when it runs already; -EINVAL when firmware knows no such hart
 * or the address; -EIO else.
 */
int sbi_hart_start(uint64_t hart, uint64_t entry, uint64_t opaque);

/* Stop this hart (HSM); returns only when firmware cannot. */
void sbi_hart_stop(void);

#endif
