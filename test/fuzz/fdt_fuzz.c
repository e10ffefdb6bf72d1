/* Sources: kernel/mm/memmap.c kernel/fdt/dt.c kernel/fdt/address.c
 *          kernel/fdt/interrupt.c kernel/fdt/memory.c kernel/fdt/chosen.c
 *          kernel/fdt/cpus.c kernel/cmdline.c lib/range.c lib/mix.c */
/*
 * Everything the kernel does with a device tree, on arbitrary bytes. Seeds are
 * the real trees of the corpus. The input lies in a block of exactly its size,
 * so that one byte read behind it is found; loops over entries are bounded here
 * (each look-up may walk the whole tree), those inside the readers are not.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/cmdline.h"
#include "kernel/fdt/chosen.h"
#include "kernel/fdt/cpus.h"
#include "kernel/fdt/dt.h"
#include "kernel/fdt/memory.h"
#include "kernel/mm/memmap.h"
#include "lib/addr.h"

#define ENTRIES_MAX 6

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stop the fuzzer: an invariant is broken. */
static void must(bool holds)
{
	if (!holds)
		abort();
}

static void read_properties(const void *fdt, const struct dt_node *n)
{
	static const char *const names[] = {"reg",
					    "compatible",
					    "status",
					    "interrupts",
					    "interrupts-extended",
					    "ranges",
					    "#address-cells",
					    "phandle",
					    "reg-shift"};
	static const char *const list[] = {"ns16550a", "sifive,uart0", NULL};
	const char *text;
	uint64_t v64;
	uint32_t v32;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		dt_u32(fdt, n, names[i], &v32);
		dt_u64(fdt, n, names[i], &v64);
		dt_u32_index(fdt, n, names[i], 3, &v32);
		for (unsigned k = 0; k < ENTRIES_MAX; k++)
			if (!dt_string(fdt, n, names[i], k, &text))
				must(strlen(text) < DT_SIZE_MAX);
	}
	dt_compatible(fdt, n, list);
	dt_isa_has(fdt, n->offset, "sstc");
	dt_isa_has(fdt, n->offset, "h");
}

static void read_node(const void *fdt, const struct dt_node *n)
{
	struct dt_node found, child;
	struct dt_irq irq;
	struct range r;
	char path[128];

	must(n->depth >= 0 && n->depth <= DT_DEPTH_MAX);
	if (!dt_path(fdt, n, path, sizeof(path)))
		dt_find_path(fdt, path, &found);
	dt_enabled(fdt, n);
	if (dt_parent(fdt, n, &found))
		must(found.depth == n->depth - 1 && found.offset < n->offset);
	if (dt_first_child(fdt, n, &child))
		must(child.depth == n->depth + 1 && child.offset > n->offset);
	for (unsigned i = 0; i < ENTRIES_MAX; i++) {
		if (!dt_reg(fdt, n, i, &r))
			must(!r.size || r.start + (r.size - 1) >= r.start);
		if (!dt_irq(fdt, n, i, &irq))
			must(irq.cells >= 1 && irq.cells <= DT_IRQ_CELLS_MAX);
	}
	read_properties(fdt, n);
}

static void read_cpus(const void *fdt)
{
	struct dt_hart_map map;
	struct dt_cpu_iter it;
	struct dt_cpu cpu;
	struct dt_node n;
	uint64_t value;
	uint32_t cause;

	dt_timebase(fdt, &value);
	dt_hart_map(fdt, &map);
	must(map.count <= DT_HART_MAP_MAX);
	dt_cpu_begin(fdt, &it);
	while (dt_cpu_next(fdt, &it, &cpu)) {
		must(!cpu.usable || cpu.mmu_levels);
		dt_isa_has(fdt, cpu.offset, "zicbom");
	}
	if (!dt_find_path(fdt, "/soc/plic", &n))
		for (unsigned i = 0; i < ENTRIES_MAX; i++)
			dt_context(fdt, &n, &map, i, &value, &cause);
}

static void read_chosen(void *fdt)
{
	const char *args = dt_bootargs(fdt), *why, *path, *options;
	struct mix pool = {{0, 0}};
	struct dt_node n;
	uint64_t value;
	char buf[16];

	cmdline_has(args, "nokaslr");
	cmdline_value(args, "console", buf, sizeof(buf));
	cmdline_u64(args, "panic", &value);
	dt_stdout(fdt, &n, &path, &options);
	dt_seed_take(fdt, &pool);
	/* Wiping the seeds leaves a tree that is still good. */
	must(!dt_check(fdt, dt_total_size(fdt), &why));
}

static void read_memory(const void *fdt)
{
	static const struct range images[] = {
		{0x80200000, 0x40000}, {0x40200000, 0x40000}, {0x1000, 0x1000}};

	for (size_t i = 0; i < ARRAY_SIZE(images); i++) {
		struct memmap map = {0};
		const char *why = NULL;
		int error = memmap_from_fdt(&map, fdt, &images[i], &why);

		must(map.count <= MEMMAP_MAX && (!error || why));
		for (unsigned k = 1; k < map.count; k++)
			must(map.region[k - 1].start + map.region[k - 1].size <=
			     map.region[k].start);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *fdt = malloc(size ? size : 1);
	const char *why = NULL;
	struct dt_node n;
	bool more = true;
	uint32_t total;

	must(fdt != NULL);
	memcpy(fdt, data, size);
	if (size >= 8)
		dt_size(fdt, &total, &why);
	if (dt_check(fdt, size, &why)) {
		must(why != NULL);
		free(fdt);
		return 0;
	}
	for (dt_root(fdt, &n); more; more = dt_next(fdt, &n))
		read_node(fdt, &n);
	read_cpus(fdt);
	read_memory(fdt);
	read_chosen(fdt);
	free(fdt);
	return 0;
}
