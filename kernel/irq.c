/*
 * The list of interrupt controllers. There are one or two, so lists are
 * walked; a controller finds its own lines by index.
 */
#include "kernel/irq.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "arch/smp.h"
#include "kernel/fdt/cpus.h"

static struct {
	struct irqchip *first;
	struct dt_hart_map harts;
	bool harts_known;
} state;

void irqchip_register(struct irqchip *chip)
{
	chip->next = state.first;
	state.first = chip;
}

static struct irqchip *chip_find(uint32_t phandle)
{
	struct irqchip *chip;

	for (chip = state.first; chip; chip = chip->next)
		if (chip->phandle == phandle)
			return chip;
	return NULL;
}

int irq_request(const struct dt_irq *irq, irq_handler *fn, void *arg)
{
	struct irqchip *chip = chip_find(irq->parent_phandle);

	if (!chip)
		return -ENODEV;
	return chip->request(chip, irq, fn, arg);
}

const char *irq_chip_name(const struct dt_irq *irq)
{
	struct irqchip *chip = chip_find(irq->parent_phandle);

	return chip ? chip->name : "?";
}

void irq_handle_external(void)
{
	struct irqchip *chip;

	for (chip = state.first; chip; chip = chip->next)
		if (chip->dispatch)
			chip->dispatch(chip);
}

/* The last that was registered first: an APLIC comes after its IMSIC. */
void irq_stop(void)
{
	struct irqchip *chip;

	for (chip = state.first; chip; chip = chip->next)
		chip->stop(chip);
}

int irq_context(const void *fdt, const struct dt_node *node, unsigned index)
{
	uint32_t cause;
	uint64_t hart;
	int err;

	if (!state.harts_known)
		dt_hart_map(fdt, &state.harts);
	state.harts_known = true;
	err = dt_context(fdt, node, &state.harts, index, &hart, &cause);
	if (err == -ENOENT)
		return err;
	if (err || cause != IRQ_CAUSE_EXTERNAL)
		return -EINVAL;
	return hart == arch_cpu_hart(arch_cpu_index());
}

int irq_context_own(const void *fdt, const struct dt_node *node,
		    unsigned *index)
{
	unsigned i;
	int kind;

	for (i = 0; (kind = irq_context(fdt, node, i)) != -ENOENT; i++) {
		if (kind != 1)
			continue;
		*index = i;
		return 0;
	}
	return -ENODEV;
}
