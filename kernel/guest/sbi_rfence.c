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

static struct sbi_answer rfence_handle(struct vcpu *vcpu)
{
	uint64_t harts, fid = sbi_fid(vcpu);
	long error;

	if (fid > SBI_RFENCE_SFENCE_VMA_ASID)
		return sbi_error(SBI_ERR_NOT_SUPPORTED);
	error = sbi_harts_select(vcpu->vm, sbi_arg(vcpu, 0), sbi_arg(vcpu, 1),
				 &harts);
	if (error)
		return sbi_error(error);
	if (fid != SBI_RFENCE_FENCE_I)
		return sbi_error(sbi_fence_vma(vcpu, harts, sbi_arg(vcpu, 2),
					       sbi_arg(vcpu, 3)));
	vcpu_fence(vcpu, harts, VCPU_FENCE_I, 0, UINT64_MAX);
	return sbi_value(0);
}

const struct sbi_extension sbi_rfence = {.first = SBI_EXT_RFENCE,
					 .last = SBI_EXT_RFENCE,
					 .handle = rfence_handle};
