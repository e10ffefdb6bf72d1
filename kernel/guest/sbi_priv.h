/* What the SBI extensions share. */
#pragma once

#include "arch/sbi.h"
#include "kernel/guest/sbi.h"

extern const struct sbi_extension sbi_base, sbi_time, sbi_ipi, sbi_rfence,
	sbi_hsm, sbi_srst, sbi_dbcn, sbi_susp, sbi_legacy;

/* What was called: function id and argument @n, 0 to 5. */
static inline uint64_t sbi_fid(const struct vcpu *vcpu)
{
	return vcpu->regs.x[VCPU_A6];
}

static inline uint64_t sbi_arg(const struct vcpu *vcpu, unsigned n)
{
	return vcpu->regs.x[VCPU_A0 + n];
}

static inline struct sbi_answer sbi_error(long error)
{
	return (struct sbi_answer){error, 0};
}

static inline struct sbi_answer sbi_value(uint64_t value)
{
	return (struct sbi_answer){SBI_SUCCESS, value};
}

/* All of @vm's harts as a mask. */
uint64_t sbi_harts_all(const struct vm *vm);

/*
 * The harts that @mask and @base mean (chapter "Hart list parameter"): bit i is
 * hart base + i; base all ones: all harts, whatever the mask; no bit: none.
 * SBI_SUCCESS or SBI_ERR_INVALID_PARAM: one of them does not exist.
 */
long sbi_harts_select(const struct vm *vm, uint64_t mask, uint64_t base,
		      uint64_t *harts);

/* Raise a software interrupt in each of @harts of @vm. */
void sbi_ipi_raise(struct vm *vm, uint64_t harts);

/*
 * Fence addresses [@start, @start + @size) on @harts of the caller's VM: both
 * 0 or a size of all ones mean every address. SBI_SUCCESS or
 * SBI_ERR_INVALID_ADDRESS: past the end of the address space.
 */
long sbi_fence_vma(struct vcpu *self, uint64_t harts, uint64_t start,
		   uint64_t size);

/* hart_suspend and system_suspend that do not keep the registers. */
long sbi_suspend_resume_at(struct vcpu *self, gpa_t pc, uint64_t opaque);

/* May a hart start or resume at @pc? It is an instruction's place in RAM. */
bool sbi_pc_valid(const struct vm *vm, gpa_t pc);

/* Write the byte in a0 to the console, however long that takes: SBI_AGAIN while
 * there is no room. */
struct sbi_answer sbi_console_putchar(struct vcpu *vcpu);
