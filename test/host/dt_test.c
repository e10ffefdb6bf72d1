/* Sources: kernel/fdt/dt.c test/host/fake/dts.c libfdt */
/* Checking, walking and properties, against libfdt where it can answer. */
#include "kernel/fdt/dt.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <libfdt.h>

#include "test/host/fake/dts.h"
#include "test/host/random.h"

static uint8_t copy[DTS_SIZE] __attribute__((aligned(8)));

static void *board(void)
{
	dts_reserve(0x80000000, 0x20000);
	dts_begin();
	dts_cells("#address-cells", 2);
	dts_string("model", "test");
	dts_node("aliases");
	dts_string("serial0", "/soc/serial@10000000");
	dts_string("loop", "loop");
	dts_string("bad", "/nowhere");
	dts_end();
	dts_node("soc");
	dts_string("compatible", "simple-bus");
	dts_node("serial@10000000");
	dts_strings("compatible", "vendor,uart\0ns16550a");
	dts_cells("phandle", 7);
	dts_cells("reg-shift", 2);
	dts_cells("clock", 1, 2);
	dts_empty("big-endian");
	dts_node("sub");
	dts_end();
	dts_end();
	dts_node("serial@20000000");
	dts_string("status", "disabled");
	dts_node("sub");
	dts_cells("linux,phandle", 9);
	dts_string("status", "okay");
	dts_end();
	dts_end();
	dts_end();
	dts_node("last");
	dts_string("status", "ok");
	dts_end();
	return dts_finish();
}

static int check(const void *blob, size_t room, const char *text)
{
	const char *why = "";
	int error = dt_check(blob, room, &why);

	if (text)
		assert_string_equal(why, text);
	return error;
}

/* A changed copy of the board: field of the header (in cells) := value. */
static void *with_header(unsigned field, uint32_t value)
{
	void *fdt = board();

	memcpy(copy, fdt, fdt_totalsize(fdt));
	((fdt32_t *)copy)[field] = cpu_to_fdt32(value);
	return copy;
}

static void check_takes_a_good_tree(void **state)
{
	void *fdt = board();
	uint32_t size;

	(void)state;
	assert_int_equal(check(fdt, fdt_totalsize(fdt), NULL), 0);
	assert_int_equal(dt_size(fdt, &size, NULL), 0);
	assert_int_equal(size, fdt_totalsize(fdt));
	assert_int_equal(dt_total_size(fdt), size);
}

static void check_names_what_is_wrong(void **state)
{
	uint32_t size = fdt_totalsize(board());

	(void)state;
	assert_int_equal(check(with_header(0, 1), size, "bad magic"), -EINVAL);
	assert_int_equal(check(with_header(1, 39), size, "truncated"), -EINVAL);
	assert_int_equal(
		check(with_header(1, DT_SIZE_MAX + 1), size, "too large"),
		-EFBIG);
	assert_int_equal(check(board(), size - 1, "truncated"), -EINVAL);
	assert_int_equal(check(board(), 7, "truncated"), -EINVAL);
	assert_int_equal(check(with_header(2, size), size, "bad header"),
			 -EINVAL);
	assert_int_equal(check(with_header(2, 0xfffffffc), size, "bad header"),
			 -EINVAL);
	assert_int_equal(check(with_header(3, 40), size, "bad header"),
			 -EINVAL);
	assert_int_equal(
		check(with_header(4, size - 8), size, "bad reservation map"),
		-EINVAL);
	assert_int_equal(check(with_header(5, 16), size, "version"), -ENOTSUP);
	assert_int_equal(check(with_header(6, 18), size, "version"), -ENOTSUP);
	assert_int_equal(check(with_header(8, size), size, "bad header"),
			 -EINVAL);
	assert_int_equal(check(with_header(9, 8), size, "truncated"), -EINVAL);
	memmove(copy + 4, board(), size);
	assert_int_equal(check(copy + 4, size, "misaligned"), -EINVAL);
}

static void check_wants_names_and_strings_to_end(void **state)
{
	void *fdt = board();
	uint32_t size = fdt_totalsize(fdt);
	int soc = fdt_path_offset(fdt, "/soc");

	(void)state;
	memcpy(copy, fdt, size);
	copy[fdt_off_dt_strings(fdt) + fdt_size_dt_strings(fdt) - 1] = 'x';
	assert_int_equal(check(copy, size, "bad strings"), -EINVAL);
	memcpy(copy, fdt, size);
	copy[fdt_off_dt_struct(fdt) + soc + 5] = 0x1b;
	assert_int_equal(check(copy, size, "bad name"), -EINVAL);
	memcpy(copy, fdt, size);
	copy[fdt_off_dt_struct(fdt) + soc + 4] = 0;
	assert_int_equal(check(copy, size, "bad name"), -EINVAL);
}

static void check_bounds_the_depth(void **state)
{
	(void)state;
	for (int depth = DT_DEPTH_MAX; depth <= DT_DEPTH_MAX + 1; depth++) {
		void *fdt;

		dts_begin();
		for (int i = 0; i < depth; i++)
			dts_node("n");
		for (int i = 0; i < depth; i++)
			dts_end();
		fdt = dts_finish();
		assert_int_equal(check(fdt, DTS_SIZE, NULL),
				 depth > DT_DEPTH_MAX ? -ELOOP : 0);
	}
}

/* One cell of the structure replaced. */
static int with_tag(int offset, uint32_t tag)
{
	void *fdt = board();
	fdt32_t raw = cpu_to_fdt32(tag);

	memcpy(copy, fdt, fdt_totalsize(fdt));
	memcpy(copy + fdt_off_dt_struct(fdt) + offset, &raw, 4);
	return check(copy, fdt_totalsize(fdt), NULL);
}

static void check_wants_one_root_well_nested(void **state)
{
	void *fdt = board();
	int end = (int)fdt_size_dt_struct(fdt) - 4;

	(void)state;
	assert_int_equal(with_tag(end, FDT_END), 0);
	assert_int_equal(with_tag(end, FDT_PROP), -EINVAL);
	assert_int_equal(with_tag(end, FDT_BEGIN_NODE), -EINVAL);
	assert_int_equal(with_tag(end, FDT_END_NODE), -EINVAL);
	assert_int_equal(with_tag(end - 4, FDT_END), -EINVAL);
	assert_int_equal(with_tag(end - 4, FDT_NOP), -EINVAL);
	assert_int_equal(with_tag(0, FDT_END_NODE), -EINVAL);
	assert_int_equal(with_tag(0, FDT_PROP), -EINVAL);
	assert_int_equal(with_tag(8, 0x55), -EINVAL);
	/* The length and the name of the first property. */
	assert_int_equal(with_tag(12, 0x7fffffff), -EINVAL);
	assert_int_equal(with_tag(16, 0x7fffffff), -EINVAL);
}

static void check_refuses_a_second_root(void **state)
{
	/* BEGIN "" END BEGIN "" END END, where the name has junk behind it. */
	static const uint32_t cells[] = {1, 0, 2, 1, 2, 2, 9};
	fdt32_t *block;
	void *fdt;

	(void)state;
	dts_begin();
	dts_node("a");
	dts_end();
	fdt = dts_finish();
	assert_int_equal(fdt_size_dt_struct(fdt), sizeof(cells));
	block = (fdt32_t *)((uint8_t *)fdt + fdt_off_dt_struct(fdt));
	for (size_t i = 0; i < sizeof(cells) / 4; i++)
		block[i] = cpu_to_fdt32(cells[i]);
	assert_int_equal(check(fdt, DTS_SIZE, "bad structure"), -EINVAL);
}

static void check_wants_properties_to_end(void **state)
{
	void *fdt = board();
	uint32_t size = fdt_totalsize(fdt), room;
	uint8_t *length;

	(void)state;
	/* The first property's length, one more than there is and wrapping. */
	length = copy + fdt_off_dt_struct(fdt) + 12;
	room = fdt_size_dt_struct(fdt) - 20;
	for (uint32_t len = room + 1; len; len = len == room + 1 ? -16u : 0) {
		fdt32_t raw = cpu_to_fdt32(len);

		memcpy(copy, fdt, size);
		memcpy(length, &raw, 4);
		assert_int_equal(check(copy, size, "bad property"), -EINVAL);
	}
}

static void check_refuses_properties_behind_children(void **state)
{
	void *fdt;
	uint8_t *b;

	(void)state;
	dts_begin();
	dts_node("a");
	dts_end();
	dts_node("b");
	dts_cells("x", 1);
	dts_end();
	fdt = dts_finish();
	b = (uint8_t *)fdt + fdt_off_dt_struct(fdt);
	b += fdt_path_offset(fdt, "/b");
	/* "b" no longer begins: its property now stands behind "/a". */
	memcpy(b, (const uint8_t[]){0, 0, 0, FDT_NOP, 0, 0, 0, FDT_NOP}, 8);
	b[27] = FDT_NOP; /* the end of "b", behind 16 bytes of property */
	assert_int_equal(check(fdt, DTS_SIZE, "bad structure"), -EINVAL);
}

/*
 * What we take libfdt takes, whatever bytes are changed. (What we refuse is not
 * shown to it: its fdt_check_full() itself falls over some of these trees.)
 */
static void check_is_as_strict_as_libfdt(void **state)
{
	void *fdt = board();
	uint32_t size = fdt_totalsize(fdt);
	uint64_t seed = random_seed();
	unsigned taken = 0, refused = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		const char *why;

		memcpy(copy, fdt, size);
		for (uint64_t n = random_below(&seed, 3) + 1; n; n--)
			copy[random_below(&seed, size)] =
				(uint8_t)random_next(&seed);
		if (dt_check(copy, size, &why)) {
			refused++;
			continue;
		}
		taken++;
		assert_int_equal(fdt_check_full(copy, size), 0);
	}
	assert_true(taken > 1000 && refused > 1000);
}

static void walk_visits_what_libfdt_visits(void **state)
{
	void *fdt = board();
	int offset = 0, depth = 0, visited = 0;
	struct dt_node n;
	bool more = true;

	(void)state;
	for (dt_root(fdt, &n); more; more = dt_next(fdt, &n)) {
		assert_int_equal(n.offset, offset);
		assert_int_equal(n.depth, depth);
		assert_string_equal(dt_name(fdt, &n),
				    fdt_get_name(fdt, offset, NULL));
		for (int i = 0; i < depth; i++)
			assert_int_equal(n.parent[i],
					 fdt_supernode_atdepth_offset(
						 fdt, offset, i, NULL));
		offset = fdt_next_node(fdt, offset, &depth);
		visited++;
	}
	assert_true(offset < 0 || depth < 0);
	assert_int_equal(visited, 8);
}

static void walk_passes_over_fillers(void **state)
{
	void *fdt = board();
	struct dt_node n;
	uint32_t shift;

	(void)state;
	memcpy(copy, fdt, fdt_totalsize(fdt));
	fdt_nop_property(copy, fdt_path_offset(copy, "/soc"), "compatible");
	fdt_nop_node(copy, fdt_path_offset(copy, "/soc/serial@10000000/sub"));
	fdt_nop_property(copy, fdt_path_offset(copy, "/last"), "status");
	assert_int_equal(check(copy, DTS_SIZE, NULL), 0);
	assert_int_equal(dt_find_path(copy, "/soc/serial@20000000/sub", &n), 0);
	assert_int_equal(dt_find_path(copy, "/soc/serial@10000000", &n), 0);
	assert_int_equal(dt_u32(copy, &n, "reg-shift", &shift), 0);
	assert_int_equal(dt_find_path(copy, "/soc", &n), 0);
	assert_false(dt_has(copy, &n, "compatible"));
}

static void children_are_those_of_the_node(void **state)
{
	void *fdt = board();
	struct dt_node root, child, up;

	(void)state;
	dt_root(fdt, &root);
	assert_false(dt_parent(fdt, &root, &up));
	assert_true(dt_first_child(fdt, &root, &child));
	assert_string_equal(dt_name(fdt, &child), "aliases");
	assert_false(dt_first_child(fdt, &child, &up));
	assert_true(dt_next_child(fdt, &child));
	assert_string_equal(dt_name(fdt, &child), "soc");
	assert_true(dt_parent(fdt, &child, &up));
	assert_memory_equal(&up, &root, offsetof(struct dt_node, parent));
	assert_true(dt_next_child(fdt, &child));
	assert_string_equal(dt_name(fdt, &child), "last");
	assert_false(dt_next_child(fdt, &child));
}

static void last_child_does_not_run_into_its_uncles(void **state)
{
	void *fdt = board();
	struct dt_node n;

	(void)state;
	assert_int_equal(dt_find_path(fdt, "/soc/serial@20000000", &n), 0);
	assert_false(dt_next_child(fdt, &n));
	assert_int_equal(dt_find_path(fdt, "/soc/serial@10000000/sub", &n), 0);
	assert_false(dt_next_child(fdt, &n));
}

static void expect_path(const char *path, const char *found)
{
	void *fdt = board();
	struct dt_node n;
	char text[64];
	int error = dt_find_path(fdt, path, &n);

	assert_int_equal(error, found ? 0 : -ENOENT);
	if (error)
		return;
	assert_int_equal(dt_path(fdt, &n, text, sizeof(text)), 0);
	assert_string_equal(text, found);
}

static void path_by_names_and_aliases(void **state)
{
	(void)state;
	expect_path("/", "/");
	expect_path("/soc/serial@20000000", "/soc/serial@20000000");
	expect_path("/soc//serial", "/soc/serial@10000000");
	expect_path("/soc/serial@10000000/sub/", "/soc/serial@10000000/sub");
	expect_path("/soc/serial@10000000:115200n8", "/soc/serial@10000000");
	expect_path("serial0", "/soc/serial@10000000");
	expect_path("serial0:115200n8", "/soc/serial@10000000");
	expect_path("serial0/sub", "/soc/serial@10000000/sub");
	expect_path("/soc/serial@1", NULL);
	expect_path("/soc/seri", NULL);
	expect_path("serial", NULL);
	expect_path("serial00", NULL);
	expect_path("loop", NULL);
	expect_path("bad", NULL);
	expect_path("", NULL);
	expect_path(":", NULL);
}

static void path_that_does_not_fit_is_reported(void **state)
{
	void *fdt = board();
	struct dt_node n;
	char text[64];

	(void)state;
	assert_int_equal(dt_find_path(fdt, "/soc/serial@10000000", &n), 0);
	for (size_t len = 0; len < sizeof(text); len++) {
		memset(text, 'x', sizeof(text));
		assert_int_equal(dt_path(fdt, &n, text, len),
				 len > strlen("/soc/serial@10000000")
					 ? 0
					 : -ENAMETOOLONG);
		if (len)
			assert_non_null(memchr(text, 0, len));
		assert_int_equal(text[len], 'x');
	}
}

static void phandle_old_and_new(void **state)
{
	void *fdt = board();
	struct dt_node n;
	char text[64];

	(void)state;
	assert_int_equal(dt_find_phandle(fdt, 9, &n), 0);
	assert_int_equal(dt_path(fdt, &n, text, sizeof(text)), 0);
	assert_string_equal(text, "/soc/serial@20000000/sub");
	assert_int_equal(dt_find_phandle(fdt, 7, &n), 0);
	assert_string_equal(dt_name(fdt, &n), "serial@10000000");
	/* 2 is there, but as a reg-shift. */
	assert_int_equal(dt_find_phandle(fdt, 2, &n), -ENOENT);
	assert_int_equal(dt_find_phandle(fdt, 0, &n), -ENOENT);
	assert_int_equal(dt_find_phandle(fdt, UINT32_MAX, &n), -ENOENT);
}

static void disabled_ancestors_count(void **state)
{
	void *fdt = board();
	struct dt_node n;

	(void)state;
	assert_int_equal(dt_find_path(fdt, "/soc/serial@20000000/sub", &n), 0);
	assert_false(dt_enabled(fdt, &n));
	assert_int_equal(dt_find_path(fdt, "/soc/serial@10000000/sub", &n), 0);
	assert_true(dt_enabled(fdt, &n));
	assert_int_equal(dt_find_path(fdt, "/last", &n), 0);
	assert_true(dt_enabled(fdt, &n));
}

static void numbers_want_their_length(void **state)
{
	void *fdt = board();
	struct dt_node n;
	uint32_t v32;
	uint64_t v64;

	(void)state;
	assert_int_equal(dt_find_path(fdt, "/soc/serial", &n), 0);
	assert_int_equal(dt_u32(fdt, &n, "reg-shift", &v32), 0);
	assert_int_equal(v32, 2);
	assert_int_equal(dt_u32(fdt, &n, "clock", &v32), -EINVAL);
	assert_int_equal(dt_u32(fdt, &n, "reg", &v32), -ENOENT);
	assert_int_equal(dt_u64(fdt, &n, "clock", &v64), 0);
	assert_int_equal(v64, 0x100000002);
	assert_int_equal(dt_u64(fdt, &n, "reg-shift", &v64), 0);
	assert_int_equal(v64, 2);
	assert_int_equal(dt_u64(fdt, &n, "big-endian", &v64), -EINVAL);
	assert_int_equal(dt_u32_index(fdt, &n, "clock", 1, &v32), 0);
	assert_int_equal(v32, 2);
	assert_int_equal(dt_u32_index(fdt, &n, "clock", 2, &v32), -ENOENT);
	assert_int_equal(dt_u32_index(fdt, &n, "compatible", 0, &v32), -EINVAL);
	assert_true(dt_has(fdt, &n, "big-endian"));
}

static void strings_by_index(void **state)
{
	void *fdt = board();
	struct dt_node n;
	const char *s;

	(void)state;
	assert_int_equal(dt_find_path(fdt, "/soc/serial", &n), 0);
	assert_int_equal(dt_string(fdt, &n, "compatible", 1, &s), 0);
	assert_string_equal(s, "ns16550a");
	assert_int_equal(dt_string(fdt, &n, "compatible", 2, &s), -ENOENT);
	assert_int_equal(dt_string(fdt, &n, "nothing", 0, &s), -ENOENT);
	assert_int_equal(dt_string(fdt, &n, "big-endian", 0, &s), -EINVAL);
	assert_int_equal(dt_string(fdt, &n, "reg-shift", 0, &s), -EINVAL);
}

static void compatible_follows_the_nodes_order(void **state)
{
	const char *const list[] = {"ns16550", "ns16550a", "vendor,uart", NULL};
	const char *const other[] = {"ns16550", "vendor,uar", NULL};
	void *fdt = board();
	struct dt_node n;

	(void)state;
	assert_int_equal(dt_find_path(fdt, "/soc/serial", &n), 0);
	assert_int_equal(dt_compatible(fdt, &n, list), 2);
	assert_int_equal(dt_compatible(fdt, &n, list + 3), -ENOENT);
	assert_int_equal(dt_compatible(fdt, &n, other), -ENOENT);
	assert_int_equal(dt_find_path(fdt, "/last", &n), 0);
	assert_int_equal(dt_compatible(fdt, &n, list), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_takes_a_good_tree),
		cmocka_unit_test(check_names_what_is_wrong),
		cmocka_unit_test(check_wants_names_and_strings_to_end),
		cmocka_unit_test(check_bounds_the_depth),
		cmocka_unit_test(check_wants_one_root_well_nested),
		cmocka_unit_test(check_refuses_a_second_root),
		cmocka_unit_test(check_wants_properties_to_end),
		cmocka_unit_test(check_refuses_properties_behind_children),
		cmocka_unit_test(check_is_as_strict_as_libfdt),
		cmocka_unit_test(walk_visits_what_libfdt_visits),
		cmocka_unit_test(walk_passes_over_fillers),
		cmocka_unit_test(children_are_those_of_the_node),
		cmocka_unit_test(last_child_does_not_run_into_its_uncles),
		cmocka_unit_test(path_by_names_and_aliases),
		cmocka_unit_test(path_that_does_not_fit_is_reported),
		cmocka_unit_test(phandle_old_and_new),
		cmocka_unit_test(disabled_ancestors_count),
		cmocka_unit_test(numbers_want_their_length),
		cmocka_unit_test(strings_by_index),
		cmocka_unit_test(compatible_follows_the_nodes_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
