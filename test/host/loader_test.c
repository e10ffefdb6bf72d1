/* Placement and copying of guests: each refusal, and random sizes.
 *
 * Sources: kernel/guest/loader.c kernel/guest/gfdt.c kernel/guest/image.c
 *          kernel/guest/inflate.c lib/image.c lib/range.c libfdt zlib */
#include "kernel/guest/loader.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libfdt.h>
#include <zlib.h>

#include "kernel/guest/layout.h"
#include "lib/range.h"
#include "test/host/random.h"

#define FILE_SIZE 100000u

static struct loader_plan plan;
static struct loader_error error;

static struct image_header usual(void)
{
	return (struct image_header){.text_offset = MIB(2),
				     .image_size = MIB(31),
				     .version = 2,
				     .magic = IMAGE_MAGIC,
				     .magic2 = IMAGE_MAGIC2};
}

static void refuses(struct image_header h, struct loader_sizes sizes,
		    int number, const char *file)
{
	memset(&error, 0, sizeof(error));
	assert_int_equal(loader_plan(&h, &sizes, &plan, &error), number);
	assert_string_equal(error.file, file);
	assert_non_null(error.why);
}

static void debians_kernel_is_placed(void **state)
{
	struct image_header h = usual();
	struct loader_sizes sizes = {MIB(30), 1617456, MIB(256)};

	(void)state;
	assert_int_equal(loader_plan(&h, &sizes, &plan, &error), 0);
	assert_int_equal(plan.image, 0x80200000);
	assert_int_equal(plan.image_size, MIB(31));
	assert_int_equal(plan.fdt, 0x90000000 - GFDT_ROOM);
	assert_int_equal(plan.fdt_room, GFDT_ROOM);
	assert_int_equal(plan.initrd,
			 align_down(plan.fdt - 1617456, PAGE_SIZE));
	sizes.initrd = 0;
	sizes.memory = GIB(64);
	assert_int_equal(loader_plan(&h, &sizes, &plan, &error), 0);
	assert_int_equal(plan.fdt, 0x90000000 - GFDT_ROOM);
	assert_int_equal(plan.initrd, 0);
	h.text_offset = 0;
	assert_int_equal(loader_plan(&h, &sizes, &plan, &error), 0);
	assert_int_equal(plan.image, 0x80000000);
}

static void bad_headers_are_refused(void **state)
{
	struct loader_sizes sizes = {MIB(30), 0, MIB(256)};
	struct image_header h;

	(void)state;
	h = usual(), h.magic2 = 0;
	refuses(h, sizes, -ENOEXEC, "Image");
	h = usual(), h.version = 0x10000;
	refuses(h, sizes, -ENOEXEC, "Image");
	h = usual(), h.flags = IMAGE_FLAG_BIG_ENDIAN;
	refuses(h, sizes, -ENOEXEC, "Image");
	h = usual(), h.image_size = 0;
	refuses(h, sizes, -ENOEXEC, "Image");
	h = usual(), h.image_size = MIB(30) - 1;
	refuses(h, sizes, -ENOEXEC, "Image");
	h = usual(), h.text_offset = MIB(1);
	refuses(h, sizes, -ENOEXEC, "Image");
	assert_string_equal(error.why,
			    "text_offset is not a multiple of 2 MiB");
	h = usual(), h.image_size = UINT64_MAX;
	refuses(h, sizes, -ENOEXEC, "Image");
	h = usual(), h.text_offset = align_down(UINT64_MAX, MIB(2));
	refuses(h, sizes, -ENOEXEC, "Image");
}

static void what_does_not_fit_is_refused(void **state)
{
	struct image_header h = usual();

	(void)state;
	refuses(h, (struct loader_sizes){MIB(30), 0, MIB(32)}, -ENOSPC,
		"Image");
	/* All of memory is the Image's. */
	h.text_offset = 0;
	h.image_size = MIB(32);
	refuses(h, (struct loader_sizes){MIB(30), 0, MIB(32)}, -ENOSPC,
		"device tree");
	h = usual();
	refuses(h, (struct loader_sizes){MIB(30), MIB(224), MIB(256)}, -ENOSPC,
		"initrd");
	refuses(h, (struct loader_sizes){MIB(30), UINT64_MAX, MIB(256)},
		-ENOSPC, "initrd");
	/* More memory does not help: the window is 256 MiB. */
	refuses(h, (struct loader_sizes){MIB(30), MIB(224), GIB(4)}, -ENOSPC,
		"initrd");
}

static void the_space_below_the_image_is_used(void **state)
{
	struct image_header h = usual();
	struct loader_sizes sizes = {MIB(30), MIB(1), MIB(33)};

	(void)state;
	assert_int_equal(loader_plan(&h, &sizes, &plan, &error), 0);
	assert_int_equal(plan.fdt, 0x80200000 - GFDT_ROOM);
	assert_int_equal(plan.initrd, plan.fdt - MIB(1));
	sizes.initrd = MIB(2) - GFDT_ROOM;
	assert_int_equal(loader_plan(&h, &sizes, &plan, &error), 0);
	assert_int_equal(plan.initrd, 0x80000000);
	sizes.initrd++;
	assert_int_equal(loader_plan(&h, &sizes, &plan, &error), -ENOSPC);
}

/* What must hold of every plan. */
static void plan_check(const struct loader_sizes *sizes)
{
	struct range ram = {GUEST_RAM_BASE, sizes->memory};
	struct range window = {GUEST_RAM_BASE,
			       min_u64(sizes->memory, LOADER_WINDOW)};
	struct range image = {plan.image, plan.image_size};
	struct range fdt = {plan.fdt, plan.fdt_room};
	struct range initrd = {plan.initrd, sizes->initrd};

	assert_true(range_covers(&ram, &image));
	assert_true(range_covers(&window, &fdt));
	assert_false(range_overlaps(&image, &fdt));
	assert_true(is_aligned(fdt.start, 8));
	if (!sizes->initrd)
		return;
	assert_true(range_covers(&window, &initrd));
	assert_false(range_overlaps(&image, &initrd));
	assert_false(range_overlaps(&fdt, &initrd));
	assert_true(is_aligned(initrd.start, PAGE_SIZE));
}

static void random_plans_hold(void **state)
{
	uint64_t random = random_seed();
	unsigned good = 0;

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		struct image_header h = usual();
		struct loader_sizes sizes = {
			64, 0, MIB(2) * (1 + random_below(&random, 200))};

		h.text_offset = MIB(2) * random_below(&random, 100);
		h.image_size = 64 + random_below(&random, MIB(200));
		if (random_below(&random, 4))
			sizes.initrd = random_below(&random, MIB(200));
		if (loader_plan(&h, &sizes, &plan, &error))
			continue;
		good++;
		plan_check(&sizes);
	}
	assert_in_range(good, 10000, 190000);
}

/* ---- loading ---- */

static uint8_t bundle[4 * FILE_SIZE], before[4 * FILE_SIZE];
static uint8_t *ram; /* the guest's, exactly `memory` bytes */
static struct guest_config config;
static unsigned allocated;
static unsigned alloc_fails; /* the n-th from now, 0 none */
static int write_error;

static int ram_write(void *arg, gpa_t to, const void *from, uint64_t size)
{
	assert_ptr_equal(arg, &config);
	assert_true(to >= GUEST_RAM_BASE && size > 0);
	assert_true(to - GUEST_RAM_BASE + size <= config.memory);
	if (write_error)
		return write_error;
	memcpy(ram + (to - GUEST_RAM_BASE), from, size);
	return 0;
}

static void *scratch_alloc(void *arg, uint64_t size)
{
	assert_ptr_equal(arg, &config);
	assert_true(size <= KIB(256));
	if (alloc_fails && --alloc_fails == 0)
		return NULL;
	allocated++;
	return malloc(size);
}

static void scratch_free(void *arg, void *p)
{
	assert_ptr_equal(arg, &config);
	allocated--;
	free(p);
}

static const struct loader_ops ops = {ram_write, scratch_alloc, scratch_free};

static void put_le(uint8_t *p, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		p[i] = (uint8_t)(value >> (8 * i));
}

/* An Image of FILE_SIZE bytes at @p. */
static void image_make(uint8_t *p)
{
	uint64_t random = 1;

	for (unsigned i = 0; i < FILE_SIZE; i++)
		p[i] = (uint8_t)random_next(&random);
	memset(p, 0, IMAGE_HEADER_SIZE);
	put_le(p + 8, MIB(2), 8);
	put_le(p + 16, 2 * FILE_SIZE, 8);
	put_le(p + 32, 2, 4);
	memcpy(p + 56, "RSC\x05", 4);
}

/* An Image, plain or packed, and an initrd behind it. */
static void bundle_make(bool packed)
{
	z_stream z = {.next_in = bundle + FILE_SIZE,
		      .avail_in = FILE_SIZE,
		      .next_out = bundle,
		      .avail_out = FILE_SIZE};

	memset(&config, 0, sizeof(config));
	config.memory = MIB(8);
	config.vcpus = 2;
	config.image = range_make(0, FILE_SIZE);
	config.image_gz = packed;
	image_make(bundle);
	if (packed) {
		memset(bundle, 0, FILE_SIZE);
		image_make(bundle + FILE_SIZE);
		/* Half of it packs, so that it ends before its old end. */
		memset(bundle + FILE_SIZE + FILE_SIZE / 2, 7, FILE_SIZE / 2);
		deflateInit2(&z, 6, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY);
		assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
		config.image.size = z.total_out;
		deflateEnd(&z);
	}
	config.initrd = range_make(2 * FILE_SIZE, 12345);
	memset(bundle + 2 * FILE_SIZE, 0xee, 12345);
}

static struct loader_job job_make(void)
{
	struct loader_job job = {.config = &config,
				 .bundle = bundle,
				 .ops = &ops,
				 .arg = &config};

	job.tree.isa = "rv64imafdc";
	job.tree.mmu_type = "riscv,sv39";
	job.tree.timebase = 10000000;
	return job;
}

static int load(void)
{
	struct loader_job job = job_make();
	int result;

	ram = calloc(1, config.memory);
	assert_non_null(ram);
	memcpy(before, bundle, sizeof(bundle));
	result = loader_load(&job, &plan, &error);
	assert_int_equal(allocated, 0);
	/* Every start is from the same bytes. */
	assert_memory_equal(before, bundle, sizeof(bundle));
	return result;
}

static void everything_arrives(bool packed)
{
	const fdt32_t *end;
	const uint8_t *fdt;
	int len, node;

	bundle_make(packed);
	assert_int_equal(load(), 0);
	assert_memory_equal(ram + MIB(2), bundle + (packed ? FILE_SIZE : 0),
			    FILE_SIZE);
	assert_memory_equal(ram + (plan.initrd - GUEST_RAM_BASE),
			    bundle + 2 * FILE_SIZE, 12345);
	/* bss is as zero as it was. */
	for (unsigned i = 0; i < FILE_SIZE; i++)
		assert_int_equal(ram[MIB(2) + FILE_SIZE + i], 0);
	fdt = ram + (plan.fdt - GUEST_RAM_BASE);
	assert_int_equal(fdt_check_full(fdt, GFDT_ROOM), 0);
	node = fdt_path_offset(fdt, "/chosen");
	end = fdt_getprop(fdt, node, "linux,initrd-end", &len);
	assert_int_equal(len, 8);
	assert_int_equal(fdt32_to_cpu(end[0]), 0);
	assert_int_equal(fdt32_to_cpu(end[1]), plan.initrd + 12345);
	assert_true(fdt_path_offset(fdt, "/cpus/cpu@1") > 0);
	free(ram);
}

static void a_plain_image_is_loaded(void **state)
{
	(void)state;
	everything_arrives(false);
}

static void a_packed_image_is_loaded(void **state)
{
	(void)state;
	everything_arrives(true);
}

static void load_fails(int number, const char *file, const char *why)
{
	assert_int_equal(load(), number);
	assert_string_equal(error.file, file);
	assert_non_null(strstr(error.why, why));
	free(ram);
}

static void damage_is_named(void **state)
{
	(void)state;
	bundle_make(true);
	bundle[config.image.size - 8] ^= 1;
	load_fails(-EBADMSG, "Image", "check sum");
	bundle_make(true);
	config.image.size -= 100;
	load_fails(-EBADMSG, "Image", "cut short");
	/* image_size less than what comes out is noticed in mid-stream. */
	bundle_make(false);
	config.image.size = 63;
	load_fails(-ENOEXEC, "Image", "shorter than its header");
	config.image.size = 0;
	load_fails(-ENOEXEC, "Image", "shorter than its header");
	bundle_make(false);
	bundle[56] = 0;
	load_fails(-ENOEXEC, "Image", "not a RISC-V Image");
}

/* A packed Image's length is known only in the end. */
static void a_packed_image_longer_than_it_says(void **state)
{
	z_stream z = {.next_in = bundle + FILE_SIZE,
		      .avail_in = FILE_SIZE,
		      .next_out = bundle,
		      .avail_out = FILE_SIZE};

	(void)state;
	bundle_make(true);
	put_le(bundle + FILE_SIZE + 16, FILE_SIZE - 1, 8);
	deflateInit2(&z, 6, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	config.image.size = z.total_out;
	deflateEnd(&z);
	load_fails(-ENOEXEC, "Image", "longer than its image_size");
}

static void errors_around_it_are_passed_on(void **state)
{
	(void)state;
	bundle_make(false);
	write_error = -EFAULT;
	load_fails(-EFAULT, "Image", "cannot be written");
	write_error = 0;
	alloc_fails = 1;
	load_fails(-ENOMEM, "device tree", "out of memory");
	bundle_make(true);
	alloc_fails = 1;
	load_fails(-ENOMEM, "Image", "out of memory");
}

static void checking_writes_nothing(void **state)
{
	struct loader_job job;

	(void)state;
	write_error = -EFAULT;
	for (int packed = 0; packed < 2; packed++) {
		bundle_make(packed);
		job = job_make();
		assert_int_equal(loader_check(&job, &plan, &error), 0);
		bundle[config.image.size - 1] ^= packed;
	}
	assert_int_equal(loader_check(&job, &plan, &error), -EBADMSG);
	/* Its header is as good as it was: no further does a look go. */
	assert_int_equal(loader_look(&job, &plan, &error), 0);
	assert_int_equal(plan.image, GUEST_RAM_BASE + MIB(2));
	write_error = 0;
	assert_int_equal(allocated, 0);
}

/* Before any memory is there: what is wrong with the header or the sizes. */
static void a_look_is_enough_for_the_header(void **state)
{
	struct loader_job job;

	(void)state;
	write_error = -EFAULT;
	for (int packed = 0; packed < 2; packed++) {
		bundle_make(packed);
		job = job_make();
		assert_int_equal(loader_look(&job, &plan, &error), 0);
		config.memory = MIB(2);
		assert_int_equal(loader_look(&job, &plan, &error), -ENOSPC);
		assert_string_equal(error.file, "Image");
		config.memory = MIB(4);
		config.initrd.size = MIB(4);
		assert_int_equal(loader_look(&job, &plan, &error), -ENOSPC);
		assert_string_equal(error.file, "initrd");
		config.image.size = 30;
		assert_int_equal(loader_look(&job, &plan, &error),
				 packed ? -EBADMSG : -ENOEXEC);
		assert_string_equal(error.file, "Image");
	}
	write_error = 0;
	assert_int_equal(allocated, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(debians_kernel_is_placed),
		cmocka_unit_test(bad_headers_are_refused),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(the_space_below_the_image_is_used),
		cmocka_unit_test(random_plans_hold),
		cmocka_unit_test(a_plain_image_is_loaded),
		cmocka_unit_test(a_packed_image_is_loaded),
		cmocka_unit_test(damage_is_named),
		cmocka_unit_test(a_packed_image_longer_than_it_says),
		cmocka_unit_test(errors_around_it_are_passed_on),
		cmocka_unit_test(checking_writes_nothing),
		cmocka_unit_test(a_look_is_enough_for_the_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
