/*
 * Offsets for assembly, made from the C structs so that they cannot differ:
 * compiled to assembly text, from which the build takes the lines marked ->.
 */
#include <stddef.h>

#include "arch/handover.h"
#include "arch/riscv/boot/early.h"
#include "arch/riscv/boot/relocate.h"
#include "arch/riscv/boot/secondary.h"
#include "arch/riscv/cpu.h"
#include "arch/riscv/guest/vcpu.h"
#include "arch/riscv/trap.h"
#include "kernel/guest/vuart.h"

#define DEFINE(name, value) __asm__ volatile("\n->" #name " %0" : : "i"(value))

void asm_offsets(void);

void asm_offsets(void)
{
	DEFINE(FRAME_X, offsetof(struct trap_frame, x));
	DEFINE(FRAME_SEPC, offsetof(struct trap_frame, sepc));
	DEFINE(FRAME_SSTATUS, offsetof(struct trap_frame, sstatus));
	DEFINE(FRAME_SCAUSE, offsetof(struct trap_frame, scause));
	DEFINE(FRAME_STVAL, offsetof(struct trap_frame, stval));
	DEFINE(FRAME_SIZE, sizeof(struct trap_frame));
	DEFINE(CPU_SCRATCH0, offsetof(struct cpu, scratch[0]));
	DEFINE(CPU_SCRATCH1, offsetof(struct cpu, scratch[1]));
	DEFINE(CPU_STACK_LOW, offsetof(struct cpu, stack_low));
	DEFINE(CPU_STACK_HIGH, offsetof(struct cpu, stack_high));
	DEFINE(CPU_EMERGENCY_TOP, offsetof(struct cpu, emergency_top));
	DEFINE(CPU_BAD_SP, offsetof(struct cpu, bad_sp));
	DEFINE(CPU_FALLBACKS, offsetof(struct cpu, fallbacks));
	DEFINE(EMERGENCY_BYTES, EMERGENCY_SIZE);
	DEFINE(HANDOFF_HART, offsetof(struct boot_handoff, hart));
	DEFINE(HANDOFF_FDT, offsetof(struct boot_handoff, fdt));
	DEFINE(HANDOFF_FDT_STATE, offsetof(struct boot_handoff, fdt_state));
	DEFINE(HANDOFF_FDT_SIZE, offsetof(struct boot_handoff, fdt_size));
	DEFINE(HANDOFF_INSTRET, offsetof(struct boot_handoff, instret));
	DEFINE(HANDOFF_RELOCATIONS, offsetof(struct boot_handoff, relocations));
	DEFINE(HANDOFF_IMAGE, offsetof(struct boot_handoff, image));
	DEFINE(HANDOFF_SATP, offsetof(struct boot_handoff, satp));
	DEFINE(HANDOFF_RUN_AT, offsetof(struct boot_handoff, run_at));
	DEFINE(HANDOFF_BYTES, sizeof(struct boot_handoff));
	DEFINE(RELOCATE_ERROR_BYTES, sizeof(struct relocate_error));
	DEFINE(SECONDARY_SATP, offsetof(struct secondary, satp));
	DEFINE(SECONDARY_ENTRY, offsetof(struct secondary, entry));
	DEFINE(SECONDARY_SP, offsetof(struct secondary, sp));
	DEFINE(SECONDARY_TP, offsetof(struct secondary, tp));
	DEFINE(SUMMONS_HART, offsetof(struct boot_summons, hart));
	DEFINE(SUMMONS_START, offsetof(struct boot_summons, start));
	DEFINE(STEP_COUNT, offsetof(struct handover_step, count));
	DEFINE(STEP_HART, offsetof(struct handover_step, hart));
	DEFINE(STEP_TREE, offsetof(struct handover_step, tree));
	DEFINE(STEP_ENTRY, offsetof(struct handover_step, entry));
	DEFINE(STEP_MOVE, offsetof(struct handover_step, move));
	DEFINE(MOVE_TO, offsetof(struct handover_move, to));
	DEFINE(MOVE_FROM, offsetof(struct handover_move, from));
	DEFINE(MOVE_SIZE, offsetof(struct handover_move, size));
	DEFINE(MOVE_BYTES, sizeof(struct handover_move));
	_Static_assert(!offsetof(struct vcpu, regs.x), "switch.S: x at 0");
	DEFINE(VCPU_PC, offsetof(struct vcpu, regs.pc));
	DEFINE(VCPU_ARCH, offsetof(struct vcpu, arch));
	DEFINE(VCPU_LEAVE_MEASURED, offsetof(struct vcpu, leave));
	_Static_assert(offsetof(struct vcpu, leave) % 8 == 0 &&
			       offsetof(struct vcpu, measured) ==
				       offsetof(struct vcpu, leave) + 4,
		       "switch.S: one ld");
	DEFINE(VCPU_CHANGED_FENCES, offsetof(struct vcpu, changed));
	_Static_assert(offsetof(struct vcpu, changed) % 8 == 0 &&
			       offsetof(struct vcpu, fences) ==
				       offsetof(struct vcpu, changed) + 4,
		       "switch.S: one ld");
	DEFINE(VCPU_MEASURE_FROM, offsetof(struct vcpu, measure_from));
	DEFINE(VCPU_EXITS_POLL, offsetof(struct vcpu, exits[VCPU_EXIT_POLL]));
	DEFINE(VCPU_EXITS_SEND, offsetof(struct vcpu, exits[VCPU_EXIT_SEND]));
	DEFINE(VCPU_SENDER, offsetof(struct vcpu, sender));
	DEFINE(VCPU_SENT_HTVAL, offsetof(struct vcpu, sent_page));
	_Static_assert(!offsetof(struct vuart, lock), "switch.S: lock at 0");
	DEFINE(VUART_OUTLET, offsetof(struct vuart, outlet));
	DEFINE(VUART_LISTENED, offsetof(struct vuart, listened));
	DEFINE(VUART_STRAIGHT, offsetof(struct vuart, straight));
	DEFINE(RING_BUF, offsetof(struct ring, buf));
	DEFINE(RING_MASK, offsetof(struct ring, mask));
	DEFINE(RING_HEAD, offsetof(struct ring, head));
	DEFINE(RING_TAIL, offsetof(struct ring, tail));
	DEFINE(VCPU_POLLED, offsetof(struct vcpu, polled));
	DEFINE(VCPU_POLLED_HTVAL, offsetof(struct vcpu, polled_page));
	DEFINE(VCPU_POLLED_LOW, offsetof(struct vcpu, polled_low));
	DEFINE(VCPU_POLLED_VALUE, offsetof(struct vcpu, polled_value));
	DEFINE(VCPU_EXITS_MMIO, offsetof(struct vcpu, exits[VCPU_EXIT_MMIO]));
	DEFINE(VCPU_EXITS_TIMER, offsetof(struct vcpu, exits[VCPU_EXIT_TIMER]));
	DEFINE(ARCH_HOST_SP, offsetof(struct arch_vcpu, host_sp));
	DEFINE(ARCH_HOST_VECTOR, offsetof(struct arch_vcpu, host_vector));
	DEFINE(ARCH_HOST_TP, offsetof(struct arch_vcpu, host_tp));
	DEFINE(ARCH_VECTOR, offsetof(struct arch_vcpu, vector));
	DEFINE(ARCH_HSTATUS, offsetof(struct arch_vcpu, hstatus));
	DEFINE(ARCH_SSTATUS, offsetof(struct arch_vcpu, sstatus));
}
