/*
 * HSM: harts of the caller's VM are started, stopped, suspended. The states are
 * the scheduler's (kernel/guest/vcpu.h); a start is over when it returns, so
 * none of the pending states occurs.
 */
#include "kernel/guest/sbi_priv.h"

#include <errno.h>

static long hart_start(struct vm *vm, uint64_t hart, gpa_t pc, uint64_t opaque)
{
	if (hart >= vm->vcpu_count)
		return SBI_ERR_INVALID_PARAM;
	if (!sbi_pc_valid(vm, pc))
		return SBI_ERR_INVALID_ADDRESS;
	switch (vcpu_start(&vm->vcpu[hart], pc, opaque)) {
	case 0:
		return SBI_SUCCESS;
	case -EALREADY:
		return SBI_ERR_ALREADY_AVAILABLE;
	case -EINVAL:
		return SBI_ERR_INVALID_ADDRESS;
	default:
		return SBI_ERR_FAILED;
	}
}

long sbi_suspend_resume_at(struct vcpu *self, gpa_t pc, uint64_t opaque)
{
	if (!sbi_pc_valid(self->vm, pc) ||
	    vcpu_suspend(self, false, pc, opaque))
		return SBI_ERR_INVALID_ADDRESS;
	return SBI_SUCCESS;
}

/* The type has 32 bits: how the caller extended them does not matter. */
static long hart_suspend(struct vcpu *self, uint32_t type, gpa_t pc,
			 uint64_t opaque)
{
	switch (type) {
	case SBI_HSM_SUSPEND_RETENTIVE:
		return vcpu_suspend(self, true, 0, 0) ? SBI_ERR_FAILED
						      : SBI_SUCCESS;
	case SBI_HSM_SUSPEND_NON_RETENTIVE:
		return sbi_suspend_resume_at(self, pc, opaque);
	default:
		return SBI_ERR_INVALID_PARAM;
	}
}

static long hart_status(struct sbi_call *call)
{
	const struct vm *vm = call->vcpu->vm;

	if (call->arg[0] >= vm->vcpu_count)
		return SBI_ERR_INVALID_PARAM;
	call->value = vcpu_hsm_status(&vm->vcpu[call->arg[0]]);
	return SBI_SUCCESS;
}

static long hsm_handle(struct sbi_call *call)
{
	const uint64_t *arg = call->arg;

	switch (call->fid) {
	case SBI_HSM_START:
		return hart_start(call->vcpu->vm, arg[0], arg[1], arg[2]);
	case SBI_HSM_STOP:
		vcpu_stop(call->vcpu);
		return SBI_SUCCESS;
	case SBI_HSM_STATUS:
		return hart_status(call);
	case SBI_HSM_SUSPEND:
		return hart_suspend(call->vcpu, arg[0], arg[1], arg[2]);
	default:
		return SBI_ERR_NOT_SUPPORTED;
	}
}

const struct sbi_extension sbi_hsm = {
	.first = SBI_EXT_HSM, .last = SBI_EXT_HSM, .handle = hsm_handle};
