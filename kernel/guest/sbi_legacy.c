/*
 * The calls of SBI 0.1: one id each, the answer in a0 alone. Their hart masks
 * are words in the caller's virtual memory, which may fault: then the guest
 * gets that fault at its ecall. No mask (address 0) means all harts.
 */
#include "kernel/guest/sbi_priv.h"

/* False: the guest was given a fault instead of an answer. */
static bool mask_read(struct vcpu *vcpu, uint64_t *harts)
{
	uint64_t mask, all = sbi_harts_all(vcpu->vm);

	*harts = all;
	if (!sbi_arg(vcpu, 0))
		return true;
	if (arch_vcpu_read_virtual(vcpu, sbi_arg(vcpu, 0), &mask))
		return false;
	*harts = mask & all;
	return true;
}

static long console_getchar(struct vm *vm)
{
	uint8_t byte;

	return vm_console_read(vm, &byte, 1) ? byte : -1;
}

static long clear_ipi(struct vcpu *self)
{
	uint64_t irqs = arch_vcpu_irqs(self);

	vcpu_irq_set(self, VCPU_IRQ_SOFT, false);
	return irqs & VCPU_IRQ_SOFT ? 1 : 0;
}

/* Those that begin with a hart mask. */
static long masked_handle(struct vcpu *vcpu, uint64_t ext)
{
	uint64_t harts;

	if (!mask_read(vcpu, &harts))
		return SBI_KEEP;
	switch (ext) {
	case SBI_EXT_LEGACY_SEND_IPI:
		sbi_ipi_raise(vcpu->vm, harts);
		return 0;
	case SBI_EXT_LEGACY_FENCE_I:
		vcpu_fence(vcpu, harts, VCPU_FENCE_I, 0, UINT64_MAX);
		return 0;
	default:
		return sbi_fence_vma(vcpu, harts, sbi_arg(vcpu, 1),
				     sbi_arg(vcpu, 2));
	}
}

static long call(struct vcpu *vcpu, uint64_t ext)
{
	switch (ext) {
	case SBI_EXT_LEGACY_SET_TIMER:
		arch_vcpu_timer_set(vcpu, sbi_arg(vcpu, 0));
		return 0;
	case SBI_EXT_LEGACY_PUTCHAR:
		return sbi_console_putchar(vcpu).error;
	case SBI_EXT_LEGACY_GETCHAR:
		return console_getchar(vcpu->vm);
	case SBI_EXT_LEGACY_CLEAR_IPI:
		return clear_ipi(vcpu);
	case SBI_EXT_LEGACY_SHUTDOWN:
		vm_end(vcpu->vm, VM_END_POWEROFF, "powered off");
		return 0;
	default:
		return masked_handle(vcpu, ext);
	}
}

/* The answer is a0 alone; a1 is kept. */
static struct sbi_answer legacy_handle(struct vcpu *vcpu)
{
	long answer = call(vcpu, vcpu->regs.x[VCPU_A7]);

	if (answer > SBI_KEEP) {
		vcpu->regs.x[VCPU_A0] = answer;
		answer = SBI_KEEP;
	}
	return sbi_error(answer);
}

const struct sbi_extension sbi_legacy = {.first = SBI_EXT_LEGACY_SET_TIMER,
					 .last = SBI_EXT_LEGACY_SHUTDOWN,
					 .handle = legacy_handle};
