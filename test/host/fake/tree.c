/* Device trees for host tests. */
#include "test/host/fake/tree.h"

#include <libfdt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int node_make(struct tree *t, const char *path)
{
	const char *name = path + 1, *end;
	int at = 0, next;

	for (; *name; name = *end ? end + 1 : end) {
		end = strchr(name, '/');
		end = end ? end : name + strlen(name);
		next = fdt_subnode_offset_namelen(t->blob, at, name,
						  end - name);
		if (next < 0)
			next = fdt_add_subnode_namelen(t->blob, at, name,
						       end - name);
		assert_true(next > 0);
		at = next;
	}
	return at;
}

void tree_bytes(struct tree *t, const char *path, const char *name,
		const void *value, size_t len)
{
	assert_int_equal(
		fdt_setprop(t->blob, node_make(t, path), name, value, len), 0);
}

void tree_string(struct tree *t, const char *path, const char *name,
		 const char *value)
{
	tree_bytes(t, path, name, value, strlen(value) + 1);
}

void tree_cells_set(struct tree *t, const char *path, const char *name,
		    const uint32_t *cells, size_t count)
{
	fdt32_t value[64];
	size_t i;

	assert_true(count <= 64);
	for (i = 0; i < count; i++)
		value[i] = cpu_to_fdt32(cells[i]);
	tree_bytes(t, path, name, value, 4 * count);
}

void tree_init(struct tree *t)
{
	assert_int_equal(fdt_create_empty_tree(t->blob, sizeof(t->blob)), 0);
	tree_cells(t, "/", "#address-cells", 2);
	tree_cells(t, "/", "#size-cells", 2);
	tree_cells(t, "/soc", "#address-cells", 2);
	tree_cells(t, "/soc", "#size-cells", 2);
	tree_cells(t, "/soc", "interrupt-parent", 1);
	tree_bytes(t, "/soc", "ranges", "", 0);
}

void tree_harts(struct tree *t, unsigned harts, const char *isa)
{
	char cpu[32], intc[64];
	unsigned i;

	tree_cells(t, "/cpus", "#address-cells", 1);
	tree_cells(t, "/cpus", "#size-cells", 0);
	for (i = 0; i < harts; i++) {
		snprintf(cpu, sizeof(cpu), "/cpus/cpu@%u", i);
		snprintf(intc, sizeof(intc), "%s/interrupt-controller", cpu);
		tree_string(t, cpu, "device_type", "cpu");
		tree_string(t, cpu, "riscv,isa", isa);
		tree_string(t, cpu, "mmu-type", "riscv,sv39");
		tree_cells(t, cpu, "reg", i);
		tree_cells(t, intc, "#interrupt-cells", 1);
		tree_string(t, intc, "compatible", "riscv,cpu-intc");
		tree_bytes(t, intc, "interrupt-controller", "", 0);
		tree_cells(t, intc, "phandle", 0x10 + i);
	}
}
