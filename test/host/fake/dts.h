/*
 * Device trees for tests, written from top to bottom:
 *
 *	dts_begin();
 *	dts_cells("#address-cells", 1);
 *	dts_node("soc");
 *	dts_empty("ranges");
 *	dts_end();
 *	fdt = dts_finish();
 *
 * The root is open from dts_begin() on. One tree at a time.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define DTS_SIZE 65536

/* Start a new tree, with what dts_reserve() noted since the last one. */
void dts_begin(void);

/* Note a /memreserve/ entry for the next tree. */
void dts_reserve(uint64_t start, uint64_t size);

void dts_node(const char *name);
void dts_end(void);

/* A property of the node that is open. */
void dts_bytes(const char *name, const void *value, size_t len);
void dts_string(const char *name, const char *text);
void dts_empty(const char *name);

/* A list of strings from a literal such as "a\0b". */
#define dts_strings(name, literal) dts_bytes(name, literal, sizeof(literal))

/* A property of these cells. */
#define dts_cells(name, ...)                                   \
	dts_cells_write(name, (const uint32_t[]){__VA_ARGS__}, \
			sizeof((const uint32_t[]){__VA_ARGS__}) / 4)
void dts_cells_write(const char *name, const uint32_t *cells, size_t count);

/* Close the root. The tree stays where it is until the next dts_begin(). */
void *dts_finish(void);
