/*
 * Small objects in slabs. A slab is one page of objects of one size: a header
 * with a bitmap of the free ones, then the objects up to the page's end. So the
 * header of an object is found by rounding its address down, no object is ever
 * page-aligned, and a page-aligned pointer can only be a large one, which the
 * page allocator knows itself. Sizes are those that 63/64 of a page divides
 * into well, not powers of two: a size class of 2048 would fill half a page.
 */
#include "kernel/mm/heap.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "arch/lock.h"
#include "arch/mmu.h"
#include "kernel/mm/page.h"
#include "kernel/panic.h"
#include "lib/list.h"

#define SLAB_MAGIC 0x51ab51ab0b7ec75eull
#define MAP_WORDS  4

/* Ascending, multiples of 16. */
static const uint16_t class_size[] = {16,  32,	48,  64,  96,	128,  192,
				      256, 336, 496, 672, 1008, 1344, 2016};

#define CLASSES ARRAY_SIZE(class_size)

struct slab {
	struct list entry; /* in its class's list, while it has room */
	uint64_t magic;	   /* with the address mixed in: not to be copied */
	uint16_t class;
	uint16_t free;		 /* objects */
	uint16_t count;		 /* objects in all */
	uint64_t map[MAP_WORDS]; /* a bit per object, 1 = free */
} __attribute__((aligned(16)));

_Static_assert(sizeof(struct slab) == PAGE_SIZE / 64, "objects fill the rest");
_Static_assert(MAP_WORDS * 64 >= (PAGE_SIZE - sizeof(struct slab)) / 16,
	       "a bit for each of the smallest objects");

static struct {
	struct spinlock lock;
	bool ready;
	struct list room[CLASSES]; /* slabs with a free object */
	struct heap_stats stats;
} heap;

static uint64_t slab_magic(const struct slab *s)
{
	return SLAB_MAGIC ^ (uintptr_t)s;
}

static unsigned class_of(size_t size)
{
	unsigned class = 0;

	while (class_size[class] < size)
		class ++;
	return class;
}

static struct slab *slab_new(unsigned class)
{
	struct slab *s;
	pa_t pa;

	if (page_alloc(0, &pa))
		return NULL;
	s = arch_pa_to_va(pa);
	memset(s, 0, sizeof(*s));
	s->magic = slab_magic(s);
	s->class = (uint16_t) class;
	s->count = (uint16_t)((PAGE_SIZE - sizeof(*s)) / class_size[class]);
	s->free = s->count;
	for (unsigned i = 0; i < s->count; i++)
		s->map[i / 64] |= 1ull << i % 64;
	list_add(&heap.room[class], &s->entry);
	heap.stats.slabs++;
	return s;
}

/* The first free object of @s, which has one; the lock is held. */
static void *slab_take(struct slab *s)
{
	unsigned word = 0, bit;

	while (!s->map[word])
		word++;
	bit = (unsigned)__builtin_ctzll(s->map[word]);
	s->map[word] &= s->map[word] - 1;
	if (!--s->free)
		list_remove(&s->entry);
	return (uint8_t *)(s + 1) + (word * 64 + bit) * class_size[s->class];
}

static void heap_prepare(void)
{
	for (unsigned i = 0; i < CLASSES; i++)
		list_init(&heap.room[i]);
	heap.ready = true;
}

static void *small_alloc(size_t size)
{
	unsigned class = class_of(size);
	unsigned long flags = spin_lock_irqsave(&heap.lock);
	struct list *first;
	struct slab *s;
	void *p = NULL;

	if (!heap.ready)
		heap_prepare();
	first = list_first(&heap.room[class]);
	s = first ? container_of(first, struct slab, entry) : slab_new(class);
	if (s) {
		p = slab_take(s);
		heap.stats.objects++;
	}
	spin_unlock_irqrestore(&heap.lock, flags);
	return p ? memset(p, 0, class_size[class]) : NULL;
}

static void *large_alloc(size_t size)
{
	int order = page_order(size);
	unsigned long flags;
	pa_t pa;

	if (order < 0 || page_alloc_zero((unsigned)order, &pa))
		return NULL;
	flags = spin_lock_irqsave(&heap.lock);
	heap.stats.objects++;
	spin_unlock_irqrestore(&heap.lock, flags);
	return arch_pa_to_va(pa);
}

void *heap_alloc(size_t size)
{
	return size <= HEAP_SMALL_MAX ? small_alloc(size) : large_alloc(size);
}

void *heap_alloc_array(size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		return NULL;
	return heap_alloc(bytes);
}

/*
 * Put object @p back into @s; the lock is held. Returns false when it is none
 * that was handed out. The page of an empty slab goes back if the class has
 * room elsewhere: *@empty tells that.
 */
static bool slab_put(struct slab *s, const void *p, bool *empty)
{
	size_t size = class_size[s->class];
	size_t offset = (size_t)((const uint8_t *)p - (uint8_t *)(s + 1));
	size_t i = offset / size;

	if (offset % size || i >= s->count || s->map[i / 64] >> i % 64 & 1)
		return false;
	s->map[i / 64] |= 1ull << i % 64;
	if (!s->free++)
		list_add(&heap.room[s->class], &s->entry);
	*empty = s->free == s->count && s->entry.next != s->entry.prev;
	if (*empty) {
		list_remove(&s->entry);
		s->magic = 0;
		heap.stats.slabs--;
	}
	heap.stats.objects--;
	return true;
}

static void small_free(void *p)
{
	struct slab *s = (struct slab *)align_down((uintptr_t)p, PAGE_SIZE);
	bool ours, empty = false;
	unsigned long flags = spin_lock_irqsave(&heap.lock);

	ours = s->magic == slab_magic(s) && slab_put(s, p, &empty);
	spin_unlock_irqrestore(&heap.lock, flags);
	if (!ours)
		panic("heap_free of %p: not an object in use", p);
	if (empty)
		page_free(arch_va_to_pa(s));
}

void heap_free(void *p)
{
	unsigned long flags;

	if (!p)
		return;
	if (!is_aligned((uintptr_t)p, PAGE_SIZE)) {
		small_free(p);
		return;
	}
	page_free(arch_va_to_pa(p));
	flags = spin_lock_irqsave(&heap.lock);
	heap.stats.objects--;
	spin_unlock_irqrestore(&heap.lock, flags);
}

void heap_stats_read(struct heap_stats *out)
{
	unsigned long flags = spin_lock_irqsave(&heap.lock);

	*out = heap.stats;
	spin_unlock_irqrestore(&heap.lock, flags);
}
