/*
 * Traps from supervisor mode: interrupts go to their handlers, a known fault
 * goes on at its fix-up, everything else is a bug of ours and ends in a report
 * with registers and a backtrace. The report reads memory through fix-ups only,
 * so a broken stack cannot make it fault.
 */
#include "arch/riscv/trap.h"

#include <inttypes.h>
#include <stdio.h>

#include "kernel/boot.h"
#include "arch/mmu.h"
#include "arch/trap.h"
#include "arch/riscv/boot/image.h"
#include "arch/riscv/cpu.h"
#include "arch/riscv/csr.h"
#include "arch/riscv/extable.h"
#include "arch/riscv/sbi.h"
#include "kernel/irq.h"
#include "kernel/panic_report.h"
#include "kernel/smp.h"
#include "kernel/symbols.h"
#include "kernel/timer.h"

#define CAUSE_INTERRUPT (1ull << 63)
#define BACKTRACE_MAX	24

static const char *const cause_name[] = {
	[0] = "instruction address misaligned",
	[1] = "instruction access fault",
	[2] = "illegal instruction",
	[3] = "breakpoint",
	[4] = "load address misaligned",
	[5] = "load access fault",
	[6] = "store address misaligned",
	[7] = "store access fault",
	[12] = "instruction page fault",
	[13] = "load page fault",
	[15] = "store page fault",
};

static bool in_image(uint64_t address, const char *from, const char *to)
{
	return address >= (uint64_t)from && address < (uint64_t)to;
}

static const char *trap_cause(uint64_t cause)
{
	if (cause < ARRAY_SIZE(cause_name) && cause_name[cause])
		return cause_name[cause];
	return "unexpected exception";
}

/* What a person would call this fault; "" where the cause says it all. */
static const char *trap_explain(const struct trap_frame *f)
{
	uint64_t cause = f->scause;

	if (cpu_this.bad_sp)
		return cpu_this.bad_sp - (cpu_this.stack_base - STACK_SIZE) <
				STACK_SIZE + sizeof(*f)
			? ", kernel stack overflow"
			: ", bad stack pointer";
	if (cause == CAUSE_FETCH_PAGE || cause == CAUSE_FETCH_ACCESS) {
		if (f->sepc < PAGE_SIZE)
			return ", call of a null pointer";
		if (in_image(f->sepc, rodata_start, image_end))
			return ", execution of data";
	}
	if (cause == CAUSE_STORE_PAGE &&
	    in_image(f->stval, text_start, rodata_end))
		return ", write to read-only memory";
	if ((cause == CAUSE_LOAD_PAGE || cause == CAUSE_STORE_PAGE) &&
	    f->stval < PAGE_SIZE)
		return ", null pointer";
	return "";
}

static bool in_text(uint64_t address)
{
	return in_image(address, text_start, text_end);
}

static void print_symbol(uint64_t address, const char *name, uint64_t offset)
{
	if (name)
		panic_print("  %016" PRIx64 " %s+0x%" PRIx64 "\n", address,
			    name, offset);
	else
		panic_print("  %016" PRIx64 "\n", address);
}

static void print_pc(uint64_t pc)
{
	uint64_t offset = 0;
	const char *name = NULL;

	if (in_text(pc))
		symbols_lookup(pc - (uint64_t)_start, &name, &offset);
	print_symbol(pc, name, offset);
}

/* A return address may lie behind its function, if that call never returns. */
static void print_return(uint64_t ra)
{
	uint64_t offset = 0;
	const char *name = NULL;

	if (in_text(ra - 1))
		symbols_lookup(ra - 1 - (uint64_t)_start, &name, &offset);
	print_symbol(ra, name, offset + 1);
}

static void print_registers(const struct trap_frame *f)
{
	static const char name[32][4] = {
		"z",  "ra", "sp",  "gp",  "tp", "t0", "t1", "t2",
		"s0", "s1", "a0",  "a1",  "a2", "a3", "a4", "a5",
		"a6", "a7", "s2",  "s3",  "s4", "s5", "s6", "s7",
		"s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
	};
	unsigned i;

	panic_print("hart %" PRIu64 " cpu %u scause %" PRIx64 " stval %" PRIx64
		    " sstatus %" PRIx64 "\n",
		    cpu_this.hart, cpu_this.index, f->scause, f->stval,
		    f->sstatus);
	for (i = 1; i < 32; i++)
		panic_print("%4s %016" PRIx64 "%s", name[i], f->x[i],
			    i % 4 && i < 31 ? " " : "\n");
}

/*
 * Follow the frame pointers (psABI: fp - 8 holds ra, fp - 16 the caller's
 * fp), which must rise; a broken chain ends the list. A function that calls
 * nothing has saved no ra: its fp - 8 holds the caller's fp.
 */
static void print_backtrace(const struct trap_frame *f)
{
	uint64_t fp = f->x[8], ra, next;
	int i;

	panic_print("backtrace:\n");
	print_pc(f->sepc);
	if (!in_text(f->sepc))
		print_return(f->x[1]);
	for (i = 0; i < BACKTRACE_MAX; i++) {
		if (fp % 16 || !probe_read64(fp - 8, &ra) ||
		    !probe_read64(fp - 16, &next))
			return;
		if (!i && !in_text(ra)) {
			next = ra;
			ra = f->x[1];
		}
		if (i || ra != f->x[1] || in_text(f->sepc))
			print_return(ra);
		if (next <= fp)
			return;
		fp = next;
	}
}

_Noreturn static void trap_report(const struct trap_frame *f,
				  const char *reason)
{
	char text[200];

	sbi_lock_break();
	if (!panic_enter(&cpu_this.panic_depth))
		panic_end();
	if (!reason) {
		snprintf(text, sizeof(text),
			 "%s at 0x%" PRIx64 ", address 0x%" PRIx64 "%s",
			 trap_cause(f->scause), f->sepc, f->stval,
			 trap_explain(f));
		reason = text;
	}
	panic_print("panic: %s\n", reason);
	print_registers(f);
	print_backtrace(f);
	panic_end();
}

void arch_panic(const char *reason)
{
	register const char *a0 __asm__("a0") = reason;

	__asm__ volatile(".globl trap_panic_break\n"
			 "trap_panic_break: ebreak" ::"r"(a0));
	__builtin_unreachable();
}

void trap_interrupt(uint64_t number)
{
	switch (number) {
	case IRQ_S_TIMER:
		timer_interrupt();
		break;
	case IRQ_S_SOFT:
		csr_clear(CSR_SIP, 1 << IRQ_S_SOFT);
		smp_interrupt();
		break;
	case IRQ_S_EXT:
		irq_handle_external();
		break;
	default:
		/* Not one that we enabled: keep it from coming again. */
		csr_clear(CSR_SIE, 1ul << number);
		break;
	}
}

void trap_handle(struct trap_frame *f)
{
	uint64_t fixup;

	if (f->scause & CAUSE_INTERRUPT) {
		trap_interrupt(f->scause & ~CAUSE_INTERRUPT);
		return;
	}
	if (f->sepc == (uint64_t)trap_panic_break)
		trap_report(f, (const char *)f->x[10]);
	fixup = extable_find(f->sepc);
	if (!fixup || cpu_this.bad_sp)
		trap_report(f, NULL);
	f->sepc = fixup;
}
