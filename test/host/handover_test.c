/* Sources: kernel/guest/handover.c kernel/guest/handover_plan.c
 *          kernel/guest/image.c kernel/guest/inflate.c kernel/guest/rng.c
 *          kernel/fdt/rewrite.c
 *          kernel/mm/memmap.c kernel/mm/page.c kernel/fdt/dt.c
 *          kernel/fdt/address.c kernel/fdt/memory.c kernel/fdt/chosen.c
 *          lib/image.c lib/range.c lib/mix.c test/host/fake/dts.c
 *          test/host/fake/heap.c test/host/fake/lock.c
 *          test/host/fake/log.c test/host/fake/memory.c
 *          test/host/fake/panic.c libfdt zlib sodium */
/*
 * Preparing and giving the machine away, over physical memory of which others
 * hold random parts: after the moves, in their order, everything is where it
 * belongs; where it is refused, nothing was changed.
 */
#include "kernel/guest/handover.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <libfdt.h>
#include <zlib.h>

#include "arch/handover.h"
#include "arch/irq.h"
#include "arch/mmu.h"
#include "arch/timer.h"
#include "arch/vcpu.h"
#include "kernel/boot.h"
#include "kernel/console.h"
#include "kernel/fdt/chosen.h"
#include "kernel/guest/rng.h"
#include "kernel/irq.h"
#include "kernel/mm/page.h"
#include "kernel/smp.h"
#include "lib/image.h"
#include "test/host/fake/dts.h"
#include "test/host/fake/heap.h"
#include "test/host/fake/memory.h"
#include "test/host/random.h"

#define RAM	    0x40000000ull
#define SIZE	    MIB(64)
#define IMAGE_FILE  (5 * 1024 * 1024 + 1237u)
#define IMAGE_SIZE  (6 * 1024 * 1024u)
#define INITRD_FILE 300007u
#define ARGS	    "quiet a=\"b c\""

static struct boot_info info;
static void *tree;
static const char *problem;
static int prepare_error;
static char steps[128]; /* what was done, in order */
static jmp_buf given;
static struct handover_step *last;

static uint64_t seed;
static uint8_t image[IMAGE_FILE], initrd[INITRD_FILE];
static struct guest_config config;
static struct range bundle;
static struct loader_error error;

/* ---- the machine ---- */

const struct boot_info *boot_info(void)
{
	return &info;
}

const void *boot_fdt(void)
{
	return tree;
}

static void done(const char *what)
{
	strcat(steps, what);
	strcat(steps, " ");
}

unsigned long arch_irq_save(void)
{
	done("irq-off");
	return 0;
}

void console_stop(void)
{
	done("console");
}

void irq_stop(void)
{
	done("irqchips");
}

void arch_timer_set(uint64_t deadline)
{
	assert_true(deadline == ARCH_TIMER_NEVER);
	done("timer");
}

void arch_guest_cpu_exit(void)
{
	done("hypervisor");
}

void smp_call_all(void (*fn)(void *arg), void *arg)
{
	fn(arg);
}

void smp_stop_others(void)
{
	done("harts");
}

const char *arch_handover_problem(void)
{
	return problem;
}

int arch_handover_prepare(struct handover_step *step)
{
	memset(step->code, 0x13, sizeof(step->code));
	step->hart = 3;
	return prepare_error;
}

/* Memory that the next kernel finds is what the moves made of it. */
void arch_handover(struct handover_step *step)
{
	struct handover_step copy = *step;

	done("go");
	for (uint64_t i = 0; i < copy.count; i++) {
		const struct handover_move *m = &copy.move[i];

		if (m->size)
			memmove(arch_pa_to_va(m->to), arch_pa_to_va(m->from),
				m->size);
	}
	/* Nothing wrote over the step while it was taken. */
	assert_memory_equal(&copy, step, sizeof(copy));
	last = step;
	longjmp(given, 1);
}

/* ---- what is given ---- */

static void put_le(uint8_t *at, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static void files_make(void)
{
	for (size_t i = 0; i < sizeof(image); i++)
		image[i] = (uint8_t)random_next(&seed) & 0x3f;
	for (size_t i = 0; i < sizeof(initrd); i++)
		initrd[i] = (uint8_t)random_next(&seed);
	memset(image, 0, IMAGE_HEADER_SIZE);
	put_le(image + 8, MIB(2), 8);
	put_le(image + 16, IMAGE_SIZE, 8);
	put_le(image + 32, 2, 4);
	put_le(image + 48, IMAGE_MAGIC, 8);
	put_le(image + 56, IMAGE_MAGIC2, 4);
}

static size_t packed(uint8_t *out, size_t room)
{
	z_stream z = {0};

	assert_int_equal(
		deflateInit2(&z, 1, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY),
		Z_OK);
	z.next_in = image;
	z.avail_in = sizeof(image);
	z.next_out = out;
	z.avail_out = (unsigned)room;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return z.total_out;
}

/* The bundle at @at: junk, Image, initrd, at multiples of 4 as in a cpio. */
static void bundle_make(pa_t at, bool gz)
{
	static uint8_t out[sizeof(image) * 2];
	size_t size = sizeof(image);
	const uint8_t *from = image;

	if (gz) {
		size = packed(out, sizeof(out));
		from = out;
	}
	memset(&config, 0, sizeof(config));
	strcpy(config.name, "linux");
	strcpy(config.bootargs, ARGS);
	config.image_gz = gz;
	config.image = range_make(0x74, size);
	config.initrd = range_make(align_up(0x74 + size + 40, 4), INITRD_FILE);
	bundle = range_make(at, range_end(&config.initrd) + 500);
	memcpy(arch_pa_to_va(at + config.image.start), from, size);
	memcpy(arch_pa_to_va(at + config.initrd.start), initrd, INITRD_FILE);
}

static void tree_make(void)
{
	const char *why;

	dts_begin();
	dts_node("chosen");
	dts_string("bootargs", "ours");
	dts_cells("linux,initrd-start", bundle.start);
	dts_cells("linux,initrd-end", range_end(&bundle));
	dts_bytes("rng-seed", "\0\0\0\0", 4);
	dts_end();
	tree = dts_finish();
	assert_int_equal(dt_check(tree, DTS_SIZE, &why), 0);
}

/* Start-up: this kernel at RAM + 2 MiB, the bundle at @at. */
static void machine_make(pa_t at, bool gz)
{
	seed = random_seed();
	fake_memory_init(RAM, SIZE);
	files_make();
	bundle_make(at, gz);
	tree_make();
	memset(&info, 0, sizeof(info));
	memmap_add(&info.memmap, RAM, SIZE);
	memmap_mark(&info.memmap, RAM, 0x80000, MEMMAP_NOMAP);
	memmap_mark(&info.memmap, RAM + MIB(2), MIB(1), MEMMAP_IMAGE);
	memmap_mark(&info.memmap, bundle.start, bundle.size, MEMMAP_INITRD);
	assert_int_equal(page_init(&info.memmap), 0);
	rng_add("entropy", 7);
}

/* Others (the kernel, guests) hold memory: blocks of @order, @percent of it. */
static void memory_use(unsigned order, unsigned percent)
{
	static pa_t held[SIZE / PAGE_SIZE];
	unsigned n = 0;

	while (!page_alloc(order, &held[n]))
		n++;
	for (unsigned i = 0; i < n; i++)
		if (random_below(&seed, 100) >= percent)
			page_free(held[i]);
}

static uint64_t free_bytes(void)
{
	struct page_stats stats;

	page_stats_read(&stats);
	return stats.free;
}

static int prepare(struct handover **out)
{
	memset(&error, 0, sizeof(error));
	return handover_prepare(&config, &bundle, out, &error);
}

static void give(struct handover *h)
{
	steps[0] = 0;
	if (!setjmp(given))
		handover_go(h);
}

/* All is where the next kernel looks for it. */
static void check_given(pa_t at)
{
	const uint8_t *out;
	struct range ramdisk;
	const char *why;
	const void *fdt;
	int len;

	assert_int_equal(last->entry, at);
	assert_int_equal(last->hart, 3);
	out = arch_pa_to_va(at);
	assert_memory_equal(out, image, sizeof(image));
	fdt = arch_pa_to_va(last->tree);
	assert_int_equal(dt_check(fdt, 65536, &why), 0);
	assert_string_equal(dt_bootargs(fdt), ARGS);
	assert_int_equal(dt_initrd(fdt, &ramdisk), 0);
	assert_int_equal(ramdisk.size, INITRD_FILE);
	assert_memory_equal(arch_pa_to_va(ramdisk.start), initrd, INITRD_FILE);
	out = fdt_getprop(fdt, fdt_path_offset(fdt, "/chosen"), "rng-seed",
			  &len);
	assert_int_equal(len, 4);
	assert_memory_not_equal(out, "\0\0\0\0", 4);
	assert_true(last->tree >= at + IMAGE_SIZE || last->tree < at);
}

static void machine_is_made_quiet_before_it_is_given(void **state)
{
	struct handover *h;

	(void)state;
	machine_make(RAM + MIB(40), false);
	assert_int_equal(prepare(&h), 0);
	assert_int_equal(handover_image(h), RAM + MIB(2));
	give(h);
	assert_string_equal(steps,
			    "irq-off console irqchips timer hypervisor "
			    "harts go ");
	check_given(RAM + MIB(2));
}

/* The Image's source and destination overlap, one way and the other. */
static void image_over_its_own_bundle(void **state)
{
	static const uint64_t offset[] = {0, 4, 0x1000, 0x123458, MIB(3)};
	struct handover *h;

	for (unsigned i = 0; i < ARRAY_SIZE(offset); i++) {
		pid_t child = fork();
		int status;

		if (child) {
			waitpid(child, &status, 0);
			assert_int_equal(status, 0);
			continue;
		}
		machine_make(RAM + MIB(3) + offset[i], false);
		assert_int_equal(prepare(&h), 0);
		give(h);
		check_given(RAM + MIB(2));
		_exit(0);
	}
	(void)state;
}

static void packed_image_beside_others(void **state)
{
	uint64_t before;
	struct handover *h;

	(void)state;
	machine_make(RAM + MIB(6), true);
	memory_use(6, 50);
	before = free_bytes();
	assert_int_equal(prepare(&h), 0);
	assert_true(before - free_bytes() >= IMAGE_FILE);
	give(h);
	check_given(RAM + MIB(2));
}

/* No piece is big enough, and the blocks that are in the way are given back. */
static void memory_in_too_small_pieces(void **state)
{
	struct handover *h;
	uint64_t before;

	(void)state;
	machine_make(RAM + MIB(40), true);
	memory_use(4, 90);
	before = free_bytes();
	assert_int_equal(prepare(&h), -ENOMEM);
	assert_string_equal(error.file, "memory");
	assert_non_null(strstr(error.why, "unpack the Image"));
	assert_int_equal(free_bytes(), before);
	assert_int_equal(fake_heap_live, 0);
}

/* Others hold all but where the Image goes, and but @spare bytes beside it. */
static void memory_use_around(uint64_t spare)
{
	static pa_t held[SIZE / PAGE_SIZE];
	const struct range free[] = {{RAM + MIB(2), IMAGE_SIZE},
				     {RAM + MIB(20), spare}};
	unsigned n = 0;

	while (!page_alloc(0, &held[n]))
		n++;
	while (n--)
		for (unsigned i = 0; i < ARRAY_SIZE(free); i++)
			if (held[n] - free[i].start < free[i].size)
				page_free(held[n]);
}

/* Blocks that are in the way are all there is, for the step or for the tree. */
static void nothing_is_free_but_what_is_in_the_way(void **state)
{
	struct handover *h;
	uint64_t before;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		pid_t child = fork();
		int status;

		if (child) {
			waitpid(child, &status, 0);
			assert_int_equal(status, 0);
			continue;
		}
		machine_make(RAM + MIB(40), i & 1);
		memory_use_around(i & 2 ? PAGE_SIZE << HANDOVER_STEP_ORDER : 0);
		before = free_bytes();
		assert_int_equal(prepare(&h), -ENOMEM);
		assert_string_equal(error.file, "memory");
		assert_int_equal(free_bytes(), before);
		assert_int_equal(fake_heap_live, 0);
		_exit(0);
	}
}

/* Every refusal: nothing is left behind, the bundle is as it was. */
static void refusals_change_nothing(void **state)
{
	static uint8_t before[MIB(8)];
	struct handover *h;
	uint64_t free;
	uint8_t *gz;
	long left;

	(void)state;
	machine_make(RAM + MIB(40), true);
	free = free_bytes();
	gz = arch_pa_to_va(bundle.start);
	memcpy(before, gz, bundle.size);

	problem = "no HSM";
	assert_int_equal(prepare(&h), -ENOTSUP);
	assert_string_equal(error.file, "harts");
	assert_string_equal(error.why, "no HSM");
	problem = NULL;

	prepare_error = -ENOMEM;
	assert_int_equal(prepare(&h), -ENOMEM);
	assert_string_equal(error.file, "memory");
	prepare_error = 0;

	config.initrd.size = SIZE;
	assert_int_equal(prepare(&h), -ENOSPC);
	assert_string_equal(error.file, "initrd");
	config.initrd.size = INITRD_FILE;

	for (left = 0; left < 2; left++) {
		fake_heap_left = left;
		assert_int_equal(prepare(&h), -ENOMEM);
		assert_string_equal(error.file, "memory");
	}
	fake_heap_left = -1;

	config.image.size -= 9;
	assert_int_equal(prepare(&h), -EBADMSG);
	assert_string_equal(error.file, "Image");
	config.image.size += 9;

	gz[config.image.start + config.image.size - 5] ^= 1;
	assert_int_equal(prepare(&h), -EBADMSG);
	gz[config.image.start + config.image.size - 5] ^= 1;

	assert_memory_equal(before, gz, bundle.size);
	assert_int_equal(free_bytes(), free);
	assert_int_equal(fake_heap_live, 0);
	/* And after all that it can be done. */
	assert_int_equal(prepare(&h), 0);
	give(h);
	check_given(RAM + MIB(2));
}

/* A packed Image that says less of itself than there is, or is no Image. */
static void bad_packed_images(void **state)
{
	struct handover *h;
	uint64_t free;

	(void)state;
	machine_make(RAM + MIB(40), true);
	put_le(image + 16, MIB(5), 8);
	bundle_make(RAM + MIB(40), true);
	free = free_bytes();
	assert_int_equal(prepare(&h), -ENOEXEC);
	assert_string_equal(error.why, "is longer than its image_size");
	image[56] = 0;
	bundle_make(RAM + MIB(40), true);
	assert_int_equal(prepare(&h), -ENOEXEC);
	assert_non_null(strstr(error.why, "not a RISC-V Image"));
	assert_int_equal(free_bytes(), free);
	assert_int_equal(fake_heap_live, 0);
}

static void random_machines(void **state)
{
	uint64_t lots = random_seed();
	unsigned given_away = 0;

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		uint64_t lot = random_next(&lots);
		pid_t child = fork();
		struct handover *h;
		int status;

		if (child) {
			waitpid(child, &status, 0);
			assert_true(WIFEXITED(status));
			assert_true(WEXITSTATUS(status) < 2);
			given_away += !WEXITSTATUS(status);
			continue;
		}
		machine_make(RAM + MIB(3) + lot % MIB(45) / 4 * 4,
			     lot >> 60 & 1);
		seed = lot;
		memory_use(lot >> 50 & 7, lot >> 40 & 63);
		if (prepare(&h))
			_exit(1);
		give(h);
		check_given(RAM + MIB(2));
		_exit(0);
	}
	assert_true(given_away > 20);
}

/* The page allocator starts once: each test in a process of its own. */
static void apart(void (*test)(void **state))
{
	pid_t child = fork();
	int status;

	if (!child) {
		test(NULL);
		/* What was given away is no leak. */
		_exit(0);
	}
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
}

#define APART(name)                   \
	static void name##_(void **s) \
	{                             \
		(void)s;              \
		apart(name);          \
	}
APART(machine_is_made_quiet_before_it_is_given)
APART(packed_image_beside_others)
APART(memory_in_too_small_pieces)
APART(refusals_change_nothing)
APART(bad_packed_images)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(machine_is_made_quiet_before_it_is_given_),
		cmocka_unit_test(image_over_its_own_bundle),
		cmocka_unit_test(packed_image_beside_others_),
		cmocka_unit_test(memory_in_too_small_pieces_),
		cmocka_unit_test(nothing_is_free_but_what_is_in_the_way),
		cmocka_unit_test(refusals_change_nothing_),
		cmocka_unit_test(bad_packed_images_),
		cmocka_unit_test(random_machines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
