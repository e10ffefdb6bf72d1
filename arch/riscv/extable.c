/* Exception table: see the header; entries come from EXTABLE_1_TO_2. */
#include "arch/riscv/extable.h"

#include "arch/riscv/csr.h"

uint64_t extable_find(uint64_t pc)
{
	const struct extable_entry *e;

	for (e = extable_start; e < extable_end; e++)
		if ((uint64_t)&e->insn + (int64_t)e->insn == pc)
			return (uint64_t)&e->fixup + (int64_t)e->fixup;
	return 0;
}

#define PROBE_READ(bits, op)                                         \
	bool probe_read##bits(uint64_t address, uint##bits##_t *out) \
	{                                                            \
		unsigned long there, value;                          \
                                                                     \
		__asm__ volatile("li %0, 0\n"                        \
				 "li %1, 0\n"                        \
				 "1: " op " %1, 0(%2)\n"             \
				 "li %0, 1\n" EXTABLE_1_TO_2 "2:\n"  \
				 : "=&r"(there), "=&r"(value)        \
				 : "r"(address)                      \
				 : "memory");                        \
		*out = (uint##bits##_t)value;                        \
		return there != 0;                                   \
	}

PROBE_READ(64, "ld")
PROBE_READ(16, "lhu")

bool probe_write64(uint64_t address, uint64_t value)
{
	unsigned long there;

	__asm__ volatile("li %0, 0\n"
			 "1: sd %2, 0(%1)\n"
			 "li %0, 1\n" EXTABLE_1_TO_2 "2:\n"
			 : "=&r"(there)
			 : "r"(address), "r"(value)
			 : "memory");
	return there != 0;
}
