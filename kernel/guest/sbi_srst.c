/* SRST: the guest ends itself. A cold and a warm reboot are the same here. */
#include "kernel/guest/sbi_priv.h"

/* Both have 32 bits: how the caller extended them does not matter. */
static long system_reset(struct vm *vm, uint32_t type, uint32_t reason)
{
	bool failed = reason == SBI_SRST_SYSTEM_FAILURE;

	if (reason > SBI_SRST_SYSTEM_FAILURE)
		return SBI_ERR_INVALID_PARAM;
	switch (type) {
	case SBI_SRST_SHUTDOWN:
		vm_end(vm, VM_END_POWEROFF,
		       failed ? "powered off after a failure" : "powered off");
		return SBI_SUCCESS;
	case SBI_SRST_COLD_REBOOT:
	case SBI_SRST_WARM_REBOOT:
		vm_end(vm, VM_END_REBOOT,
		       failed ? "rebooted after a failure" : "rebooted");
		return SBI_SUCCESS;
	default:
		return SBI_ERR_INVALID_PARAM;
	}
}

static struct sbi_answer srst_handle(struct vcpu *vcpu)
{
	if (sbi_fid(vcpu) != SBI_SRST_RESET)
		return sbi_error(SBI_ERR_NOT_SUPPORTED);
	return sbi_error(
		system_reset(vcpu->vm, sbi_arg(vcpu, 0), sbi_arg(vcpu, 1)));
}

const struct sbi_extension sbi_srst = {
	.first = SBI_EXT_SRST, .last = SBI_EXT_SRST, .handle = srst_handle};
