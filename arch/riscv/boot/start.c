/*
 * Start-up in C. boot_start() runs at the image's physical address with the
 * MMU off: device tree, memory map, page tables. boot_finish() is the first C
 * in the high half. Nothing written by the first half may hold a pointer: the
 * image is relocated between the two. docs/boot.md draws the whole way.
 */
#include "kernel/boot.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "arch/firmware.h"
#include "arch/riscv/boot/early.h"
#include "arch/riscv/boot/entropy.h"
#include "arch/riscv/boot/image.h"
#include "arch/riscv/boot/layout.h"
#include "arch/riscv/boot/memory.h"
#include "arch/riscv/cpu.h"
#include "arch/riscv/csr.h"
#include "arch/riscv/extable.h"
#include "arch/riscv/mm/space.h"
#include "arch/riscv/sbi.h"
#include "kernel/cmdline.h"
#include "kernel/fdt/chosen.h"
#include "kernel/fdt/cpus.h"
#include "kernel/fdt/dt.h"
#include "kernel/log.h"
#include "kernel/main.h"
#include "kernel/panic.h"

_Thread_local struct cpu cpu_this __attribute__((aligned(16)));

static struct boot_info info;

/* What becomes true of `info` once we are in the high half. */
static struct {
	va_t image_va;
	unsigned levels;
} next;

/* Turn the MMU on with @satp to see if the hart takes it (head.S). */
uint64_t mmu_probe(uint64_t satp);

const struct boot_info *boot_info(void)
{
	return &info;
}

const void *boot_fdt(void)
{
	if (info.fdt_pa == info.image_pa + (fdt_buffer - _start))
		return fdt_buffer;
	return arch_pa_to_va(info.fdt_pa);
}

uint64_t boot_instructions(void)
{
	unsigned long now;

	if (info.instret == UINT64_MAX || !csr_read_probe(CSR_INSTRET, &now))
		return 0;
	return now - info.instret;
}

static void firmware_sink(const char *buf, size_t len)
{
	size_t done, n;

	for (done = 0; done < len; done += n) {
		n = arch_firmware_write(buf + done, len - done);
		if (!n)
			return;
	}
}

static void image_check(const struct boot_handoff *h)
{
	info.image_pa = h->image;
	info.image_va = h->image;
	info.image_size = image_end - _start;
	info.relocations = h->relocations;
	info.boot_hart = h->hart;
	info.instret = h->instret;
}

/* Head's finding on the tree, in words; then all of its structure. */
static void fdt_take(const struct boot_handoff *h)
{
	uint64_t size = h->fdt_size, last;
	const char *why;

	switch (h->fdt_state) {
	case FDT_COPIED:
		info.fdt_pa = (pa_t)fdt_buffer;
		break;
	case FDT_LARGE:
		info.fdt_pa = h->fdt;
		if (size > DT_SIZE_MAX)
			panic("device tree at 0x%" PRIx64 ": %" PRIu64
			      " bytes, at most %u",
			      h->fdt, size, DT_SIZE_MAX);
		if (!probe_read64(align_down(h->fdt + size - 1, 8), &last))
			panic("device tree at 0x%" PRIx64 ": %" PRIu64
			      " bytes reach beyond memory",
			      h->fdt, size);
		break;
	case FDT_OVERLAPS:
		panic("device tree at 0x%" PRIx64 ": %" PRIu64
		      " bytes overlap the image at 0x%" PRIx64 " (%" PRIu64
		      " bytes)",
		      h->fdt, size, info.image_pa, info.image_size);
	case FDT_BAD_MAGIC:
		panic("device tree at 0x%" PRIx64 ": bad magic", h->fdt);
	case FDT_MISALIGNED:
		panic("device tree at 0x%" PRIx64 ": not aligned to 8 bytes",
		      h->fdt);
	default:
		panic("device tree at 0x%" PRIx64 ": cannot be read", h->fdt);
	}
	info.fdt_size = size;
	if (dt_check((const void *)info.fdt_pa, size, &why))
		panic("device tree at 0x%" PRIx64 ": %s", h->fdt, why);
}

static void args_take(const void *fdt)
{
	const char *args = dt_bootargs(fdt);
	uint64_t level;

	if (strlen(args) >= sizeof(info.args))
		log_warn("boot", "bootargs cut at %u bytes",
			 (unsigned)sizeof(info.args) - 1);
	strncpy(info.args, args, sizeof(info.args) - 1);
	if (!cmdline_u64(info.args, "loglevel", &level))
		log_level_set(level > 8 ? 8 : (int)level);
	if (cmdline_has(info.args, "earlycon"))
		log_sink_set(firmware_sink);
}

static void timebase_take(const void *fdt)
{
	if (dt_timebase(fdt, &info.timebase) || !info.timebase)
		panic("device tree has no timebase-frequency");
}

/*
 * The seeds are wiped in our copy of the tree; the loader's copy goes whole,
 * unless it lies in memory that is not ours.
 */
static void fdt_wipe(const struct boot_handoff *h)
{
	if (h->fdt_state == FDT_COPIED &&
	    memmap_is(&info.memmap, h->fdt, h->fdt_size, MEMMAP_FREE))
		memset((void *)h->fdt, 0, h->fdt_size);
}

/* The hart we run on must be one that the tree knows. */
static void boot_hart_check(const void *fdt)
{
	struct dt_cpu_iter it;
	struct dt_cpu cpu;

	dt_cpu_begin(fdt, &it);
	if (!dt_cpu_next(fdt, &it, &cpu))
		panic("device tree names no hart");
	if (dt_cpu_find(fdt, info.boot_hart, &cpu))
		panic("boot hart %" PRIu64 " is not in the device tree",
		      info.boot_hart);
	if (!cpu.mmu_levels)
		log_warn("boot", "boot hart %" PRIu64 " names no mmu-type",
			 info.boot_hart);
}

/* The smaller of what bootargs allow and what all usable harts claim. */
static unsigned levels_wanted(const void *fdt)
{
	unsigned levels = 5;
	struct dt_cpu_iter it;
	struct dt_cpu cpu;

	if (cmdline_has(info.args, "no5lvl"))
		levels = 4;
	if (cmdline_has(info.args, "no4lvl"))
		levels = 3;
	dt_cpu_begin(fdt, &it);
	while (dt_cpu_next(fdt, &it, &cpu))
		if (cpu.usable && cpu.mmu_levels < levels)
			levels = cpu.mmu_levels;
	return levels;
}

/*
 * Build tables for the largest format that the hart takes. Sv39 is not
 * probed; the tree's mmu-type may promise too much.
 */
static uint64_t tables_build(const void *fdt)
{
	static struct memmap before;
	unsigned levels = levels_wanted(fdt);
	const char *why;
	uint64_t satp;

	before = info.memmap;
	for (;; levels--) {
		if (space_build(&info.memmap, levels, info.image_pa,
				next.image_va, &satp, &why))
			panic("page tables (sv%u): %s", 12 + 9 * levels, why);
		if (levels == 3 || !mmu_probe(satp))
			break;
		space_discard();
		info.memmap = before;
	}
	next.levels = levels;
	return satp;
}

void boot_start(struct boot_handoff *h)
{
	const void *fdt;

	cpu_this.hart = h->hart;
	cpu_this.stack_base = (va_t)boot_stack;
	image_check(h);
	sbi_init();
	fdt_take(h);
	fdt = (const void *)info.fdt_pa;
	args_take(fdt);
	boot_hart_check(fdt);
	timebase_take(fdt);
	memory_map_build(&info, fdt);
	info.seeds = entropy_collect(&info.random, (void *)info.fdt_pa);
	fdt_wipe(h);

	if (!cmdline_has(info.args, "nokaslr"))
		h->run_at = layout_image_choose(mix_next(&info.random),
						info.image_size);
	else
		h->run_at = LAYOUT_IMAGE_BASE;
	next.image_va = h->run_at;
	h->satp = tables_build(fdt);
	/* The sink is a pointer: boot_finish() sets it again. */
	log_sink_set(NULL);
}

/* GCC and clang check this word at the end of functions with arrays. */
uint64_t __stack_chk_guard;

_Noreturn void __stack_chk_fail(void);
_Noreturn void __stack_chk_fail(void)
{
	panic("stack smashed: canary overwritten");
}

__attribute__((no_stack_protector)) void boot_finish(void)
{
	uint64_t moved = next.image_va - info.image_pa;

	info.image_va = next.image_va;
	info.levels = next.levels;
	cpu_this.stack_low += moved;
	cpu_this.stack_high += moved;
	cpu_this.stack_base += moved;
	cpu_this.emergency_top += moved;
	/* A zero byte stops string functions from reading or writing it. */
	__stack_chk_guard = mix_next(&info.random) & ~0xffull;
	if (cmdline_has(info.args, "earlycon"))
		log_sink_set(firmware_sink);
	space_enter();
	kernel_main();
}
