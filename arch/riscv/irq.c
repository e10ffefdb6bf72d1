/* This hart's interrupt enables: sstatus.SIE and sie. */
#include "arch/irq.h"

#include "arch/riscv/csr.h"

unsigned long arch_irq_save(void)
{
	return csr_read_clear(CSR_SSTATUS, SSTATUS_SIE) & SSTATUS_SIE;
}

void arch_irq_restore(unsigned long flags)
{
	csr_set(CSR_SSTATUS, flags & SSTATUS_SIE);
}

void arch_irq_enable(void)
{
	csr_set(CSR_SSTATUS, SSTATUS_SIE);
}

bool arch_irq_enabled(void)
{
	return csr_read(CSR_SSTATUS) & SSTATUS_SIE;
}

void arch_irq_external_enable(void)
{
	csr_set(CSR_SIE, 1 << IRQ_S_EXT);
}

void arch_wait_for_interrupt(void)
{
	wait_for_interrupt();
}
