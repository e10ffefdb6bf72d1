/*
 * A firmware as they were before SBI 0.2, for the virt machine: console,
 * timer, IPI and shutdown by the legacy calls, nothing else; every hart enters
 * the kernel. Given to QEMU as -bios; runs in machine mode at 0x80000000.
 *
 * Legacy calls (SBI 3.0, chapter 5): 0 set_timer, 1 console_putchar,
 * 2 console_getchar, 4 send_ipi, 8 shutdown. What else is asked for is answered with
 * SBI_ERR_NOT_SUPPORTED, as the first versions did.
 */
#define UART	 0x10000000
#define TEST	 0x100000	/* writing 0x5555 ends QEMU */
#define MSIP	 0x2000000
#define MTIMECMP 0x2004000
#define KERNEL	 0x80200000

#define HARTS	 8

#define MIP_SSIP	   0x2
#define MIP_STIP	   0x20
#define MIE_MSIE	   0x8
#define MIE_MTIE	   0x80
#define MCAUSE_SOFT	   3
#define MCAUSE_TIMER	   7
#define MCAUSE_ECALL_S	   9
#define MSTATUS_MPP_S	   0x800
#define MSTATUS_MPRV	   0x20000
/* All but calls from S and M; from a guest its calls and faults, too. */
#define DELEGATED_TRAPS	   0xf0b5ff
#define DELEGATED_INTERRUPTS 0x222

	.option	norelax
	.section .text
	.globl	_start
_start:
	/* All of memory is open to supervisor mode. */
	li	t0, -1
	csrw	pmpaddr0, t0
	li	t0, 0x1f
	csrw	pmpcfg0, t0
	li	t0, DELEGATED_TRAPS
	csrw	medeleg, t0
	li	t0, DELEGATED_INTERRUPTS
	csrw	mideleg, t0
	li	t0, 7
	csrw	mcounteren, t0
	lla	t0, trap
	csrw	mtvec, t0
	/* Room for four registers of each hart. */
	lla	t0, save
	csrr	t1, mhartid
	slli	t2, t1, 5
	add	t0, t0, t2
	csrw	mscratch, t0
	li	t0, MIE_MSIE
	csrw	mie, t0
	/* mtimecmp of this hart: never */
	li	t0, MTIMECMP
	slli	t2, t1, 3
	add	t0, t0, t2
	li	t2, -1
	sd	t2, 0(t0)
	li	t0, 3 << 11
	csrc	mstatus, t0
	li	t0, MSTATUS_MPP_S
	csrs	mstatus, t0
	li	t0, KERNEL
	csrw	mepc, t0
	mv	a0, t1
	mret

	.balign	4
trap:
	csrrw	t0, mscratch, t0
	sd	t1, 0(t0)
	sd	t2, 8(t0)
	sd	t3, 16(t0)
	csrr	t1, mcause
	bltz	t1, 5f
	li	t2, MCAUSE_ECALL_S
	bne	t1, t2, 6f
	csrr	t1, mepc
	addi	t1, t1, 4
	csrw	mepc, t1
	beqz	a7, 1f
	li	t1, 1
	beq	a7, t1, 2f
	li	t1, 2
	beq	a7, t1, 3f
	li	t1, 4
	beq	a7, t1, 4f
	li	t1, 8
	beq	a7, t1, 6f
	li	a0, -2
	j	9f

	/* set_timer: a0 */
1:	li	t1, MTIMECMP
	csrr	t2, mhartid
	slli	t2, t2, 3
	add	t1, t1, t2
	sd	a0, 0(t1)
	li	t1, MIP_STIP
	csrc	mip, t1
	li	t1, MIE_MTIE
	csrs	mie, t1
	li	a0, 0
	j	9f

	/* console_putchar: a0 */
2:	li	t1, UART
	sb	a0, 0(t1)
	li	a0, 0
	j	9f

	/* console_getchar */
3:	li	t1, UART
	lbu	t2, 5(t1)
	andi	t2, t2, 1
	li	a0, -1
	beqz	t2, 9f
	lbu	a0, 0(t1)
	j	9f

	/* send_ipi: a0 is the caller's address of a mask of harts */
4:	li	t1, MSTATUS_MPRV
	csrs	mstatus, t1
	ld	t2, 0(a0)
	csrc	mstatus, t1
	li	t1, MSIP
	li	t3, HARTS
10:	andi	a0, t2, 1
	beqz	a0, 11f
	sw	a0, 0(t1)
11:	srli	t2, t2, 1
	addi	t1, t1, 4
	addi	t3, t3, -1
	bnez	t3, 10b
	li	a0, 0
	j	9f

	/* Timer and IPI of machine mode: hand them on. */
5:	slli	t1, t1, 1
	srli	t1, t1, 1
	li	t2, MCAUSE_SOFT
	bne	t1, t2, 12f
	li	t1, MSIP
	csrr	t2, mhartid
	slli	t2, t2, 2
	add	t1, t1, t2
	sw	zero, 0(t1)
	li	t1, MIP_SSIP
	csrs	mip, t1
	j	9f
12:	li	t2, MCAUSE_TIMER
	bne	t1, t2, 6f
	li	t1, MIE_MTIE
	csrc	mie, t1
	li	t1, MIP_STIP
	csrs	mip, t1
	j	9f

	/* Shutdown, or something that must not happen: the end. */
6:	li	t1, TEST
	li	t2, 0x5555
	sw	t2, 0(t1)
7:	j	7b

9:	ld	t1, 0(t0)
	ld	t2, 8(t0)
	ld	t3, 16(t0)
	csrrw	t0, mscratch, t0
	mret

	.balign	32
save:
	.space	32 * 8
