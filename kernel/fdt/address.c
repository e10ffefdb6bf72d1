/*
 * Addresses: `reg` of a node, translated bus by bus to what the CPU sees
 * (Devicetree Specification v0.4, 2.3.5, 2.3.6 and 2.3.8).
 */
#include "kernel/fdt/dt_priv.h"

#include <errno.h>

/* More make no sense in any binding; the bound keeps products small. */
#define CELLS_MAX 8u

void dt_cells_read(const void *fdt, int offset, struct dt_cells *out)
{
	struct dt_want want[] = {{.name = "#address-cells"},
				 {.name = "#size-cells"}};

	dt_props_at(fdt, offset, want, ARRAY_SIZE(want));
	out->address =
		want[0].value && want[0].len == 4 ? dt_cell(want[0].value) : 2;
	out->size =
		want[1].value && want[1].len == 4 ? dt_cell(want[1].value) : 1;
}

int dt_reg_local(const void *fdt, const struct dt_node *n, unsigned index,
		 struct range *out)
{
	struct dt_cells cells;
	unsigned entry;
	int len;
	const uint8_t *p = dt_prop(fdt, n, "reg", &len);

	if (!p || !n->depth)
		return -ENOENT;
	dt_cells_read(fdt, n->parent[n->depth - 1], &cells);
	if (!cells.address || cells.address > CELLS_MAX ||
	    cells.size > CELLS_MAX)
		return -EINVAL;
	entry = (cells.address + cells.size) * 4;
	if ((unsigned)len % entry)
		return -EINVAL;
	if (index >= (unsigned)len / entry)
		return -ENOENT;
	if (cells.address > 2 || cells.size > 2)
		return -ERANGE;
	p += (size_t)index * entry;
	*out = range_make(dt_number(p, cells.address),
			  dt_number(p + cells.address * 4, cells.size));
	return 0;
}

/*
 * Translate @addr on the bus at offset @bus to its @parent's address space by
 * the first entry of `ranges` that holds it.
 */
static int bus_translate(const void *fdt, int bus, int parent, uint64_t *addr)
{
	struct dt_cells child, up;
	unsigned entry;
	int len;
	const uint8_t *p = dt_prop_at(fdt, bus, "ranges", &len);

	if (!p)
		return -ERANGE;
	if (!len)
		return 0;
	dt_cells_read(fdt, bus, &child);
	dt_cells_read(fdt, parent, &up);
	if (child.address - 1 > 1 || up.address - 1 > 1 || child.size - 1 > 1)
		return -ERANGE;
	entry = (child.address + up.address + child.size) * 4;
	if ((unsigned)len % entry)
		return -EINVAL;
	for (const uint8_t *end = p + len; p < end; p += entry) {
		uint64_t from = dt_number(p, child.address);
		uint64_t to = dt_number(p + child.address * 4, up.address);
		uint64_t size =
			dt_number(p + entry - child.size * 4, child.size);

		if (*addr < from || *addr - from >= size)
			continue;
		if (to > UINT64_MAX - (*addr - from))
			return -ERANGE;
		*addr = to + (*addr - from);
		return 0;
	}
	return -ERANGE;
}

int dt_reg(const void *fdt, const struct dt_node *n, unsigned index,
	   struct range *cpu_addr)
{
	struct range r;
	int error = dt_reg_local(fdt, n, index, &r);

	for (int level = n->depth - 1; !error && level > 0; level--)
		error = bus_translate(fdt, n->parent[level],
				      n->parent[level - 1], &r.start);
	if (error)
		return error;
	*cpu_addr = range_make(r.start, r.size);
	return 0;
}
