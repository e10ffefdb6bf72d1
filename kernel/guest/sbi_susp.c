/*
 * SUSP: the whole guest sleeps. Its last hart is suspended until an interrupt
 * that it enabled comes; all others must be stopped, and so stay.
 */
#include "kernel/guest/sbi_priv.h"

static bool others_stopped(const struct vcpu *self)
{
	const struct vm *vm = self->vm;

	for (unsigned i = 0; i < vm->vcpu_count; i++)
		if (i != self->id &&
		    vcpu_hsm_status(&vm->vcpu[i]) != VCPU_HSM_STOPPED)
			return false;
	return true;
}

static long system_suspend(struct vcpu *self, uint32_t type, gpa_t pc,
			   uint64_t opaque)
{
	/* 32 bits: how the caller extended them does not matter. */
	if (type != SBI_SUSP_SUSPEND_TO_RAM)
		return SBI_ERR_INVALID_PARAM;
	if (!sbi_pc_valid(self->vm, pc))
		return SBI_ERR_INVALID_ADDRESS;
	if (!others_stopped(self))
		return SBI_ERR_DENIED;
	return sbi_suspend_resume_at(self, pc, opaque);
}

static struct sbi_answer susp_handle(struct vcpu *vcpu)
{
	if (sbi_fid(vcpu) != SBI_SUSP_SUSPEND)
		return sbi_error(SBI_ERR_NOT_SUPPORTED);
	return sbi_error(system_suspend(vcpu, sbi_arg(vcpu, 0),
					sbi_arg(vcpu, 1), sbi_arg(vcpu, 2)));
}

const struct sbi_extension sbi_susp = {
	.first = SBI_EXT_SUSP, .last = SBI_EXT_SUSP, .handle = susp_handle};
