/*
 * The kernel's address space as a person wants to see it: one line for each
 * stretch of like pages, with what it is.
 */
#include <inttypes.h>
#include <stdio.h>

#include "kernel/boot.h"
#include "arch/mmu.h"
#include "arch/riscv/boot/image.h"
#include "arch/riscv/mm/space.h"

/* Adjacent leaves that lead on to adjacent memory with the same rights. */
struct run {
	va_t va;
	uint64_t size;
	pa_t pa;
	uint64_t leaf;
	unsigned prot;
	void (*line)(void *arg, const char *text);
	void *arg;
};

static const char *what(const struct run *r)
{
	static const struct {
		const char *start, *end, *name;
	} part[] = {
		{text_start, text_end, "image: code"},
		{rodata_start, rodata_end, "image: constants"},
		{data_start, boot_guard, "image: data"},
		{boot_emergency, boot_emergency_top, "image: emergency stack"},
		{boot_stack, image_end, "image: stack, device tree"},
	};
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(part); i++)
		if (r->va >= (va_t)part[i].start && r->va < (va_t)part[i].end)
			return part[i].name;
	if (!memmap_find(&boot_info()->memmap, r->pa))
		return "device registers";
	if (r->va >= LAYOUT_WINDOW_BASE)
		return "stack";
	return "memory";
}

static void run_print(const struct run *r)
{
	static const char unit[] = "KMGT";
	uint64_t leaf = r->leaf >> 10;
	unsigned u = 0;
	char text[128];

	if (!r->size)
		return;
	for (; leaf >= 1024; leaf >>= 10)
		u++;
	snprintf(text, sizeof(text),
		 "  %016" PRIx64 "-%016" PRIx64
		 " %c%c%c%s %3u%c  -> %012" PRIx64 "  %s",
		 r->va, r->va + r->size - 1, r->prot & PROT_R ? 'r' : '-',
		 r->prot & PROT_W ? 'w' : '-', r->prot & PROT_X ? 'x' : '-',
		 r->prot & PROT_IO ? " io" : "   ", (unsigned)leaf, unit[u],
		 r->pa, what(r));
	r->line(r->arg, text);
}

static int run_add(void *arg, const struct pagetable_entry *e)
{
	struct run *r = arg;

	if (!e->prot)
		return 0;
	if (r->size && r->va + r->size == e->va && r->pa + r->size == e->pa &&
	    r->prot == e->prot && r->leaf == e->size) {
		r->size += e->size;
		return 0;
	}
	run_print(r);
	r->va = e->va;
	r->size = e->size;
	r->pa = e->pa;
	r->leaf = e->size;
	r->prot = e->prot;
	return 0;
}

void arch_mmu_describe(void (*line)(void *arg, const char *text), void *arg)
{
	const struct pagetable *pt = space_table();
	struct run run = {.line = line, .arg = arg};
	char text[80];

	snprintf(text, sizeof(text),
		 "virtual memory, %s, tables at 0x%" PRIx64
		 " (rights, leaf size)",
		 pt->format->name, pt->root);
	line(arg, text);
	pagetable_visit(pt, run_add, &run);
	run_print(&run);
}
