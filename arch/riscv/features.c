/*
 * What the harts can do: the device tree names it, a probe confirms it. A
 * feature counts only when every usable hart has it.
 */
#include "arch/riscv/features.h"

#include "kernel/boot.h"
#include "arch/machine.h"
#include "arch/riscv/csr.h"
#include "arch/riscv/mm/space.h"
#include "kernel/fdt/cpus.h"
#include "kernel/log.h"

static struct features found;

const struct features *features(void)
{
	return &found;
}

bool features_all_have(const char *extension)
{
	const void *fdt = boot_fdt();
	struct dt_cpu_iter it;
	struct dt_cpu cpu;
	bool any = false;

	dt_cpu_begin(fdt, &it);
	while (dt_cpu_next(fdt, &it, &cpu)) {
		if (!cpu.usable)
			continue;
		if (!dt_isa_has(fdt, cpu.offset, extension))
			return false;
		any = true;
	}
	return any;
}

/* The largest G-stage format that hgatp takes, and its VMID bits. */
static void probe_gstage(void)
{
	static const struct {
		const char *name;
		uint64_t mode;
	} format[] = {{"sv57x4", 10}, {"sv48x4", 9}, {"sv39x4", 8}};
	unsigned long old, value;
	unsigned i;

	if (!csr_swap_probe(CSR_HGATP, 0, &old))
		return;
	for (i = 0; i < ARRAY_SIZE(format); i++) {
		csr_swap_probe(CSR_HGATP, format[i].mode << HGATP_MODE_SHIFT,
			       &old);
		csr_read_probe(CSR_HGATP, &value);
		if (value >> HGATP_MODE_SHIFT == format[i].mode)
			break;
	}
	if (i == ARRAY_SIZE(format))
		goto out_clear;
	csr_swap_probe(CSR_HGATP,
		       format[i].mode << HGATP_MODE_SHIFT |
			       HGATP_VMID_MASK << HGATP_VMID_SHIFT,
		       &old);
	csr_read_probe(CSR_HGATP, &value);
	value = value >> HGATP_VMID_SHIFT & HGATP_VMID_MASK;
	for (; value & 1; value >>= 1)
		found.vmid_bits++;
	found.gstage = format[i].name;
	found.hypervisor = true;
out_clear:
	csr_swap_probe(CSR_HGATP, 0, &old);
}

int arch_features_init(void)
{
	unsigned long value;

	found.sstc = features_all_have("sstc") &&
		csr_read_probe(CSR_STIMECMP, &value);
	if (features_all_have("svpbmt")) {
		found.svpbmt = true;
		space_io_strict();
	}
	if (features_all_have("h"))
		probe_gstage();
	return 0;
}

int arch_features_report(void)
{
	if (found.hypervisor)
		log_info("boot", "hypervisor %s vmid %u%s", found.gstage,
			 found.vmid_bits, found.sstc ? " sstc" : "");
	else
		log_info("boot", "hypervisor none");
	return 0;
}
