/* What the readers of kernel/fdt share among themselves. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <libfdt.h>

#include "kernel/fdt/dt.h"
#include "lib/addr.h"
#include "lib/range.h"

/* #address-cells and #size-cells of one node, for its children. */
struct dt_cells {
	uint32_t address;
	uint32_t size;
};

/* The cells of the node at @offset, or the defaults 2 and 1. */
void dt_cells_read(const void *fdt, int offset, struct dt_cells *out);

/*
 * Entry @index of `reg` in the parent's address space, its end cut at 2^64.
 * Errors as dt_reg().
 */
int dt_reg_local(const void *fdt, const struct dt_node *n, unsigned index,
		 struct range *out);

/* A property that is wanted: NULL and undefined where it is not there. */
struct dt_want {
	const char *name;
	const void *value;
	int len;
};

/*
 * Find all @count properties of the node at @offset in one pass; @want has
 * their names and is zero otherwise.
 */
void dt_props_at(const void *fdt, int offset, struct dt_want *want,
		 unsigned count);

/* Is property @name of @n the string @value? */
bool dt_string_is(const void *fdt, const struct dt_node *n, const char *name,
		  const char *value);

/* The big-endian cell at @p. */
static inline uint32_t dt_cell(const void *p)
{
	const uint8_t *b = p;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 |
		(uint32_t)b[2] << 8 | b[3];
}

/* A number of @cells cells, at most 2. */
static inline uint64_t dt_number(const uint8_t *p, unsigned cells)
{
	uint64_t value = 0;

	while (cells--) {
		value = value << 32 | dt_cell(p);
		p += 4;
	}
	return value;
}
