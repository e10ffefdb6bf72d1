/*
 * The calls of SBI 0.1: one id each, the answer in a0 alone. Their hart masks
 * are words in the caller's virtual memory, which may fault: then the guest
 * gets that fault at its ecall. No mask (address 0) means all harts.
 */
#include "kernel/guest/sbi_priv.h"

/* False: the guest was given a fault instead of an answer. */
static bool mask_read(struct sbi_call *call, uint64_t *harts)
{
	uint64_t mask, all = sbi_harts_all(call->vcpu->vm);

	*harts = all;
	if (!call->arg[0])
		return true;
	if (arch_vcpu_read_virtual(call->vcpu, call->arg[0], &mask)) {
		call->after = SBI_AFTER_KEEP;
		return false;
	}
	*harts = mask & all;
	return true;
}

static long console_getchar(struct sbi_call *call)
{
	uint8_t byte;

	return vm_console_read(call->vcpu->vm, &byte, 1) ? byte : -1;
}

static long clear_ipi(struct vcpu *self)
{
	uint64_t pending = __atomic_load_n(&self->pending, __ATOMIC_RELAXED);

	vcpu_irq_set(self, VCPU_IRQ_SOFT, false);
	return pending & VCPU_IRQ_SOFT ? 1 : 0;
}

/* Those that begin with a hart mask. */
static long masked_handle(struct sbi_call *call)
{
	uint64_t harts;

	if (!mask_read(call, &harts))
		return 0;
	switch (call->ext) {
	case SBI_EXT_LEGACY_SEND_IPI:
		sbi_ipi_raise(call->vcpu->vm, harts);
		return 0;
	case SBI_EXT_LEGACY_FENCE_I:
		vcpu_fence(call->vcpu, harts, VCPU_FENCE_I, 0, UINT64_MAX);
		return 0;
	default:
		return sbi_fence_vma(call->vcpu, harts, call->arg[1],
				     call->arg[2]);
	}
}

static long legacy_handle(struct sbi_call *call)
{
	switch (call->ext) {
	case SBI_EXT_LEGACY_SET_TIMER:
		arch_vcpu_timer_set(call->vcpu, call->arg[0]);
		return 0;
	case SBI_EXT_LEGACY_PUTCHAR:
		return sbi_console_putchar(call);
	case SBI_EXT_LEGACY_GETCHAR:
		return console_getchar(call);
	case SBI_EXT_LEGACY_CLEAR_IPI:
		return clear_ipi(call->vcpu);
	case SBI_EXT_LEGACY_SHUTDOWN:
		vm_end(call->vcpu->vm, VM_END_POWEROFF, "powered off");
		return 0;
	default:
		return masked_handle(call);
	}
}

const struct sbi_extension sbi_legacy = {.first = SBI_EXT_LEGACY_SET_TIMER,
					 .last = SBI_EXT_LEGACY_SHUTDOWN,
					 .legacy = true,
					 .handle = legacy_handle};
