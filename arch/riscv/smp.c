/*
 * Harts: each gets a block that tp points at (the C library's thread-local
 * variables, then struct cpu), an emergency stack and a stack, both between
 * unmapped pages, and is started through HSM with the tables that still hold
 * the identity page.
 */
#include "arch/smp.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "kernel/boot.h"
#include "arch/irq.h"
#include "arch/machine.h"
#include "arch/mmu.h"
#include "arch/riscv/boot/image.h"
#include "arch/riscv/cpu.h"
#include "arch/riscv/csr.h"
#include "arch/riscv/mm/space.h"
#include "arch/riscv/sbi.h"
#include "arch/timer.h"
#include "arch/trap.h"
#include "kernel/mm/heap.h"
#include "kernel/smp.h"

static struct {
	unsigned count; /* harts online besides the boot hart */
	uint64_t hart[CPU_MAX];
} state;

unsigned arch_cpu_index(void)
{
	return cpu_this.index;
}

unsigned arch_cpu_count(void)
{
	return __atomic_load_n(&state.count, __ATOMIC_ACQUIRE) + 1;
}

uint64_t arch_cpu_hart(unsigned cpu)
{
	return cpu ? state.hart[cpu] : boot_info()->boot_hart;
}

int arch_ipi_send(unsigned cpu)
{
	/* What the signal is about must be seen before it arrives; the way
	 * through the firmware's device orders nothing. */
	memory_fence();
	return sbi_ipi_send(arch_cpu_hart(cpu));
}

/* Where the struct cpu of the block at @tp is: as far in as ours is. */
static struct cpu *block_cpu(char *tp)
{
	char *own = __builtin_thread_pointer();

	return (struct cpu *)(tp + ((char *)&cpu_this - own));
}

/* A block with stacks for @hart; NULL when memory is out. */
static struct cpu *block_make(uint64_t hart)
{
	char *tp = heap_alloc(tls_end - tls_start);
	struct cpu *cpu;

	if (!tp)
		return NULL;
	cpu = block_cpu(tp);
	cpu->hart = hart;
	cpu->index = state.count + 1;
	cpu->start.entry = (va_t)secondary_high;
	cpu->start.tp = (va_t)tp;
	/* The tables last: they hold what is mapped by then. */
	if (space_stack_map(EMERGENCY_SIZE, &cpu->emergency_top) ||
	    space_stack_map(STACK_SIZE, &cpu->stack_high) ||
	    !(cpu->start.satp = space_boot_satp())) {
		heap_free(tp);
		return NULL;
	}
	cpu->start.sp = cpu->stack_high;
	cpu->stack_low = cpu->stack_high - STACK_SIZE;
	cpu->stack_base = cpu->stack_low;
	return cpu;
}

/* Move @cpu from waiting to @to; false if the other side was first. */
static bool admission_settle(struct cpu *cpu, enum cpu_admission to)
{
	uint32_t waiting = CPU_WAITING;

	return __atomic_compare_exchange_n(&cpu->admission, &waiting, to, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/*
 * Have the firmware start @hart at @cpu->start. One that waits at the image's
 * entry is called at the same time: without HSM that is the only way, with it
 * some firmware sends the hart there.
 */
static int hart_call(uint64_t hart, struct cpu *cpu)
{
	pa_t start = arch_va_to_pa(&cpu->start);

	boot_summons.start = start;
	/* The hart reads its block and the tables as soon as it runs. */
	memory_fence();
	__atomic_store_n(&boot_summons.hart, hart, __ATOMIC_RELEASE);
	if (!sbi_features()->hsm)
		return sbi_ipi_send(hart);
	return sbi_hart_start(hart, arch_va_to_pa((void *)secondary_start),
			      start);
}

/* Wait for @cpu up to the time @until: 0, or -ETIMEDOUT and it is too late. */
static int hart_await(struct cpu *cpu, uint64_t until)
{
	while (__atomic_load_n(&cpu->admission, __ATOMIC_ACQUIRE) ==
	       CPU_WAITING)
		if (arch_time_now() > until &&
		    admission_settle(cpu, CPU_ABANDONED))
			return -ETIMEDOUT;
	return 0;
}

/*
 * The block of a hart that never arrives is not freed: it may still wake up
 * and read it. Nor are stacks of one that the firmware refuses: rare, 20 KiB.
 */
int arch_cpu_start(uint64_t hart, uint64_t timeout_ticks)
{
	bool hsm = sbi_features()->hsm;
	struct cpu *cpu;
	int err;

	if (state.count + 1 >= CPU_MAX)
		return -ENOSPC;
	err = hsm ? sbi_hart_check(hart) : 0;
	if (err)
		return err;
	cpu = block_make(hart);
	if (!cpu)
		return -ENOMEM;
	err = hart_call(hart, cpu);
	if (!err)
		err = hart_await(cpu, arch_time_now() + timeout_ticks);
	__atomic_store_n(&boot_summons.hart, UINT64_MAX, __ATOMIC_RELAXED);
	if (err)
		return hsm ? err : -ENOSYS;
	state.hart[cpu->index] = hart;
	__atomic_store_n(&state.count, cpu->index, __ATOMIC_RELEASE);
	return 0;
}

void secondary_main(void)
{
	csr_write(CSR_SATP, space_satp());
	sfence_vma_all();
	if (!admission_settle(&cpu_this, CPU_ONLINE))
		arch_cpu_halt();
	csr_set(CSR_SIE, 1 << IRQ_S_SOFT);
	smp_idle();
}

int arch_smp_init(void)
{
	csr_set(CSR_SIE, 1 << IRQ_S_SOFT);
	return smp_init();
}

/*
 * Whole flushes: an address in sfence.vma is not enough on the U74 (SiFive
 * U74 errata, CIP-1200), and shoot-downs are rare.
 */
static void flush_here(void *arg)
{
	(void)arg;
	sfence_vma_all();
}

void arch_tlb_flush(uint64_t va, uint64_t size)
{
	(void)va;
	(void)size;
	if (arch_cpu_count() > 1)
		smp_call_all(flush_here, NULL);
	else
		sfence_vma_all();
}

void arch_cpu_halt(void)
{
	arch_irq_save();
	csr_write(CSR_SIE, 0);
	/* Index 0 holds the console, if only to be read by a debugger. */
	if (cpu_this.index)
		sbi_hart_stop();
	for (;;)
		wait_for_interrupt();
}
