/*
 * Floating-point and vector registers of guests; the kernel itself has none.
 * sstatus.FS or VS is on. Encodings by hand, for the kernel is built for harts
 * without F, D and V.
 */
#include "arch/riscv/asm.h"
#include "arch/riscv/csr.h"

	/* fsd f\n, 8\n(a0) and fld f\n, 8\n(a0) */
	.macro	FSD n
	.word	((8 * \n) >> 5) << 25 | \n << 20 | 10 << 15 | 3 << 12 | ((8 * \n) & 31) << 7 | 0x27
	.endm
	.macro	FLD n
	.word	(8 * \n) << 20 | 10 << 15 | 3 << 12 | \n << 7 | 0x07
	.endm

	.text

/* fp_save - in: a0 struct fp_state */
FUNC(fp_save)
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	FSD	\n
	.endr
	ret
END(fp_save)

/* fp_load - in: a0 struct fp_state; clobbers t0 */
FUNC(fp_load)
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	FLD	\n
	.endr
	ld	t0, 256(a0)
	csrw	CSR_FCSR, t0
	ret
END(fp_load)

/*
 * vector_save - in: a0 struct vector_state, a1 bytes of a register; clobbers
 * t0, t1. Whole-register moves need no vtype, only vstart 0; it is put back, for
 * the registers may be this vcpu's still when it is loaded again.
 */
FUNC(vector_save)
	csrr	t0, CSR_VL
	sd	t0, 8(a0)
	csrr	t0, CSR_VTYPE
	sd	t0, 16(a0)
	csrrw	t1, CSR_VSTART, zero
	slli	a1, a1, 3
	addi	a0, a0, 32
	.irp	v, 0,8,16,24
	.word	0xe2850027 | \v << 7	/* vs8r.v v\v, (a0) */
	add	a0, a0, a1
	.endr
	csrw	CSR_VSTART, t1
	ret
END(vector_save)

/* vector_load - in: a0 struct vector_state, a1 bytes of a register */
FUNC(vector_load)
	mv	t2, a0
	csrw	CSR_VSTART, zero
	slli	a1, a1, 3
	addi	a0, a0, 32
	.irp	v, 0,8,16,24
	.word	0xe2850007 | \v << 7	/* vl8re8.v v\v, (a0) */
	add	a0, a0, a1
	.endr
	ld	t0, 8(t2)
	ld	t1, 16(t2)
	.word	0x8062f057		/* vsetvl zero, t0, t1 */
	ld	t0, 24(t2)
	csrw	CSR_VCSR, t0
	ld	t0, 0(t2)
	csrw	CSR_VSTART, t0
	ret
END(vector_load)
