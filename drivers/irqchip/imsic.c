/*
 * The IMSIC. The file itself is reached by CSRs (arch/imsic.h); the tree's
 * addresses only tell which hart number senders must use. Identities 1 to 63
 * are used, which every IMSIC has.
 */
#include "drivers/irqchip/imsic.h"

#include <errno.h>
#include <stdbool.h>

#include "arch/imsic.h"
#include "arch/smp.h"
#include "kernel/fdt/cpus.h"

#define IDENTITIES	64u
#define DELIVERY_ON	1u
#define THRESHOLD_NONE	0u
#define FILE_SHIFT	12u /* a file takes one page */
#define IDENTITIES_LAST 2047u
#define GROUP_SHIFT	24u /* where the tree does not say */

static struct {
	struct irqchip chip;
	unsigned hart_index;
	unsigned used;	     /* identities 1 to this are taken */
	uint32_t identities; /* that the file has */
	struct irq_line line[IDENTITIES];
} state;

/* Find the address of the @index-th hart's file in the regions of @node, each
 * of which holds the files of one group of harts. */
static int file_find(const void *fdt, const struct dt_node *node,
		     unsigned index, unsigned file_shift, uint64_t *out)
{
	uint64_t files, skip = index;
	struct range range;
	unsigned i;
	int err;

	for (i = 0; !(err = dt_reg(fdt, node, i, &range)); i++) {
		files = range.size >> file_shift;
		if (skip < files) {
			*out = range.start + (skip << file_shift);
			return 0;
		}
		skip -= files;
	}
	return err == -ENOENT ? -EINVAL : err;
}

/* Bits that number the harts of one group: the tree's, or enough for all
 * entries of interrupts-extended. */
static uint32_t hart_bits_default(const void *fdt, const struct dt_node *node)
{
	unsigned count = 1, bits = 0;

	while (irq_context(fdt, node, count) != -ENOENT)
		count++;
	while (1u << bits < count)
		bits++;
	return bits;
}

/* The number by which an APLIC addresses the @index-th hart: group and hart
 * bits taken from the address of its file (AIA 1.0, 3.6 and 4.9.1). */
static int hart_index_find(const void *fdt, const struct dt_node *node,
			   unsigned index, unsigned *out)
{
	uint32_t guest_bits = 0, group_bits = 0, group_shift = GROUP_SHIFT;
	uint32_t hart_bits = hart_bits_default(fdt, node);
	uint64_t address, hart, group;
	int err;

	dt_u32(fdt, node, "riscv,guest-index-bits", &guest_bits);
	dt_u32(fdt, node, "riscv,hart-index-bits", &hart_bits);
	dt_u32(fdt, node, "riscv,group-index-bits", &group_bits);
	dt_u32(fdt, node, "riscv,group-index-shift", &group_shift);
	if (guest_bits > 7 || hart_bits > 15 || group_bits > 7 ||
	    group_shift > 55)
		return -EINVAL;
	err = file_find(fdt, node, index, FILE_SHIFT + guest_bits, &address);
	if (err)
		return err;
	hart = address >> (FILE_SHIFT + guest_bits) & ((1u << hart_bits) - 1);
	group = address >> group_shift & ((1u << group_bits) - 1);
	*out = group << hart_bits | hart;
	return 0;
}

static void imsic_dispatch(struct irqchip *chip)
{
	struct irq_line *line;
	unsigned identity;

	(void)chip;
	while ((identity = arch_imsic_claim())) {
		line = &state.line[identity % IDENTITIES];
		if (identity < IDENTITIES && line->fn)
			line->fn(line->arg);
	}
}

/* Lines of the tree never lead here: #interrupt-cells is 0. */
static int imsic_line_request(struct irqchip *chip, const struct dt_irq *irq,
			      irq_handler *fn, void *arg)
{
	(void)chip;
	(void)irq;
	(void)fn;
	(void)arg;
	return -EINVAL;
}

bool imsic_started(uint32_t phandle)
{
	return state.chip.dispatch && state.chip.phandle == phandle;
}

int imsic_request(uint32_t phandle, irq_handler *fn, void *arg,
		  struct imsic_target *out)
{
	unsigned identity = state.used + 1;

	if (!imsic_started(phandle))
		return -EAGAIN;
	if (identity == IDENTITIES)
		return -ENOSPC;
	state.used = identity;
	state.line[identity] = (struct irq_line){fn, arg};
	out->hart_index = state.hart_index;
	out->identity = identity;
	arch_imsic_set(IMSIC_EIE0, 1ull << identity);
	return 0;
}

/* Only what is asked for comes through: on RV64 the registers with even
 * numbers hold 64 identities each (AIA 1.0, 3.8.4). */
static void file_start(uint32_t identities)
{
	unsigned i;

	for (i = 0; i <= identities / 64; i++)
		arch_imsic_write(IMSIC_EIE0 + 2 * i, 0);
	arch_imsic_write(IMSIC_EITHRESHOLD, THRESHOLD_NONE);
	arch_imsic_write(IMSIC_EIDELIVERY, DELIVERY_ON);
}

static void imsic_stop(struct irqchip *chip)
{
	unsigned i;

	(void)chip;
	arch_imsic_write(IMSIC_EIDELIVERY, 0);
	arch_imsic_write(IMSIC_EITHRESHOLD, 0);
	for (i = 0; i <= state.identities / 64; i++) {
		arch_imsic_write(IMSIC_EIE0 + 2 * i, 0);
		arch_imsic_write(IMSIC_EIP0 + 2 * i, 0);
	}
}

static int imsic_probe(const void *fdt, const struct dt_node *node,
		       const struct driver_match *match)
{
	uint32_t phandle, identities;
	struct dt_cpu cpu;
	unsigned index;
	int err = irq_context_own(fdt, node, &index);

	(void)match;
	if (err)
		return err;
	if (state.chip.dispatch)
		return -EBUSY;
	if (dt_u32(fdt, node, "phandle", &phandle) ||
	    dt_u32(fdt, node, "riscv,num-ids", &identities) ||
	    identities < IDENTITIES - 1 || identities > IDENTITIES_LAST)
		return -EINVAL;
	/* Without the extension the CSRs would trap. */
	err = dt_cpu_find(fdt, arch_cpu_hart(arch_cpu_index()), &cpu);
	if (err || !dt_isa_has(fdt, cpu.offset, "ssaia"))
		return -EINVAL;
	err = hart_index_find(fdt, node, index, &state.hart_index);
	if (err)
		return err;
	file_start(identities);
	state.identities = identities;
	state.chip = (struct irqchip){.name = "imsic",
				      .phandle = phandle,
				      .request = imsic_line_request,
				      .dispatch = imsic_dispatch,
				      .stop = imsic_stop};
	irqchip_register(&state.chip);
	return 0;
}

static const struct driver_match match[] = {
	{"riscv,imsics", 0},
	{NULL, 0},
};

const struct driver imsic_driver = {
	.name = "imsic",
	.cls = DRIVER_IRQCHIP,
	.match = match,
	.probe = imsic_probe,
};
DRIVER(imsic_driver);
