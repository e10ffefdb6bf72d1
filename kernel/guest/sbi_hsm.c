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

static struct sbi_answer hart_status(const struct vm *vm, uint64_t hart)
{
	if (hart >= vm->vcpu_count)
		return sbi_error(SBI_ERR_INVALID_PARAM);
	return sbi_value(vcpu_hsm_status(&vm->vcpu[hart]));
}

static struct sbi_answer hsm_handle(struct vcpu *vcpu)
{
	uint64_t arg0 = sbi_arg(vcpu, 0), pc = sbi_arg(vcpu, 1);
	uint64_t opaque = sbi_arg(vcpu, 2);

	switch (sbi_fid(vcpu)) {
	case SBI_HSM_START:
		return sbi_error(hart_start(vcpu->vm, arg0, pc, opaque));
	case SBI_HSM_STOP:
		vcpu_stop(vcpu);
		return sbi_value(0);
	case SBI_HSM_STATUS:
		return hart_status(vcpu->vm, arg0);
	case SBI_HSM_SUSPEND:
		return sbi_error(hart_suspend(vcpu, arg0, pc, opaque));
	default:
		return sbi_error(SBI_ERR_NOT_SUPPORTED);
	}
}

const struct sbi_extension sbi_hsm = {
	.first = SBI_EXT_HSM, .last = SBI_EXT_HSM, .handle = hsm_handle};
