/*
 * Memory in the device tree: /memory nodes, /reserved-memory and the
 * reservation block (Devicetree Specification v0.4, 3.4, 3.5, 5.3).
 */
#pragma once

#include <stdbool.h>

#include "kernel/fdt/dt.h"
#include "lib/range.h"

struct dt_memory_iter {
	struct dt_node node;
	unsigned index;
	bool done;
};

/* Start going through the ranges of all enabled /memory nodes. */
void dt_memory_begin(const void *fdt, struct dt_memory_iter *it);

/* The next range that is not empty; malformed ones are passed over. */
bool dt_memory_next(const void *fdt, struct dt_memory_iter *it,
		    struct range *out);

struct dt_reserved {
	struct range range;
	bool no_map;	  /* must not be mapped at all */
	const char *name; /* of the node, in the tree */
};

/* Start going through the children of /reserved-memory that have a place. */
void dt_reserved_begin(const void *fdt, struct dt_memory_iter *it);

/*
 * The next range that is not empty. Children without `reg` (a pool that the
 * kernel may place) and disabled ones are passed over.
 */
bool dt_reserved_next(const void *fdt, struct dt_memory_iter *it,
		      struct dt_reserved *out);

/* Entry @index of the reservation block; false at its end. */
bool dt_memreserve(const void *fdt, unsigned index, struct range *out);
