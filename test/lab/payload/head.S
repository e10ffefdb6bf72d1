/*
 * A tiny S-mode kernel for the lab's tests: Image header, a word that says
 * what to do (the tests patch it), a stack, and on to payload.c.
 * In: a0 = hart, a1 = FDT, MMU off, anywhere in RAM.
 */
	.section .head, "ax"
	.globl _start
_start:
	.option	push
	.option	norvc			/* four bytes, not two */
	j	entry
	.option	pop
	.word	0
	.quad	0x200000		/* text_offset */
	.quad	_end - _start		/* image_size, bss included */
	.quad	0
	.word	2			/* header version 0.2 */
	.word	0
	.quad	0
	.ascii	"RISCV\0\0\0"
	.ascii	"RSC\x05"
	.word	0
	.globl command
command:				/* offset 64, 64 bytes */
	.ascii	"pass"
	.fill	60, 1, 0
entry:
	.option	push
	.option	norelax
	lla	sp, stack_top
	.option	pop
	lla	t0, _bss
	lla	t1, _end
1:	sd	zero, 0(t0)
	addi	t0, t0, 8
	bltu	t0, t1, 1b
	call	payload_main
2:	wfi
	j	2b
