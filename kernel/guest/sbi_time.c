/* TIME: the supervisor timer of the calling hart. */
#include "kernel/guest/sbi_priv.h"

static long time_handle(struct sbi_call *call)
{
	if (call->fid != SBI_TIME_SET)
		return SBI_ERR_NOT_SUPPORTED;
	arch_vcpu_timer_set(call->vcpu, call->arg[0]);
	return SBI_SUCCESS;
}

const struct sbi_extension sbi_time = {
	.first = SBI_EXT_TIME, .last = SBI_EXT_TIME, .handle = time_handle};
