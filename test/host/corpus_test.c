/* Sources: test/host/corpus.c kernel/mm/memmap.c kernel/fdt/dt.c
 *          kernel/fdt/address.c kernel/fdt/interrupt.c kernel/fdt/memory.c
 *          kernel/fdt/chosen.c kernel/fdt/cpus.c lib/range.c lib/mix.c
 *          libfdt */
/*
 * Every real tree: harts, memory, reservations and the console's node as the
 * table says; walk and phandles as libfdt says. Which driver the console gets
 * is console_choice_test's, by the same table.
 */
#include "test/host/corpus.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <libfdt.h>

#include "kernel/fdt/chosen.h"
#include "kernel/fdt/cpus.h"
#include "kernel/fdt/memory.h"
#include "kernel/mm/memmap.h"
#include "lib/addr.h"

static void harts_as_expected(const struct corpus_board *board, const void *fdt)
{
	struct dt_cpu_iter it;
	struct dt_cpu cpu;
	char text[128] = "";
	size_t used = 0;
	uint64_t first = 0, next = 0;
	bool any = false;

	dt_cpu_begin(fdt, &it);
	while (dt_cpu_next(fdt, &it, &cpu)) {
		assert_true(cpu.intc_phandle != 0);
		assert_true(dt_isa_has(fdt, cpu.offset, "i"));
		assert_true(dt_isa_has(fdt, cpu.offset, "a"));
		if (!cpu.usable)
			continue;
		assert_int_equal(cpu.mmu_levels, board->mmu_levels);
		/* Runs of ids become "first-last". */
		if (any && cpu.hart == next && next - first > 1)
			used = (size_t)(strrchr(text, '-') - text);
		if (any && cpu.hart == next)
			used += (size_t)sprintf(text + used, "-%" PRIu64,
						cpu.hart);
		else
			used += (size_t)sprintf(text + used, "%s%" PRIu64,
						any ? "," : "", cpu.hart);
		if (!any || cpu.hart != next)
			first = cpu.hart;
		next = cpu.hart + 1;
		any = true;
	}
	assert_string_equal(text, board->harts);
}

static void memory_as_expected(const struct corpus_board *board,
			       const void *fdt)
{
	struct dt_memory_iter it;
	struct dt_reserved reserved;
	struct range r;
	unsigned i = 0;

	dt_memory_begin(fdt, &it);
	for (; dt_memory_next(fdt, &it, &r); i++) {
		assert_true(i < ARRAY_SIZE(board->memory));
		assert_int_equal(r.start, board->memory[i].start);
		assert_int_equal(r.size, board->memory[i].size);
	}
	assert_int_equal(board->memory[i].size, 0);
	i = 0;
	dt_reserved_begin(fdt, &it);
	for (; dt_reserved_next(fdt, &it, &reserved); i++) {
		assert_true(i < ARRAY_SIZE(board->reserved));
		r = board->reserved[i].range;
		assert_int_equal(reserved.range.start, r.start);
		assert_int_equal(reserved.range.size, r.size);
		assert_int_equal(reserved.no_map, board->reserved[i].no_map);
	}
	assert_int_equal(board->reserved[i].range.size, 0);
	assert_false(dt_memreserve(fdt, 0, &r));
}

/* Bytes of the board's memory that its reservations take. */
static uint64_t reserved_bytes(const struct corpus_board *board)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(board->memory); i++)
		for (unsigned k = 0; k < ARRAY_SIZE(board->reserved); k++)
			bytes += range_intersect(&board->memory[i],
						 &board->reserved[k].range)
					 .size;
	return bytes;
}

/* The map, with an image where U-Boot puts it: 2 MiB into the first range. */
static void map_as_expected(const struct corpus_board *board, const void *fdt)
{
	struct memmap map = {0};
	struct range image = {board->memory[0].start + MIB(2), 0x40000};
	const char *why = NULL;
	uint64_t total = 0;
	int error = memmap_from_fdt(&map, fdt, &image, &why);

	if (!board->memory[0].size) {
		assert_string_equal(why, "no memory node");
		return;
	}
	assert_int_equal(error, 0);
	for (unsigned i = 0; i < ARRAY_SIZE(board->memory); i++)
		total += board->memory[i].size;
	assert_int_equal(memmap_total(&map, MEMMAP_KINDS), total);
	assert_int_equal(memmap_total(&map, MEMMAP_IMAGE), image.size);
	assert_true(memmap_is(&map, board->memory[0].start, MIB(2),
			      MEMMAP_FIRMWARE));
	assert_int_equal(memmap_total(&map, MEMMAP_FREE),
			 total - reserved_bytes(board) - MIB(2) - image.size);
	for (unsigned i = 0; i < ARRAY_SIZE(board->reserved); i++) {
		struct range r = board->reserved[i].range;
		const struct memmap_region *at = memmap_find(&map, r.start);

		if (r.size && at)
			assert_int_equal(at->kind,
					 board->reserved[i].no_map
						 ? MEMMAP_NOMAP
						 : MEMMAP_RESERVED);
	}
}

static void stdout_as_expected(const struct corpus_board *board,
			       const void *fdt)
{
	const char *options;
	struct dt_node n;
	char path[128];

	if (!board->console.path)
		return;
	assert_int_equal(dt_stdout(fdt, &n, NULL, &options), 0);
	assert_int_equal(dt_path(fdt, &n, path, sizeof(path)), 0);
	assert_string_equal(path, board->console.path);
	assert_true(dt_enabled(fdt, &n));
}

static void node_as_libfdt(const void *fdt, const struct dt_node *n, int offset,
			   int depth)
{
	uint32_t phandle = fdt_get_phandle(fdt, offset);
	struct dt_node found;
	struct dt_irq irq;
	struct range r;
	char path[256], theirs[256];

	assert_int_equal(n->offset, offset);
	assert_int_equal(n->depth, depth);
	assert_int_equal(fdt_get_path(fdt, offset, theirs, sizeof(theirs)), 0);
	assert_int_equal(dt_path(fdt, n, path, sizeof(path)), 0);
	assert_string_equal(path, theirs);
	assert_int_equal(dt_find_path(fdt, path, &found), 0);
	assert_int_equal(found.offset, offset);
	if (phandle) {
		assert_int_equal(dt_find_phandle(fdt, phandle, &found), 0);
		assert_int_equal(found.offset, offset);
	}
	/* Whatever they hold, they end. */
	for (unsigned i = 0; !dt_reg(fdt, n, i, &r); i++)
		assert_true(i < 1000);
	for (unsigned i = 0; !dt_irq(fdt, n, i, &irq); i++)
		assert_true(i < 1000);
}

static void board_as_expected(const struct corpus_board *board, void *fdt,
			      uint32_t size)
{
	int offset = 0, depth = 0;
	const char *why = NULL;
	struct dt_node n;
	uint64_t hz = 0;
	bool more = true;

	assert_int_equal(dt_check(fdt, size, &why), 0);
	assert_int_equal(fdt_check_full(fdt, size), 0);
	harts_as_expected(board, fdt);
	memory_as_expected(board, fdt);
	map_as_expected(board, fdt);
	stdout_as_expected(board, fdt);
	assert_int_equal(dt_timebase(fdt, &hz), 0);
	assert_true(hz >= 1000000);
	for (dt_root(fdt, &n); more; more = dt_next(fdt, &n)) {
		node_as_libfdt(fdt, &n, offset, depth);
		offset = fdt_next_node(fdt, offset, &depth);
	}
	assert_true(offset < 0 || depth < 0);
}

static void every_tree_of_debian(void **state)
{
	(void)state;
	if (!corpus_each("debian/dtbs", board_as_expected)) {
		print_message("SKIP: no device trees of Debian's kernel\n");
		skip();
	}
}

static void every_tree_of_qemu(void **state)
{
	(void)state;
	if (!corpus_each("dtbs-qemu", board_as_expected)) {
		print_message("SKIP: no dumps of QEMU's device trees\n");
		skip();
	}
}

static void visionfive_2_by_name(void **state)
{
	const struct corpus_board *board =
		corpus_find("jh7110-starfive-visionfive-2-v1.3b.dtb");

	(void)state;
	assert_non_null(board);
	assert_string_equal(board->harts, "1-4");
	assert_int_equal(board->mmu_levels, 3);
	assert_int_equal(board->memory[0].start, 0x40000000);
	assert_string_equal(board->console.path, "/soc/serial@10000000");
	assert_int_equal(board->console.stride, 4);
	assert_int_equal(board->console.width, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(visionfive_2_by_name),
		cmocka_unit_test(every_tree_of_debian),
		cmocka_unit_test(every_tree_of_qemu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
