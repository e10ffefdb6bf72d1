/*
 * What an exit means. Whatever a guest does ends in one of three ways: a device
 * answers, the guest gets an exception, or its own VM stops; never in a fault
 * of the host. Source: Privileged Architecture, "Traps" of the Hypervisor
 * Extension and "Transformed Instruction or Pseudoinstruction".
 */
#include <errno.h>

#include "arch/riscv/csr.h"
#include "arch/riscv/guest/decode.h"
#include "arch/riscv/guest/vcpu.h"
#include "arch/riscv/trap.h"
#include "arch/vcpu.h"
#include "kernel/guest/run.h"

#define INSN_WFI     0x10500073u
#define INSN_WRS_NTO 0x00d00073u

/* Those that switch.S has saved before it calls a quick handler: zero, ra,
 * sp, tp, t, a. */
#define REGS_AT_HAND 0xf003fcf7u

#define OPCODE_MASK 0x7fu
#define OPCODE_AMO  0x2fu
#define FUNCT5_LR   2u

/* htinst values that stand for the hart's own access to a page table. */
#define PSEUDO_READ  0x3000u
#define PSEUDO_WRITE 0x3020u

void guest_inject(struct vcpu *vcpu, uint64_t cause, uint64_t tval)
{
	struct arch_vcpu *arch = vcpu->arch;
	uint64_t vsstatus = csr_read(CSR_VSSTATUS);
	bool enabled = vsstatus & SSTATUS_SIE;

	vsstatus &= ~(uint64_t)(SSTATUS_SPP | SSTATUS_SPIE | SSTATUS_SIE);
	vsstatus |= arch->sstatus & SSTATUS_SPP;
	vsstatus |= enabled ? SSTATUS_SPIE : 0;
	csr_write(CSR_VSSTATUS, vsstatus);
	csr_write(CSR_VSEPC, vcpu->regs.pc);
	csr_write(CSR_VSCAUSE, cause);
	csr_write(CSR_VSTVAL, tval);
	vcpu->regs.pc = csr_read(CSR_VSTVEC) & ~3ull;
	/* Goes on in VS mode. */
	arch->sstatus |= SSTATUS_SPP;
	arch->hstatus |= HSTATUS_SPVP;
}

static void inject(struct vcpu *vcpu, uint64_t cause, uint64_t tval)
{
	guest_inject(vcpu, cause, tval);
	vcpu->exit.kind = VCPU_EXIT_INJECTED;
}

/* The fault that the guest gets when a read on its behalf met @fault. */
static uint64_t cause_of(const struct hlv_fault *fault, bool fetch)
{
	if (fault->scause == CAUSE_LOAD_PAGE)
		return fetch ? CAUSE_FETCH_PAGE : CAUSE_LOAD_PAGE;
	return fetch ? CAUSE_FETCH_ACCESS : CAUSE_LOAD_ACCESS;
}

/*
 * The instruction at the guest's pc. False: it is not there any more (another
 * vcpu changed the tables) and the guest has got the fault.
 */
static bool fetch(struct vcpu *vcpu, uint32_t *insn)
{
	struct hlv_fault fault;
	uint64_t low, high = 0;
	uint64_t pc = vcpu->regs.pc;

	if (!hlvx_u16(pc, &low, &fault))
		goto out_fault;
	if ((low & 3) == 3) {
		pc += 2;
		if (!hlvx_u16(pc, &high, &fault))
			goto out_fault;
	}
	*insn = low | high << 16;
	return true;
out_fault:
	inject(vcpu, cause_of(&fault, true), pc);
	return false;
}

static uint64_t access_fault(bool write)
{
	return write ? CAUSE_STORE_ACCESS : CAUSE_LOAD_ACCESS;
}

/* Atomics fault as stores; QEMU 7.2 reports their reading half. */
static bool is_amo(uint32_t insn)
{
	return (insn & OPCODE_MASK) == OPCODE_AMO && insn >> 27 != FUNCT5_LR;
}

/* Where the access lies; only the page's part of it is in htval. */
static gpa_t fault_gpa(void)
{
	return csr_read(CSR_HTVAL) << 2 | (csr_read(CSR_STVAL) & 3);
}

static bool at_hand(unsigned reg)
{
	return REGS_AT_HAND >> reg & 1;
}

/* Apart from the next, so that little need be kept over the device's answer. */
static __attribute__((noinline)) int load_done(struct vcpu *vcpu, uint32_t insn)
{
	unsigned reg = decode_load_reg(insn);

	if (reg)
		vcpu->regs.x[reg] = decode_extend(insn, vcpu->exit.mmio.value);
	vcpu->regs.pc += decode_length(insn);
	vcpu->exits[VCPU_EXIT_MMIO]++;
	return 0;
}

int guest_load_quick(struct vcpu *vcpu)
{
	struct vcpu_mmio *mmio = &vcpu->exit.mmio;
	uint32_t insn = csr_read(CSR_HTINST);

	if (!decode_is_load(insn) || !at_hand(decode_load_reg(insn)))
		return -ENOTSUP;
	mmio->gpa = fault_gpa();
	mmio->write = false;
	mmio->width = decode_width(insn);
	if (vcpu_mmio_answer(vcpu))
		return -EFAULT;
	return load_done(vcpu, insn);
}

int guest_store_quick(struct vcpu *vcpu)
{
	struct vcpu_mmio *mmio = &vcpu->exit.mmio;
	uint32_t insn = csr_read(CSR_HTINST);
	unsigned reg = decode_store_reg(insn);

	if (!decode_is_store(insn) || !at_hand(reg))
		return -ENOTSUP;
	mmio->gpa = fault_gpa();
	mmio->write = true;
	mmio->width = decode_width(insn);
	mmio->value = decode_narrow(insn, vcpu->regs.x[reg]);
	return vcpu_mmio_answer(vcpu);
}

/* A load or store where there is no RAM. */
static void decode_mmio(struct vcpu *vcpu)
{
	const struct arch_vcpu *arch = vcpu->arch;
	bool write = arch->scause == CAUSE_STORE_GUEST_PAGE;
	bool transformed = arch->htinst != 0;
	uint32_t insn = arch->htinst;
	struct vcpu_mmio *mmio = &vcpu->exit.mmio;
	struct decode_access access;

	/* The guest's page table itself lies where there is no RAM. */
	if (insn == PSEUDO_READ || insn == PSEUDO_WRITE) {
		inject(vcpu, access_fault(write), arch->stval);
		return;
	}
	if (!transformed && !fetch(vcpu, &insn))
		return;
	if (decode_access(insn, transformed, &access) ||
	    access.write != write) {
		inject(vcpu, access_fault(write || is_amo(insn)), arch->stval);
		return;
	}
	vcpu->exit.kind = VCPU_EXIT_MMIO;
	mmio->gpa = arch->htval << 2 | (arch->stval & 3);
	mmio->write = write;
	mmio->width = access.width;
	mmio->reg = access.reg;
	mmio->length = access.length;
	mmio->sign_extend = access.sign_extend;
	mmio->value = write
		? decode_store_value(&access, vcpu->regs.x[access.reg])
		: 0;
}

/* Instructions that hstatus or a missing CSR made trap. */
static void decode_virtual(struct vcpu *vcpu)
{
	const struct arch_vcpu *arch = vcpu->arch;
	uint32_t insn = arch->stval;

	/* stval may be 0 instead of the instruction. */
	if (!insn && !fetch(vcpu, &insn))
		return;
	if ((arch->sstatus & SSTATUS_SPP) && insn == INSN_WFI) {
		vcpu->regs.pc += 4;
		vcpu->exit.kind = VCPU_EXIT_WFI;
		return;
	}
	if (insn == INSN_WRS_NTO) {
		vcpu->regs.pc += 4;
		vcpu->exit.kind = VCPU_EXIT_INTERRUPT;
		return;
	}
	inject(vcpu, CAUSE_ILLEGAL, insn);
}

void guest_exit_decode(struct vcpu *vcpu)
{
	struct arch_vcpu *arch = vcpu->arch;

	arch->scause = csr_read(CSR_SCAUSE);
	arch->stval = csr_read(CSR_STVAL);
	arch->htval = csr_read(CSR_HTVAL);
	arch->htinst = csr_read(CSR_HTINST);

	vcpu->exit.reason = NULL;
	if (arch->scause >> CAUSE_INTERRUPT_SHIFT) {
		vcpu->exit.kind = VCPU_EXIT_INTERRUPT;
		trap_interrupt(arch->scause << 1 >> 1);
		return;
	}
	switch (arch->scause) {
	case CAUSE_LOAD_GUEST_PAGE:
	case CAUSE_STORE_GUEST_PAGE:
		decode_mmio(vcpu);
		break;
	case CAUSE_FETCH_GUEST_PAGE:
		inject(vcpu, CAUSE_FETCH_ACCESS, arch->stval);
		break;
	case CAUSE_VIRTUAL_INSN:
		decode_virtual(vcpu);
		break;
	default:
		/* Firmware may send what is the guest's own to us. */
		if (arch->scause < 64 &&
		    (guest_csrs()->hedeleg >> arch->scause & 1)) {
			inject(vcpu, arch->scause, arch->stval);
			break;
		}
		vcpu->exit.kind = VCPU_EXIT_DEAD;
		vcpu->exit.reason = "an exception that no guest can cause";
		break;
	}
}

void arch_vcpu_mmio_done(struct vcpu *vcpu)
{
	const struct vcpu_mmio *mmio = &vcpu->exit.mmio;
	unsigned unused = 64 - 8 * mmio->width;

	if (!mmio->write && mmio->reg)
		vcpu->regs.x[mmio->reg] = mmio->sign_extend
			? (uint64_t)((int64_t)(mmio->value << unused) >> unused)
			: mmio->value;
	vcpu->regs.pc += mmio->length;
}

void arch_vcpu_mmio_fault(struct vcpu *vcpu)
{
	guest_inject(vcpu, access_fault(vcpu->exit.mmio.write),
		     vcpu->arch->stval);
}

int arch_vcpu_read_virtual(struct vcpu *vcpu, uint64_t va, uint64_t *out)
{
	struct hlv_fault fault;

	if (hlv_u64(va, out, &fault))
		return 0;
	/* At the ecall, which the pc is behind already. */
	vcpu->regs.pc -= 4;
	guest_inject(vcpu, cause_of(&fault, false), fault.stval);
	return -EFAULT;
}
