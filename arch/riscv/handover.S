/*
 * The last step of a handover: copied out of the image, for it may overwrite
 * that. PC-relative, no stack, the MMU off.
 */
#include "arch/riscv/asm-offsets.h"
#include "arch/riscv/asm.h"
#include "arch/riscv/csr.h"

	.text
	.globl	handover_code, handover_code_end
	.balign	4
handover_code:

/*
 * handover_last - move everything and enter the next kernel
 * in: a0 physical address of the struct handover_step that this lies in; MMU
 * and interrupts off. Does not return.
 */
LOCAL_FUNC(handover_last)
	mv	s0, a0
	addi	a0, s0, STEP_MOVE
	ld	a1, STEP_COUNT(s0)
	call	handover_move
	/* Fetch what was written as data. */
	fence	rw, rw
	fence.i
	ld	a0, STEP_HART(s0)
	ld	a1, STEP_TREE(s0)
	ld	t0, STEP_ENTRY(s0)
	jr	t0
END(handover_last)

/*
 * handover_move - copy memory as memmove() would, one move after the other
 * in: a0 the first struct handover_move, a1 how many; any MMU state
 * clobbers a0 to a2, t0 to t6; no stack
 */
FUNC(handover_move)
	beqz	a1, 9f
	ld	t0, MOVE_TO(a0)
	ld	t1, MOVE_FROM(a0)
	ld	t2, MOVE_SIZE(a0)
	addi	a0, a0, MOVE_BYTES
	addi	a1, a1, -1
	/* t3: bytes, of t2, that go as words: none unless both are aligned. */
	or	t3, t0, t1
	andi	t4, t3, 3
	li	t3, 0
	bnez	t4, 1f
	andi	t3, t2, -4
1:	beq	t0, t1, handover_move
	bltu	t1, t0, 4f

	/* Down in memory: from the first byte on. */
	add	t3, t1, t3
	add	t2, t1, t2
2:	beq	t1, t3, 3f
	lw	t4, 0(t1)
	sw	t4, 0(t0)
	addi	t1, t1, 4
	addi	t0, t0, 4
	j	2b
3:	beq	t1, t2, handover_move
	lbu	t4, 0(t1)
	sb	t4, 0(t0)
	addi	t1, t1, 1
	addi	t0, t0, 1
	j	3b

	/* Up: from the last byte back. */
4:	mv	a2, t1
	add	t3, t1, t3
	add	t1, t1, t2
	add	t0, t0, t2
5:	beq	t1, t3, 6f
	addi	t1, t1, -1
	addi	t0, t0, -1
	lbu	t4, 0(t1)
	sb	t4, 0(t0)
	j	5b
6:	beq	t1, a2, handover_move
	addi	t1, t1, -4
	addi	t0, t0, -4
	lw	t4, 0(t1)
	sw	t4, 0(t0)
	j	6b
9:	ret
END(handover_move)

handover_code_end:
