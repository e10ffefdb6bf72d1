/*
 * The PLIC. Its contexts are the entries of interrupts-extended, in order.
 * This hart's supervisor context takes every line; those of other harts are
 * switched off, machine-level ones are the firmware's. A line that is off has
 * priority 0 in place of a cleared enable bit: the PLIC drops the completion
 * of a line that is not enabled, which would block it for ever.
 */
#include "drivers/irqchip/plic.h"

#include <errno.h>

#include "arch/io.h"
#include "arch/mmu.h"
#include "kernel/irq.h"
#include "kernel/mm/heap.h"

/* Chapter "Memory Map" of the specification: three parts far from each other,
 * mapped one by one, for trees give a PLIC up to 64 MiB. */
#define PRIORITY_START	    0x0ull
#define PRIORITY(source)    (4ul * (source))
#define ENABLE_START	    0x2000ull
#define ENABLE_SIZE	    0x80ull /* of a context */
#define ENABLE(ctx, source) (ENABLE_SIZE * (ctx) + (source) / 32 * 4ul)
#define CONTEXT_START	    0x200000ull
#define CONTEXT_SIZE	    0x1000ull
#define THRESHOLD	    0x0u /* in a context's part */
#define CLAIM		    0x4u

#define SOURCES_MAX  1023u
#define CONTEXTS_MAX 15872u
#define PRIORITY_OFF 0u
#define PRIORITY_ON  1u

struct plic {
	struct irqchip chip; /* first: a chip is its plic */
	volatile uint8_t *priority;
	volatile uint8_t *enable;  /* of all contexts */
	volatile uint8_t *context; /* this hart's */
	unsigned context_index;
	unsigned sources; /* lines are 1 to this */
	struct irq_line line[];
};

static void plic_dispatch(struct irqchip *chip)
{
	struct plic *p = (struct plic *)chip;
	volatile void *claim = p->context + CLAIM;
	unsigned source;

	while ((source = arch_read32(claim))) {
		if (source <= p->sources && p->line[source].fn)
			p->line[source].fn(p->line[source].arg);
		else
			arch_write32(p->priority + PRIORITY(source),
				     PRIORITY_OFF);
		arch_write32(claim, source);
	}
}

static int plic_request(struct irqchip *chip, const struct dt_irq *irq,
			irq_handler *fn, void *arg)
{
	struct plic *p = (struct plic *)chip;
	unsigned source = irq->cell[0];
	volatile void *enable;

	if (!source || source > p->sources)
		return -EINVAL;
	if (p->line[source].fn)
		return -EBUSY;
	p->line[source].fn = fn;
	p->line[source].arg = arg;
	enable = p->enable + ENABLE(p->context_index, source);
	arch_write32(p->priority + PRIORITY(source), PRIORITY_ON);
	arch_write32(enable, arch_read32(enable) | 1u << source % 32);
	return 0;
}

static void plic_stop(struct irqchip *chip)
{
	struct plic *p = (struct plic *)chip;
	unsigned source;

	/* While their lines are on: a completion is dropped afterwards. */
	plic_dispatch(chip);
	for (source = 1; source <= p->sources; source++)
		arch_write32(p->priority + PRIORITY(source), 0);
	for (source = 0; source <= p->sources; source += 32)
		arch_write32(p->enable + ENABLE(p->context_index, source), 0);
	arch_write32(p->context + THRESHOLD, 0);
}

/* Nothing comes through any supervisor context until it is asked for. */
static void contexts_clear(const void *fdt, const struct dt_node *node,
			   const struct plic *p)
{
	unsigned ctx, source;
	int kind;

	for (ctx = 0; (kind = irq_context(fdt, node, ctx)) != -ENOENT; ctx++) {
		if (kind < 0)
			continue;
		for (source = 0; source <= p->sources; source += 32)
			arch_write32(p->enable + ENABLE(ctx, source), 0);
	}
	arch_write32(p->context + THRESHOLD, 0);
}

/* Map @size bytes at @start of the PLIC at @plic. */
static int part_map(const struct range *plic, uint64_t start, uint64_t size,
		    volatile uint8_t **out)
{
	volatile void *base;
	int err;

	if (plic->size < start + size)
		return -EINVAL;
	err = arch_io_map(plic->start + start, size, &base);
	if (!err)
		*out = base;
	return err;
}

static int plic_map(const void *fdt, const struct dt_node *node, struct plic *p)
{
	unsigned contexts = p->context_index + 1;
	struct range range;
	int err = dt_reg(fdt, node, 0, &range);

	while (irq_context(fdt, node, contexts) != -ENOENT)
		contexts++;
	if (contexts > CONTEXTS_MAX)
		return -EINVAL;
	if (!err)
		err = part_map(&range, PRIORITY_START, PRIORITY(p->sources + 1),
			       &p->priority);
	if (!err)
		err = part_map(&range, ENABLE_START, contexts * ENABLE_SIZE,
			       &p->enable);
	if (!err)
		err = part_map(&range,
			       CONTEXT_START + p->context_index * CONTEXT_SIZE,
			       CLAIM + 4, &p->context);
	return err;
}

static int plic_probe(const void *fdt, const struct dt_node *node,
		      const struct driver_match *match)
{
	uint32_t sources, phandle;
	unsigned context;
	struct plic *p;
	int err = irq_context_own(fdt, node, &context);

	(void)match;
	if (err)
		return err;
	if (dt_u32(fdt, node, "riscv,ndev", &sources) || !sources ||
	    sources > SOURCES_MAX || dt_u32(fdt, node, "phandle", &phandle))
		return -EINVAL;
	p = heap_alloc(sizeof(*p) + (sources + 1) * sizeof(p->line[0]));
	if (!p)
		return -ENOMEM;
	p->chip = (struct irqchip){.name = "plic",
				   .phandle = phandle,
				   .request = plic_request,
				   .dispatch = plic_dispatch,
				   .stop = plic_stop};
	p->context_index = context;
	p->sources = sources;
	err = plic_map(fdt, node, p);
	if (err) {
		heap_free(p);
		return err;
	}
	contexts_clear(fdt, node, p);
	irqchip_register(&p->chip);
	return 0;
}

static const struct driver_match match[] = {
	{"sifive,plic-1.0.0", 0},
	{"riscv,plic0", 0},
	{"thead,c900-plic", 0},
	{NULL, 0},
};

const struct driver plic_driver = {
	.name = "plic",
	.cls = DRIVER_IRQCHIP,
	.match = match,
	.probe = plic_probe,
};
DRIVER(plic_driver);
