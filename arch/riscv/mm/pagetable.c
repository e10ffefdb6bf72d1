/*
 * Walks and changes page tables. One walker serves all formats: they differ in
 * the number of levels, the width of the root, and the U bit of G-stage leaves.
 *
 *	 va of Sv48: | sign ... |  9  |  9  |  9  |  9  |   12   |
 *	 level:		           3     2     1     0    offset
 *
 * An entry at level n spans 4 KiB * 512^n. Ranges are walked table by table,
 * not page by page from the root: a leaf costs a few instructions.
 * Source: RISC-V Privileged Architecture, "Virtual Address Translation".
 */
#include "arch/riscv/mm/pagetable.h"

#include <errno.h>
#include <stddef.h>

#define PA_BITS 56

/* The highest level of any format is 4; its entries span 256 TiB. */
const struct pagetable_format pagetable_sv39 = {"sv39", 8, 3, 9, 0};
const struct pagetable_format pagetable_sv48 = {"sv48", 9, 4, 9, 0};
const struct pagetable_format pagetable_sv57 = {"sv57", 10, 5, 9, 0};
const struct pagetable_format pagetable_sv39x4 = {"sv39x4", 8, 3, 11, PTE_U};
const struct pagetable_format pagetable_sv48x4 = {"sv48x4", 9, 4, 11, PTE_U};
const struct pagetable_format pagetable_sv57x4 = {"sv57x4", 10, 5, 11, PTE_U};

/* A range on its way into a table; shrinks from the front. */
struct span {
	va_t va;
	pa_t pa;
	uint64_t size;
	uint64_t bits; /* of every leaf */
};

static unsigned level_shift(unsigned level)
{
	return PAGE_SHIFT + PTE_INDEX_BITS * level;
}

static uint64_t level_size(unsigned level)
{
	return 1ull << level_shift(level);
}

static bool format_is_gstage(const struct pagetable_format *format)
{
	return format->root_bits != PTE_INDEX_BITS;
}

static unsigned root_level(const struct pagetable *pt)
{
	return pt->format->levels - 1;
}

static unsigned root_order(const struct pagetable_format *format)
{
	return format->root_bits - PTE_INDEX_BITS;
}

/* The number of entries in a table whose entries are of this level. */
static size_t table_entries(const struct pagetable *pt, unsigned level)
{
	unsigned bits = level == root_level(pt) ? pt->format->root_bits
						: PTE_INDEX_BITS;

	return (size_t)1 << bits;
}

static uint64_t *table_at(const struct pagetable *pt, pa_t table)
{
	return pt->ops->to_va(pt->ctx, table);
}

static bool pte_is_leaf(uint64_t pte)
{
	return (pte & PTE_RWX) != 0;
}

/* Harts may walk the table while it changes: one store, never two halves. */
static void pte_write(uint64_t *slot, uint64_t pte)
{
	__atomic_store_n(slot, pte, __ATOMIC_RELAXED);
}

/* Links a table; a walker that sees the link sees what was put in it before. */
static void pte_link(uint64_t *slot, pa_t table)
{
	__atomic_store_n(slot, pte_from_address(table) | PTE_V,
			 __ATOMIC_RELEASE);
}

/* Four at a time: most of what unmapping a page costs is this. */
static bool table_is_empty(const uint64_t *table)
{
	const uint64_t *end = table + ((size_t)1 << PTE_INDEX_BITS);
	uint64_t any = 0;

	for (; table != end && (any & PTE_V) == 0; table += 4)
		any = table[0] | table[1] | table[2] | table[3];
	return (any & PTE_V) == 0;
}

static void span_advance(struct span *s, uint64_t size)
{
	s->va += size;
	s->pa += size;
	s->size -= size;
}

/* Finds the table below slot, or puts an empty one there. */
static int child_open(struct pagetable *pt, uint64_t *slot, pa_t *child)
{
	int rc;

	if (*slot & PTE_V) {
		if (pte_is_leaf(*slot))
			return -EEXIST;
		*child = pte_address(*slot);
		return 0;
	}
	rc = pt->ops->page_alloc(pt->ctx, 0, child);
	if (rc == 0)
		pte_link(slot, *child);
	return rc;
}

/* Frees the table below slot, an entry of this level for va, if it is empty. */
static void child_close(struct pagetable *pt, uint64_t *slot, unsigned level,
			va_t va)
{
	pa_t child = pte_address(*slot);

	if (!table_is_empty(table_at(pt, child)))
		return;
	pte_write(slot, 0);
	if (pt->ops->flush != NULL)
		pt->ops->flush(pt->ctx, align_down(va, level_size(level)),
			       level_size(level));
	pt->ops->page_free(pt->ctx, child);
}

static int map_table(struct pagetable *pt, pa_t table, unsigned level,
		     struct span *s);

/* Maps what lies under one entry that does not become a leaf. */
static int map_child(struct pagetable *pt, uint64_t *slot, unsigned level,
		     struct span *s)
{
	va_t va = s->va;
	pa_t child;
	int rc = child_open(pt, slot, &child);

	if (rc != 0)
		return rc;
	rc = map_table(pt, child, level - 1, s);
	if (rc != 0)
		child_close(pt, slot, level, va);
	return rc;
}

/* Fills free slots with leaves, step apart; returns how many were free. */
static size_t leaves_set(uint64_t *slot, size_t count, uint64_t pte,
			 uint64_t step)
{
	uint64_t *end = slot + count;
	uint64_t *at = slot;

	for (; at != end && (*at & PTE_V) == 0; at++, pte += step)
		pte_write(at, pte);
	return (size_t)(at - slot);
}

/* Maps what of the range lies in this table; the range keeps the rest. */
static int map_table(struct pagetable *pt, pa_t table, unsigned level,
		     struct span *s)
{
	uint64_t *entries = table_at(pt, table);
	size_t count = table_entries(pt, level);
	unsigned shift = level_shift(level);
	uint64_t size = 1ull << shift;
	size_t i = s->va >> shift & (count - 1);
	int rc = 0;

	while (rc == 0 && s->size != 0 && i < count) {
		size_t room = count - i;
		size_t done;

		if (s->size < size || ((s->va | s->pa) & (size - 1)) != 0) {
			rc = map_child(pt, &entries[i++], level, s);
			continue;
		}
		if (s->size >> shift < room)
			room = s->size >> shift;
		done = leaves_set(&entries[i], room,
				  pte_from_address(s->pa) | s->bits,
				  pte_from_address(size));
		span_advance(s, done << shift);
		i += done;
		if (done != room)
			rc = -EEXIST;
	}
	return rc;
}

/* Replaces the leaf in slot by a table of leaves that translate the same. */
static int leaf_split(struct pagetable *pt, uint64_t *slot, unsigned level)
{
	uint64_t pte = *slot;
	uint64_t step = pte_from_address(level_size(level - 1));
	uint64_t *entries;
	pa_t child;
	int rc = pt->ops->page_alloc(pt->ctx, 0, &child);

	if (rc != 0)
		return rc;
	entries = table_at(pt, child);
	for (size_t i = 0; i < (size_t)1 << PTE_INDEX_BITS; i++)
		pte_write(&entries[i], pte + i * step);
	pte_link(slot, child);
	return 0;
}

static int unmap_table(struct pagetable *pt, pa_t table, unsigned level,
		       struct span *s);

/* Unmaps what of the range lies under one valid entry. */
static int unmap_entry(struct pagetable *pt, uint64_t *slot, unsigned level,
		       struct span *s)
{
	va_t va = s->va;
	int rc;

	if (pte_is_leaf(*slot)) {
		if (s->size >= level_size(level) &&
		    is_aligned(va, level_size(level))) {
			pte_write(slot, 0);
			span_advance(s, level_size(level));
			return 0;
		}
		rc = leaf_split(pt, slot, level);
		if (rc != 0)
			return rc;
	}
	rc = unmap_table(pt, pte_address(*slot), level - 1, s);
	child_close(pt, slot, level, va);
	return rc;
}

static int unmap_table(struct pagetable *pt, pa_t table, unsigned level,
		       struct span *s)
{
	uint64_t *entries = table_at(pt, table);
	size_t count = table_entries(pt, level);
	uint64_t size = level_size(level);
	size_t i = s->va >> level_shift(level) & (count - 1);
	int rc = 0;

	for (; rc == 0 && s->size != 0 && i < count; i++) {
		uint64_t rest = size - (s->va & (size - 1));

		if (entries[i] & PTE_V)
			rc = unmap_entry(pt, &entries[i], level, s);
		else
			span_advance(s, rest < s->size ? rest : s->size);
	}
	return rc;
}

unsigned pagetable_va_bits(const struct pagetable_format *format)
{
	return PAGE_SHIFT + PTE_INDEX_BITS * (format->levels - 1) +
		format->root_bits;
}

/* What of va counts; an S-stage address repeats its highest bit above. */
static va_t va_canonical(const struct pagetable_format *format, va_t va)
{
	unsigned unused = 64 - pagetable_va_bits(format);

	if (format_is_gstage(format))
		return va << unused >> unused;
	return (va_t)((int64_t)(va << unused) >> unused);
}

bool pagetable_va_valid(const struct pagetable_format *format, va_t va,
			uint64_t size)
{
	va_t last = va + (size - 1);

	return size != 0 && last >= va && va_canonical(format, va) == va &&
		va_canonical(format, last) == last && (va ^ last) >> 63 == 0;
}

/* The bits of a leaf, or 0 where no table may hold such a one. */
static uint64_t leaf_bits(const struct pagetable *pt, unsigned prot)
{
	uint64_t bits = PTE_V | PTE_A | PTE_D | pt->format->leaf_bits;

	if ((prot & (PROT_R | PROT_W | PROT_X)) == 0 ||
	    (prot & ~(PROT_R | PROT_W | PROT_X | PROT_IO)) != 0)
		return 0;
	if ((prot & PROT_W) && !(prot & PROT_R))
		return 0;
	if ((prot & PROT_X) && (prot & PROT_IO))
		return 0;
	if ((prot & PROT_W) && (prot & PROT_X) && !format_is_gstage(pt->format))
		return 0;
	if (prot & PROT_IO)
		bits |= pt->io_bits;
	return bits | (uint64_t)(prot & (PROT_R | PROT_W | PROT_X)) << 1;
}

static int range_check(const struct pagetable *pt, va_t va, uint64_t size)
{
	if (size == 0 || !is_aligned(va | size, PAGE_SIZE))
		return -EINVAL;
	if (!pagetable_va_valid(pt->format, va, size))
		return -ERANGE;
	return 0;
}

int pagetable_init(struct pagetable *pt, const struct pagetable_format *format,
		   const struct pagetable_ops *ops, void *ctx)
{
	pt->format = format;
	pt->ops = ops;
	pt->ctx = ctx;
	pt->io_bits = 0;
	return ops->page_alloc(ctx, root_order(format), &pt->root);
}

static void table_free(struct pagetable *pt, pa_t table, unsigned level)
{
	const uint64_t *entries = table_at(pt, table);

	for (size_t i = 0; level != 0 && i < table_entries(pt, level); i++)
		if ((entries[i] & PTE_V) && !pte_is_leaf(entries[i]))
			table_free(pt, pte_address(entries[i]), level - 1);
	pt->ops->page_free(pt->ctx, table);
}

void pagetable_destroy(struct pagetable *pt)
{
	table_free(pt, pt->root, root_level(pt));
	pt->root = 0;
}

int pagetable_map(struct pagetable *pt, va_t va, pa_t pa, uint64_t size,
		  unsigned prot)
{
	struct span s = {va, pa, size, leaf_bits(pt, prot)};
	int rc = range_check(pt, va, size);

	if (rc != 0)
		return rc;
	if (!is_aligned(pa, PAGE_SIZE) || s.bits == 0)
		return -EINVAL;
	if (pa >> PA_BITS != 0 || size > (1ull << PA_BITS) - pa)
		return -ERANGE;
	rc = map_table(pt, pt->root, root_level(pt), &s);
	/* Unmapping whole leaves allocates nothing: it cannot fail. */
	if (rc != 0 && s.va != va)
		(void)pagetable_unmap(pt, va, s.va - va);
	return rc;
}

int pagetable_unmap(struct pagetable *pt, va_t va, uint64_t size)
{
	struct span s = {va, 0, size, 0};
	int rc = range_check(pt, va, size);

	if (rc != 0)
		return rc;
	return unmap_table(pt, pt->root, root_level(pt), &s);
}

/* Describes the valid entry pte of this level, the first of its addresses va */
static void entry_describe(uint64_t pte, unsigned level, va_t va,
			   struct pagetable_entry *out)
{
	unsigned prot = 0;

	_Static_assert(PTE_R >> 1 == PROT_R && PTE_W >> 1 == PROT_W &&
			       PTE_X >> 1 == PROT_X,
		       "the rights are in the same order");
	if (pte_is_leaf(pte))
		prot = (unsigned)(pte & PTE_RWX) >> 1;
	if ((pte & PTE_PBMT_MASK) == PTE_PBMT_IO)
		prot |= PROT_IO;
	out->va = va;
	out->size = level_size(level);
	out->pa = pte_address(pte);
	out->pte = pte;
	out->level = level;
	out->prot = prot;
}

int pagetable_lookup(const struct pagetable *pt, va_t va,
		     struct pagetable_entry *out)
{
	unsigned level = root_level(pt);
	unsigned shift = level_shift(level);
	uint64_t mask = table_entries(pt, level) - 1;
	pa_t table = pt->root;
	uint64_t pte;

	if (va_canonical(pt->format, va) != va)
		return -ERANGE;
	for (;; level--, shift -= PTE_INDEX_BITS) {
		pte = table_at(pt, table)[va >> shift & mask];
		if (!(pte & PTE_V))
			return -ENOENT;
		if (pte_is_leaf(pte))
			break;
		/* Never seen in a table of ours; the walk ends all the same. */
		if (level == 0)
			return -ENOENT;
		table = pte_address(pte);
		mask = ((uint64_t)1 << PTE_INDEX_BITS) - 1;
	}
	entry_describe(pte, level, va >> shift << shift, out);
	return 0;
}

struct visitor {
	const struct pagetable *pt;
	int (*fn)(void *arg, const struct pagetable_entry *entry);
	void *arg;
};

static int table_visit(const struct visitor *v, pa_t table, unsigned level,
		       va_t va)
{
	const uint64_t *entries = table_at(v->pt, table);
	size_t count = table_entries(v->pt, level);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++) {
		va_t at = va + i * level_size(level);
		struct pagetable_entry e;

		if (!(entries[i] & PTE_V))
			continue;
		entry_describe(entries[i], level,
			       va_canonical(v->pt->format, at), &e);
		rc = v->fn(v->arg, &e);
		if (rc == 0 && !pte_is_leaf(e.pte) && level != 0)
			rc = table_visit(v, e.pa, level - 1, at);
	}
	return rc;
}

int pagetable_visit(const struct pagetable *pt,
		    int (*fn)(void *arg, const struct pagetable_entry *entry),
		    void *arg)
{
	const struct visitor v = {pt, fn, arg};

	return table_visit(&v, pt->root, root_level(pt), 0);
}
