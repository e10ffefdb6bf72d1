/*
 * Head of a guest payload: a Linux Image header, a stack and a struct trap
 * (guest.h) per hart, and the trap vector. A trap inside guarded() goes back
 * to its caller; any other is noted, and execution goes on behind the
 * instruction that took it. tp is the hart's struct trap all the time.
 */
#include "test/qemu/guests/harts.h"

	.section .head, "ax"
	.globl	_start
_start:
	.option	push
	.option	norvc
	j	1f
	.option	pop
	.balign	8
	.dword	0x200000		/* text_offset */
	.dword	_end - _start		/* image_size */
	.dword	0
	.word	2			/* version 0.2 */
	.word	0
	.dword	0
	.ascii	"RISCV\0\0\0"
	.ascii	"RSC\x05"
	.word	0
1:	lla	sp, stacks
	addi	t0, a0, 1
	li	t1, STACK_SIZE
	mul	t1, t0, t1
	add	sp, sp, t1
	lla	tp, harts
	li	t1, TRAP_SIZE
	mul	t1, a0, t1
	add	tp, tp, t1
	csrw	sscratch, tp
	lla	t0, vector
	csrw	stvec, t0
	csrw	sie, zero
	call	payload
2:	j	2b

/*
 * guarded - run code until it traps
 * in: a0 struct guarded; keeps what the ABI says; out: all else in the trap
 */
	.text
	.globl	guarded
guarded:
	addi	sp, sp, -112
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11
	sd	s\n, 8*\n(sp)
	.endr
	sd	ra, 96(sp)
	sd	gp, 104(sp)
	sd	sp, TRAP_BACK(tp)
	ld	t0, GUARDED_PC(a0)
	csrw	sepc, t0
	ld	t0, GUARDED_SIE(a0)
	csrw	sie, t0
	ld	t0, GUARDED_STATUS(a0)
	csrw	sstatus, t0
	ld	t0, GUARDED_SATP(a0)
	fence.i
	sfence.vma
	csrw	satp, t0
	/* By the new tables already: struct guarded lies where code does. */
	.irp	n, 1,2,3,4,5,6,7,8,9,11,12,13,14,15,16,17,18,19,20,21,22,23,24
	ld	x\n, 8*\n(a0)
	.endr
	.irp	n, 25,26,27,28,29,30,31
	ld	x\n, 8*\n(a0)
	.endr
	ld	a0, 80(a0)
	sret

	.balign	4
vector:
	csrw	satp, zero
	csrrw	tp, sscratch, tp
	.irp	n, 1,2,3,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24
	sd	x\n, 8*\n(tp)
	.endr
	.irp	n, 25,26,27,28,29,30,31
	sd	x\n, 8*\n(tp)
	.endr
	csrr	t0, scause
	csrr	t1, sepc
	csrr	t2, stval
	csrr	t3, sscratch
	ld	t4, TRAP_COUNT(tp)
	addi	t4, t4, 1
	sd	t0, TRAP_CAUSE(tp)
	sd	t1, TRAP_PC(tp)
	sd	t2, TRAP_VALUE(tp)
	sd	t3, 32(tp)
	sd	t4, TRAP_COUNT(tp)
	csrw	sscratch, tp
	ld	sp, TRAP_BACK(tp)
	beqz	sp, 1f

	/* Back to who called guarded(), in its plain state. */
	sd	zero, TRAP_BACK(tp)
	csrw	sie, zero
	csrr	t0, sstatus
	sd	t0, TRAP_STATUS(tp)
	li	t0, SSTATUS_PLAIN
	csrw	sstatus, t0
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11
	ld	s\n, 8*\n(sp)
	.endr
	ld	ra, 96(sp)
	ld	gp, 104(sp)
	addi	sp, sp, 112
	ret

	/* An interrupt comes once: the instruction is still to be done. */
1:	bgez	t0, 2f
	csrw	sie, zero
	j	4f
	/* A jump to nowhere goes back to its caller. */
2:	ld	t1, 8(tp)
	addi	t2, t0, -1
	beqz	t2, 3f
	addi	t2, t2, -11		/* fetch page fault */
	beqz	t2, 3f
	ld	t1, TRAP_PC(tp)
	lhu	t2, 0(t1)
	andi	t2, t2, 3
	addi	t1, t1, 2
	addi	t2, t2, -3
	bnez	t2, 3f
	addi	t1, t1, 2
3:	csrw	sepc, t1
4:	.irp	n, 1,2,3,5,6,7,28,29,30,31
	ld	x\n, 8*\n(tp)
	.endr
	sret

	.bss
	.balign	16
	.globl	harts
harts:	.skip	TRAP_SIZE * HARTS
stacks:	.skip	STACK_SIZE * HARTS
