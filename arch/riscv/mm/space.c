/*
 * The kernel's address space. layout.c says what goes where; here is its
 * owner: memory for tables from the memory map while the MMU is off and from
 * the page allocator later, the window's next free address, and the way
 * between physical and virtual addresses.
 */
#include "arch/riscv/mm/space.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "kernel/boot.h"
#include "arch/lock.h"
#include "arch/mmu.h"
#include "arch/riscv/boot/image.h"
#include "arch/riscv/csr.h"
#include "arch/smp.h"
#include "kernel/log.h"
#include "kernel/mm/memmap.h"
#include "kernel/mm/page.h"

#define WINDOW_END LAYOUT_IMAGE_BASE

static struct {
	struct spinlock lock; /* table and window */
	struct pagetable table;
	bool entered; /* in the high half: table's pointers are good */
	pa_t root;
	pa_t boot_root; /* of space_boot_satp(), 0 = not made yet */
	pa_t spare;	/* freed table pages, each holds the next one's pa */
	va_t direct_va;
	pa_t direct_pa;
	uint64_t direct_size;
	uint64_t direct_offset; /* from pa to va; 0 while the MMU is off */
	va_t window_next;
	struct memmap *map; /* while building only */
} state;

static int table_page_alloc(void *ctx, unsigned order, pa_t *out)
{
	int err = 0;

	(void)ctx;
	if (!order && state.spare) {
		*out = state.spare;
		state.spare = *(pa_t *)arch_pa_to_va(state.spare);
	} else if (state.map) {
		uint64_t size = PAGE_SIZE << order;

		err = memmap_alloc(state.map, size, size, UINT64_MAX,
				   MEMMAP_TABLES, out);
	} else {
		err = page_alloc(order, out);
	}
	if (!err)
		memset(arch_pa_to_va(*out), 0, PAGE_SIZE << order);
	return err;
}

/* Tables made before the page allocator are not its own: keep them here. */
static void table_page_free(void *ctx, pa_t pa)
{
	(void)ctx;
	*(pa_t *)arch_pa_to_va(pa) = state.spare;
	state.spare = pa;
}

static void *table_to_va(void *ctx, pa_t pa)
{
	(void)ctx;
	return arch_pa_to_va(pa);
}

static void table_flush(void *ctx, va_t va, uint64_t size)
{
	(void)ctx;
	if (state.entered)
		arch_tlb_flush(va, size);
}

static const struct pagetable_ops table_ops = {
	.page_alloc = table_page_alloc,
	.page_free = table_page_free,
	.to_va = table_to_va,
	.flush = table_flush,
};

static const struct pagetable_format *format_of(unsigned levels)
{
	return levels == 5    ? &pagetable_sv57
		: levels == 4 ? &pagetable_sv48
			      : &pagetable_sv39;
}

static uint64_t satp_of(const struct pagetable_format *format, pa_t root)
{
	return (uint64_t)format->satp_mode << SATP_MODE_SHIFT |
		root >> PAGE_SHIFT;
}

/* The image by permission; the pages left out are guards (kernel.lds). */
static unsigned sections_of(struct layout_section *s)
{
	const struct {
		const char *start, *end;
		unsigned prot;
	} part[] = {
		{text_start, text_end, PROT_R | PROT_X},
		{rodata_start, rodata_end, PROT_R},
		{data_start, boot_guard, PROT_R | PROT_W},
		{boot_emergency, boot_emergency_top, PROT_R | PROT_W},
		{boot_stack, image_end, PROT_R | PROT_W},
	};
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(part); i++) {
		s[i].offset = part[i].start - _start;
		s[i].size = part[i].end - part[i].start;
		s[i].prot = part[i].prot;
	}
	return i;
}

int space_build(struct memmap *map, unsigned levels, pa_t image_pa,
		va_t image_va, uint64_t *satp, const char **why)
{
	struct layout_section sections[8];
	struct layout_result result;
	struct layout_input in = {
		.map = map,
		.image_pa = image_pa,
		.image_va = image_va,
		.image_size = image_end - _start,
		.sections = sections,
		.section_count = sections_of(sections),
	};
	uint64_t lost;
	int err;

	*why = "memory map full";
	lost = layout_reach(map, format_of(levels), &err);
	if (err)
		return err;
	if (lost)
		log_warn("boot", "%" PRIu64 " MiB are out of reach of %s",
			 lost / MIB(1), format_of(levels)->name);
	state.map = map;
	*why = "out of memory";
	err = pagetable_init(&state.table, format_of(levels), &table_ops, NULL);
	if (err)
		return err;
	err = layout_build(&state.table, &in, &result);
	*why = result.problem;
	state.map = NULL;
	if (err)
		return err;
	state.root = state.table.root;
	state.direct_va = layout_direct_base(state.table.format);
	state.direct_pa = result.direct_pa;
	state.direct_size = layout_direct_span(state.table.format);
	state.window_next = LAYOUT_WINDOW_BASE;
	*satp = satp_of(state.table.format, state.root);
	return 0;
}

void space_discard(void)
{
	state.spare = 0;
}

/* The image's identity page, as layout_build() was given it. */
static void identity_of(struct layout_input *in)
{
	*in = (struct layout_input){.image_pa = boot_info()->image_pa,
				    .image_va = boot_info()->image_va};
}

void space_enter(void)
{
	struct layout_input in;

	state.direct_offset = state.direct_va - state.direct_pa;
	/* Pointers from before the second relocation are stale. */
	state.table.format = format_of(boot_info()->levels);
	state.table.ops = &table_ops;
	identity_of(&in);
	layout_identity_remove(&state.table, &in);
	sfence_vma_all();
	state.entered = true;
}

uint64_t space_satp(void)
{
	return satp_of(state.table.format, state.root);
}

uint64_t space_boot_satp(void)
{
	struct pagetable boot;

	if (!state.boot_root) {
		if (pagetable_init(&boot, state.table.format, &table_ops, NULL))
			return 0;
		if (pagetable_map(&boot, boot_info()->image_pa,
				  boot_info()->image_pa, PAGE_SIZE,
				  PROT_R | PROT_X))
			return 0;
		state.boot_root = boot.root;
	}
	/* Upper half of the root: what the kernel maps by now. */
	memcpy((char *)arch_pa_to_va(state.boot_root) + PAGE_SIZE / 2,
	       (char *)arch_pa_to_va(state.root) + PAGE_SIZE / 2,
	       PAGE_SIZE / 2);
	return satp_of(state.table.format, state.boot_root);
}

void space_io_strict(void)
{
	state.table.io_bits = PTE_PBMT_IO;
}

const struct pagetable *space_table(void)
{
	return &state.table;
}

void *arch_pa_to_va(pa_t pa)
{
	return (void *)(pa + state.direct_offset);
}

pa_t arch_va_to_pa(const void *address)
{
	const struct boot_info *boot = boot_info();
	struct pagetable_entry leaf;
	va_t va = (va_t)address;

	if (!boot->levels)
		return va;
	if (va - boot->image_va < boot->image_size)
		return va - boot->image_va + boot->image_pa;
	if (va - state.direct_va < state.direct_size)
		return va - state.direct_va + state.direct_pa;
	if (pagetable_lookup(&state.table, va, &leaf))
		return 0;
	return leaf.pa + (va - leaf.va);
}

/* Take @size bytes of window and a guard page on either side; 0 = none. */
static va_t window_take(uint64_t size, uint64_t align)
{
	va_t va = align_up(state.window_next + PAGE_SIZE, align);

	if (size > WINDOW_END - LAYOUT_WINDOW_BASE ||
	    va + size > WINDOW_END - PAGE_SIZE)
		return 0;
	state.window_next = va + size;
	return va;
}

static bool touches_ram(pa_t start, uint64_t size)
{
	const struct memmap *map = &boot_info()->memmap;
	unsigned i;

	for (i = 0; i < map->count; i++)
		if (map->region[i].kind != MEMMAP_ABSENT &&
		    map->region[i].start < start + size &&
		    start < map->region[i].start + map->region[i].size)
			return true;
	return false;
}

int arch_io_map(pa_t pa, uint64_t size, volatile void **out)
{
	pa_t start = align_down(pa, PAGE_SIZE);
	uint64_t span = align_up(pa + size, PAGE_SIZE) - start;
	unsigned long flags;
	va_t va;
	int err;

	if (!size || pa + size < pa || span < size)
		return -EINVAL;
	if (touches_ram(start, span))
		return -EBUSY;
	if (!boot_info()->levels) {
		*out = (volatile void *)pa;
		return 0;
	}
	flags = spin_lock_irqsave(&state.lock);
	/* Big register files (a PLIC, all harts' IMSICs) get big leaves. */
	va = span < MIB(2) ? window_take(span, PAGE_SIZE)
			   : window_take(span + MIB(2), MIB(2));
	if (va && span >= MIB(2))
		va += start & (MIB(2) - 1);
	err = va ? pagetable_map(&state.table, va, start, span,
				 PROT_R | PROT_W | PROT_IO)
		 : -ENOMEM;
	spin_unlock_irqrestore(&state.lock, flags);
	if (!err)
		*out = (volatile void *)(va + (pa - start));
	return err;
}

int space_stack_map(uint64_t size, va_t *top)
{
	unsigned long flags = spin_lock_irqsave(&state.lock);
	va_t va = window_take(size, PAGE_SIZE);
	uint64_t done;
	pa_t pa;
	int err = va ? 0 : -ENOMEM;

	for (done = 0; !err && done < size; done += PAGE_SIZE) {
		err = page_alloc(0, &pa);
		if (!err)
			err = pagetable_map(&state.table, va + done, pa,
					    PAGE_SIZE, PROT_R | PROT_W);
	}
	spin_unlock_irqrestore(&state.lock, flags);
	*top = va + size;
	return err;
}
