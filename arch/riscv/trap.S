/*
 * Trap entry and return for traps from supervisor mode.
 *
 * sscratch always holds this hart's tp while the kernel runs, so neither a
 * lost tp nor a lost sp of the interrupted code can keep us from a report: sp
 * is used only when a frame fits below it inside the stack that struct cpu
 * names, else the emergency stack takes its place.
 */
#include "arch/riscv/asm-offsets.h"
#include "arch/riscv/asm.h"
#include "arch/riscv/csr.h"
#include "arch/riscv/sbi.h"

	.type cpu_this, @tls_object

/* struct cpu lies within the reach of a 12-bit offset (kernel.lds asserts). */
#define CPU(field) %tprel_lo(cpu_this + field)(tp)
/* Nested faults in a report end sooner, in panic_enter(). */
#define FALLBACKS_MAX 8
#define X(n)	   (FRAME_X + 8 * (n))

	.text

/*
 * trap_entry - stvec of every hart from boot_start() on, MMU off or on
 * in: the interrupted registers; interrupts off; out: all of them restored
 */
FUNC(trap_entry)
	csrrw	tp, CSR_SSCRATCH, tp
	sd	t0, CPU(CPU_SCRATCH0)
	sd	t1, CPU(CPU_SCRATCH1)

	/* Room for a frame on the stack in use? */
	ld	t0, CPU(CPU_STACK_LOW)
	addi	t1, sp, -FRAME_SIZE
	bltu	t1, t0, .Lbad_sp
	ld	t0, CPU(CPU_STACK_HIGH)
	bltu	t0, sp, .Lbad_sp
.Lframe:
	/* t1 is the frame; sp goes into it first, the rest by sp. */
	sd	sp, X(2)(t1)
	mv	sp, t1
	sd	x1, X(1)(sp)
	sd	x3, X(3)(sp)
	csrrw	t0, CSR_SSCRATCH, tp
	sd	t0, X(4)(sp)
	ld	t0, CPU(CPU_SCRATCH0)
	ld	t1, CPU(CPU_SCRATCH1)
	.irp	n, 5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	sd	x\n, X(\n)(sp)
	.endr
	sd	zero, X(0)(sp)
	csrr	t0, CSR_SEPC
	csrr	t1, CSR_SSTATUS
	csrr	t2, CSR_SCAUSE
	csrr	t3, CSR_STVAL
	sd	t0, FRAME_SEPC(sp)
	sd	t1, FRAME_SSTATUS(sp)
	sd	t2, FRAME_SCAUSE(sp)
	sd	t3, FRAME_STVAL(sp)

	/* End the frame-pointer chain at the interrupted function. */
	mv	a0, sp
	call	trap_handle

	/*
	 * End a reservation that the handler left (a compare-exchange that
	 * compared unequal): the SC of code interrupted between its own LR
	 * and SC must not succeed by it. Stores what is there already.
	 */
	ld	t0, FRAME_SEPC(sp)
	addi	t1, sp, FRAME_SEPC
	sc.d	zero, t0, (t1)
	ld	t1, FRAME_SSTATUS(sp)
	csrw	CSR_SEPC, t0
	csrw	CSR_SSTATUS, t1
	/* tp is not restored: the kernel never changes it after entry. */
	ld	x1, X(1)(sp)
	ld	x3, X(3)(sp)
	.irp	n, 5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	ld	x\n, X(\n)(sp)
	.endr
	ld	sp, X(2)(sp)
	sret

.Lbad_sp:
	/*
	 * Fall back; from now on the emergency stack is the one in use, so
	 * that a trap taken on it nests instead of starting over.
	 */
	ld	t0, CPU(CPU_FALLBACKS)
	addi	t0, t0, 1
	sd	t0, CPU(CPU_FALLBACKS)
	li	t1, FALLBACKS_MAX
	bltu	t1, t0, .Lgive_up
	sd	sp, CPU(CPU_BAD_SP)
	ld	t1, CPU(CPU_EMERGENCY_TOP)
	sd	t1, CPU(CPU_STACK_HIGH)
	li	t0, EMERGENCY_BYTES
	sub	t0, t1, t0
	sd	t0, CPU(CPU_STACK_LOW)
	addi	t1, t1, -FRAME_SIZE
	j	.Lframe

.Lgive_up:
	/*
	 * Even the emergency stack faults: a last word on the boot stack,
	 * whoever's it was; if that faults as well, just the end.
	 */
	addi	t1, t1, 1
	bltu	t1, t0, 1f
	lla	sp, boot_stack_top
	csrr	a0, CSR_SCAUSE
	csrr	a1, CSR_SEPC
	csrr	a2, CSR_STVAL
	call	early_nested_panic
1:
	li	a7, SBI_EXT_SRST
	li	a6, 0
	li	a0, SBI_SRST_SHUTDOWN
	li	a1, 1			/* reason: system failure */
	ecall
2:	wfi
	j	2b
END(trap_entry)
