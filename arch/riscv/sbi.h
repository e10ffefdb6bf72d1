/*
 * Client of the firmware's SBI (RISC-V SBI 3.0). Extension ids and errors as
 * the specification names them.
 */
#pragma once

#define SBI_EXT_LEGACY_SET_TIMER 0x00
#define SBI_EXT_LEGACY_PUTCHAR	 0x01
#define SBI_EXT_LEGACY_GETCHAR	 0x02
#define SBI_EXT_LEGACY_SEND_IPI	 0x04
#define SBI_EXT_LEGACY_SHUTDOWN	 0x08
#define SBI_EXT_BASE		 0x10
#define SBI_EXT_TIME		 0x54494d45
#define SBI_EXT_IPI		 0x735049
#define SBI_EXT_HSM		 0x48534d
#define SBI_EXT_SRST		 0x53525354
#define SBI_EXT_DBCN		 0x4442434e

#define SBI_BASE_SPEC_VERSION 0
#define SBI_BASE_IMPL_ID      1
#define SBI_BASE_IMPL_VERSION 2
#define SBI_BASE_PROBE	      3
#define SBI_HSM_START	      0
#define SBI_HSM_STOP	      1
#define SBI_HSM_STATUS	      2
#define SBI_DBCN_WRITE	      0
#define SBI_DBCN_READ	      1
#define SBI_DBCN_WRITE_BYTE   2
#define SBI_HSM_STOPPED	      1 /* hart state */
#define SBI_SRST_SHUTDOWN     0
#define SBI_SRST_COLD_REBOOT  1

#define SBI_SUCCESS		  0
#define SBI_ERR_FAILED		  -1
#define SBI_ERR_NOT_SUPPORTED	  -2
#define SBI_ERR_INVALID_PARAM	  -3
#define SBI_ERR_DENIED		  -4
#define SBI_ERR_INVALID_ADDRESS	  -5
#define SBI_ERR_ALREADY_AVAILABLE -6
#define SBI_ERR_ALREADY_STARTED	  -7

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
