/*
 * Prepares harts for guests: probes every optional CSR through the exception
 * table, settles what is offered and writes the same to each hart.
 */
#include <errno.h>
#include <string.h>

#include "arch/riscv/csr.h"
#include "arch/riscv/features.h"
#include "arch/riscv/guest/offer.h"
#include "arch/riscv/guest/vcpu.h"
#include "arch/vcpu.h"
#include "kernel/boot.h"
#include "kernel/fdt/cpus.h"

/*
 * Everything that a guest's own kernel handles: misaligned (0, 4, 6), access
 * faults (1, 5, 7), illegal (2), breakpoint (3), ecall from VU (8), page faults
 * (12, 13, 15) and software check (18): no hypervisor CSR keeps senvcfg.LPE,
 * which lets users raise it, from a guest (Zicfilp).
 */
#define HEDELEG	   0x4b1ffull
#define HIDELEG	   (HVIP_VSSIP | HVIP_VSTIP | HVIP_VSEIP)
#define HCOUNTEREN 7ull /* cycle, time, instret */

static struct {
	struct guest_csrs csrs;
	struct offer offer;
	struct arch_guest_info info;
} state;

const struct guest_csrs *guest_csrs(void)
{
	return &state.csrs;
}

const struct arch_guest_info *arch_guest_info(void)
{
	return &state.info;
}

/* Access a CSR that needs FS or VS on, which the kernel has off. */
#define probe_with(field, csr, out)                \
	({                                         \
		bool found_;                       \
		csr_set(CSR_SSTATUS, field);       \
		found_ = csr_read_probe(csr, out); \
		csr_clear(CSR_SSTATUS, field);     \
		found_;                            \
	})

static void probe_hart(struct offer_probe *probe)
{
	unsigned long old, value;

	memset(probe, 0, sizeof(*probe));
	probe->listed = features_all_have;
	probe->has_hstateen0 = csr_swap_probe(
		CSR_HSTATEEN0, HSTATEEN0_SE | HSTATEEN0_ENVCFG, &old);
	probe->has_henvcfg =
		csr_swap_probe(CSR_HENVCFG, offer_henvcfg_wanted, &old);
	if (probe->has_henvcfg && csr_read_probe(CSR_HENVCFG, &value))
		probe->henvcfg = value;
	probe->has_senvcfg = csr_read_probe(CSR_SENVCFG, &value);
	probe->has_sstateen0 = csr_read_probe(CSR_SSTATEEN0, &value);
	probe->vstimecmp = csr_read_probe(CSR_VSTIMECMP, &value);
	probe->fcsr = probe_with(SSTATUS_FS, CSR_FCSR, &value);
	probe->vlenb = probe_with(SSTATUS_VS, CSR_VLENB, &value);
	state.csrs.vlenb = probe->vlenb ? value : 0;
}

/* The smallest format that hgatp takes: walks are shortest. */
static const struct pagetable_format *gstage_format(void)
{
	static const struct pagetable_format *const format[] = {
		&pagetable_sv39x4, &pagetable_sv48x4, &pagetable_sv57x4};
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(format); i++) {
		csr_write(CSR_HGATP,
			  (uint64_t)format[i]->satp_mode << HGATP_MODE_SHIFT);
		if (csr_read(CSR_HGATP) >> HGATP_MODE_SHIFT ==
		    format[i]->satp_mode)
			break;
	}
	csr_write(CSR_HGATP, 0);
	return i < ARRAY_SIZE(format) ? format[i] : NULL;
}

/* Block sizes and MMU of the boot hart stand for all: usable harts agree or
 * the smaller is taken. */
static void info_from_tree(struct arch_guest_info *info)
{
	static const char *const mmu[] = {"riscv,sv39", "riscv,sv48",
					  "riscv,sv57"};
	unsigned levels = 5;
	struct dt_cpu_iter it;
	struct dt_cpu cpu;
	bool first = true;

	dt_cpu_begin(boot_fdt(), &it);
	while (dt_cpu_next(boot_fdt(), &it, &cpu)) {
		if (!cpu.usable)
			continue;
		if (first || cpu.cbom_size < info->cbom_size)
			info->cbom_size = cpu.cbom_size;
		if (first || cpu.cboz_size < info->cboz_size)
			info->cboz_size = cpu.cboz_size;
		if (cpu.mmu_levels < levels)
			levels = cpu.mmu_levels;
		first = false;
	}
	/* The tree may promise too much; what we run with was probed. */
	if (boot_info()->levels < levels && levels > 3)
		levels = boot_info()->levels;
	info->mmu_type = mmu[levels < 3 ? 0 : levels - 3];
}

int arch_guest_init(void)
{
	struct arch_guest_info *info = &state.info;
	struct guest_csrs *csrs = &state.csrs;
	struct offer_probe probe;
	unsigned long value;

	if (!features()->hypervisor)
		return -ENODEV;
	csrs->gstage = gstage_format();
	if (!csrs->gstage)
		return -ENODEV;
	csrs->vmid_max = (1ull << features()->vmid_bits) - 1;
	probe_hart(&probe);
	info_from_tree(info);
	probe.cbom_size = info->cbom_size;
	probe.cboz_size = info->cboz_size;
	offer_settle(&probe, &state.offer);
	csrs->hedeleg = HEDELEG;
	csrs->hideleg = HIDELEG;
	csrs->hcounteren = HCOUNTEREN;
	csrs->henvcfg = state.offer.henvcfg;
	csrs->has_henvcfg = state.offer.has_henvcfg;
	csrs->has_senvcfg = state.offer.has_senvcfg;
	csrs->has_sstateen = state.offer.has_sstateen0;
	csrs->has_vsiselect = csr_read_probe(CSR_VSISELECT, &value);
	csrs->has_ctr = csr_read_probe(CSR_VSCTRCTL, &value);
	csrs->has_jvt = csr_read_probe(CSR_JVT, &value);
	csrs->has_scontext = csr_read_probe(CSR_SCONTEXT, &value);
	csrs->sstc = state.offer.sstc;
	csrs->fp = state.offer.fp;
	csrs->vector = state.offer.vector;

	if (features_all_have("zicboz"))
		guest_zero_init(info->cboz_size);
	if (!state.offer.cbom)
		info->cbom_size = 0;
	if (!state.offer.cboz)
		info->cboz_size = 0;
	info->gstage = csrs->gstage->name;
	info->vmid_bits = features()->vmid_bits;
	info->sstc = csrs->sstc;
	info->gpa_limit = 1ull << pagetable_va_bits(csrs->gstage);
	if (offer_isa(&state.offer, features_all_have, info->isa,
		      sizeof(info->isa)) < 0)
		return -ENOSPC;
	arch_guest_cpu_init();
	return 0;
}

void arch_guest_cpu_exit(void)
{
	unsigned long old;

	if (!state.csrs.gstage)
		return;
	csr_write(CSR_HSTATUS, 0);
	csr_write(CSR_HEDELEG, 0);
	csr_write(CSR_HIDELEG, 0);
	csr_write(CSR_HTIMEDELTA, 0);
	/* Again: where QEMU's harts are threads, a timer that it had begun to
	 * fire leaves VSTIP behind the write that moved it. */
	csr_swap_probe(CSR_VSTIMECMP, -1ul, &old);
	csr_write(CSR_HVIP, 0);
	csr_write(CSR_HCOUNTEREN, 0);
	csr_write(CSR_HGATP, 0);
	csr_write(CSR_VSSTATUS, 0);
	csr_write(CSR_VSIE, 0);
	csr_write(CSR_VSATP, 0);
	csr_swap_probe(CSR_HENVCFG, 0, &old);
	csr_swap_probe(CSR_HSTATEEN0, 0, &old);
	hfence_gvma_all();
	hfence_vvma_all();
}

void arch_guest_cpu_init(void)
{
	const struct guest_csrs *csrs = &state.csrs;
	unsigned long old;

	csr_write(CSR_HEDELEG, csrs->hedeleg);
	csr_write(CSR_HIDELEG, csrs->hideleg);
	csr_write(CSR_HCOUNTEREN, csrs->hcounteren);
	csr_write(CSR_HGEIE, 0);
	csr_write(CSR_HVIP, 0);
	if (csrs->has_henvcfg)
		csr_write(CSR_HENVCFG, csrs->henvcfg);
	/* Also where guests are not offered it: 0 would be long past. */
	csr_swap_probe(CSR_VSTIMECMP, -1ul, &old);
	/*
	 * State that guests are not given: AIA's interrupts and whatever
	 * comes behind sstateen1 to 3. Absent CSRs are skipped.
	 */
	csr_swap_probe(CSR_HSTATEEN0,
		       csrs->has_sstateen ? HSTATEEN0_SE | HSTATEEN0_ENVCFG
					  : HSTATEEN0_ENVCFG,
		       &old);
	csr_swap_probe(CSR_HSTATEEN1, 0, &old);
	csr_swap_probe(CSR_HSTATEEN2, 0, &old);
	csr_swap_probe(CSR_HSTATEEN3, 0, &old);
	csr_swap_probe(CSR_HVIEN, 0, &old);
	csr_swap_probe(CSR_HVICTL, 0, &old);
	csr_swap_probe(CSR_HVIPRIO1, 0, &old);
	csr_swap_probe(CSR_HVIPRIO2, 0, &old);
	hfence_gvma_all();
}
