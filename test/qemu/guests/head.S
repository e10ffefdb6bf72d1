/*
 * Head of a guest payload: a Linux Image header, a stack, and a trap vector
 * that notes the trap and goes on behind the instruction that took it.
 */
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
1:	lla	sp, stack_top
	lla	t0, vector
	csrw	stvec, t0
	lla	t0, saved
	csrw	sscratch, t0
	call	payload
2:	j	2b

	.text
	.balign	4
vector:
	csrrw	t0, sscratch, t0
	sd	t1, 8(t0)
	csrr	t1, sscratch
	sd	t1, 0(t0)
	csrr	t1, scause
	sd	t1, 16(t0)
	csrr	t1, sepc
	sd	t1, 24(t0)
	csrr	t1, stval
	sd	t1, 32(t0)
	ld	t1, 40(t0)
	addi	t1, t1, 1
	sd	t1, 40(t0)
	/* An interrupt comes once: the instruction is still to be done. */
	ld	t1, 16(t0)
	bltz	t1, 5f
	/* A jump to nowhere goes back to its caller. */
	ld	t1, 16(t0)
	addi	t1, t1, -1
	beqz	t1, 4f
	addi	t1, t1, -11		/* fetch page fault */
	beqz	t1, 4f
	ld	t1, 24(t0)
	addi	t1, t1, 4
3:	csrw	sepc, t1
	ld	t1, 0(t0)
	csrw	sscratch, t1
	ld	t1, 8(t0)
	csrrw	t0, sscratch, t0
	sret
4:	mv	t1, ra
	j	3b
5:	csrw	sie, zero
	csrr	t1, sepc
	j	3b

	.bss
	.balign	16
	.globl	saved
saved:
	.skip	64
	.skip	8192
stack_top:
