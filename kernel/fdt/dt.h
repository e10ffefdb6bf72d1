/*
 * Device tree reading: the one place that knows how a flattened device tree
 * (Devicetree Specification v0.4, chapter 5) is laid out. Everything here but
 * dt_size() and dt_check() takes a tree that dt_check() accepted and that has
 * not changed since (dt_seed_take() aside), reads only inside it, ends after
 * at most one walk of it, and allocates nothing. No function keeps state.
 *
 * Errors, unless a function says otherwise: -ENOENT what was asked for is not
 * there, -EINVAL it is there and malformed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/range.h"

/* Deepest node: the root has depth 0. Deeper trees fail dt_check(). */
#define DT_DEPTH_MAX 16

/* Most bytes a tree may have; more than any loader passes on. */
#define DT_SIZE_MAX 0x200000u

/*
 * A place in the tree with the way to it. Made by the functions below only.
 * Plain offsets: it stays valid when the tree is seen at another address.
 */
struct dt_node {
	int offset;		  /* of its FDT_BEGIN_NODE in the structure */
	int props;		  /* of the first tag after its name */
	int depth;		  /* 0 = root */
	int parent[DT_DEPTH_MAX]; /* offsets of its ancestors, by depth */
};

/*
 * Look at the header alone: is this a device tree, and how long? @blob may
 * have any alignment, needs 8 readable bytes. Returns 0 and the size in
 * @size, 40 to DT_SIZE_MAX; -EINVAL "bad magic"; -EFBIG "too large" with the
 * size in @size; -EINVAL "truncated". @why gets the static text, or NULL.
 */
int dt_size(const void *blob, uint32_t *size, const char **why);

/*
 * Check a whole tree of at most @room readable bytes at @blob, 8-byte aligned:
 * header, block bounds, /memreserve/ end, nesting, names, every property's
 * bounds. Returns 0, or a negative errno and a static text in @why:
 *   -EINVAL	"misaligned", "bad magic", "truncated", "bad header",
 *		"bad reservation map", "bad structure", "bad name",
 *		"bad property", "bad strings"
 *   -EFBIG	"too large" (more than DT_SIZE_MAX)
 *   -ENOTSUP	"version" (not readable as version 17)
 *   -ELOOP	"nested too deep"
 */
int dt_check(const void *blob, uint64_t room, const char **why);

/* Bytes of the checked tree @fdt, header included. */
uint32_t dt_total_size(const void *fdt);

/* ---- walking ---- */

/* Set @n to the root. */
void dt_root(const void *fdt, struct dt_node *n);

/* Move @n on to the next node, parents before children; false at the end. */
bool dt_next(const void *fdt, struct dt_node *n);

/* Set @child to the first child of @n, move it on to its next sibling. */
bool dt_first_child(const void *fdt, const struct dt_node *n,
		    struct dt_node *child);
bool dt_next_child(const void *fdt, struct dt_node *child);

/* Set @out to the parent of @n (not the same object); false for the root. */
bool dt_parent(const void *fdt, const struct dt_node *n, struct dt_node *out);

/*
 * Find @path: "/a/b@1", or an alias followed by nothing or "/c". A ':' ends
 * it. A component without '@' also matches a node that has a unit address.
 * -ENOENT also for an alias that does not exist or is no absolute path.
 */
int dt_find_path(const void *fdt, const char *path, struct dt_node *out);

/* Find the node of @phandle (0 and UINT32_MAX are none). One walk. */
int dt_find_phandle(const void *fdt, uint32_t phandle, struct dt_node *out);

/*
 * Write the full path of @n into @buf, terminated. -ENAMETOOLONG when @len is
 * too small; @buf then holds what fits of its beginning, terminated.
 */
int dt_path(const void *fdt, const struct dt_node *n, char *buf, size_t len);

/* Name with unit address; "" for the root. Lies in the tree. */
const char *dt_name(const void *fdt, const struct dt_node *n);

/* Is the name up to '@' exactly @base? */
bool dt_name_is(const void *fdt, const struct dt_node *n, const char *base);

/*
 * Usable: it and all its ancestors have no `status`, or "okay" or "ok".
 */
bool dt_enabled(const void *fdt, const struct dt_node *n);

/* ---- properties ---- */

/*
 * The value of property @name, 4-byte aligned, and its length in @len (may be
 * NULL); NULL when there is none. An empty property gives a pointer not to be
 * read. For code in kernel/fdt; others use the typed readers.
 */
const void *dt_prop(const void *fdt, const struct dt_node *n, const char *name,
		    int *len);

/* The same for a node of which only the offset is known. */
const void *dt_prop_at(const void *fdt, int offset, const char *name, int *len);

/*
 * The properties of @n one by one, for showing them: *@at is 0 at first and
 * then where the last call left it. Returns the value as dt_prop() does, with
 * its name in the tree and its length; NULL behind the last one.
 */
const void *dt_prop_next(const void *fdt, const struct dt_node *n, int *at,
			 const char **name, int *len);

/* Is there a property @name? */
bool dt_has(const void *fdt, const struct dt_node *n, const char *name);

/* A property of exactly one cell; for dt_u64() one or two. */
int dt_u32(const void *fdt, const struct dt_node *n, const char *name,
	   uint32_t *out);
int dt_u64(const void *fdt, const struct dt_node *n, const char *name,
	   uint64_t *out);

/* Cell @index of a property that is an array of cells. */
int dt_u32_index(const void *fdt, const struct dt_node *n, const char *name,
		 unsigned index, uint32_t *out);

/* String @index of a list of strings, in the tree; -EINVAL unterminated. */
int dt_string(const void *fdt, const struct dt_node *n, const char *name,
	      unsigned index, const char **out);

/*
 * Which of @list (NULL-terminated) the node is, going through its own
 * `compatible` strings in order: the index in @list of the first that is
 * there, or -ENOENT.
 */
int dt_compatible(const void *fdt, const struct dt_node *n,
		  const char *const list[]);

/* ---- addresses and interrupts ---- */

/*
 * Entry @index of `reg` as the CPU sees it: split by the parent's
 * #address-cells and #size-cells (default 2 and 1), translated by the `ranges`
 * of every ancestor up to the root. Size 0 where #size-cells is 0.
 * -ENOENT no such entry; -EINVAL malformed cells; -ERANGE not translatable:
 * an ancestor without `ranges`, an address outside them, one beyond 64 bits,
 * or more than two address cells on the way (PCI).
 */
int dt_reg(const void *fdt, const struct dt_node *n, unsigned index,
	   struct range *cpu_addr);

#define DT_IRQ_CELLS_MAX 4

struct dt_irq {
	uint32_t parent_phandle; /* the controller */
	int parent_offset;	 /* of the controller's node */
	unsigned cells;		 /* 1 to DT_IRQ_CELLS_MAX */
	uint32_t cell[DT_IRQ_CELLS_MAX];
};

/*
 * Interrupt @index of @n: `interrupts-extended` if there, else `interrupts`
 * with the nearest `interrupt-parent` upwards. -EINVAL also for a controller
 * that does not exist or whose #interrupt-cells is missing, 0 or above
 * DT_IRQ_CELLS_MAX. interrupt-map is not followed. One walk of the tree per
 * entry up to @index; for interrupt controllers see dt_context().
 */
int dt_irq(const void *fdt, const struct dt_node *n, unsigned index,
	   struct dt_irq *out);
