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

static long susp_handle(struct sbi_call *call)
{
	const uint64_t *arg = call->arg;

	if (call->fid != SBI_SUSP_SUSPEND)
		return SBI_ERR_NOT_SUPPORTED;
	/* 32 bits: how the caller extended them does not matter. */
	if ((uint32_t)arg[0] != SBI_SUSP_SUSPEND_TO_RAM)
		return SBI_ERR_INVALID_PARAM;
	if (!sbi_pc_valid(call->vcpu->vm, arg[1]))
		return SBI_ERR_INVALID_ADDRESS;
	if (!others_stopped(call->vcpu))
		return SBI_ERR_DENIED;
	return sbi_suspend_resume_at(call->vcpu, arg[1], arg[2]);
}

const struct sbi_extension sbi_susp = {
	.first = SBI_EXT_SUSP, .last = SBI_EXT_SUSP, .handle = susp_handle};
