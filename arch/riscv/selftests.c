/*
 * In-kernel tests of what only a hart can show: relocation as it came out, the
 * live page tables, traps and their fix-ups; faults that must end in a report
 * (crash-*); costs of page-table work (bench-*).
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "kernel/boot.h"
#include "arch/mmu.h"
#include "arch/riscv/boot/image.h"
#include "arch/riscv/boot/relocate.h"
#include "arch/riscv/cpu.h"
#include "arch/riscv/csr.h"
#include "arch/riscv/extable.h"
#include "arch/riscv/mm/space.h"
#include "kernel/console.h"
#include "kernel/mm/page.h"
#include "kernel/panic.h"
#include "kernel/selftest.h"
#include "kernel/smp.h"

struct rela {
	uint64_t offset, info;
	int64_t addend;
};

/* Every word that was relocated is what its entry says for where we run. */
static const char *test_relocation(void)
{
	const struct rela *r = (const struct rela *)rela_start;
	uint64_t count = 0;

	SELFTEST_CHECK((va_t)_start == boot_info()->image_va);
	for (; r < (const struct rela *)rela_end; r++) {
		if (r->info == RELOCATE_NONE)
			continue;
		SELFTEST_CHECK(r->info == RELOCATE_RELATIVE);
		/* The canary's neighbours aside, only .data may change. */
		if (_start + r->offset < data_start)
			SELFTEST_CHECK(*(uint64_t *)(_start + r->offset) ==
				       (va_t)_start + r->addend);
		count++;
	}
	SELFTEST_CHECK(count == boot_info()->relocations);
	return NULL;
}
SELFTEST(relocation, "relocation", test_relocation);

/* What the walk over the live tables found wrong; NULL = nothing. */
static const char *walk_problem;

static const char *leaf_problem(const struct pagetable_entry *e)
{
	const struct memmap_region *r;

	if ((e->prot & (PROT_W | PROT_X)) == (PROT_W | PROT_X))
		return "a page is writable and executable";
	if ((e->pte & (PTE_A | PTE_D)) != (PTE_A | PTE_D))
		return "a leaf without A and D";
	if (e->va < 1ull << 63)
		return "the low half is mapped";
	r = memmap_find(&boot_info()->memmap, e->pa);
	if (!r && (e->va < LAYOUT_WINDOW_BASE || e->va >= LAYOUT_IMAGE_BASE))
		return "a leaf outside memory";
	if (!r)
		return e->prot & PROT_X ? "registers are executable" : NULL;
	if (e->prot & PROT_IO)
		return "registers mapped over memory";
	if (r->kind >= MEMMAP_FIRMWARE)
		return "a leaf over memory that is not ours";
	if (e->pa + e->size > r->start + r->size) {
		const struct memmap_region *last =
			memmap_find(&boot_info()->memmap, e->pa + e->size - 1);

		if (!last || last->kind >= MEMMAP_FIRMWARE)
			return "a leaf reaches beyond its memory";
	}
	return NULL;
}

static int walk_entry(void *arg, const struct pagetable_entry *e)
{
	unsigned *leaves = arg;

	if (!e->prot) {
		if (e->pte & (PTE_A | PTE_D | PTE_U))
			walk_problem = "a table entry with A, D or U";
	} else {
		++*leaves;
		walk_problem = leaf_problem(e);
	}
	return walk_problem != NULL;
}

static const char *test_pagetable(void)
{
	struct pagetable_entry e;
	unsigned leaves = 0;

	walk_problem = NULL;
	pagetable_visit(space_table(), walk_entry, &leaves);
	SELFTEST_CHECK(leaves > 4);
	SELFTEST_CHECK(pagetable_lookup(space_table(), (va_t)boot_guard, &e) ==
		       -ENOENT);
	SELFTEST_CHECK(pagetable_lookup(space_table(), cpu_this.stack_base - 1,
					&e) == -ENOENT);
	return walk_problem;
}
SELFTEST(pagetable, "pagetable-walk", test_pagetable);

static const char *test_protection(void)
{
	uint64_t value;
	char local;

	SELFTEST_CHECK(probe_read64((uint64_t)text_start, &value));
	SELFTEST_CHECK(!probe_write64((uint64_t)text_start, value));
	SELFTEST_CHECK(!probe_write64((uint64_t)rodata_start, 0));
	SELFTEST_CHECK(!probe_read64((uint64_t)boot_guard, &value));
	SELFTEST_CHECK(!probe_read64(boot_info()->image_pa, &value));
	SELFTEST_CHECK(probe_read64(align_down((uint64_t)&local, 8), &value));
	return NULL;
}
SELFTEST(protection, "memory-protection", test_protection);

static const char *test_fixup(void)
{
	unsigned long value;
	uint64_t word;

	SELFTEST_CHECK(!probe_read64(0, &word) && word == 0);
	SELFTEST_CHECK(!probe_write64(8, 1));
	/* A machine-mode CSR is never ours; sscratch always is. */
	SELFTEST_CHECK(!csr_read_probe(0x300, &value));
	SELFTEST_CHECK(csr_read_probe(CSR_SSCRATCH, &value));
	SELFTEST_CHECK(value == (uint64_t)__builtin_thread_pointer());
	return NULL;
}
SELFTEST(fixup, "trap-fixup", test_fixup);

/* All registers survive a trap: a sum over them is the same before and after.
 */
static const char *test_registers(void)
{
	unsigned long sum;

	__asm__ volatile("li s1, 101\n li s2, 102\n li s3, 103\n li t3, 104\n"
			 "li t4, 105\n li t5, 106\n li a4, 107\n li a5, 108\n"
			 "1: ld zero, 0(zero)\n" EXTABLE_1_TO_2 "2:\n"
			 "add %0, s1, s2\n add %0, %0, s3\n add %0, %0, t3\n"
			 "add %0, %0, t4\n add %0, %0, t5\n add %0, %0, a4\n"
			 "add %0, %0, a5\n"
			 : "=&r"(sum)
			 :
			 : "s1", "s2", "s3", "t3", "t4", "t5", "a4", "a5",
			   "memory");
	SELFTEST_CHECK(sum == 101 + 102 + 103 + 104 + 105 + 106 + 107 + 108);
	return NULL;
}
SELFTEST(registers, "trap-registers", test_registers);

/* ---- faults: each must end in its own report ------------------------------
 */

static const char *crash_null_call(void)
{
	void (*volatile fn)(void) = NULL;

	fn();
	return "came back";
}
SELFTEST(crash_null_call, "crash-null-call", crash_null_call);

static const char *crash_null_read(void)
{
	const char *volatile *volatile nowhere = NULL;

	return nowhere[1];
}
SELFTEST(crash_null_read, "crash-null-read", crash_null_read);

static const char *crash_write_text(void)
{
	*(volatile uint64_t *)text_start = 0;
	return "came back";
}
SELFTEST(crash_write_text, "crash-write-text", crash_write_text);

static const char *crash_write_rodata(void)
{
	*(volatile uint64_t *)rodata_start = 0;
	return "came back";
}
SELFTEST(crash_write_rodata, "crash-write-rodata", crash_write_rodata);

static const char *crash_exec_data(void)
{
	static uint32_t code[4] = {0x00008067}; /* ret */

	((void (*volatile)(void))code)();
	return "came back";
}
SELFTEST(crash_exec_data, "crash-exec-data", crash_exec_data);

static const char *crash_illegal(void)
{
	__asm__ volatile("unimp");
	return "came back";
}
SELFTEST(crash_illegal, "crash-illegal", crash_illegal);

static const char *crash_no_memory(void)
{
	return *(const char *volatile *)(LAYOUT_WINDOW_BASE - PAGE_SIZE);
}
SELFTEST(crash_no_memory, "crash-bad-load", crash_no_memory);

/* Not a tail call, not a loop: each level needs its frame. */
__attribute__((noinline)) static unsigned deep(volatile unsigned *below)
{
	volatile unsigned here[64];

	here[0] = *below + 1;
	if (!here[0])
		return 0;
	return deep(here) + here[0];
}

static const char *crash_stack_overflow(void)
{
	volatile unsigned zero = 0;

	deep(&zero);
	return "came back";
}
SELFTEST(crash_stack, "crash-stack-overflow", crash_stack_overflow);

static const char *crash_lost_sp(void)
{
	__asm__ volatile("li sp, 0x1000\n ld zero, 0(zero)");
	__builtin_unreachable();
}
SELFTEST(crash_lost_sp, "crash-lost-sp", crash_lost_sp);

/* tp and the frame pointer gone too: the report must not need them. */
static const char *crash_lost_tp(void)
{
	__asm__ volatile("li tp, 0\n li s0, 0x10\n ld zero, 0(zero)");
	__builtin_unreachable();
}
SELFTEST(crash_lost_tp, "crash-lost-tp", crash_lost_tp);

static const char *crash_canary(void)
{
	volatile char small[16];
	volatile char *p = small;
	int i;

	for (i = 0; i < 64; i++)
		p[i] = 0;
	return "came back";
}
SELFTEST(crash_canary, "crash-stack-smash", crash_canary);

static const char *crash_assert(void)
{
	panic("asked for by selftest=crash-panic");
}
SELFTEST(crash_panic, "crash-panic", crash_assert);

/* The report itself faults: sp and all stacks' bounds are wrong. */
static const char *crash_nested(void)
{
	cpu_this.emergency_top = 64;
	__asm__ volatile("li sp, 0x1000\n ld zero, 0(zero)");
	__builtin_unreachable();
}
SELFTEST(crash_nested, "crash-nested", crash_nested);

/* Inside the console and, with console=sbi, inside the firmware's lock. */
static const char *crash_console_write(void)
{
	const char *volatile nothing = NULL;

	console_write(nothing + 8, 16);
	return "came back";
}
SELFTEST(crash_console_write, "crash-console-write", crash_console_write);

static const char *crash_double_free(void)
{
	pa_t pa;

	if (page_alloc(0, &pa))
		return "no page";
	page_free(pa);
	page_free(pa);
	return "came back";
}
SELFTEST(crash_double_free, "crash-double-free", crash_double_free);

static void fault_here(void *arg)
{
	(void)arg;
	__asm__ volatile("ld zero, 0(zero)");
}

static const char *crash_other_hart(void)
{
	smp_call(1, fault_here, NULL);
	return "came back";
}
SELFTEST(crash_other_hart, "crash-other-hart", crash_other_hart);

/* Ours, in assembly: every alignment to every other, all short lengths. */
static const char *memcpy_copies(void)
{
	uint8_t from[160], to[160];
	unsigned a, b, len, i;

	for (i = 0; i < sizeof(from); i++)
		from[i] = (uint8_t)(i * 7 + 1);
	for (a = 0; a < 8; a++)
		for (b = 0; b < 8; b++)
			for (len = 0; len < 144; len++) {
				memset(to, 0, sizeof(to));
				SELFTEST_CHECK(memcpy(to + 8 + a, from + b,
						      len) == to + 8 + a);
				SELFTEST_CHECK(
					!memcmp(to + 8 + a, from + b, len));
				SELFTEST_CHECK(!to[7 + a] && !to[8 + a + len]);
			}
	return NULL;
}
SELFTEST(memcpy_copies, "memcpy", memcpy_copies);

/* ---- figures --------------------------------------------------------------
 */

#define BENCH_VA (LAYOUT_WINDOW_BASE + GIB(1))

/* Map, walk and unmap 1 GiB in 2 MiB leaves: never used, so never flushed. */
static const char *bench_map(void)
{
	struct pagetable pt = *space_table();
	struct pagetable_entry e;
	uint64_t start, mapped, walked, at;
	int err;

	start = csr_read(CSR_INSTRET);
	/* 2 MiB aligned but not 1 GiB: the leaves are of 2 MiB. */
	err = pagetable_map(&pt, BENCH_VA, MIB(2), GIB(1), PROT_R);
	mapped = csr_read(CSR_INSTRET);
	SELFTEST_CHECK(!err);
	for (at = 0; at < GIB(1); at += MIB(2))
		if (pagetable_lookup(&pt, BENCH_VA + at, &e))
			return "look-up failed";
	walked = csr_read(CSR_INSTRET);
	selftest_figure("map-1g-in-2m", mapped - start);
	selftest_figure("walk", (walked - mapped) / 512);
	err = pagetable_unmap(&pt, BENCH_VA, GIB(1));
	SELFTEST_CHECK(!err);
	return NULL;
}
SELFTEST(bench_map, "bench-map", bench_map);

static const char *bench_trap(void)
{
	uint64_t start = csr_read(CSR_INSTRET), word;
	int i;

	for (i = 0; i < 100; i++)
		probe_read64(0, &word);
	selftest_figure("trap-fixup", (csr_read(CSR_INSTRET) - start) / 100);
	return NULL;
}
SELFTEST(bench_trap, "bench-trap", bench_trap);
