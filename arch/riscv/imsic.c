/* The hart's supervisor interrupt file, by indirect CSRs (AIA 1.0, 3.8). */
#include "arch/imsic.h"

#include "arch/irq.h"
#include "arch/riscv/csr.h"

/* siselect and sireg are a pair: an interrupt between them may not use it. */
uint64_t arch_imsic_read(unsigned select)
{
	unsigned long flags = arch_irq_save();
	uint64_t value;

	csr_write(CSR_SISELECT, select);
	value = csr_read(CSR_SIREG);
	arch_irq_restore(flags);
	return value;
}

void arch_imsic_write(unsigned select, uint64_t value)
{
	unsigned long flags = arch_irq_save();

	csr_write(CSR_SISELECT, select);
	csr_write(CSR_SIREG, value);
	arch_irq_restore(flags);
}

void arch_imsic_set(unsigned select, uint64_t bits)
{
	unsigned long flags = arch_irq_save();

	csr_write(CSR_SISELECT, select);
	csr_set(CSR_SIREG, bits);
	arch_irq_restore(flags);
}

void arch_imsic_clear(unsigned select, uint64_t bits)
{
	unsigned long flags = arch_irq_save();

	csr_write(CSR_SISELECT, select);
	csr_clear(CSR_SIREG, bits);
	arch_irq_restore(flags);
}

unsigned arch_imsic_claim(void)
{
	/* Writing any value claims what the read showed (AIA 3.10). */
	return csr_swap(CSR_STOPEI, 0) >> 16;
}
