/*
 * The table of extensions and the way through it: from a7 to the
 * extension that has the id, and its answer to a0 and a1 (SBI, chapter "Binary
 * Encoding"). Guests call often: every instruction here counts.
 */
#include "kernel/guest/sbi.h"

#include <errno.h>

#include "kernel/guest/sbi_priv.h"

/* The busiest first; of TIME little comes here (arch/riscv/guest/switch.S). */
const struct sbi_extension *const sbi_extensions[] = {
	&sbi_base, &sbi_ipi,  &sbi_rfence, &sbi_time,	&sbi_hsm,
	&sbi_dbcn, &sbi_srst, &sbi_susp,   &sbi_legacy,
};
const size_t sbi_extension_count = ARRAY_SIZE(sbi_extensions);

const struct sbi_extension *sbi_extension_find(
	const struct sbi_extension *const *table, size_t count, uint64_t ext)
{
	for (size_t i = 0; i < count; i++)
		if (ext >= table[i]->first && ext <= table[i]->last)
			return table[i];
	return NULL;
}

bool sbi_extensions_overlap(const struct sbi_extension *const *table,
			    size_t count)
{
	const struct sbi_extension *a, *b;

	for (size_t i = 0; i < count; i++) {
		a = table[i];
		if (a->first > a->last)
			return true;
		for (size_t k = 0; k < i; k++) {
			b = table[k];
			if (a->first <= b->last && b->first <= a->last)
				return true;
		}
	}
	return false;
}

uint64_t sbi_harts_all(const struct vm *vm)
{
	return ~0ull >> (VCPU_MAX - vm->vcpu_count);
}

long sbi_harts_select(const struct vm *vm, uint64_t mask, uint64_t base,
		      uint64_t *harts)
{
	uint64_t all = sbi_harts_all(vm);

	*harts = 0;
	if (base == UINT64_MAX) {
		*harts = all;
		return SBI_SUCCESS;
	}
	if (!mask)
		return SBI_SUCCESS;
	/* What a shift would push out of the word does not exist either. */
	if (base >= vm->vcpu_count || mask & ~(all >> base))
		return SBI_ERR_INVALID_PARAM;
	*harts = mask << base;
	return SBI_SUCCESS;
}

bool sbi_pc_valid(const struct vm *vm, gpa_t pc)
{
	return is_aligned(pc, 2) && vm_is_ram(vm, pc, 2);
}

int sbi_handle(struct vcpu *vcpu)
{
	uint64_t *x = vcpu->regs.x;
	const struct sbi_extension *ext;
	struct sbi_answer answer = sbi_error(SBI_ERR_NOT_SUPPORTED);

	ext = sbi_extension_find(sbi_extensions, ARRAY_SIZE(sbi_extensions),
				 x[VCPU_A7]);
	if (ext)
		answer = ext->handle(vcpu);
	if (answer.error <= SBI_KEEP)
		return answer.error == SBI_AGAIN ? -EAGAIN : 0;
	x[VCPU_A0] = answer.error;
	x[VCPU_A1] = answer.value;
	return 0;
}
