/*
 * The world switch. While a guest executes sscratch holds its struct vcpu and
 * stvec one of the vectors below; everywhere else both are the kernel's
 * (trap.S).
 *
 * An exit saves what C may clobber; calls and device accesses are answered by
 * guest_call_quick(), guest_load_quick() and guest_store_quick(), and the guest
 * goes on. s0 to s11 stay in the hart until it does not, and only then are the
 * host's put back. gp is the guest's meanwhile: the kernel does not use it.
 */
#include "arch/riscv/asm-offsets.h"
#include "arch/riscv/asm.h"
#include "arch/riscv/csr.h"
#include "arch/riscv/sbi.h"

#define X(n) (8 * (n))
/* On the host's stack while the guest executes: ra, s0-s11, the vcpu. */
#define HOST_FRAME 112
#define HOST_VCPU  104

	.text

/*
 * guest_enter - see the header
 * in: a0 struct vcpu; interrupts off; keeps what the ABI says
 * out: a0 0 when the exit was answered, else scause and the like tell of it
 */
FUNC(guest_enter)
	addi	sp, sp, -HOST_FRAME
	sd	ra, 0(sp)
	sd	s0, 8(sp)
	sd	s1, 16(sp)
	sd	s2, 24(sp)
	sd	s3, 32(sp)
	sd	s4, 40(sp)
	sd	s5, 48(sp)
	sd	s6, 56(sp)
	sd	s7, 64(sp)
	sd	s8, 72(sp)
	sd	s9, 80(sp)
	sd	s10, 88(sp)
	sd	s11, 96(sp)
	sd	a0, HOST_VCPU(sp)
	ld	a1, VCPU_ARCH(a0)
	sd	sp, ARCH_HOST_SP(a1)
	sd	tp, ARCH_HOST_TP(a1)
	.irp	n, 3,8,9,18,19,20,21,22,23,24,25,26,27
	ld	x\n, X(\n)(a0)
	.endr

	/* a0 vcpu; gp and s0 to s11 are the guest's already. Not compressed,
	 * so that its instructions can be counted (guest_lengths). */
	.option	push
	.option	norvc
.Lresume:
	ld	a1, VCPU_ARCH(a0)
	ld	t0, ARCH_VECTOR(a1)
	ld	t1, ARCH_SSTATUS(a1)
	ld	t2, ARCH_HSTATUS(a1)
	ld	t3, VCPU_PC(a0)
	csrw	CSR_STVEC, t0
	csrw	CSR_SSTATUS, t1
	csrw	CSR_HSTATUS, t2
	csrw	CSR_SEPC, t3
	csrw	CSR_SSCRATCH, a0
	.irp	n, 1,2,4,5,6,7,28,29,30,31,11,12,13,14,15,16,17
	ld	x\n, X(\n)(a0)
	.endr
	ld	a0, X(10)(a0)
	sret
.Lresume_end:
	.option	pop
END(guest_enter)

/*
 * QUICK - device registers that are answered here and now; all else goes on at
 * .Lsave
 * in: a0 vcpu, the guest's in sscratch; t0 in its slot; t0 scause - ECALL_VS
 */
	.macro	QUICK
	addi	t0, t0, CAUSE_ECALL_VS - CAUSE_LOAD_GUEST_PAGE
	beqz	t0, .Lload
	addi	t0, t0, CAUSE_LOAD_GUEST_PAGE - CAUSE_STORE_GUEST_PAGE
	beqz	t0, .Lstore
	j	.Lsave
	.endm

/*
 * ARGUMENT - which of a0 to a7 is meant? in: t0 its number; clobbers t1; out:
 * on at \table + 8 bytes for each; elsewhere if it is another
 */
	.macro	ARGUMENT table
	addi	t0, t0, -10
	sltiu	t1, t0, 8
	beqz	t1, .Lother
	slli	t0, t0, 3
	lla	t1, \table
	add	t0, t0, t1
	jr	t0
	.endm

/*
 * guest_exit_entry_timer - stvec with Sstc: SBI TIME set_timer is done here and
 * now, and so are QUICK's; all else goes on at guest_exit_entry
 */
FUNC(guest_exit_entry_timer)
	.option	push
	.option	norvc
.Ltimer:
	csrrw	a0, CSR_SSCRATCH, a0
	sd	t0, X(5)(a0)
.Ltimer_noted:
	csrr	t0, CSR_SCAUSE
	addi	t0, t0, -CAUSE_ECALL_VS
	bnez	t0, .Lno_call
	li	t0, SBI_EXT_TIME
	bne	a7, t0, .Lsave
	bnez	a6, .Lsave
.Ltimer_set:
	csrr	t0, CSR_SSCRATCH
	csrw	CSR_VSTIMECMP, t0
	ld	t0, VCPU_EXITS_TIMER(a0)
	addi	t0, t0, 1
	sd	t0, VCPU_EXITS_TIMER(a0)
	csrr	t0, CSR_SEPC
	addi	t0, t0, 4
	csrw	CSR_SEPC, t0
	ld	t0, X(5)(a0)
	csrw	CSR_SSCRATCH, a0
	li	a0, SBI_SUCCESS
	li	a1, 0
	sret
.Ltimer_end:

.Lno_call:
	QUICK
	.option	pop
END(guest_exit_entry_timer)

/*
 * guest_exit_entry_measure_timer, guest_exit_entry_measure - with Sstc and
 * without it, while instructions are counted: note when the exit began
 */
	.macro	NOTE
	csrrw	a0, CSR_SSCRATCH, a0
	sd	t0, X(5)(a0)
	csrr	t0, CSR_INSTRET
	sd	t0, VCPU_MEASURE_FROM(a0)
	.endm

FUNC(guest_exit_entry_measure_timer)
	NOTE
	j	.Ltimer_noted
END(guest_exit_entry_measure_timer)

FUNC(guest_exit_entry_measure)
	NOTE
	j	.Lnoted
END(guest_exit_entry_measure)

/* guest_exit_entry - stvec without Sstc */
FUNC(guest_exit_entry)
	csrrw	a0, CSR_SSCRATCH, a0
	sd	t0, X(5)(a0)
.Lnoted:
	csrr	t0, CSR_SCAUSE
	addi	t0, t0, -CAUSE_ECALL_VS
	QUICK

	/*
	 * A byte-wide load from vcpu->polled is answered from memory. a0 vcpu,
	 * t0 is free.
	 */
	.option	push
	.option	norvc
.Lload:
	sd	t1, X(6)(a0)
	csrr	t0, CSR_HTVAL
	ld	t1, VCPU_POLLED_HTVAL(a0)
	bne	t0, t1, .Lother
	csrr	t0, CSR_STVAL
	lw	t1, VCPU_POLLED_LOW(a0)
	andi	t0, t0, 3
	bne	t0, t1, .Lother
	/* Bit 7 says that reading has an effect: not here. */
	ld	t0, VCPU_POLLED(a0)
	lb	t0, 0(t0)
	bltz	t0, .Lother
	sd	t0, VCPU_POLLED_VALUE(a0)
	/* lb or lbu, of 4 bytes, to one of a0 to a7. */
	csrr	t0, CSR_HTINST
	li	t1, ~(31 << 7 | 1 << 14)
	and	t1, t0, t1
	addi	t1, t1, -3
	bnez	t1, .Lother
	srli	t0, t0, 7
	andi	t0, t0, 31
	ARGUMENT .Lpolled
.Lpolled:
	j	1f			/* a0 is in sscratch */
	nop
	.irp	n, 11,12,13,14,15,16,17
	ld	x\n, VCPU_POLLED_VALUE(a0)
	j	.Lpolled_out
	.endr
1:	ld	t0, VCPU_POLLED_VALUE(a0)
	csrw	CSR_SSCRATCH, t0
.Lpolled_out:
	ld	t1, VCPU_EXITS_POLL(a0)
	addi	t1, t1, 1
	sd	t1, VCPU_EXITS_POLL(a0)
.Lanswered_out:
	csrr	t1, CSR_SEPC
	addi	t1, t1, 4
	csrw	CSR_SEPC, t1
	ld	t1, X(6)(a0)
	ld	t0, X(5)(a0)
	csrrw	a0, CSR_SSCRATCH, a0
	sret
.Lload_end:

	/*
	 * A byte-wide store at vcpu->sent_page goes into the UART's outlet, if
	 * nobody has the UART's lock. a0 vcpu, t0 is free.
	 */
.Lstore:
	sd	t1, X(6)(a0)
	csrr	t0, CSR_HTVAL
	ld	t1, VCPU_SENT_HTVAL(a0)
	bne	t0, t1, .Lother
	csrr	t0, CSR_STVAL
	andi	t0, t0, 3
	bnez	t0, .Lother
	/* sb, of 4 bytes, of one of a0 to a7. */
	csrr	t0, CSR_HTINST
	li	t1, ~(31 << 20)
	and	t1, t0, t1
	addi	t1, t1, -0x23
	bnez	t1, .Lother
	srli	t0, t0, 20
	ARGUMENT .Lsent
.Lsent:
	csrr	t0, CSR_SSCRATCH
	j	1f
	.irp	n, 11,12,13,14,15,16,17
	mv	t0, x\n
	j	1f
	.endr
1:	/* t0 the byte */
	sd	t2, X(7)(a0)
	sd	t3, X(28)(a0)
	sd	t4, X(29)(a0)
	ld	t1, VCPU_SENDER(a0)
	li	t2, 1
	amoswap.w.aq t2, t2, (t1)
	bnez	t2, .Lheld
	lbu	t2, VUART_STRAIGHT(t1)
	beqz	t2, .Lnot_sent
	ld	t2, VUART_LISTENED(t1)
	lw	t2, 0(t2)
	beqz	t2, .Lnot_sent
	/* ring_put() */
	ld	t3, VUART_OUTLET(t1)
	lw	t2, RING_HEAD(t3)
	lw	t4, RING_TAIL(t3)
	fence	r, rw
	subw	t4, t2, t4
	lw	t1, RING_MASK(t3)
	bltu	t1, t4, .Lfull
	and	t4, t2, t1
	ld	t1, RING_BUF(t3)
	add	t4, t4, t1
	sb	t0, 0(t4)
	addiw	t2, t2, 1
	fence	rw, w
	sw	t2, RING_HEAD(t3)
	ld	t1, VCPU_SENDER(a0)
	amoswap.w.rl zero, zero, (t1)
	ld	t1, VCPU_EXITS_SEND(a0)
	addi	t1, t1, 1
	sd	t1, VCPU_EXITS_SEND(a0)
	ld	t4, X(29)(a0)
	ld	t3, X(28)(a0)
	ld	t2, X(7)(a0)
	j	.Lanswered_out
.Lstore_end:
	.option	pop

.Lfull:
	ld	t1, VCPU_SENDER(a0)
.Lnot_sent:
	amoswap.w.rl zero, zero, (t1)
.Lheld:
	ld	t4, X(29)(a0)
	ld	t3, X(28)(a0)
	ld	t2, X(7)(a0)
	j	.Lother

.Lsave:
	sd	t1, X(6)(a0)
.Lother:
	.irp	n, 1,2,4,7,28,29,30,31,11,12,13,14,15,16,17
	sd	x\n, X(\n)(a0)
	.endr
	ld	a1, VCPU_ARCH(a0)
	ld	sp, ARCH_HOST_SP(a1)
	ld	tp, ARCH_HOST_TP(a1)
	csrrw	t0, CSR_SSCRATCH, tp
	csrr	t1, CSR_SEPC
	csrr	t2, CSR_HSTATUS
	csrr	t3, CSR_SSTATUS
	ld	t4, ARCH_HOST_VECTOR(a1)
	sd	t0, X(10)(a0)
	sd	t1, VCPU_PC(a0)
	sd	t2, ARCH_HSTATUS(a1)
	sd	t3, ARCH_SSTATUS(a1)
	csrw	CSR_STVEC, t4

	/* Which are quick? */
	csrr	a1, CSR_SCAUSE
	li	t0, CAUSE_ECALL_VS
	bne	a1, t0, .Lno_ecall
	call	guest_call_quick
	bnez	a0, .Lcall_again
.Lanswered:
	/* Go on, unless the vcpu must leave or see something first: others'
	 * requests come with an interrupt, so no fence is needed. */
	ld	a0, HOST_VCPU(sp)
	ld	t0, VCPU_LEAVE_MEASURED(a0)
	ld	t1, VCPU_CHANGED_FENCES(a0)
	or	t1, t1, t0
	beqz	t1, .Lresume
	srli	t1, t0, 32
	sext.w	t0, t0
	bnez	t0, .Lleave
	beqz	t1, 1f
	csrr	a1, CSR_INSTRET		/* before what only measuring costs */
1:	call	guest_requests_take
	ld	a0, HOST_VCPU(sp)
	j	.Lresume

.Lcall_again:
	ld	a0, HOST_VCPU(sp)
	ld	t0, VCPU_PC(a0)
	addi	t0, t0, -4
	sd	t0, VCPU_PC(a0)
	j	.Lanswered

.Lno_ecall:
	li	t0, CAUSE_STORE_GUEST_PAGE
	bne	a1, t0, 1f
	call	guest_store_quick
	bnez	a0, .Lunanswered
	/* Here, so that it need not keep anything over the device's answer:
	 * the instruction, of 2 or 4 bytes, is done. */
	ld	a0, HOST_VCPU(sp)
	csrr	t0, CSR_HTINST
	ld	t1, VCPU_PC(a0)
	ld	t2, VCPU_EXITS_MMIO(a0)
	andi	t0, t0, 2
	addi	t1, t1, 2
	add	t1, t1, t0
	addi	t2, t2, 1
	sd	t1, VCPU_PC(a0)
	sd	t2, VCPU_EXITS_MMIO(a0)
	j	.Lanswered
1:	li	t0, CAUSE_LOAD_GUEST_PAGE
	bne	a1, t0, .Lunanswered
	call	guest_load_quick
	beqz	a0, .Lanswered

.Lunanswered:
	ld	a0, HOST_VCPU(sp)
	li	t1, 1
	j	1f
.Lleave:
	li	t1, 0
1:	/* a0 vcpu, t1 the result */
	.irp	n, 3,8,9,18,19,20,21,22,23,24,25,26,27
	sd	x\n, X(\n)(a0)
	.endr
	ld	ra, 0(sp)
	ld	s0, 8(sp)
	ld	s1, 16(sp)
	ld	s2, 24(sp)
	ld	s3, 32(sp)
	ld	s4, 40(sp)
	ld	s5, 48(sp)
	ld	s6, 56(sp)
	ld	s7, 64(sp)
	ld	s8, 72(sp)
	ld	s9, 80(sp)
	ld	s10, 88(sp)
	ld	s11, 96(sp)
	mv	a0, t1
	addi	sp, sp, HOST_FRAME
	ret
END(guest_exit_entry)

	.section .rodata.guest_lengths, "a"
	.balign	8
	.globl	guest_lengths
	/* struct guest_lengths: bytes of code, four an instruction */
guest_lengths:
	.dword	.Lresume_end - .Lresume
	.dword	.Ltimer_end - .Ltimer
	/* To .Lno_call 5, then 2; to a1 to a7: less six entries of the table
	 * and the four instructions that are for a0. */
	.dword	(.Lload_end - .Lload) + 4 * (5 + 2 - 2 * 6 - 4)
	/* Of 5 + 4 instructions to it, less seven entries, and what they share
	 * with a poll. */
	.dword	(.Lstore_end - .Lstore) + (.Lload_end - .Lanswered_out) + \
		4 * (5 + 4 - 2 * 7)
