/* The hart's clock and timer: Sstc's stimecmp where probed, else SBI. */
#include "arch/timer.h"

#include "kernel/boot.h"
#include "arch/riscv/csr.h"
#include "arch/riscv/features.h"
#include "arch/riscv/sbi.h"

uint64_t arch_time_now(void)
{
	return csr_read(CSR_TIME);
}

void arch_timer_set(uint64_t deadline)
{
	if (features()->sstc)
		csr_write(CSR_STIMECMP, deadline);
	else
		sbi_timer_set(deadline);
	if (deadline == ARCH_TIMER_NEVER)
		csr_clear(CSR_SIE, 1 << IRQ_S_TIMER);
	else
		csr_set(CSR_SIE, 1 << IRQ_S_TIMER);
}

uint64_t arch_timebase(void)
{
	return boot_info()->timebase;
}
