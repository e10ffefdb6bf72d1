/*
 * Supervisor CSRs and the instructions that touch them (RISC-V Privileged
 * Architecture 20240411; Sstc; AIA 1.0). Usable from C and assembly; in C the
 * accessors are macros because a CSR number is part of the instruction.
 */
#pragma once

#define CSR_SSTATUS  0x100
#define CSR_SIE	     0x104
#define CSR_STVEC    0x105
#define CSR_SSCRATCH 0x140
#define CSR_SEPC     0x141
#define CSR_SCAUSE   0x142
#define CSR_STVAL    0x143
#define CSR_SIP	     0x144
#define CSR_STIMECMP 0x14d
#define CSR_SISELECT 0x150
#define CSR_SIREG    0x151
#define CSR_STOPEI   0x15c
#define CSR_SATP     0x180
#define CSR_SEED     0x015
#define CSR_TIME     0xc01
#define CSR_INSTRET  0xc02

/* Shared by supervisor and guest: no VS copy exists of these. */
#define CSR_FCSR       0x003
#define CSR_VSTART     0x008
#define CSR_VCSR       0x00f
#define CSR_SCOUNTEREN 0x106
#define CSR_SENVCFG    0x10a
#define CSR_SSTATEEN0  0x10c
#define CSR_VL	       0xc20
#define CSR_VTYPE      0xc21
#define CSR_VLENB      0xc22

/* Hypervisor and virtual supervisor CSRs ("Hypervisor Extension"). */
#define CSR_VSSTATUS   0x200
#define CSR_VSIE       0x204
#define CSR_VSTVEC     0x205
#define CSR_VSSCRATCH  0x240
#define CSR_VSEPC      0x241
#define CSR_VSCAUSE    0x242
#define CSR_VSTVAL     0x243
#define CSR_VSIP       0x244
#define CSR_VSTIMECMP  0x24d
#define CSR_VSISELECT  0x250
#define CSR_VSCTRCTL   0x24e
#define CSR_SCTRSTATUS 0x14f
#define CSR_SCONTEXT   0x5a8
#define CSR_JVT	       0x017
#define CSR_VSATP      0x280
#define CSR_HSTATUS    0x600
#define CSR_HEDELEG    0x602
#define CSR_HIDELEG    0x603
#define CSR_HTIMEDELTA 0x605
#define CSR_HCOUNTEREN 0x606
#define CSR_HGEIE      0x607
#define CSR_HVIEN      0x608
#define CSR_HVICTL     0x609
#define CSR_HENVCFG    0x60a
#define CSR_HSTATEEN0  0x60c
#define CSR_HSTATEEN1  0x60d
#define CSR_HSTATEEN2  0x60e
#define CSR_HSTATEEN3  0x60f
#define CSR_HTVAL      0x643
#define CSR_HVIP       0x645
#define CSR_HVIPRIO1   0x646
#define CSR_HVIPRIO2   0x647
#define CSR_HTINST     0x64a
#define CSR_HGATP      0x680

#define SSTATUS_SIE  (1 << 1)
#define SSTATUS_SPIE (1 << 5)
#define SSTATUS_SPP  (1 << 8)
#define SSTATUS_VS   (3 << 9)
#define SSTATUS_FS   (3 << 13)
#define SSTATUS_SUM  (1 << 18)
#define SSTATUS_MXR  (1 << 19)

/* States of the FS and VS fields. */
#define SSTATUS_FS_CLEAN (2 << 13)
#define SSTATUS_VS_CLEAN (2 << 9)

#define HSTATUS_GVA  (1 << 6)
#define HSTATUS_SPV  (1 << 7)
#define HSTATUS_SPVP (1 << 8)
#define HSTATUS_VTW  (1 << 21)

/* VS-level interrupts in hideleg, hvip and hie; one lower in vsie and vsip. */
#define HVIP_VSSIP (1 << 2)
#define HVIP_VSTIP (1 << 6)
#define HVIP_VSEIP (1 << 10)

#define HENVCFG_CBIE_FLUSH (1ull << 4)
#define HENVCFG_CBIE	   (3ull << 4)
#define HENVCFG_CBCFE	   (1ull << 6)
#define HENVCFG_CBZE	   (1ull << 7)
#define HENVCFG_ADUE	   (1ull << 61)
#define HENVCFG_PBMTE	   (1ull << 62)
#define HENVCFG_STCE	   (1ull << 63)

#define HSTATEEN0_ENVCFG (1ull << 62)
#define HSTATEEN0_SE	 (1ull << 63)

#define HGATP_MODE_SHIFT 60
#define HGATP_VMID_SHIFT 44
#define HGATP_VMID_MASK	 0x3fffull

/* Interrupt numbers: bits of sie and sip, codes in scause. */
#define IRQ_S_SOFT  1
#define IRQ_S_TIMER 5
#define IRQ_S_EXT   9

/* Exception codes of scause (Privileged, table "scause values"). */
#define CAUSE_FETCH_MISALIGNED 0
#define CAUSE_FETCH_ACCESS     1
#define CAUSE_ILLEGAL	       2
#define CAUSE_BREAKPOINT       3
#define CAUSE_LOAD_ACCESS      5
#define CAUSE_STORE_ACCESS     7
#define CAUSE_ECALL_VS	       10
#define CAUSE_FETCH_PAGE       12
#define CAUSE_LOAD_PAGE	       13
#define CAUSE_STORE_PAGE       15
#define CAUSE_FETCH_GUEST_PAGE 20
#define CAUSE_LOAD_GUEST_PAGE  21
#define CAUSE_VIRTUAL_INSN     22
#define CAUSE_STORE_GUEST_PAGE 23

#define CAUSE_INTERRUPT_SHIFT 63

#define SATP_MODE_SHIFT 60

#ifndef __ASSEMBLER__

#include <stdbool.h>
#include <stdint.h>

#define CSR_STR_(x) #x
#define CSR_STR(x)  CSR_STR_(x)

#define csr_read(csr)                                     \
	({                                                \
		unsigned long value_;                     \
		__asm__ volatile("csrr %0, " CSR_STR(csr) \
				 : "=r"(value_)           \
				 :                        \
				 : "memory");             \
		value_;                                   \
	})

#define csr_write(csr, value)                           \
	__asm__ volatile("csrw " CSR_STR(csr) ", %0"    \
			 :                              \
			 : "rK"((unsigned long)(value)) \
			 : "memory")

#define csr_set(csr, bits)                             \
	__asm__ volatile("csrs " CSR_STR(csr) ", %0"   \
			 :                             \
			 : "rK"((unsigned long)(bits)) \
			 : "memory")

#define csr_clear(csr, bits)                           \
	__asm__ volatile("csrc " CSR_STR(csr) ", %0"   \
			 :                             \
			 : "rK"((unsigned long)(bits)) \
			 : "memory")

/* Write @value and return what was there. */
#define csr_swap(csr, value)                                      \
	({                                                        \
		unsigned long old_;                               \
		__asm__ volatile("csrrw %0, " CSR_STR(csr) ", %1" \
				 : "=r"(old_)                     \
				 : "rK"((unsigned long)(value))   \
				 : "memory");                     \
		old_;                                             \
	})

/* Clear @bits and return the whole CSR as it was. */
#define csr_read_clear(csr, bits)                                 \
	({                                                        \
		unsigned long old_;                               \
		__asm__ volatile("csrrc %0, " CSR_STR(csr) ", %1" \
				 : "=r"(old_)                     \
				 : "rK"((unsigned long)(bits))    \
				 : "memory");                     \
		old_;                                             \
	})

/*
 * An exception table entry (see extable.h): when the instruction at label 1
 * traps, go on at label 2.
 */
#define EXTABLE_1_TO_2                   \
	".pushsection .extable, \"a\"\n" \
	".balign 4\n"                    \
	".word 1b - .\n"                 \
	".word 2f - .\n"                 \
	".popsection\n"

/*
 * Read a CSR that may not exist. True and its value in *@out, or false when
 * the access traps.
 */
#define csr_read_probe(csr, out)                                          \
	({                                                                \
		unsigned long there_, value_;                             \
		__asm__ volatile("li %0, 0\n"                             \
				 "li %1, 0\n"                             \
				 "1: csrr %1, " CSR_STR(                  \
					 csr) "\n"                        \
					      "li %0, 1\n" EXTABLE_1_TO_2 \
					      "2:\n"                      \
				 : "=&r"(there_), "=&r"(value_)           \
				 :                                        \
				 : "memory");                             \
		*(out) = value_;                                          \
		there_ != 0;                                              \
	})

/* Swap a value into a CSR that may not exist; *@out as it was before. */
#define csr_swap_probe(csr, value, out)                                   \
	({                                                                \
		unsigned long there_, value_;                             \
		__asm__ volatile("li %0, 0\n"                             \
				 "li %1, 0\n"                             \
				 "1: csrrw %1, " CSR_STR(                 \
					 csr) ", %2\n"                    \
					      "li %0, 1\n" EXTABLE_1_TO_2 \
					      "2:\n"                      \
				 : "=&r"(there_), "=&r"(value_)           \
				 : "r"((unsigned long)(value))            \
				 : "memory");                             \
		*(out) = value_;                                          \
		there_ != 0;                                              \
	})

static inline void sfence_vma_all(void)
{
	__asm__ volatile("sfence.vma" ::: "memory");
}

/* All memory accesses before it are seen before any access after it, devices
 * included. */
static inline void memory_fence(void)
{
	__asm__ volatile("fence rw, iorw" ::: "memory");
}

/* Fetch what was written as data, on this hart. */
static inline void fence_i(void)
{
	__asm__ volatile("fence.i" ::: "memory");
}

/* SC by what another executed LR for must fail: xret need not see to that. */
static inline void reservation_drop(void)
{
	uint32_t word = 0;

	__asm__ volatile("sc.w zero, zero, %0" : "+A"(word)::"memory");
}

/* Forget the control transfers that were recorded (Ssctr). */
static inline void sctrclr(void)
{
	__asm__ volatile(".word 0x10400073" ::: "memory");
}

static inline void wait_for_interrupt(void)
{
	__asm__ volatile("wfi" ::: "memory");
}

static inline void breakpoint(void)
{
	__asm__ volatile("ebreak" ::: "memory");
}

#endif
