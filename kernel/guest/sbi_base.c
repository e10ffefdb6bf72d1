/*
 * BASE: what there is. The machine ids read 0, which is always legal: a guest
 * is told of a hart by its device tree, not by whose hart it happens to be on.
 */
#include "kernel/guest/sbi_priv.h"

static long base_handle(struct sbi_call *call)
{
	switch (call->fid) {
	case SBI_BASE_SPEC_VERSION:
		call->value = SBI_GUEST_SPEC_VERSION;
		return SBI_SUCCESS;
	case SBI_BASE_IMPL_ID:
		call->value = SBI_GUEST_IMPL_ID;
		return SBI_SUCCESS;
	case SBI_BASE_IMPL_VERSION:
		call->value = SBI_GUEST_IMPL_VERSION;
		return SBI_SUCCESS;
	case SBI_BASE_PROBE:
		call->value =
			sbi_extension_find(sbi_extensions, sbi_extension_count,
					   call->arg[0]) != NULL;
		return SBI_SUCCESS;
	case SBI_BASE_MVENDORID:
	case SBI_BASE_MARCHID:
	case SBI_BASE_MIMPID:
		return SBI_SUCCESS;
	default:
		return SBI_ERR_NOT_SUPPORTED;
	}
}

const struct sbi_extension sbi_base = {
	.first = SBI_EXT_BASE, .last = SBI_EXT_BASE, .handle = base_handle};
