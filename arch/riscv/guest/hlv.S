/*
 * Reads through the guest's own translation (HLV, HLVX). The guest may have
 * unmapped the address: a fault goes on at the fix-up, where scause and stval
 * still say what it was, for interrupts are off and nothing else has trapped.
 * Encodings by hand: not every assembler knows the H extension.
 */
#include "arch/riscv/asm.h"
#include "arch/riscv/csr.h"

	.text

	.macro	GUEST_READ name, encoding
FUNC(\name)
	/* in: a0 va, a1 where to, a2 struct hlv_fault; out: a0 */
1:	.word	\encoding		/* a0 = guest memory at (a0) */
	sd	a0, 0(a1)
	li	a0, 1
	ret
2:	csrr	a0, CSR_SCAUSE
	sd	a0, 0(a2)
	csrr	a0, CSR_STVAL
	sd	a0, 8(a2)
	li	a0, 0
	ret
	.pushsection .extable, "a"
	.balign	4
	.word	1b - .
	.word	2b - .
	.popsection
END(\name)
	.endm

	GUEST_READ hlvx_u16, 0x64354573	/* hlvx.hu a0, (a0) */
	GUEST_READ hlv_u64, 0x6c054573	/* hlv.d a0, (a0) */
