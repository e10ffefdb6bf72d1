/* Device trees for host tests, built with libfdt. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct tree {
	uint64_t blob[4096];
};

/* A root with #address-cells and #size-cells 2 and a /soc with empty ranges,
 * the same cells and interrupt-parent <1>. */
void tree_init(struct tree *t);

/* Set a property of the node @path, which is made (with its parents) when it
 * is not there yet. */
void tree_string(struct tree *t, const char *path, const char *name,
		 const char *value);
void tree_bytes(struct tree *t, const char *path, const char *name,
		const void *value, size_t len);

/* The same with cells: tree_cells(&t, "/soc/a", "reg", 0, 0x1000, 0, 0x100) */
#define tree_cells(t, path, name, ...)                                 \
	tree_cells_set(t, path, name, (const uint32_t[]){__VA_ARGS__}, \
		       sizeof((const uint32_t[]){__VA_ARGS__}) / 4)
void tree_cells_set(struct tree *t, const char *path, const char *name,
		    const uint32_t *cells, size_t count);

/* cpu@<hart> nodes 0 to @harts - 1 with an interrupt controller each, whose
 * phandle is 0x10 + hart, and riscv,isa @isa. */
void tree_harts(struct tree *t, unsigned harts, const char *isa);
