/*
 * A vcpu on a hart: loading and taking out its CSRs, entering it, and what is
 * done for it at once. Floating-point and vector registers stay in the hart
 * when a vcpu leaves and are saved when the guest has changed them; they are
 * loaded when somebody else's may be there. Source: Privileged Architecture,
 * "Hypervisor Extension".
 */
#include "arch/riscv/guest/vcpu.h"

#include <errno.h>
#include <string.h>

#include "arch/riscv/csr.h"
#include "arch/riscv/trap.h"
#include "arch/timer.h"
#include "arch/vcpu.h"
#include "kernel/guest/sbi.h"
#include "kernel/guest/sched.h"
#include "kernel/guest/vm.h"
#include "kernel/mm/heap.h"

#define SSTATUS_UXL_64 (2ull << 32)

/* Ranges of at most so many pages are fenced page by page. */
#define FENCE_PAGES_MAX 64

static struct {
	/* Whose FP and vector registers a hart holds. */
	struct vcpu *fp_owner[CPU_MAX];
} state;

int arch_vcpu_create(struct vcpu *vcpu)
{
	const struct guest_csrs *csrs = guest_csrs();
	struct arch_vcpu *arch = heap_alloc(sizeof(*arch));

	if (!arch)
		return -ENOMEM;
	if (csrs->vector) {
		arch->v = heap_alloc(sizeof(*arch->v) + 32 * csrs->vlenb);
		if (!arch->v) {
			heap_free(arch);
			return -ENOMEM;
		}
	}
	arch->host_vector = (uint64_t)trap_entry;
	arch->last_cpu = VCPU_NOWHERE;
	vcpu->arch = arch;
	return 0;
}

void arch_vcpu_destroy(struct vcpu *vcpu)
{
	heap_free(vcpu->arch->v);
	heap_free(vcpu->arch);
	vcpu->arch = NULL;
}

void arch_vcpu_reset(struct vcpu *vcpu, gpa_t pc, uint64_t opaque)
{
	const struct guest_csrs *csrs = guest_csrs();
	struct arch_vcpu *arch = vcpu->arch;

	memset(&vcpu->regs, 0, sizeof(vcpu->regs));
	vcpu->regs.pc = pc;
	vcpu->regs.x[VCPU_A0] = vcpu->id;
	vcpu->regs.x[VCPU_A1] = opaque;
	memset(&arch->csr, 0, sizeof(arch->csr));
	arch->csr.vsstatus = SSTATUS_UXL_64;
	arch->csr.vstimecmp = UINT64_MAX;
	memset(&arch->fp, 0, sizeof(arch->fp));
	if (arch->v) {
		memset(arch->v, 0, sizeof(*arch->v) + 32 * csrs->vlenb);
		arch->v->vtype = 1ull << 63; /* vill */
	}
	/* The only bits of hstatus that are not ours to choose: VSXL. */
	arch->hstatus = (csr_read(CSR_HSTATUS) & 3ull << 32) | HSTATUS_SPV |
		HSTATUS_SPVP | HSTATUS_VTW;
	arch->sstatus = SSTATUS_UXL_64 | SSTATUS_SPP | SSTATUS_SPIE;
	if (csrs->fp)
		arch->sstatus |= SSTATUS_FS_CLEAN;
	if (csrs->vector)
		arch->sstatus |= SSTATUS_VS_CLEAN;
	/* No hart's FP registers or translations are this vcpu's any more. */
	arch->last_cpu = VCPU_NOWHERE;
}

void arch_vcpu_resume(struct vcpu *vcpu, gpa_t pc, uint64_t opaque)
{
	struct vs_csrs *csr = &vcpu->arch->csr;
	uint64_t hvip = csr->hvip, deadline = csr->vstimecmp;

	arch_vcpu_reset(vcpu, pc, opaque);
	csr->hvip = hvip;
	csr->vstimecmp = deadline;
}

static void csrs_load(const struct vs_csrs *csr, uint64_t time_offset)
{
	const struct guest_csrs *csrs = guest_csrs();

	csr_write(CSR_VSSTATUS, csr->vsstatus);
	csr_write(CSR_VSIE, csr->vsie);
	csr_write(CSR_VSTVEC, csr->vstvec);
	csr_write(CSR_VSSCRATCH, csr->vsscratch);
	csr_write(CSR_VSEPC, csr->vsepc);
	csr_write(CSR_VSCAUSE, csr->vscause);
	csr_write(CSR_VSTVAL, csr->vstval);
	csr_write(CSR_VSATP, csr->vsatp);
	csr_write(CSR_HVIP, csr->hvip);
	csr_write(CSR_HTIMEDELTA, time_offset);
	csr_write(CSR_SCOUNTEREN, csr->scounteren);
	if (csrs->has_senvcfg)
		csr_write(CSR_SENVCFG, csr->senvcfg);
	if (csrs->has_sstateen)
		csr_write(CSR_SSTATEEN0, csr->sstateen0);
	if (csrs->has_vsiselect)
		csr_write(CSR_VSISELECT, csr->vsiselect);
	if (csrs->has_jvt)
		csr_write(CSR_JVT, csr->jvt);
	if (csrs->has_scontext)
		csr_write(CSR_SCONTEXT, csr->scontext);
	if (csrs->has_ctr) {
		csr_write(CSR_SCTRSTATUS, csr->sctrstatus);
		csr_write(CSR_VSCTRCTL, csr->vsctrctl);
	}
	/* Last: it may raise an interrupt at once, by the right time. */
	if (csrs->sstc)
		csr_write(CSR_VSTIMECMP, csr->vstimecmp);
}

static void csrs_save(struct vs_csrs *csr)
{
	const struct guest_csrs *csrs = guest_csrs();

	csr->vsstatus = csr_read(CSR_VSSTATUS);
	csr->vsie = csr_read(CSR_VSIE);
	csr->vstvec = csr_read(CSR_VSTVEC);
	csr->vsscratch = csr_read(CSR_VSSCRATCH);
	csr->vsepc = csr_read(CSR_VSEPC);
	csr->vscause = csr_read(CSR_VSCAUSE);
	csr->vstval = csr_read(CSR_VSTVAL);
	/* A hart may walk ahead, with V 0, too: never by these tables under
	 * another hgatp, where guest addresses would be the host's. */
	csr->vsatp = csr_swap(CSR_VSATP, 0);
	csr->hvip = csr_swap(CSR_HVIP, 0);
	csr->scounteren = csr_swap(CSR_SCOUNTEREN, 0);
	if (csrs->has_senvcfg)
		csr->senvcfg = csr_swap(CSR_SENVCFG, 0);
	if (csrs->has_sstateen)
		csr->sstateen0 = csr_swap(CSR_SSTATEEN0, 0);
	if (csrs->has_vsiselect)
		csr->vsiselect = csr_read(CSR_VSISELECT);
	if (csrs->has_jvt)
		csr->jvt = csr_read(CSR_JVT);
	/* Debug triggers may match it, the host's own among them. */
	if (csrs->has_scontext)
		csr->scontext = csr_swap(CSR_SCONTEXT, 0);
	if (csrs->has_ctr) {
		csr->vsctrctl = csr_swap(CSR_VSCTRCTL, 0);
		csr->sctrstatus = csr_read(CSR_SCTRSTATUS);
		/* The records tell where this vcpu was. */
		sctrclr();
	}
	/* Parked, or it would go on interrupting without its vcpu. */
	if (csrs->sstc)
		csr->vstimecmp = csr_swap(CSR_VSTIMECMP, -1ul);
}

/* Settle the account up to @now, and @more that will certainly be executed. */
static void measure_book(struct vcpu *vcpu, uint64_t now, uint64_t more)
{
	vcpu->spent[vcpu->measure_kind] += now - vcpu->measure_from + more;
	vcpu->executed += now - vcpu->executed_to;
	vcpu->executed_to = now;
}

static void measure_begin(struct vcpu *vcpu)
{
	memcpy(vcpu->exits_before, vcpu->exits, sizeof(vcpu->exits));
	memset(vcpu->spent, 0, sizeof(vcpu->spent));
	vcpu->executed = 0;
}

static void measure_load(struct vcpu *vcpu)
{
	static void (*const vector[2][2])(void) = {
		{guest_exit_entry, guest_exit_entry_timer},
		{guest_exit_entry_measure, guest_exit_entry_measure_timer},
	};
	bool on = vcpu->vm->measured;

	if (on && !vcpu->measured)
		measure_begin(vcpu);
	vcpu->measured = on;
	vcpu->arch->vector = (uint64_t)vector[on][guest_csrs()->sstc];
	if (on)
		vcpu->measure_from = vcpu->executed_to = csr_read(CSR_INSTRET);
}

static void measure_put(struct vcpu *vcpu)
{
	if (vcpu->measured)
		measure_book(vcpu, csr_read(CSR_INSTRET), 0);
}

static void fp_switch_in(struct vcpu *vcpu, unsigned cpu)
{
	struct arch_vcpu *arch = vcpu->arch;

	if (!(arch->sstatus & SSTATUS_FS))
		return;
	if (state.fp_owner[cpu] == vcpu && arch->last_cpu == cpu)
		return;
	csr_set(CSR_SSTATUS, SSTATUS_FS | SSTATUS_VS);
	fp_load(&arch->fp);
	if (arch->v)
		vector_load(arch->v, guest_csrs()->vlenb);
	state.fp_owner[cpu] = vcpu;
}

/*
 * Registers are saved when sstatus says that the guest has changed them. QEMU
 * (10.0, too) does not say so of rounding modes, flags and vstart written as
 * CSRs: these are taken always.
 */
static void fp_switch_out(struct arch_vcpu *arch)
{
	csr_set(CSR_SSTATUS, SSTATUS_FS | SSTATUS_VS);
	if (guest_csrs()->fp)
		arch->fp.fcsr = csr_read(CSR_FCSR);
	if (arch->v) {
		arch->v->vstart = csr_read(CSR_VSTART);
		arch->v->vcsr = csr_read(CSR_VCSR);
	}
	if (guest_csrs()->fp && (arch->sstatus & SSTATUS_FS) == SSTATUS_FS) {
		fp_save(&arch->fp);
		arch->sstatus = (arch->sstatus & ~(uint64_t)SSTATUS_FS) |
			SSTATUS_FS_CLEAN;
	}
	if (arch->v && (arch->sstatus & SSTATUS_VS) == SSTATUS_VS) {
		vector_save(arch->v, guest_csrs()->vlenb);
		arch->sstatus = (arch->sstatus & ~(uint64_t)SSTATUS_VS) |
			SSTATUS_VS_CLEAN;
	}
	csr_clear(CSR_SSTATUS, SSTATUS_FS | SSTATUS_VS);
}

void arch_vcpu_load(struct vcpu *vcpu)
{
	struct arch_vcpu *arch = vcpu->arch;
	struct arch_vm *vm = vcpu->vm->arch;
	unsigned cpu = arch_cpu_index();

	measure_load(vcpu);
	gstage_load(vm);
	csrs_load(&arch->csr, vcpu->vm->time_offset);
	fp_switch_in(vcpu, cpu);
	/*
	 * To the guest each vcpu has translations and instruction caches of
	 * its own; here they are the hart's.
	 */
	if (vm->cpu[cpu].last != vcpu || arch->last_cpu != cpu) {
		hfence_vvma_all();
		fence_i();
		vm->cpu[cpu].last = vcpu;
	}
	arch->last_cpu = cpu;
	arch->loaded = true;
	reservation_drop();
}

void arch_vcpu_put(struct vcpu *vcpu)
{
	struct arch_vcpu *arch = vcpu->arch;

	arch->loaded = false;
	fp_switch_out(arch);
	csrs_save(&arch->csr);
	gstage_unload();
	measure_put(vcpu);
}

/* Bring hvip to what was asked for meanwhile; VSSIP is also the guest's own to
 * clear, so bits that nobody asked to change are left alone. */
static void irqs_take(struct vcpu *vcpu)
{
	uint64_t mask =
		__atomic_exchange_n(&vcpu->changed, 0, __ATOMIC_ACQ_REL);
	uint64_t level = __atomic_load_n(&vcpu->pending, __ATOMIC_ACQUIRE);

	csr_clear(CSR_HVIP, mask & ~level);
	csr_set(CSR_HVIP, mask & level);
}

/* Of an exit that was answered: one of the two quick ones. */
static enum vcpu_exit_kind answered_kind(void)
{
	return csr_read(CSR_SCAUSE) == CAUSE_ECALL_VS ? VCPU_EXIT_SBI
						      : VCPU_EXIT_MMIO;
}

static void fences_take(struct vcpu *vcpu)
{
	arch_vcpu_fence(vcpu,
			__atomic_exchange_n(&vcpu->fences, 0, __ATOMIC_ACQ_REL),
			0, UINT64_MAX);
}

void guest_requests_take(struct vcpu *vcpu, uint64_t instret)
{
	if (__atomic_load_n(&vcpu->changed, __ATOMIC_RELAXED))
		irqs_take(vcpu);
	if (__atomic_load_n(&vcpu->fences, __ATOMIC_RELAXED))
		fences_take(vcpu);
	if (vcpu->measured) {
		vcpu->measure_kind = answered_kind();
		measure_book(vcpu, instret, guest_lengths.resume / 4);
	}
}

unsigned arch_vcpu_exit_length(enum vcpu_exit_kind kind)
{
	switch (kind) {
	case VCPU_EXIT_TIMER:
		return guest_lengths.timer / 4;
	case VCPU_EXIT_POLL:
		return guest_lengths.poll / 4;
	case VCPU_EXIT_SEND:
		return guest_lengths.send / 4;
	default:
		return 0;
	}
}

int guest_call_quick(struct vcpu *vcpu)
{
	vcpu->exits[VCPU_EXIT_SBI]++;
	vcpu->regs.pc += 4;
	return sbi_handle(vcpu);
}

/* It is `inside` before it looks for requests of other harts: whoever asks
 * after that sees it and interrupts us. */
void arch_vcpu_run(struct vcpu *vcpu)
{
	bool answered;

	__atomic_store_n(&vcpu->inside, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&vcpu->changed, __ATOMIC_SEQ_CST))
		irqs_take(vcpu);
	if (__atomic_load_n(&vcpu->fences, __ATOMIC_SEQ_CST))
		fences_take(vcpu);
	if (vcpu->measured)
		measure_book(vcpu, csr_read(CSR_INSTRET),
			     guest_lengths.resume / 4);
	answered = !guest_enter(vcpu);
	__atomic_store_n(&vcpu->inside, 0, __ATOMIC_SEQ_CST);
	vcpu->exit.kind = VCPU_EXIT_ANSWERED;
	vcpu->measure_kind = answered_kind();
	if (answered)
		return;
	guest_exit_decode(vcpu);
	vcpu->measure_kind = vcpu->exit.kind;
	vcpu->exits[vcpu->exit.kind]++;
}

void arch_vcpu_wfi_own(struct vcpu *vcpu, bool own)
{
	if (own)
		vcpu->arch->hstatus &= ~(uint64_t)HSTATUS_VTW;
	else
		vcpu->arch->hstatus |= HSTATUS_VTW;
}

void arch_vcpu_timer_set(struct vcpu *vcpu, uint64_t deadline)
{
	uint64_t at = vm_time_to_host(vcpu->vm, deadline);

	if (guest_csrs()->sstc) {
		csr_write(CSR_VSTIMECMP, deadline);
		return;
	}
	vcpu->arch->csr.vstimecmp = deadline;
	__atomic_fetch_and(&vcpu->pending, ~(uint64_t)VCPU_IRQ_TIMER,
			   __ATOMIC_RELAXED);
	csr_clear(CSR_HVIP, HVIP_VSTIP);
	if (at == UINT64_MAX)
		timer_cancel(&vcpu->timer);
	else
		timer_start(&vcpu->timer, at);
}

uint64_t arch_vcpu_timer_deadline(const struct vcpu *vcpu)
{
	const struct arch_vcpu *arch = vcpu->arch;
	uint64_t at = arch->csr.vstimecmp;

	if (guest_csrs()->sstc && arch->loaded)
		at = csr_read(CSR_VSTIMECMP);
	return vm_time_to_host(vcpu->vm, at);
}

uint64_t arch_vcpu_irqs(const struct vcpu *vcpu)
{
	const struct arch_vcpu *arch = vcpu->arch;
	uint64_t changed = __atomic_load_n(&vcpu->changed, __ATOMIC_ACQUIRE);
	uint64_t pending = __atomic_load_n(&vcpu->pending, __ATOMIC_ACQUIRE);
	uint64_t hvip = arch->loaded ? csr_read(CSR_HVIP) : arch->csr.hvip;

	return (hvip & ~changed) | (pending & changed);
}

bool arch_vcpu_irq_waiting(const struct vcpu *vcpu)
{
	const struct arch_vcpu *arch = vcpu->arch;
	uint64_t vsie = arch->loaded ? csr_read(CSR_VSIE) : arch->csr.vsie;
	uint64_t hvip = arch_vcpu_irqs(vcpu);

	if (arch_vcpu_timer_deadline(vcpu) <= arch_time_now())
		hvip |= HVIP_VSTIP;
	/* vsie holds the enables one bit below hvip's. */
	return hvip >> 1 & vsie;
}

void arch_vcpu_fence(struct vcpu *vcpu, unsigned fences, uint64_t start,
		     uint64_t size)
{
	uint64_t first = align_down(start, PAGE_SIZE), end = start + size, at;

	(void)vcpu;
	if (fences & VCPU_FENCE_I)
		fence_i();
	if (!(fences & VCPU_FENCE_VMA))
		return;
	if (end < start || size > FENCE_PAGES_MAX * PAGE_SIZE) {
		hfence_vvma_all();
		return;
	}
	/* The end may be that of the address space: no address is past it. */
	for (at = 0; at < end - first; at += PAGE_SIZE)
		hfence_vvma_page(first + at);
}
