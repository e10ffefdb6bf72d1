/*
 * RFENCE: fences on harts of the caller's VM. One for an address space id is
 * done for all of them, which is never too little. Those for hypervisors are
 * not supported: guests have no hypervisor extension.
 */
#include "kernel/guest/sbi_priv.h"

long sbi_fence_vma(struct vcpu *self, uint64_t harts, uint64_t start,
		   uint64_t size)
{
	if ((!start && !size) || size == UINT64_MAX) {
		vcpu_fence(self, harts, VCPU_FENCE_VMA, 0, UINT64_MAX);
		return SBI_SUCCESS;
	}
	/* Up to and with the last byte there is. */
	if (size && size - 1 > UINT64_MAX - start)
		return SBI_ERR_INVALID_ADDRESS;
	if (size)
		vcpu_fence(self, harts, VCPU_FENCE_VMA, start, size);
	return SBI_SUCCESS;
}

static long rfence_handle(struct sbi_call *call)
{
	struct vcpu *self = call->vcpu;
	uint64_t harts;
	long error;

	if (call->fid > SBI_RFENCE_SFENCE_VMA_ASID)
		return SBI_ERR_NOT_SUPPORTED;
	error = sbi_harts_select(self->vm, call->arg[0], call->arg[1], &harts);
	if (error)
		return error;
	if (call->fid != SBI_RFENCE_FENCE_I)
		return sbi_fence_vma(self, harts, call->arg[2], call->arg[3]);
	vcpu_fence(self, harts, VCPU_FENCE_I, 0, UINT64_MAX);
	return SBI_SUCCESS;
}

const struct sbi_extension sbi_rfence = {.first = SBI_EXT_RFENCE,
					 .last = SBI_EXT_RFENCE,
					 .handle = rfence_handle};
