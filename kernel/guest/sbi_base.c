/*
 * BASE: what there is. The machine ids read 0, which is always legal: a guest
 * is told of a hart by its device tree, not by whose hart it happens to be on.
 */
#include "kernel/guest/sbi_priv.h"

static struct sbi_answer base_handle(struct vcpu *vcpu)
{
	const struct sbi_extension *ext;

	switch (sbi_fid(vcpu)) {
	case SBI_BASE_SPEC_VERSION:
		return sbi_value(SBI_GUEST_SPEC_VERSION);
	case SBI_BASE_IMPL_ID:
		return sbi_value(SBI_GUEST_IMPL_ID);
	case SBI_BASE_IMPL_VERSION:
		return sbi_value(SBI_GUEST_IMPL_VERSION);
	case SBI_BASE_PROBE:
		ext = sbi_extension_find(sbi_extensions, sbi_extension_count,
					 sbi_arg(vcpu, 0));
		return sbi_value(ext != NULL);
	case SBI_BASE_MVENDORID:
	case SBI_BASE_MARCHID:
	case SBI_BASE_MIMPID:
		return sbi_value(0);
	default:
		return sbi_error(SBI_ERR_NOT_SUPPORTED);
	}
}

const struct sbi_extension sbi_base = {
	.first = SBI_EXT_BASE, .last = SBI_EXT_BASE, .handle = base_handle};
