/* Sources: kernel/fdt/rewrite.c kernel/fdt/dt.c kernel/fdt/chosen.c
 *          kernel/fdt/memory.c kernel/fdt/address.c lib/range.c lib/mix.c
 *          test/host/corpus.c test/host/fake/dts.c libfdt */
/*
 * The tree for the next kernel: what is ours to say is said, and all else, in
 * every real tree, is as libfdt finds it in the old one.
 */
#include "kernel/fdt/rewrite.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libfdt.h>

#include "kernel/fdt/chosen.h"
#include "test/host/corpus.h"
#include "test/host/fake/dts.h"

#define ARGS "root=/dev/ram0 word=\"a b\""

static void seed(void *out, size_t size)
{
	memset(out, 0xa5, size);
}

static const struct dt_chosen usual = {
	.bootargs = ARGS,
	.initrd = {0x123456000, 0x789},
	.seed = seed,
};

static void *rewritten(const void *fdt, const struct dt_chosen *chosen)
{
	size_t room = dt_rewrite_room(fdt, chosen->bootargs);
	const char *why;
	void *out = malloc(room);

	assert_non_null(out);
	assert_int_equal(dt_rewrite(fdt, chosen, out, room), 0);
	assert_int_equal(dt_check(out, room, &why), 0);
	return out;
}

static const char *chosen_prop(const void *fdt, const char *name, int *len)
{
	return fdt_getprop(fdt, fdt_path_offset(fdt, "/chosen"), name, len);
}

static bool is_ours(const char *path, const char *name)
{
	static const char *const ours[] = {"bootargs", "linux,initrd-start",
					   "linux,initrd-end", "rng-seed",
					   "kaslr-seed"};

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (!strcmp(path, "/chosen") && !strcmp(name, ours[i]))
			return true;
	return false;
}

/* Every node and property of @a is in @b; the number of nodes. */
static unsigned is_within(const void *a, const void *b)
{
	int node, prop, len, other_len, other;
	const void *value, *other_value;
	unsigned nodes = 0;
	const char *name;
	char path[512];

	for (node = 0; node >= 0; node = fdt_next_node(a, node, NULL)) {
		nodes++;
		assert_int_equal(fdt_get_path(a, node, path, sizeof(path)), 0);
		other = fdt_path_offset(b, path);
		if (other < 0 && !strcmp(path, "/chosen"))
			continue;
		assert_true(other >= 0);
		fdt_for_each_property_offset (prop, a, node) {
			value = fdt_getprop_by_offset(a, prop, &name, &len);
			if (is_ours(path, name))
				continue;
			other_value = fdt_getprop(b, other, name, &other_len);
			assert_non_null(other_value);
			assert_int_equal(len, other_len);
			assert_memory_equal(value, other_value, len);
		}
	}
	return nodes;
}

static void real_tree_is_kept(const struct corpus_board *board, void *fdt,
			      uint32_t size)
{
	bool had = fdt_path_offset(fdt, "/chosen") >= 0;
	void *out = rewritten(fdt, &usual);
	struct range initrd;
	uint64_t at, len, out_at, out_len;
	int i;

	(void)board;
	(void)size;
	assert_int_equal(is_within(fdt, out) + !had, is_within(out, fdt));
	assert_string_equal(dt_bootargs(out), ARGS);
	assert_int_equal(dt_initrd(out, &initrd), 0);
	assert_int_equal(initrd.start, usual.initrd.start);
	assert_int_equal(initrd.size, usual.initrd.size);
	assert_int_equal(fdt_boot_cpuid_phys(out), fdt_boot_cpuid_phys(fdt));
	assert_int_equal(fdt_num_mem_rsv(out), fdt_num_mem_rsv(fdt));
	for (i = 0; i < fdt_num_mem_rsv(fdt); i++) {
		fdt_get_mem_rsv(fdt, i, &at, &len);
		fdt_get_mem_rsv(out, i, &out_at, &out_len);
		assert_true(at == out_at && len == out_len);
	}
	free(out);
}

static void all_else_of_every_real_tree_is_kept(void **state)
{
	(void)state;
	assert_true(corpus_each("dtbs-qemu", real_tree_is_kept) > 0);
	corpus_each("debian/dtbs", real_tree_is_kept);
}

/* What a loader wrote for us. */
static void *loaded(void)
{
	const char *why;
	void *fdt;

	dts_reserve(0x80000000, 0x20000);
	dts_reserve(0x84000000, 0x1000000); /* U-Boot's, of the initrd */
	dts_reserve(0x84000000 + 0x1000000, 0x1000);
	dts_begin();
	dts_node("chosen");
	dts_string("bootargs", "console=sbi guest=none");
	dts_string("stdout-path", "serial0");
	dts_cells("linux,initrd-start", 0x84000000);
	dts_cells("linux,initrd-end", 0, 0x85000000);
	dts_bytes("kaslr-seed", "\0\0\0\0\0\0\0\0", 8);
	dts_bytes("rng-seed", "\0\0\0\0\0", 5);
	dts_node("inner");
	dts_string("bootargs", "not ours");
	dts_end();
	dts_end();
	dts_node("memory@80000000");
	dts_end();
	fdt = dts_finish();
	assert_int_equal(dt_check(fdt, DTS_SIZE, &why), 0);
	fdt_set_boot_cpuid_phys(fdt, 3);
	return fdt;
}

static void what_the_loader_said_to_us_goes(void **state)
{
	void *out = rewritten(loaded(), &usual);
	uint64_t at, size;
	int len;

	(void)state;
	assert_string_equal(dt_bootargs(out), ARGS);
	assert_string_equal(chosen_prop(out, "stdout-path", &len), "serial0");
	assert_memory_equal(chosen_prop(out, "kaslr-seed", &len),
			    "\xa5\xa5\xa5\xa5\xa5\xa5\xa5\xa5", 8);
	assert_int_equal(len, 8);
	assert_memory_equal(chosen_prop(out, "rng-seed", &len),
			    "\xa5\xa5\xa5\xa5\xa5", 5);
	assert_int_equal(len, 5);
	assert_int_equal(fdt_boot_cpuid_phys(out), 3);
	assert_string_equal(fdt_getprop(out,
					fdt_path_offset(out, "/chosen/inner"),
					"bootargs", &len),
			    "not ours");
	assert_int_equal(fdt_num_mem_rsv(out), 2);
	assert_int_equal(fdt_get_mem_rsv(out, 0, &at, &size), 0);
	assert_true(at == 0x80000000 && size == 0x20000);
	assert_int_equal(fdt_get_mem_rsv(out, 1, &at, &size), 0);
	assert_true(at == 0x85000000 && size == 0x1000);
	free(out);
}

static void nothing_is_said_where_there_is_nothing(void **state)
{
	const struct dt_chosen none = {.bootargs = ""};
	void *out = rewritten(loaded(), &none);
	struct range initrd;
	int len;

	(void)state;
	assert_null(chosen_prop(out, "bootargs", &len));
	assert_int_equal(dt_initrd(out, &initrd), -ENOENT);
	/* Zeros would be believed. */
	assert_null(chosen_prop(out, "kaslr-seed", &len));
	assert_null(chosen_prop(out, "rng-seed", &len));
	assert_non_null(chosen_prop(out, "stdout-path", &len));
	free(out);
}

static void chosen_is_made_where_there_is_none(void **state)
{
	const char *why;
	void *fdt, *out;
	int len;

	(void)state;
	dts_begin();
	dts_node("soc");
	dts_node("deep");
	dts_end();
	dts_end();
	fdt = dts_finish();
	assert_int_equal(dt_check(fdt, DTS_SIZE, &why), 0);
	out = rewritten(fdt, &usual);
	assert_string_equal(dt_bootargs(out), ARGS);
	assert_true(fdt_path_offset(out, "/soc/deep") > 0);
	/* A seed that the machine never gave is not made up. */
	assert_null(chosen_prop(out, "rng-seed", &len));
	free(out);
}

/* Exactly as much as there is: nothing behind it is written. */
static void every_smaller_room_is_refused(void **state)
{
	void *fdt = loaded(), *out = rewritten(fdt, &usual);
	size_t whole = fdt_totalsize(out), room;

	(void)state;
	free(out);
	for (room = 0; room < whole; room++) {
		out = malloc(room ? room : 1);
		assert_int_equal(dt_rewrite(fdt, &usual, out, room), -ENOSPC);
		free(out);
	}
	out = malloc(whole);
	assert_int_equal(dt_rewrite(fdt, &usual, out, whole), 0);
	free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_else_of_every_real_tree_is_kept),
		cmocka_unit_test(what_the_loader_said_to_us_goes),
		cmocka_unit_test(nothing_is_said_where_there_is_nothing),
		cmocka_unit_test(chosen_is_made_where_there_is_none),
		cmocka_unit_test(every_smaller_room_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
