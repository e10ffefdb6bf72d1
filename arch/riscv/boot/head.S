/*
 * The first page of the image: boot header, image table, entry of the boot
 * hart and of every later one, and the few instructions that turn the MMU on.
 * This page alone is mapped at its physical address while that happens.
 *
 * Everything here is PC-relative. docs/boot.md draws the way.
 */
#include "arch/riscv/asm-offsets.h"
#include "arch/riscv/asm.h"
#include "arch/riscv/boot/early.h"
#include "arch/riscv/csr.h"
#include "arch/riscv/sbi.h"
#include "arch/riscv/sbi.h"

#define CPU(field) %tprel_lo(cpu_this + field)(tp)

	.type cpu_this, @tls_object

#define TEXT_OFFSET   0x200000
#define HEADER_V0_2   0x2
#define TABLE_VERSION 1

	.section .head, "ax"
	.globl	_start

/* Linux's Documentation/arch/riscv/boot-image-header.rst, version 0.2 */
_start:
	.option	push
	.option	norvc
	j	boot_entry
	.option	pop
	.word	0
	.dword	TEXT_OFFSET
	.dword	image_end - _start
	.dword	0			/* flags: little endian */
	.word	HEADER_V0_2
	.word	0
	.dword	0
	.ascii	"RISCV\0\0\0"
	.ascii	"RSC\x05"
	.word	0

/* The image table (docs/boot.md): offsets from _start, for imgtool. */
image_table:
	.ascii	"ALOFTIMG"
	.word	TABLE_VERSION
	.word	image_table_end - image_table
	.word	text_start - _start
	.word	text_end - _start
	.word	rodata_start - _start
	.word	rodata_end - _start
	.word	data_start - _start
	.word	data_end - _start
	.word	bss_start - _start
	.word	image_end - _start
	.word	rela_start - _start
	.word	rela_end - _start
image_table_end:

/*
 * boot_entry - first instruction of the hart that the loader chose
 * in: a0 hart id, a1 physical address of the device tree (both unchecked),
 * MMU off; nothing else is trusted. Does not return.
 */
LOCAL_FUNC(boot_entry)
	/* The loader wrote us as data; this hart may know older code here. */
	fence.i
	csrw	CSR_SIE, zero
	/* instret now; where it cannot be read the trap skips it, s2 = -1. */
	li	s2, -1
	lla	t0, 1f
	csrw	CSR_STVEC, t0
	csrr	s2, CSR_INSTRET
	.balign	4
1:	lla	t0, early_trap
	csrw	CSR_STVEC, t0
	csrw	CSR_SATP, zero
	li	t0, SSTATUS_SIE | SSTATUS_FS | SSTATUS_VS | SSTATUS_SUM
	csrc	CSR_SSTATUS, t0
	mv	s0, a0
	mv	s1, a1

	/* Pages of the image must be pages of memory. */
	lla	a0, _start
	slli	t0, a0, 52
	beqz	t0, 2f
	lla	sp, boot_stack_top
	call	early_address_panic
2:
	/*
	 * Firmware without HSM starts every hart here: the first goes on, the
	 * others wait to be called. The word is in the data section, which the
	 * loader has just written.
	 */
	lla	t0, boot_lottery
	li	t1, 1
	amoadd.w t1, t1, (t0)
	bnez	t1, .Lpark

	/*
	 * Save the tree before anything of ours is written, for it may lie
	 * where our bss or stack will be. s3 tells boot_start() how it went.
	 */
	lla	t0, .Lfdt_done
	csrw	CSR_STVEC, t0
	li	s3, FDT_MISALIGNED
	andi	t0, s1, 7
	bnez	t0, .Lfdt_done
	li	s3, FDT_UNREADABLE
	lwu	t0, 0(s1)
	lwu	t1, 4(s1)
	li	s3, FDT_BAD_MAGIC
	li	t2, 0xedfe0dd0		/* 0xd00dfeed, big endian */
	bne	t0, t2, .Lfdt_done
	/* totalsize from big endian: four bytes, last first */
	li	s4, 0
	li	t3, 4
2:	slli	s4, s4, 8
	andi	t2, t1, 0xff
	or	s4, s4, t2
	srli	t1, t1, 8
	addi	t3, t3, -1
	bnez	t3, 2b
	li	s3, FDT_LARGE
	li	t0, FDT_BUFFER_SIZE
	bltu	t0, s4, .Lfdt_done
	li	s3, FDT_UNREADABLE
	/* Copy 8 bytes at a time, downwards if the buffer lies above it. */
	lla	t0, fdt_buffer
	addi	t1, s4, 7
	andi	t1, t1, -8
	bltu	s1, t0, 4f
	mv	t2, s1
	add	t3, s1, t1
3:	beq	t2, t3, 6f
	ld	t4, 0(t2)
	sd	t4, 0(t0)
	addi	t2, t2, 8
	addi	t0, t0, 8
	j	3b
4:	add	t2, s1, t1
	add	t0, t0, t1
5:	beq	t2, s1, 6f
	addi	t2, t2, -8
	addi	t0, t0, -8
	ld	t4, 0(t2)
	sd	t4, 0(t0)
	j	5b
6:	li	s3, FDT_COPIED
	.balign	4
.Lfdt_done:
	lla	t0, early_trap
	csrw	CSR_STVEC, t0

	/* A large tree is used where it lies: then it must not be in us. */
	li	t0, FDT_LARGE
	bne	s3, t0, 7f
	lla	t1, _start
	lla	t2, image_end
	bgeu	s1, t2, 7f
	add	t3, s1, s4
	bgeu	t1, t3, 7f
	li	s3, FDT_OVERLAPS
7:
	/* Clear bss: a multiple of 64 bytes (kernel.lds). */
	lla	t0, bss_start
	lla	t1, bss_end
8:	sd	zero, 0(t0)
	sd	zero, 8(t0)
	sd	zero, 16(t0)
	sd	zero, 24(t0)
	sd	zero, 32(t0)
	sd	zero, 40(t0)
	sd	zero, 48(t0)
	sd	zero, 56(t0)
	addi	t0, t0, 64
	bltu	t0, t1, 8b

	/* A stack and this hart's block. */
	lla	sp, boot_stack_top
	lla	tp, boot_block

	/* Relocate to where we are. */
	lla	a0, _start
	mv	a1, a0
	call	.Lrelocate

	csrw	CSR_SSCRATCH, tp
	lla	t0, boot_stack
	sd	t0, CPU(CPU_STACK_LOW)
	sd	sp, CPU(CPU_STACK_HIGH)
	lla	t0, boot_emergency_top
	sd	t0, CPU(CPU_EMERGENCY_TOP)
	lla	t0, trap_entry
	csrw	CSR_STVEC, t0

	/* struct boot_handoff on the stack: what we were given, what to do. */
	addi	sp, sp, -HANDOFF_BYTES
	sd	s0, HANDOFF_HART(sp)
	sd	s1, HANDOFF_FDT(sp)
	sd	s3, HANDOFF_FDT_STATE(sp)
	sd	s4, HANDOFF_FDT_SIZE(sp)
	sd	s2, HANDOFF_INSTRET(sp)
	sd	s5, HANDOFF_RELOCATIONS(sp)
	lla	t0, _start
	sd	t0, HANDOFF_IMAGE(sp)
	mv	a0, sp
	call	boot_start
	ld	s6, HANDOFF_SATP(sp)
	ld	s7, HANDOFF_RUN_AT(sp)
	addi	sp, sp, HANDOFF_BYTES

	/* Relocate to where we will be; no C with pointers after this. */
	lla	a0, _start
	mv	a1, s7
	call	.Lrelocate

	/* Move sp and tp along, turn the MMU on and go to the high half. */
	lla	t0, _start
	sub	t0, s7, t0
	add	sp, sp, t0
	add	tp, tp, t0
	lla	a1, boot_high
	add	a1, a1, t0
	mv	a0, s6
	lla	t0, mmu_trap
	csrw	CSR_STVEC, t0
	j	mmu_enter

	/*
	 * Not the first. If our number is in boot_summons, go where HSM should
	 * have sent us: OpenSBI before 1.3 can let a hart read the address to
	 * start at before the new one is stored.
	 */
.Lpark:
	csrw	CSR_SIE, 1 << IRQ_S_SOFT
	lla	t0, boot_summons
	ld	t1, SUMMONS_HART(t0)
	fence	r, r
	ld	a1, SUMMONS_START(t0)
	beq	t1, s0, secondary_start
	/*
	 * Not called. With HSM the firmware starts one hart only, so this copy
	 * of the image has run before and its data is spent.
	 */
	li	a7, SBI_EXT_BASE
	li	a6, SBI_BASE_PROBE
	li	a0, SBI_EXT_HSM
	ecall
	bnez	a0, 1f
	beqz	a1, 1f
	lla	sp, boot_stack_top
	lla	a0, _start
	call	early_again_panic
	/*
	 * Without HSM: wait to be called. An interrupt that is taken after the
	 * look stays pending, so that the wfi falls through.
	 */
1:	csrc	CSR_SIP, 1 << IRQ_S_SOFT
	ld	t1, SUMMONS_HART(t0)
	fence	r, r
	ld	a1, SUMMONS_START(t0)
	beq	t1, s0, secondary_start
	wfi
	j	1b

/*
 * .Lrelocate - apply .rela.dyn to the image
 * in: a0 where it lies, a1 the address to relocate it to; out: s5 entries;
 * clobbers what C may; does not return on an error, but reports it
 */
.Lrelocate:
	mv	s8, ra
	addi	sp, sp, -RELOCATE_ERROR_BYTES
	mv	a4, a1
	lla	t0, _start
	lla	a1, data_end
	sub	a1, a1, t0
	lla	a2, rela_start
	sub	a2, a2, t0
	lla	a3, rela_end
	sub	a3, a3, t0
	mv	a5, sp
	call	relocate
	mv	s5, a0
	bltz	a0, 9f
	addi	sp, sp, RELOCATE_ERROR_BYTES
	mv	ra, s8
	ret
9:	mv	a0, sp
	call	early_relocation_panic
END(boot_entry)

/* early_trap - stvec until there is a stack and relocated C */
LOCAL_FUNC(early_trap)
	lla	sp, boot_stack_top
	csrr	a0, CSR_SCAUSE
	csrr	a1, CSR_SEPC
	csrr	a2, CSR_STVAL
	call	early_trap_panic
END(early_trap)

/*
 * mmu_enter - turn the MMU on and jump
 * in: a0 satp, a1 virtual address to go on at, stvec where to go if that
 * traps (in this page); MMU off
 */
LOCAL_FUNC(mmu_enter)
	sfence.vma
	csrw	CSR_SATP, a0
	sfence.vma
	jr	a1
END(mmu_enter)

/*
 * mmu_leave - turn the MMU off and jump
 * in: a0 for whom it jumps to, a1 physical address to go on at; runs at the
 * physical address of this page, in tables that map it there
 */
FUNC(mmu_leave)
	csrw	CSR_SATP, zero
	sfence.vma
	jr	a1
END(mmu_leave)

/* mmu_trap - the tables did not carry us over: report it with the MMU off */
LOCAL_FUNC(mmu_trap)
	csrw	CSR_SATP, zero
	sfence.vma
	lla	sp, boot_stack_top
	csrr	a0, CSR_SCAUSE
	csrr	a1, CSR_SEPC
	csrr	a2, CSR_STVAL
	call	early_mmu_panic
END(mmu_trap)

/*
 * mmu_probe - does this hart take that satp?
 * in: a0 satp whose tables map this page at its own address; MMU off
 * out: a0 0 if it was taken; MMU off again; clobbers a1, t0; a trap between
 * is reported, not taken to where nothing is mapped
 */
FUNC(mmu_probe)
	lla	t0, mmu_trap
	csrrw	t0, CSR_STVEC, t0
	sfence.vma
	csrw	CSR_SATP, a0
	csrr	a1, CSR_SATP
	csrw	CSR_SATP, zero
	sfence.vma
	csrw	CSR_STVEC, t0
	xor	a0, a0, a1
	ret
END(mmu_probe)

/*
 * secondary_start - entry of a hart started through HSM
 * in: a0 hart id, a1 physical address of its struct secondary; MMU off
 */
FUNC(secondary_start)
	/* What this hart fetched here before the image came is not ours. */
	fence.i
	csrw	CSR_SIE, zero
	lla	t0, secondary_trap
	csrw	CSR_STVEC, t0
	li	t0, SSTATUS_SIE | SSTATUS_FS | SSTATUS_VS | SSTATUS_SUM
	csrc	CSR_SSTATUS, t0
	ld	a0, SECONDARY_SATP(a1)
	ld	sp, SECONDARY_SP(a1)
	ld	tp, SECONDARY_TP(a1)
	ld	a1, SECONDARY_ENTRY(a1)
	j	mmu_enter
END(secondary_start)

/*
 * secondary_trap - a hart that did not get to the high half: it stops, and
 * whoever waits for it reports it. There is no stack to say more on.
 */
LOCAL_FUNC(secondary_trap)
	csrw	CSR_SATP, zero
	sfence.vma
	li	a7, SBI_EXT_HSM
	li	a6, SBI_HSM_STOP
	ecall
1:	wfi
	j	1b
END(secondary_trap)

	.text

/* boot_high, secondary_high - the first code in the high half */
LOCAL_FUNC(boot_high)
	csrw	CSR_SSCRATCH, tp
	lla	t0, trap_entry
	csrw	CSR_STVEC, t0
	li	s0, 0			/* the frame-pointer chain ends here */
	call	boot_finish
END(boot_high)

FUNC(secondary_high)
	csrw	CSR_SSCRATCH, tp
	lla	t0, trap_entry
	csrw	CSR_STVEC, t0
	li	s0, 0
	call	secondary_main
END(secondary_high)

	.data
	.balign	8
	.globl	boot_summons
boot_summons:
	.dword	-1, 0
boot_lottery:
	.word	0
