/*
 * Giving the machine away. The way out is the way in, backwards: the boot
 * tables, which hold the image's first page at its physical address, then the
 * MMU off in that page, then code that was copied to where nothing is going to
 * be written.
 *
 * That the others are parked is asked of the firmware and not of them: only
 * when it says so do they execute nothing of ours.
 */
#include "arch/riscv/handover.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "arch/mmu.h"
#include "arch/riscv/csr.h"
#include "arch/riscv/mm/space.h"
#include "arch/riscv/sbi.h"
#include "arch/smp.h"
#include "arch/timer.h"
#include "kernel/boot.h"
#include "kernel/fdt/cpus.h"
#include "kernel/panic.h"

_Static_assert(sizeof(struct handover_step) <= PAGE_SIZE << HANDOVER_STEP_ORDER,
	       "the last step does not fit its pages");

/* How long a hart that was told to stop may take. */
#define STOP_SECONDS 1

/* Harts of the tree that run must be as many as are ours. */
const char *arch_handover_problem(void)
{
	unsigned running = 0, others = 0;
	struct dt_cpu_iter it;
	struct dt_cpu cpu;

	dt_cpu_begin(boot_fdt(), &it);
	while (dt_cpu_next(boot_fdt(), &it, &cpu)) {
		others += cpu.hart != arch_cpu_hart(0);
		running += sbi_hart_check(cpu.hart) == -EBUSY;
	}
	if (!sbi_features()->hsm)
		return others ? "the firmware has no HSM to park the others by"
			      : NULL;
	return running == arch_cpu_count()
		? NULL
		: "others run than those that this kernel can park";
}

int arch_handover_prepare(struct handover_step *step)
{
	size_t size = handover_code_end - handover_code;

	if (size > sizeof(step->code))
		panic("handover: %zu bytes of code", size);
	/* Made now: later there is no way back from "out of memory". */
	if (!space_boot_satp())
		return -ENOMEM;
	memcpy(step->code, handover_code, size);
	step->hart = arch_cpu_hart(arch_cpu_index());
	return 0;
}

static void stopped_await(uint64_t hart)
{
	uint64_t until = arch_time_now() + STOP_SECONDS * arch_timebase();

	while (sbi_hart_check(hart))
		if (arch_time_now() > until)
			panic("handover: hart %" PRIu64 " does not stop", hart);
}

void arch_handover(struct handover_step *step)
{
	pa_t leave = arch_va_to_pa((void *)mmu_leave);
	pa_t at = arch_va_to_pa(step);
	unsigned i;

	for (i = 0; i < arch_cpu_count(); i++)
		if (i != arch_cpu_index())
			stopped_await(arch_cpu_hart(i));
	csr_clear(CSR_SSTATUS, SSTATUS_SIE);
	csr_write(CSR_SIE, 0);
	csr_clear(CSR_SIP, 1 << IRQ_S_SOFT);
	csr_write(CSR_SCOUNTEREN, 0);
	csr_write(CSR_SATP, space_boot_satp());
	sfence_vma_all();
	fence_i();
	((void (*)(pa_t, pa_t))leave)(at, at);
	__builtin_unreachable();
}
