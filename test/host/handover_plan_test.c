/* Sources: kernel/guest/handover_plan.c kernel/mm/memmap.c kernel/fdt/dt.c
 *          kernel/fdt/address.c kernel/fdt/memory.c kernel/fdt/chosen.c
 *          lib/image.c lib/range.c lib/mix.c test/host/fake/dts.c libfdt */
/*
 * Where a guest that gets the machine is put: known boards, each refusal, and
 * random maps, judged page by page.
 */
#include "kernel/guest/handover_plan.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "test/host/fake/dts.h"
#include "test/host/random.h"

#define DEBIAN_SIZE 0x2541000u /* image_size of Debian's 6.12 */

static struct memmap boot, map;
static struct handover_plan plan;
static struct loader_error error;

static struct image_header usual(void)
{
	return (struct image_header){.text_offset = MIB(2),
				     .image_size = DEBIAN_SIZE,
				     .version = 2,
				     .magic = IMAGE_MAGIC,
				     .magic2 = IMAGE_MAGIC2};
}

static const struct handover_sizes debian = {31133184, 1617456, 20000};

/* The map of start-up: RAM, firmware, this kernel, tree, tables, bundle. */
static void boot_map(pa_t ram, uint64_t size, pa_t image,
		     const struct range *bundle)
{
	memset(&boot, 0, sizeof(boot));
	memset(&map, 0, sizeof(map));
	memmap_add(&boot, ram, size);
	memmap_mark(&boot, ram, 0x60000, MEMMAP_NOMAP);
	memmap_mark(&boot, image, MIB(1), MEMMAP_IMAGE);
	memmap_mark(&boot, ram + size - 0x20000, 0x20000, MEMMAP_TABLES);
	memmap_mark(&boot, bundle->start, bundle->size, MEMMAP_INITRD);
}

static void *no_tree(void)
{
	dts_begin();
	return dts_finish();
}

static int make(const struct image_header *h,
		const struct handover_sizes *sizes, const void *fdt,
		const struct range *bundle)
{
	assert_int_equal(handover_map(&map, &boot, fdt, bundle), 0);
	memset(&error, 0, sizeof(error));
	return handover_plan(&map, h, sizes, &plan, &error);
}

/* RAM at 0x40000000; this kernel lies at the very place where Linux belongs. */
static void visionfive_2(void **state)
{
	struct range bundle = {0x46100000, MIB(32)};
	struct image_header h = usual();

	(void)state;
	boot_map(0x40000000, GIB(4), 0x40200000, &bundle);
	assert_int_equal(make(&h, &debian, no_tree(), &bundle), 0);
	assert_int_equal(plan.image.start, 0x40200000);
	assert_int_equal(plan.image.size, DEBIAN_SIZE);
	assert_true(range_end(&plan.tree) <= 0x50200000);
	assert_true(range_end(&plan.initrd) <= plan.tree.start);
	assert_false(range_overlaps(&plan.initrd, &bundle));
}

/* The bundle where the loader's own default put it: in the Image's way. */
static void bundle_is_no_obstacle_to_the_image(void **state)
{
	struct range bundle = {0x80800000, MIB(32)};
	struct image_header h = usual();

	(void)state;
	boot_map(0x80000000, MIB(128), 0x80200000, &bundle);
	assert_int_equal(make(&h, &debian, no_tree(), &bundle), 0);
	assert_int_equal(plan.image.start, 0x80200000);
	assert_true(range_overlaps(&plan.image, &bundle));
	assert_false(range_overlaps(&plan.initrd, &bundle));
	assert_false(range_overlaps(&plan.tree, &bundle));
}

static void text_offset_is_followed_or_the_next_place_taken(void **state)
{
	struct range bundle = {0x90000000, MIB(32)};
	struct image_header h = usual();

	(void)state;
	boot_map(0x80000000, GIB(1), 0x80200000, &bundle);
	h.text_offset = MIB(8);
	assert_int_equal(make(&h, &debian, no_tree(), &bundle), 0);
	assert_int_equal(plan.image.start, 0x80800000);
	/* 0 is legal; the firmware has the first pages. */
	h.text_offset = 0;
	boot_map(0x80000000, GIB(1), 0x80200000, &bundle);
	assert_int_equal(make(&h, &debian, no_tree(), &bundle), 0);
	assert_int_equal(plan.image.start, 0x80200000);
	/* Beyond the end: below it is better than not at all. */
	h.text_offset = GIB(1);
	boot_map(0x80000000, GIB(1), 0x80200000, &bundle);
	assert_int_equal(make(&h, &debian, no_tree(), &bundle), 0);
	assert_int_equal(plan.image.start, 0x80200000);
	/* RAM at 0, where nobody has the first pages. */
	memset(&boot, 0, sizeof(boot));
	memset(&map, 0, sizeof(map));
	memmap_add(&boot, 0, GIB(1));
	h.text_offset = 0;
	assert_int_equal(make(&h, &debian, no_tree(), &bundle), 0);
	assert_int_equal(plan.image.start, 0);
}

/* What lies under our own marks is found in the tree. */
static void reservations_are_kept_clear(void **state)
{
	struct range bundle = {0x84000000, MIB(32)};
	struct image_header h = usual();
	void *fdt;

	(void)state;
	dts_reserve(0x80400000, 0x1000);  /* under this kernel */
	dts_reserve(0x84000000, MIB(32)); /* U-Boot's for the bundle */
	dts_begin();
	dts_cells("#address-cells", 2);
	dts_cells("#size-cells", 2);
	dts_node("chosen");
	dts_cells("linux,initrd-start", 0x84000000);
	dts_cells("linux,initrd-end", 0x86000000);
	dts_end();
	dts_node("reserved-memory");
	dts_cells("#address-cells", 2);
	dts_cells("#size-cells", 2);
	dts_node("frame@83000000");
	dts_cells("reg", 0, 0x83000000, 0, 0x100000);
	dts_end();
	dts_end();
	fdt = dts_finish();
	boot_map(0x80000000, MIB(256), 0x80380000, &bundle);
	assert_int_equal(make(&h, &debian, fdt, &bundle), 0);
	/* 37 MiB from 0x80600000 on would reach 0x82b41000: they do not
	 * meet the frame; from 0x80200000 they would meet the page. */
	assert_int_equal(plan.image.start, 0x80600000);
	h.image_size = MIB(64);
	boot_map(0x80000000, MIB(256), 0x80380000, &bundle);
	memset(&map, 0, sizeof(map));
	assert_int_equal(make(&h, &debian, fdt, &bundle), 0);
	/* Over bundle and what is free beside it, as one stretch. */
	assert_int_equal(plan.image.start, 0x83200000);
}

static void refuses(const struct image_header *h,
		    const struct handover_sizes *sizes, int number,
		    const char *file, const char *why)
{
	struct range bundle = {0x84000000, MIB(32)};

	boot_map(0x80000000, MIB(128), 0x80200000, &bundle);
	assert_int_equal(make(h, sizes, no_tree(), &bundle), number);
	assert_string_equal(error.file, file);
	assert_non_null(strstr(error.why, why));
}

static void what_does_not_fit_is_refused(void **state)
{
	struct handover_sizes sizes = debian;
	struct image_header h = usual();

	(void)state;
	h.image_size = MIB(127);
	refuses(&h, &sizes, -ENOSPC, "Image", "image_size");
	h.image_size = UINT64_MAX - MIB(4);
	refuses(&h, &sizes, -ENOSPC, "Image", "image_size");
	h = usual();
	sizes.initrd = MIB(64);
	refuses(&h, &sizes, -ENOSPC, "initrd", "no room");
	sizes = debian;
	/* All that is left is some of the first 2 MiB. */
	h.image_size = MIB(126);
	sizes.initrd = MIB(2);
	refuses(&h, &sizes, -ENOSPC, "initrd", "no room");
	h.image_size = MIB(124);
	sizes.tree = MIB(4);
	refuses(&h, &sizes, -ENOSPC, "device tree", "no room");
	h = usual();
	h.text_offset = 0x201000;
	refuses(&h, &debian, -ENOEXEC, "Image", "2 MiB");
	h = usual();
	h.magic2 = 0;
	refuses(&h, &debian, -ENOEXEC, "Image", "not a RISC-V Image");
}

/* ---- random maps ---- */

#define RAM	   0x80000000ull
#define PAGES	   16384u /* 64 MiB */
#define ROUNDS	   3000u
#define TREE_PAGES 3u

static uint64_t seed;

static struct range anywhere(uint64_t most)
{
	uint64_t start = random_below(&seed, PAGES);

	return range_make(RAM + start * PAGE_SIZE,
			  (1 + random_below(&seed, most)) * PAGE_SIZE);
}

/* Which pages nobody may write to: reserved, no-map, absent, outside. */
static bool is_foreign(pa_t pa)
{
	const struct memmap_region *r = memmap_find(&boot, pa);

	return !r || r->kind == MEMMAP_RESERVED || r->kind == MEMMAP_NOMAP ||
		r->kind == MEMMAP_FIRMWARE || r->kind == MEMMAP_ABSENT;
}

static void clear_of_what_is_not_ours(const struct range *r)
{
	for (pa_t pa = r->start; pa < range_end(r); pa += PAGE_SIZE)
		assert_false(is_foreign(pa));
}

/* Is there really no place for the Image? By trying all. */
static void nowhere_fits(uint64_t image_size)
{
	for (pa_t at = RAM; at < RAM + PAGES * PAGE_SIZE; at += MIB(2)) {
		uint64_t size = 0;

		while (size < image_size && !is_foreign(at + size))
			size += PAGE_SIZE;
		assert_true(size < image_size);
	}
}

static struct range random_map(void)
{
	static const enum memmap_kind kinds[] = {
		MEMMAP_RESERVED, MEMMAP_FDT,	  MEMMAP_TABLES, MEMMAP_IMAGE,
		MEMMAP_NOMAP,	 MEMMAP_FIRMWARE, MEMMAP_ABSENT};
	struct range bundle = anywhere(2000), r;

	memset(&boot, 0, sizeof(boot));
	memset(&map, 0, sizeof(map));
	memmap_add(&boot, RAM, PAGES * PAGE_SIZE);
	for (uint64_t n = random_below(&seed, 12); n; n--) {
		r = anywhere(600);
		memmap_mark(&boot, r.start, r.size,
			    kinds[random_below(&seed, ARRAY_SIZE(kinds))]);
	}
	/* As start-up does: what is reserved is not the loader's bundle. */
	bundle.size = PAGE_SIZE;
	r = anywhere(3000);
	if (memmap_is(&boot, r.start, r.size, MEMMAP_FREE))
		bundle = r;
	memmap_mark(&boot, bundle.start, bundle.size, MEMMAP_INITRD);
	return bundle;
}

static void plans_are_sound_on_random_maps(void **state)
{
	unsigned placed = 0, refused = 0;

	(void)state;
	seed = random_seed();
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct range bundle = random_map();
		struct image_header h = usual();
		struct handover_sizes sizes = {
			.file = 4096,
			.initrd = random_below(&seed, 2) *
				random_below(&seed, MIB(8)),
			.tree = TREE_PAGES * PAGE_SIZE};
		int err;

		h.image_size = 4096 + random_below(&seed, MIB(24));
		h.text_offset = random_below(&seed, 4) * MIB(2);
		err = make(&h, &sizes, no_tree(), &bundle);
		if (err) {
			refused++;
			if (!strcmp(error.file, "Image"))
				nowhere_fits(h.image_size);
			continue;
		}
		placed++;
		assert_true(is_aligned(plan.image.start, MIB(2)));
		assert_int_equal(plan.image.size, h.image_size);
		assert_int_equal(plan.initrd.size, sizes.initrd);
		clear_of_what_is_not_ours(&plan.image);
		clear_of_what_is_not_ours(&plan.tree);
		clear_of_what_is_not_ours(&plan.initrd);
		assert_false(range_overlaps(&plan.image, &plan.tree));
		assert_false(range_overlaps(&plan.image, &plan.initrd));
		assert_false(range_overlaps(&plan.tree, &plan.initrd));
		assert_false(range_overlaps(&plan.tree, &bundle));
		assert_false(range_overlaps(&plan.initrd, &bundle));
		assert_true(handover_plan_touches(&plan, &plan.tree));
	}
	/* Both happen, or this shows nothing. */
	assert_true(placed > ROUNDS / 3 && refused > ROUNDS / 50);
}

static void full_map_is_told(void **state)
{
	struct range bundle = {0, 0};

	(void)state;
	memset(&map, 0, sizeof(map));
	memset(&boot, 0, sizeof(boot));
	for (unsigned i = 0; i < MEMMAP_MAX; i++)
		assert_int_equal(
			memmap_add(&boot, RAM + i * MIB(1), PAGE_SIZE * 8), 0);
	assert_int_equal(handover_map(&map, &boot, no_tree(), &bundle), 0);
	memset(&map, 0, sizeof(map));
	bundle = range_make(RAM + PAGE_SIZE, PAGE_SIZE);
	assert_int_equal(handover_map(&map, &boot, no_tree(), &bundle),
			 -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(visionfive_2),
		cmocka_unit_test(bundle_is_no_obstacle_to_the_image),
		cmocka_unit_test(
			text_offset_is_followed_or_the_next_place_taken),
		cmocka_unit_test(reservations_are_kept_clear),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(plans_are_sound_on_random_maps),
		cmocka_unit_test(full_map_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
