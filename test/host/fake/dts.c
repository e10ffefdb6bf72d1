/* Device trees for tests, by libfdt's sequential writer. */
#include "test/host/fake/dts.h"

#include <assert.h>
#include <string.h>

#include <libfdt.h>

static struct {
	uint8_t blob[DTS_SIZE] __attribute__((aligned(8)));
	uint64_t reserve[16][2];
	unsigned reserves;
} tree;

#define must(call)                   \
	do {                         \
		int error_ = (call); \
		assert(error_ == 0); \
	} while (0)

void dts_reserve(uint64_t start, uint64_t size)
{
	assert(tree.reserves < 16);
	tree.reserve[tree.reserves][0] = start;
	tree.reserve[tree.reserves++][1] = size;
}

void dts_begin(void)
{
	must(fdt_create(tree.blob, DTS_SIZE));
	for (unsigned i = 0; i < tree.reserves; i++)
		must(fdt_add_reservemap_entry(tree.blob, tree.reserve[i][0],
					      tree.reserve[i][1]));
	tree.reserves = 0;
	must(fdt_finish_reservemap(tree.blob));
	dts_node("");
}

void dts_node(const char *name)
{
	must(fdt_begin_node(tree.blob, name));
}

void dts_end(void)
{
	must(fdt_end_node(tree.blob));
}

void dts_bytes(const char *name, const void *value, size_t len)
{
	must(fdt_property(tree.blob, name, value, (int)len));
}

void dts_string(const char *name, const char *text)
{
	dts_bytes(name, text, strlen(text) + 1);
}

void dts_empty(const char *name)
{
	dts_bytes(name, "", 0);
}

void dts_cells_write(const char *name, const uint32_t *cells, size_t count)
{
	fdt32_t value[64];

	assert(count <= 64);
	for (size_t i = 0; i < count; i++)
		value[i] = cpu_to_fdt32(cells[i]);
	dts_bytes(name, value, count * 4);
}

void *dts_finish(void)
{
	dts_end();
	must(fdt_finish(tree.blob));
	return tree.blob;
}
