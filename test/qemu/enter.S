/*
 * A boot loader for tests: entered by firmware in supervisor mode, enters the
 * kernel with exactly the registers that the test wants. payload.py fills in
 * the block.
 *
 *	in: a0 hart, a1 device tree, as firmware passes them
 *	block (at 0xfc0): entry, a0, a1 (all ones keeps what came), flags,
 *	and what to copy before: from, to, bytes (a multiple of 8)
 */
#define FLAG_JUNK 1 /* sp, gp, tp, stvec, sscratch, sie and FS as junk */
#define FLAG_SATP 2 /* paging on: Sv39, everything mapped 1:1 */

#define SSTATUS_FS_VS_SUM 0x46600

	.option	norelax
	.section .text
	.globl	_start
_start:
	lla	t0, block
	ld	t1, 0(t0)
	li	t4, -1
	ld	t2, 8(t0)
	beq	t2, t4, 1f
	mv	a0, t2
1:	ld	t2, 16(t0)
	beq	t2, t4, 2f
	mv	a1, t2
2:	ld	t3, 24(t0)

	ld	t4, 32(t0)
	ld	t5, 40(t0)
	ld	t6, 48(t0)
	add	t6, t4, t6
7:	bgeu	t4, t6, 8f
	ld	t2, 0(t4)
	sd	t2, 0(t5)
	addi	t4, t4, 8
	addi	t5, t5, 8
	j	7b
8:
	andi	t2, t3, FLAG_SATP
	beqz	t2, 5f
	/* 256 leaves of 1 GiB, R W X A D, 1:1 (privileged spec, 4.4) */
	lla	t0, table
	li	t5, 256
	li	t6, 0xcf
	li	t4, 1 << 28
3:	sd	t6, 0(t0)
	add	t6, t6, t4
	addi	t0, t0, 8
	addi	t5, t5, -1
	bnez	t5, 3b
	lla	t0, table
	srli	t0, t0, 12
	li	t2, 8 << 60
	or	t0, t0, t2
	sfence.vma
	csrw	satp, t0
	sfence.vma

5:	andi	t2, t3, FLAG_JUNK
	beqz	t2, 6f
	li	sp, 0xdead0001
	li	gp, 0xdead0002
	li	tp, 0xdead0003
	li	s0, 0xdead0005
	csrw	sscratch, sp
	csrw	stvec, gp
	li	t2, 0x222
	csrw	sie, t2
	li	t2, SSTATUS_FS_VS_SUM
	csrs	sstatus, t2
6:	jr	t1

	.org	0xfc0
block:
	.space	64
table:
	.space	4096
