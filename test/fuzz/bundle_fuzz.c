/* Sources: kernel/guest/bundle.c kernel/guest/config.c kernel/guest/loader.c
 *          kernel/guest/gfdt.c kernel/guest/image.c kernel/guest/inflate.c
 *          kernel/cmdline.c
 *          lib/cpio.c lib/image.c lib/range.c libfdt zlib */
/*
 * Arbitrary bytes as a boot loader's initrd, as a config file, and each guest
 * that comes out of them through the loader's checks. The input lies in a block
 * of exactly its size, so that one byte read behind it is found.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/guest/bundle.h"
#include "kernel/guest/layout.h"
#include "kernel/guest/loader.h"
#include "lib/addr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stop the fuzzer: an invariant is broken. */
static void must(bool holds)
{
	if (!holds)
		abort();
}

static unsigned problems;

static void problem_check(void *arg, const char *file, const char *reason)
{
	(void)arg;
	problems++;
	must(file[0] && reason[0] && strlen(file) < 96 && strlen(reason) < 96);
	for (; *file; file++)
		must(*file >= ' ' && *file < 0x7f);
}

static void *scratch_alloc(void *arg, uint64_t size)
{
	(void)arg;
	return malloc(size);
}

static void scratch_free(void *arg, void *p)
{
	(void)arg;
	free(p);
}

static const struct loader_ops ops = {.alloc = scratch_alloc,
				      .free = scratch_free};

static void config_check(const struct guest_config *g)
{
	must(g->memory && g->memory % GUEST_MEMORY_UNIT == 0 &&
	     g->memory <= GUEST_MEMORY_MAX);
	must(g->vcpus >= 1 && g->vcpus <= GUEST_VCPUS_MAX);
	must(memchr(g->bootargs, 0, sizeof(g->bootargs)) != NULL);
	for (const char *p = g->bootargs; *p; p++)
		must((*p >= ' ' && *p != 0x7f) || *p == '\t' || *p < 0);
}

static void plan_check(const struct guest_config *g,
		       const struct loader_plan *plan)
{
	struct range ram = {GUEST_RAM_BASE, g->memory};
	struct range window = {GUEST_RAM_BASE,
			       min_u64(g->memory, LOADER_WINDOW)};
	struct range image = {plan->image, plan->image_size};
	struct range fdt = {plan->fdt, plan->fdt_room};
	struct range initrd = {plan->initrd, g->initrd.size};

	must(range_covers(&ram, &image) && range_covers(&window, &fdt));
	must(!range_overlaps(&image, &fdt));
	if (!initrd.size)
		return;
	must(range_covers(&window, &initrd));
	must(!range_overlaps(&image, &initrd));
	must(!range_overlaps(&fdt, &initrd));
}

static void guest_check(const uint8_t *bundle, size_t size,
			const struct guest_config *g)
{
	struct loader_job job = {.config = g, .bundle = bundle, .ops = &ops};
	struct loader_error error = {0};
	struct loader_plan plan;

	must(g->image.start <= size && g->image.size <= size - g->image.start);
	must(g->initrd.start <= size &&
	     g->initrd.size <= size - g->initrd.start);
	must(strlen(g->name) >= 1 && strlen(g->name) < GUEST_NAME_MAX);
	config_check(g);
	job.tree.isa = "rv64imafdc";
	job.tree.mmu_type = "riscv,sv39";
	job.tree.timebase = 1;
	if (loader_check(&job, &plan, &error) == 0)
		plan_check(g, &plan);
	else
		must(error.file && error.why);
}

static void config_try(const uint8_t *data, size_t size)
{
	struct config_error error;
	struct guest_config g;

	config_defaults(&g);
	if (config_read(data, size, &g, &error))
		must(error.line && error.why);
	config_check(&g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct guest_config guest[BUNDLE_GUESTS_MAX];
	uint8_t *copy = malloc(size ? size : 1);
	int count;

	must(copy != NULL);
	if (size)
		memcpy(copy, data, size);
	config_try(copy, size);
	problems = 0;
	count = bundle_read(copy, size, guest, BUNDLE_GUESTS_MAX, problem_check,
			    NULL);
	must(count >= 0 && count <= (int)BUNDLE_GUESTS_MAX);
	for (int i = 0; i < count; i++)
		guest_check(copy, size, &guest[i]);
	free(copy);
	return 0;
}
