/*
 * Interrupts of a node (Devicetree Specification v0.4, 2.4), without nexus
 * nodes: no console or timer on any board here hangs behind one.
 */
#include "kernel/fdt/dt_priv.h"

#include <errno.h>

/* Fill in who @out->parent_phandle is and how many cells it wants. */
static int controller_find(const void *fdt, struct dt_irq *out)
{
	struct dt_node controller;
	uint32_t cells;

	if (dt_find_phandle(fdt, out->parent_phandle, &controller) ||
	    dt_u32(fdt, &controller, "#interrupt-cells", &cells) || !cells ||
	    cells > DT_IRQ_CELLS_MAX)
		return -EINVAL;
	out->parent_offset = controller.offset;
	out->cells = cells;
	return 0;
}

static void cells_copy(const uint8_t *p, struct dt_irq *out)
{
	for (unsigned i = 0; i < out->cells; i++)
		out->cell[i] = dt_cell(p + 4 * i);
}

/* interrupts-extended: each entry names its own controller first. */
static int irq_extended(const void *fdt, const uint8_t *p, int len,
			unsigned index, struct dt_irq *out)
{
	for (;;) {
		int error;

		if (len < 4)
			return len ? -EINVAL : -ENOENT;
		/* Entries of one controller follow each other: look up once. */
		if (!out->cells || dt_cell(p) != out->parent_phandle) {
			out->parent_phandle = dt_cell(p);
			error = controller_find(fdt, out);
			if (error)
				return error;
		}
		if ((unsigned)len < 4 + 4 * out->cells)
			return -EINVAL;
		if (!index--)
			break;
		p += 4 + 4 * out->cells;
		len -= (int)(4 + 4 * out->cells);
	}
	cells_copy(p + 4, out);
	return 0;
}

/* The nearest interrupt-parent from @n upwards; 0 when there is none. */
static uint32_t parent_inherited(const void *fdt, const struct dt_node *n)
{
	int len;
	const void *p = dt_prop(fdt, n, "interrupt-parent", &len);

	for (int i = n->depth - 1; !p && i >= 0; i--)
		p = dt_prop_at(fdt, n->parent[i], "interrupt-parent", &len);
	return p && len == 4 ? dt_cell(p) : 0;
}

int dt_irq(const void *fdt, const struct dt_node *n, unsigned index,
	   struct dt_irq *out)
{
	int len, error;
	const uint8_t *p = dt_prop(fdt, n, "interrupts-extended", &len);

	*out = (struct dt_irq){0};
	if (p)
		return irq_extended(fdt, p, len, index, out);
	p = dt_prop(fdt, n, "interrupts", &len);
	if (!p)
		return -ENOENT;
	out->parent_phandle = parent_inherited(fdt, n);
	error = controller_find(fdt, out);
	if (error)
		return error;
	if ((unsigned)len % (4 * out->cells))
		return -EINVAL;
	if (index >= (unsigned)len / (4 * out->cells))
		return -ENOENT;
	cells_copy(p + (size_t)index * 4 * out->cells, out);
	return 0;
}
