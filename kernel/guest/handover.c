/*
 * Two halves: handover_prepare() puts aside what the last step needs, in pages
 * that it will not write to; handover_go() makes the machine quiet and takes
 * that step. Image and initrd are taken from the bundle where they lie; only a
 * packed Image is unpacked aside, piece by piece.
 */
#include "kernel/guest/handover.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "arch/handover.h"
#include "arch/irq.h"
#include "arch/mmu.h"
#include "arch/timer.h"
#include "arch/vcpu.h"
#include "kernel/boot.h"
#include "kernel/console.h"
#include "kernel/fdt/dt.h"
#include "kernel/fdt/rewrite.h"
#include "kernel/guest/handover_plan.h"
#include "kernel/guest/image.h"
#include "kernel/guest/rng.h"
#include "kernel/irq.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/smp.h"

/* Pieces of an unpacked Image: of 2 MiB, down to 256 KiB where that is all
 * there is. */
#define PIECE_ORDER_MAX 9u
#define PIECE_ORDER_MIN 6u

/* The moves: tree and initrd first, for the Image may go over the bundle. */
enum {
	MOVE_TREE,
	MOVE_INITRD,
	MOVE_IMAGE
};

struct handover {
	const struct guest_config *config;
	struct range bundle;
	struct loader_error *error;
	struct memmap map;
	struct handover_plan plan;
	struct handover_step *step;
	pa_t step_pa; /* 0: none yet, as with tree_pa */
	pa_t tree_pa;
	pa_t aside;    /* blocks in the way, each holds the next one's pa */
	uint64_t done; /* bytes of the Image */
	uint64_t room; /* bytes left in the last piece */
};

static int refuse(const struct handover *h, int number, const char *file,
		  const char *why)
{
	h->error->file = file;
	h->error->why = why;
	return number;
}

/* ---- memory that the last step leaves alone ---- */

static int block_take(struct handover *h, unsigned order, pa_t *out)
{
	struct range block = {0, PAGE_SIZE << order};
	int err;

	while (!(err = page_alloc(order, &block.start)) &&
	       handover_plan_touches(&h->plan, &block)) {
		*(pa_t *)arch_pa_to_va(block.start) = h->aside;
		h->aside = block.start;
	}
	/* On failure it is still the last one that was put aside. */
	if (!err)
		*out = block.start;
	return err;
}

static void aside_free(struct handover *h)
{
	pa_t next;

	for (; h->aside; h->aside = next) {
		next = *(pa_t *)arch_pa_to_va(h->aside);
		page_free(h->aside);
	}
}

static void handover_free(struct handover *h)
{
	unsigned i;

	if (h->step_pa && h->config->image_gz)
		for (i = MOVE_IMAGE; i < h->step->count; i++)
			page_free(h->step->move[i].from);
	if (h->tree_pa)
		page_free(h->tree_pa);
	if (h->step_pa)
		page_free(h->step_pa);
	heap_free(h);
}

/* ---- the Image ---- */

static pa_t in_bundle(const struct handover *h, const struct range *part)
{
	return h->bundle.start + part->start;
}

/* Its header decides where everything goes. */
static int image_plan(void *arg, const struct image_header *header)
{
	struct handover *h = arg;
	const struct guest_config *config = h->config;
	struct handover_sizes sizes = {
		/* Of a packed one more is found when it comes. */
		.file = config->image_gz ? IMAGE_HEADER_SIZE
					 : config->image.size,
		.initrd = config->initrd.size,
		.tree = dt_rewrite_room(boot_fdt(), config->bootargs),
	};
	int err = handover_plan(&h->map, header, &sizes, &h->plan, h->error);

	if (err)
		return err;
	if (block_take(h, HANDOVER_STEP_ORDER, &h->step_pa))
		return refuse(h, -ENOMEM, "memory", "none for the last step");
	h->step = arch_pa_to_va(h->step_pa);
	h->step->entry = h->plan.image.start;
	h->step->tree = h->plan.tree.start;
	h->step->move[MOVE_INITRD] = (struct handover_move){
		h->plan.initrd.start, in_bundle(h, &config->initrd),
		config->initrd.size};
	h->step->count = MOVE_IMAGE;
	return 0;
}

static int piece_add(struct handover *h)
{
	unsigned order = PIECE_ORDER_MAX;
	pa_t pa;

	if (h->step->count == HANDOVER_MOVES_MAX)
		return refuse(h, -ENOMEM, "memory",
			      "in too many pieces to unpack the Image");
	while (block_take(h, order, &pa))
		if (order-- == PIECE_ORDER_MIN)
			return refuse(h, -ENOMEM, "memory",
				      "not enough free to unpack the Image");
	h->step->move[h->step->count++] =
		(struct handover_move){h->plan.image.start + h->done, pa, 0};
	h->room = PAGE_SIZE << order;
	return 0;
}

/* The next bytes of a packed Image. */
static int image_put(void *arg, const void *data, uint64_t size)
{
	struct handover *h = arg;
	struct handover_move *piece;
	uint64_t done, part;
	int err;

	if (size > h->plan.image.size - h->done)
		return refuse(h, -ENOEXEC, "Image",
			      "is longer than its image_size");
	for (done = 0; done < size; done += part) {
		if (!h->room) {
			err = piece_add(h);
			if (err)
				return err;
		}
		piece = &h->step->move[h->step->count - 1];
		part = min_u64(size - done, h->room);
		memcpy((char *)arch_pa_to_va(piece->from) + piece->size,
		       (const char *)data + done, part);
		piece->size += part;
		h->room -= part;
		h->done += part;
	}
	return 0;
}

/* A plain one stays where it is. */
static int image_leave(void *arg, const void *data, uint64_t size)
{
	struct handover *h = arg;

	(void)data;
	(void)size;
	h->step->count = MOVE_IMAGE + 1;
	h->step->move[MOVE_IMAGE] = (struct handover_move){
		h->plan.image.start, in_bundle(h, &h->config->image),
		h->config->image.size};
	return 0;
}

static int image_take(struct handover *h)
{
	const struct guest_config *config = h->config;
	const struct image_sink sink = {
		image_plan, config->image_gz ? image_put : image_leave, h};
	const char *why;
	void *work = NULL;
	int err;

	if (config->image_gz) {
		work = heap_alloc(INFLATE_WORK);
		if (!work)
			return refuse(h, -ENOMEM, "memory",
				      "none to unpack the Image");
	}
	err = image_read(arch_pa_to_va(in_bundle(h, &config->image)),
			 config->image.size, work, &sink, &why);
	heap_free(work);
	/* Without a reason of its own it was stopped by one of the two. */
	return err && why ? refuse(h, err, "Image", why) : err;
}

/* ---- the tree ---- */

/* Given to dt_rewrite() only where the generator is ready: it cannot fail. */
static void seed_make(void *out, size_t size)
{
	(void)rng_take(out, size);
}

static int tree_make(struct handover *h)
{
	struct dt_chosen chosen = {
		.bootargs = h->config->bootargs,
		.initrd = h->plan.initrd,
		.seed = rng_ready() ? seed_make : NULL,
	};
	void *buf;

	if (block_take(h, page_order(h->plan.tree.size), &h->tree_pa))
		return refuse(h, -ENOMEM, "memory", "none for a device tree");
	buf = arch_pa_to_va(h->tree_pa);
	if (dt_rewrite(boot_fdt(), &chosen, buf, h->plan.tree.size))
		return refuse(h, -ENOSPC, "device tree", "cannot be made");
	h->step->move[MOVE_TREE] = (struct handover_move){
		h->plan.tree.start, h->tree_pa, dt_total_size(buf)};
	return 0;
}

/* ---- the whole ---- */

static int prepare(struct handover *h)
{
	const char *problem = arch_handover_problem();
	int err;

	if (problem)
		return refuse(h, -ENOTSUP, "harts", problem);
	if (handover_map(&h->map, &boot_info()->memmap, boot_fdt(), &h->bundle))
		return refuse(h, -ENOSPC, "memory", "its map is full");
	err = image_take(h);
	if (!err)
		err = tree_make(h);
	if (!err && arch_handover_prepare(h->step))
		err = refuse(h, -ENOMEM, "memory", "none for a page table");
	aside_free(h);
	return err;
}

int handover_prepare(const struct guest_config *config,
		     const struct range *bundle, struct handover **out,
		     struct loader_error *error)
{
	struct handover *h = heap_alloc(sizeof(*h));
	int err;

	*error = (struct loader_error){"memory", "none to prepare it in"};
	if (!h)
		return -ENOMEM;
	h->config = config;
	h->bundle = *bundle;
	h->error = error;
	err = prepare(h);
	if (err)
		handover_free(h);
	else
		*out = h;
	return err;
}

pa_t handover_image(const struct handover *h)
{
	return h->plan.image.start;
}

static void hart_quiet(void *arg)
{
	(void)arg;
	arch_timer_set(ARCH_TIMER_NEVER);
	arch_guest_cpu_exit();
}

void handover_go(struct handover *h)
{
	arch_irq_save();
	/* The UART first: it would raise its line again. */
	console_stop();
	irq_stop();
	smp_call_all(hart_quiet, NULL);
	smp_stop_others();
	arch_handover(h->step);
}
