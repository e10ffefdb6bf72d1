/* TIME: the supervisor timer of the calling hart. */
#include "kernel/guest/sbi_priv.h"

static struct sbi_answer time_handle(struct vcpu *vcpu)
{
	if (sbi_fid(vcpu) != SBI_TIME_SET)
		return sbi_error(SBI_ERR_NOT_SUPPORTED);
	arch_vcpu_timer_set(vcpu, sbi_arg(vcpu, 0));
	return sbi_value(0);
}

const struct sbi_extension sbi_time = {
	.first = SBI_EXT_TIME, .last = SBI_EXT_TIME, .handle = time_handle};
