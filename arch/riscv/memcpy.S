/*
 * memcpy in place of the C library's: a guest's Image is 30 MB, and every word
 * of it counts (docs/performance.md). Position-independent, no stack.
 */
#include "arch/riscv/asm.h"

	.text

/*
 * memcpy - as in C; in: a0 to, a1 from, a2 bytes; out: a0 as it was
 * Where both lie alike in their doublewords, 64 bytes a turn, then doublewords;
 * alike in words only, as files of a cpio archive do, 16 bytes a turn; else
 * bytes.
 */
FUNC(memcpy)
	mv	t6, a0
	add	a3, a0, a2		/* end */
	xor	t0, a0, a1
	andi	t0, t0, 7
	bnez	t0, .Lwords

	/* Bytes up to the first doubleword, or to the end. */
1:	andi	t0, t6, 7
	beqz	t0, 2f
	bgeu	t6, a3, .Ldone
	lb	t0, 0(a1)
	sb	t0, 0(t6)
	addi	a1, a1, 1
	addi	t6, t6, 1
	j	1b

2:	sub	t0, a3, t6
	andi	t1, t0, 63
	sub	a4, a3, t1		/* end of the turns */
	bgeu	t6, a4, 4f
3:	ld	t0, 0(a1)
	ld	t1, 8(a1)
	ld	t2, 16(a1)
	ld	t3, 24(a1)
	ld	t4, 32(a1)
	ld	t5, 40(a1)
	ld	a6, 48(a1)
	ld	a7, 56(a1)
	addi	a1, a1, 64
	sd	t0, 0(t6)
	sd	t1, 8(t6)
	sd	t2, 16(t6)
	sd	t3, 24(t6)
	sd	t4, 32(t6)
	sd	t5, 40(t6)
	sd	a6, 48(t6)
	sd	a7, 56(t6)
	addi	t6, t6, 64
	bltu	t6, a4, 3b

4:	andi	a4, a3, ~7		/* end of the doublewords */
5:	bgeu	t6, a4, .Lbytes
	ld	t0, 0(a1)
	sd	t0, 0(t6)
	addi	a1, a1, 8
	addi	t6, t6, 8
	j	5b

.Lwords:
	andi	t0, t0, 3
	bnez	t0, .Lbytes
6:	andi	t0, t6, 3
	beqz	t0, 7f
	bgeu	t6, a3, .Ldone
	lb	t0, 0(a1)
	sb	t0, 0(t6)
	addi	a1, a1, 1
	addi	t6, t6, 1
	j	6b
7:	sub	t0, a3, t6
	andi	t1, t0, 15
	sub	a4, a3, t1
	bgeu	t6, a4, .Lbytes
8:	lw	t0, 0(a1)
	lw	t1, 4(a1)
	lw	t2, 8(a1)
	lw	t3, 12(a1)
	addi	a1, a1, 16
	sw	t0, 0(t6)
	sw	t1, 4(t6)
	sw	t2, 8(t6)
	sw	t3, 12(t6)
	addi	t6, t6, 16
	bltu	t6, a4, 8b

.Lbytes:
	bgeu	t6, a3, .Ldone
	lb	t0, 0(a1)
	sb	t0, 0(t6)
	addi	a1, a1, 1
	addi	t6, t6, 1
	j	.Lbytes
.Ldone:
	ret
END(memcpy)
