/* IPI: software interrupts in harts of the caller's VM. */
#include "kernel/guest/sbi_priv.h"

void sbi_ipi_raise(struct vm *vm, uint64_t harts)
{
	for (; harts; harts &= harts - 1)
		vcpu_irq_set(&vm->vcpu[__builtin_ctzll(harts)], VCPU_IRQ_SOFT,
			     true);
}

static long ipi_handle(struct sbi_call *call)
{
	struct vm *vm = call->vcpu->vm;
	uint64_t harts;
	long error;

	if (call->fid != SBI_IPI_SEND)
		return SBI_ERR_NOT_SUPPORTED;
	error = sbi_harts_select(vm, call->arg[0], call->arg[1], &harts);
	if (!error)
		sbi_ipi_raise(vm, harts);
	return error;
}

const struct sbi_extension sbi_ipi = {
	.first = SBI_EXT_IPI, .last = SBI_EXT_IPI, .handle = ipi_handle};
