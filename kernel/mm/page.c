/*
 * Buddy allocator whose start-up cost does not grow with memory.
 *
 * A zone is one FREE region of the memory map. It has one byte per page, taken
 * from its own less aligned end, that is meaningful for the first page (the
 * head) of a block only: the block's order, and whether it is free. With
 * gigabytes of memory these bytes are megabytes, so they are never cleared;
 * instead every byte that counts was written before it is read:
 *
 *  - page_init() cuts a zone into its largest aligned blocks and writes their
 *    heads. Splitting a block writes the heads of both halves. A head that is
 *    joined into a larger block keeps its stale byte.
 *  - A block's buddy, if its head lies in the zone, is or was a block: a half
 *    of the same split, or the neighbour that page_init() cut.
 *  - The ancestors of a page are the pages that its number becomes by clearing
 *    low set bits one after the other. Blocks are aligned, so the block that
 *    holds a page has its head at the page or at an ancestor. The ancestors of
 *    a head are heads, or were before they were joined into a block; and such
 *    a block ends before our head, or it would hold that, too.
 *
 * So page_free() first looks at the ancestors. If one is the head of a block
 * that reaches its page, the caller is wrong, whatever junk the page's own byte
 * is; if none is, the page is a head and its byte is true.
 */
#include "kernel/mm/page.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "arch/lock.h"
#include "arch/mmu.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "lib/list.h"

#define ZONES_MAX 64

/* A head's byte: its order, and whether the block is taken or free. */
#define ORDER_MASK  0x1fu
#define STATE_FREE  0x40u
#define STATE_TAKEN 0x80u

/* Page numbers [first, end), without the pages that hold the bytes. */
struct zone {
	uint64_t first;
	uint64_t end;
	uint8_t *heads; /* heads[n - first] is the byte of page n */
};

static struct {
	struct spinlock lock;
	unsigned zones;
	struct zone zone[ZONES_MAX];
	struct list free[PAGE_ORDER_MAX + 1];
	uint64_t blocks[PAGE_ORDER_MAX + 1]; /* entries of free[] */
	uint64_t pages;			     /* in all zones */
	uint64_t pages_free;
} state;

static uint8_t *head_byte(const struct zone *z, uint64_t page)
{
	return &z->heads[page - z->first];
}

/* The list entry of a free block lies in its first page. */
static struct list *page_entry(uint64_t page)
{
	return arch_pa_to_va(page << PAGE_SHIFT);
}

static void block_put(const struct zone *z, uint64_t page, unsigned order)
{
	*head_byte(z, page) = (uint8_t)(STATE_FREE | order);
	list_add(&state.free[order], page_entry(page));
	state.blocks[order]++;
}

static void block_take(uint64_t page, unsigned order)
{
	list_remove(page_entry(page));
	state.blocks[order]--;
}

static const struct zone *zone_of(uint64_t page)
{
	for (unsigned i = 0; i < state.zones; i++)
		if (page >= state.zone[i].first && page < state.zone[i].end)
			return &state.zone[i];
	return NULL;
}

/* ---- start ---- */

/* Cut the zone into the largest blocks that are aligned to their size. */
static void zone_seed(const struct zone *z)
{
	uint64_t page = z->first;

	while (page < z->end) {
		unsigned order = 0;

		while (order < PAGE_ORDER_MAX &&
		       is_aligned(page, 2ull << order) &&
		       z->end - page >= 2ull << order)
			order++;
		block_put(z, page, order);
		page += 1ull << order;
	}
}

/* Is @a a multiple of a larger power of two than @b? */
static bool better_aligned(uint64_t a, uint64_t b)
{
	return (a & -a) - 1 > (b & -b) - 1;
}

/* Make @region a zone; false when nothing is left beside its bytes. */
static bool zone_add(const struct memmap_region *region)
{
	struct zone *z = &state.zone[state.zones];
	uint64_t count = region->size >> PAGE_SHIFT;
	uint64_t bytes = align_up(count, PAGE_SIZE) >> PAGE_SHIFT;
	uint64_t heads;

	if (bytes >= count)
		return false;
	z->first = region->start >> PAGE_SHIFT;
	z->end = z->first + count;
	if (better_aligned(z->first, z->end)) {
		z->end -= bytes;
		heads = z->end;
	} else {
		heads = z->first;
		z->first += bytes;
	}
	z->heads = arch_pa_to_va(heads << PAGE_SHIFT);
	state.zones++;
	state.pages += z->end - z->first;
	zone_seed(z);
	return true;
}

int page_init(const struct memmap *map)
{
	uint64_t lost = 0;

	for (unsigned i = 0; i <= PAGE_ORDER_MAX; i++)
		list_init(&state.free[i]);
	for (unsigned i = 0; i < map->count; i++) {
		const struct memmap_region *r = &map->region[i];

		if (r->kind != MEMMAP_FREE)
			continue;
		if (state.zones == ZONES_MAX || !zone_add(r))
			lost += r->size;
	}
	state.pages_free = state.pages;
	if (lost)
		log_warn("memory", "%" PRIu64 " KiB in too small pieces",
			 lost >> 10);
	return state.pages ? 0 : -ENOMEM;
}

/* ---- use ---- */

int page_order(uint64_t size)
{
	int order = 0;

	while (order <= PAGE_ORDER_MAX && PAGE_SIZE << order < size)
		order++;
	return order <= PAGE_ORDER_MAX ? order : -1;
}

/* Take a block of @order, splitting a larger one; the lock is held. */
static int block_alloc(unsigned order, uint64_t *page)
{
	const struct zone *z;
	unsigned found = order;

	while (found <= PAGE_ORDER_MAX && !state.blocks[found])
		found++;
	if (found > PAGE_ORDER_MAX)
		return -ENOMEM;
	*page = arch_va_to_pa(state.free[found].next) >> PAGE_SHIFT;
	z = zone_of(*page);
	block_take(*page, found);
	while (found > order) {
		found--;
		block_put(z, *page + (1ull << found), found);
	}
	*head_byte(z, *page) = (uint8_t)(STATE_TAKEN | order);
	state.pages_free -= 1ull << order;
	return 0;
}

int page_alloc(unsigned order, pa_t *out)
{
	unsigned long flags;
	uint64_t page;
	int error;

	if (order > PAGE_ORDER_MAX)
		return -EINVAL;
	flags = spin_lock_irqsave(&state.lock);
	error = block_alloc(order, &page);
	spin_unlock_irqrestore(&state.lock, flags);
	if (!error)
		*out = page << PAGE_SHIFT;
	return error;
}

int page_alloc_zero(unsigned order, pa_t *out)
{
	int error = page_alloc(order, out);

	if (!error)
		memset(arch_pa_to_va(*out), 0, PAGE_SIZE << order);
	return error;
}

/* Does a block that begins at an ancestor of @page reach it? */
static bool is_inside(const struct zone *z, uint64_t page)
{
	uint64_t up = page & (page - 1);

	while (page - up < 1ull << PAGE_ORDER_MAX && up >= z->first && up) {
		unsigned order = *head_byte(z, up) & ORDER_MASK;

		if (page - up < 1ull << order)
			return true;
		up &= up - 1;
	}
	return false;
}

/* Join a block that is not in a list with its free buddies, and put it in. */
static void block_join(const struct zone *z, uint64_t page, unsigned order)
{
	while (order < PAGE_ORDER_MAX) {
		uint64_t buddy = page ^ 1ull << order;

		if (buddy < z->first || buddy >= z->end ||
		    *head_byte(z, buddy) != (STATE_FREE | order))
			break;
		block_take(buddy, order);
		page &= ~(1ull << order);
		order++;
	}
	block_put(z, page, order);
}

/* Returns what is wrong with freeing @page, or NULL; the lock is held. */
static const char *block_free(uint64_t page)
{
	const struct zone *z = zone_of(page);
	unsigned order;

	if (!z)
		return "not ours";
	if (is_inside(z, page))
		return "inside a block";
	if (!(*head_byte(z, page) & STATE_TAKEN))
		return "free already";
	order = *head_byte(z, page) & ORDER_MASK;
	state.pages_free += 1ull << order;
	block_join(z, page, order);
	return NULL;
}

void page_free(pa_t pa)
{
	const char *wrong = "not a page";
	unsigned long flags;

	if (is_aligned(pa, PAGE_SIZE)) {
		flags = spin_lock_irqsave(&state.lock);
		wrong = block_free(pa >> PAGE_SHIFT);
		spin_unlock_irqrestore(&state.lock, flags);
	}
	if (wrong)
		panic("page_free of 0x%" PRIx64 ": %s", pa, wrong);
}

void page_stats_read(struct page_stats *out)
{
	unsigned long flags = spin_lock_irqsave(&state.lock);

	out->total = state.pages << PAGE_SHIFT;
	out->free = state.pages_free << PAGE_SHIFT;
	out->largest_order = -1;
	for (int i = 0; i <= PAGE_ORDER_MAX; i++) {
		out->blocks[i] = state.blocks[i];
		if (state.blocks[i])
			out->largest_order = i;
	}
	spin_unlock_irqrestore(&state.lock, flags);
}
