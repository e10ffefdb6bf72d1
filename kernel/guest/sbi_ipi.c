/* IPI: software interrupts in harts of the caller's VM. */
#include "kernel/guest/sbi_priv.h"

void sbi_ipi_raise(struct vm *vm, uint64_t harts)
{
	for (; harts; harts &= harts - 1)
		vcpu_irq_set(&vm->vcpu[__builtin_ctzll(harts)], VCPU_IRQ_SOFT,
			     true);
}

static struct sbi_answer ipi_handle(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	uint64_t harts;
	long error;

	if (sbi_fid(vcpu) != SBI_IPI_SEND)
		return sbi_error(SBI_ERR_NOT_SUPPORTED);
	error = sbi_harts_select(vm, sbi_arg(vcpu, 0), sbi_arg(vcpu, 1),
				 &harts);
	if (!error)
		sbi_ipi_raise(vm, harts);
	return sbi_error(error);
}

const struct sbi_extension sbi_ipi = {
	.first = SBI_EXT_IPI, .last = SBI_EXT_IPI, .handle = ipi_handle};
