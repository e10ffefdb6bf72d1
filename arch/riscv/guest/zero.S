/*
 * Zeroing memory in whole cache blocks (Zicboz): a fourth of the instructions
 * and no reading of what was there. Encoded by hand, for the kernel is built
 * for harts without it. Else by words.
 */
#include "arch/riscv/asm.h"
#include "arch/riscv/csr.h"

#define CBO_ZERO_A0 0x0045200f		/* cbo.zero (a0) */

	.text

/* zero_probe - in: a0 a block; out: a0 1, or 0 when the hart refuses */
FUNC(zero_probe)
1:	.word	CBO_ZERO_A0
	li	a0, 1
	ret
2:	li	a0, 0
	ret
	.pushsection .extable, "a"
	.balign	4
	.word	1b - .
	.word	2b - .
	.popsection
END(zero_probe)

/*
 * zero_blocks - in: a0 from, a1 to, a2 bytes of a block; a1 - a0 is a multiple
 * of eight blocks; clobbers a0
 */
FUNC(zero_blocks)
1:	.rept	8
	.word	CBO_ZERO_A0
	add	a0, a0, a2
	.endr
	bltu	a0, a1, 1b
	ret
END(zero_blocks)

/*
 * zero_words - in: a0 from, a1 to; a1 - a0 is a multiple of 128 bytes, not 0;
 * clobbers a0
 */
FUNC(zero_words)
1:	.irp	n, 0,8,16,24,32,40,48,56,64,72,80,88,96,104,112,120
	sd	zero, \n(a0)
	.endr
	addi	a0, a0, 128
	bltu	a0, a1, 1b
	ret
END(zero_words)
