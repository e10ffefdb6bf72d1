/*
 * A pool of pages at made-up physical addresses. Pages are zeroed when they are
 * handed out and filled with junk when they come back, so that a table that is
 * used after it was freed shows.
 */
#include "test/host/fake/pages.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define JUNK 0xdb

static bool block_is_free(const struct fake_pages *p, size_t first, size_t n)
{
	if (first + n > FAKE_PAGES_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (p->order[first + i] != 0)
			return false;
	return true;
}

static void block_mark(struct fake_pages *p, size_t first, unsigned order,
		       bool used)
{
	size_t n = (size_t)1 << order;

	/* Every page of the block has a mark; only the first one's counts. */
	for (size_t i = 0; i < n; i++)
		p->order[first + i] = used ? UINT8_MAX : 0;
	if (used)
		p->order[first] = order + 1;
	memset(p->memory + first * PAGE_SIZE, used ? 0 : JUNK, n * PAGE_SIZE);
	p->live += used ? n : -n;
}

static int page_alloc(void *ctx, unsigned order, pa_t *out)
{
	struct fake_pages *p = ctx;
	size_t n = (size_t)1 << order;

	if (p->fail_after == 0)
		return -ENOMEM;
	if (p->fail_after > 0)
		p->fail_after--;
	for (size_t tried = 0; tried < FAKE_PAGES_MAX; tried += n) {
		size_t first = align_up(p->next, n) % FAKE_PAGES_MAX;

		p->next = first + n;
		if (!block_is_free(p, first, n))
			continue;
		block_mark(p, first, order, true);
		*out = p->base + first * PAGE_SIZE;
		return 0;
	}
	return -ENOMEM;
}

static size_t page_index(const struct fake_pages *p, pa_t pa)
{
	size_t i = (pa - p->base) / PAGE_SIZE;

	assert_true(pa >= p->base && i < FAKE_PAGES_MAX);
	assert_true(is_aligned(pa, PAGE_SIZE));
	assert_true(p->order[i] != 0 && p->order[i] != UINT8_MAX);
	return i;
}

static void page_free(void *ctx, pa_t pa)
{
	struct fake_pages *p = ctx;
	size_t i = page_index(p, pa);

	block_mark(p, i, p->order[i] - 1, false);
}

static void *page_to_va(void *ctx, pa_t pa)
{
	struct fake_pages *p = ctx;

	return p->memory + page_index(p, pa) * PAGE_SIZE;
}

static void page_flush(void *ctx, va_t va, uint64_t size)
{
	struct fake_pages *p = ctx;

	assert_true(is_aligned(va, size));
	p->flushes++;
}

const struct pagetable_ops fake_pages_ops = {page_alloc, page_free, page_to_va,
					     page_flush};

void fake_pages_init(struct fake_pages *p, pa_t base)
{
	memset(p, 0, sizeof(*p));
	p->base = base;
	p->fail_after = -1;
	p->memory = aligned_alloc(PAGE_SIZE, FAKE_PAGES_MAX * PAGE_SIZE);
	assert_non_null(p->memory);
	memset(p->memory, JUNK, FAKE_PAGES_MAX * PAGE_SIZE);
}

void fake_pages_end(struct fake_pages *p)
{
	free(p->memory);
	p->memory = NULL;
}
