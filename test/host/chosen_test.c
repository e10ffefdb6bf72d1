/* Sources: kernel/fdt/dt.c kernel/fdt/chosen.c lib/range.c lib/mix.c
 *          test/host/fake/dts.c libfdt */
/* What the loader says in /chosen. */
#include "kernel/fdt/chosen.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "test/host/fake/dts.h"

/* A tree with a console and the properties that @fill adds to /chosen. */
static void *with_chosen(void (*fill)(void))
{
	const char *why;
	void *fdt;

	dts_begin();
	dts_node("chosen");
	fill();
	dts_end();
	dts_node("aliases");
	dts_string("serial0", "/uart@100");
	dts_end();
	dts_node("uart@100");
	dts_end();
	fdt = dts_finish();
	assert_int_equal(dt_check(fdt, DTS_SIZE, &why), 0);
	return fdt;
}

static void nothing(void)
{
}

static void usual(void)
{
	dts_string("bootargs", "console=sbi nokaslr");
	dts_string("stdout-path", "serial0:115200n8");
	dts_cells("linux,initrd-start", 0x84000000);
	dts_cells("linux,initrd-end", 0, 0x84001234);
}

static void old_name(void)
{
	dts_string("linux,stdout-path", "/uart@100");
	dts_bytes("bootargs", "open", 4);
	dts_cells("linux,initrd-start", 0x84000000);
}

static void broken(void)
{
	dts_string("stdout-path", "serial1:9600");
	dts_cells("linux,initrd-start", 0x84001000);
	dts_cells("linux,initrd-end", 0x84001000);
}

static void bootargs_or_nothing(void **state)
{
	(void)state;
	assert_string_equal(dt_bootargs(with_chosen(usual)),
			    "console=sbi nokaslr");
	assert_string_equal(dt_bootargs(with_chosen(nothing)), "");
	assert_string_equal(dt_bootargs(with_chosen(old_name)), "");
	dts_begin();
	assert_string_equal(dt_bootargs(dts_finish()), "");
}

static void stdout_path_alias_with_options(void **state)
{
	void *fdt = with_chosen(usual);
	const char *path, *options;
	struct dt_node n;

	(void)state;
	assert_int_equal(dt_stdout(fdt, &n, &path, &options), 0);
	assert_string_equal(dt_name(fdt, &n), "uart@100");
	assert_string_equal(path, "serial0:115200n8");
	assert_string_equal(options, "115200n8");
}

static void stdout_path_by_its_old_name(void **state)
{
	void *fdt = with_chosen(old_name);
	const char *options;
	struct dt_node n;

	(void)state;
	assert_int_equal(dt_stdout(fdt, &n, NULL, &options), 0);
	assert_string_equal(dt_name(fdt, &n), "uart@100");
	assert_string_equal(options, "");
}

static void stdout_path_missing_or_wrong(void **state)
{
	const char *path, *options;
	struct dt_node n;

	(void)state;
	assert_int_equal(dt_stdout(with_chosen(nothing), &n, &path, &options),
			 -ENOENT);
	assert_null(path);
	assert_int_equal(dt_stdout(with_chosen(broken), &n, &path, NULL),
			 -ENOENT);
	assert_string_equal(path, "serial1:9600");
}

static void initrd_in_one_or_two_cells(void **state)
{
	struct range r;

	(void)state;
	assert_int_equal(dt_initrd(with_chosen(usual), &r), 0);
	assert_int_equal(r.start, 0x84000000);
	assert_int_equal(r.size, 0x1234);
	assert_int_equal(dt_initrd(with_chosen(nothing), &r), -ENOENT);
	assert_int_equal(dt_initrd(with_chosen(old_name), &r), -EINVAL);
	assert_int_equal(dt_initrd(with_chosen(broken), &r), -EINVAL);
}

static void two_seeds(void)
{
	dts_cells("kaslr-seed", 0x12345678, 0x9abcdef0);
	dts_cells("rng-seed", 1, 2, 3, 4, 5, 6, 7, 8);
}

static void blank_seeds(void)
{
	dts_cells("kaslr-seed", 0, 0);
	dts_cells("rng-seed", 0xa5a5a5a5, 0xa5a5a5a5);
}

static void other_seed(void)
{
	dts_cells("kaslr-seed", 0x12345678, 0x9abcdef1);
}

static void seeds_are_mixed_and_wiped(void **state)
{
	void *fdt = with_chosen(two_seeds);
	struct mix pool = {{0, 0}}, again = {{0, 0}}, other = {{0, 0}};
	struct dt_node chosen;
	uint32_t cell;
	const char *why;

	(void)state;
	assert_int_equal(dt_seed_take(fdt, &pool), 2);
	assert_int_equal(dt_find_path(fdt, "/chosen", &chosen), 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(
			dt_u32_index(fdt, &chosen, "kaslr-seed", i, &cell), 0);
		assert_int_equal(cell, 0);
	}
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(
			dt_u32_index(fdt, &chosen, "rng-seed", i, &cell), 0);
		assert_int_equal(cell, 0);
	}
	assert_int_equal(dt_check(fdt, DTS_SIZE, &why), 0);
	assert_int_equal(dt_seed_take(fdt, &pool), 0);
	/* The same seeds lead to the same pool, others to another. */
	assert_int_equal(dt_seed_take(with_chosen(two_seeds), &again), 2);
	assert_memory_equal(&pool, &again, sizeof(pool));
	assert_int_equal(dt_seed_take(with_chosen(other_seed), &other), 1);
	assert_memory_not_equal(&pool, &other, sizeof(pool));
}

static void blank_seeds_do_not_count(void **state)
{
	void *fdt = with_chosen(blank_seeds);
	struct mix pool = {{0, 0}};
	struct dt_node chosen;
	uint32_t cell;

	(void)state;
	assert_int_equal(dt_seed_take(fdt, &pool), 0);
	assert_int_equal(pool.s[0] | pool.s[1], 0);
	assert_int_equal(dt_find_path(fdt, "/chosen", &chosen), 0);
	assert_int_equal(dt_u32_index(fdt, &chosen, "rng-seed", 1, &cell), 0);
	assert_int_equal(cell, 0);
	assert_int_equal(dt_seed_take(with_chosen(nothing), &pool), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bootargs_or_nothing),
		cmocka_unit_test(stdout_path_alias_with_options),
		cmocka_unit_test(stdout_path_by_its_old_name),
		cmocka_unit_test(stdout_path_missing_or_wrong),
		cmocka_unit_test(initrd_in_one_or_two_cells),
		cmocka_unit_test(seeds_are_mixed_and_wiped),
		cmocka_unit_test(blank_seeds_do_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
