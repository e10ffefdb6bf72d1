/*
 * Guests: what the architecture does for them. kernel/guest owns the policy
 * (which vcpu runs where, what an exit means); arch owns the mechanism (world
 * switch, second-stage tables, what a register number is). The data between
 * the two is plain, so that everything in kernel/guest runs on the host.
 * Source: RISC-V Privileged Architecture, "Hypervisor Extension".
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"

struct vcpu; /* kernel/guest/vcpu.h */

/*
 * A vcpu's integer registers while it is not executing. During an SBI exit
 * only x[10] to x[17] (a0 to a7) hold the guest's values and only these may be
 * changed; in every other exit all do.
 */
struct vcpu_regs {
	uint64_t x[32]; /* x[0] is 0 */
	uint64_t pc;
};

/* Register numbers that policy has to know: the SBI's. */
enum {
	VCPU_A0 = 10,
	VCPU_A1 = 11,
	VCPU_A6 = 16,
	VCPU_A7 = 17
};

/* Interrupts that can be pending in a vcpu; the values are bits of a word. */
enum vcpu_irq {
	VCPU_IRQ_SOFT = 1 << 2,	    /* VSSIP: an IPI */
	VCPU_IRQ_TIMER = 1 << 6,    /* VSTIP: only where there is no Sstc */
	VCPU_IRQ_EXTERNAL = 1 << 10 /* VSEIP: the guest's PLIC */
};

/* Why a vcpu came back. The values index vcpu->exits. */
enum vcpu_exit_kind {
	VCPU_EXIT_INTERRUPT, /* the host's: already served */
	VCPU_EXIT_SBI,	     /* ecall: always answered on the way */
	VCPU_EXIT_MMIO,	     /* access to an address that is not RAM */
	VCPU_EXIT_WFI,	     /* wait for interrupt; the pc is behind it */
	VCPU_EXIT_INJECTED,  /* a fault, given back to the guest already */
	VCPU_EXIT_DEAD,	     /* nothing sensible can go on; see `reason` */
	/* These never leave assembly, and are only counted. */
	VCPU_EXIT_TIMER, /* set_timer */
	VCPU_EXIT_POLL,	 /* a read of vcpu->polled */
	VCPU_EXIT_SEND,	 /* a byte to vcpu->sender */
	VCPU_EXIT_KINDS,
	VCPU_EXIT_ANSWERED = VCPU_EXIT_KINDS /* on the way, and counted */
};

/* One access to a device of the guest. */
struct vcpu_mmio {
	gpa_t gpa;
	bool write;
	uint8_t width;	/* bytes: 1, 2, 4, 8 */
	uint64_t value; /* to write; or read, zero-extended, filled in by the
			   device. Bits above the width are 0. */
	/* How to finish; arch_vcpu_mmio_done() uses these, no one else. */
	uint8_t reg;	  /* destination of a load */
	uint8_t length;	  /* of the instruction, 2 or 4 */
	bool sign_extend; /* of the loaded value */
};

/* In struct vcpu: the last exit that arch_vcpu_run() reported. */
struct vcpu_exit {
	enum vcpu_exit_kind kind;
	struct vcpu_mmio mmio; /* VCPU_EXIT_MMIO */
	const char *reason;    /* VCPU_EXIT_DEAD: for the operator */
};

/* What guests get of this machine, from what was probed and enabled. */
struct arch_guest_info {
	const char *gstage;   /* "sv39x4" ...: the format in use */
	unsigned vmid_bits;   /* 0: every switch between VMs flushes */
	bool sstc;	      /* the guest has stimecmp */
	const char *mmu_type; /* of cpu nodes, "riscv,sv48" */
	char isa[192];	      /* riscv,isa of cpu nodes */
	uint32_t cbom_size;   /* block size for Zicbom, 0 = not offered */
	uint32_t cboz_size;   /* the same for Zicboz */
	uint64_t gpa_limit;   /* guest-physical addresses are below this */
};

/*
 * Find out what can be offered to guests, on the boot hart when all harts are
 * up. -ENODEV: no hypervisor extension (then nothing below may be called).
 */
int arch_guest_init(void);

/* The same for each other hart, on that hart, before it runs a vcpu. */
void arch_guest_cpu_init(void);

/* Undo both on this hart: what the hypervisor extension does is as after
 * reset. Nothing where it was not set up; no vcpu is loaded. */
void arch_guest_cpu_exit(void);

/* As arch_guest_init() found it. */
const struct arch_guest_info *arch_guest_info(void);

/* Zero @size bytes at @at, both multiples of PAGE_SIZE, by the fastest way the
 * harts have. After arch_guest_init(). */
void arch_memory_zero(void *at, uint64_t size);

/* ---- one VM's address space ---- */

struct arch_vm; /* second-stage tables and VMID */

/* An empty address space. -ENOMEM. */
int arch_vm_create(struct arch_vm **out);

/*
 * Free the tables and the VMID. No vcpu of it is on any hart. What they mapped
 * is the caller's; what harts still remember of them is never used again.
 */
void arch_vm_destroy(struct arch_vm *vm);

/*
 * Map @size bytes of RAM, readable, writable and executable, with the largest
 * leaves that both addresses allow. Before the first run only. -EINVAL, -EEXIST
 * as pagetable_map(); -ENOMEM; -ERANGE beyond gpa_limit.
 */
int arch_vm_map(struct arch_vm *vm, gpa_t gpa, pa_t pa, uint64_t size);

/* ---- one vcpu ---- */

/* Instructions of an exit of @kind, one that never leaves assembly; 0: of no
 * such kind. */
unsigned arch_vcpu_exit_length(enum vcpu_exit_kind kind);

/* Make and free vcpu->arch; vcpu->vm is set. -ENOMEM. */
int arch_vcpu_create(struct vcpu *vcpu);
void arch_vcpu_destroy(struct vcpu *vcpu);

/*
 * The state in which the SBI starts a hart (HSM, table "register state"):
 * supervisor mode, MMU and interrupts off, a0 = @vcpu's id, a1 = @opaque, all
 * else 0; timer off. The vcpu is on no hart.
 */
void arch_vcpu_reset(struct vcpu *vcpu, gpa_t pc, uint64_t opaque);

/*
 * The same at the end of a suspension that kept no registers; interrupts that
 * are pending and the timer stay, for one of them has ended it.
 */
void arch_vcpu_resume(struct vcpu *vcpu, gpa_t pc, uint64_t opaque);

/*
 * Put @vcpu's state into this hart, and take it out again. Between the two it
 * stays on this hart and no other is loaded; its instructions are counted if
 * vm->measured said so when it was loaded. Interrupts off.
 */
void arch_vcpu_load(struct vcpu *vcpu);
void arch_vcpu_put(struct vcpu *vcpu);

/*
 * Execute the loaded @vcpu until something needs policy; says what in
 * vcpu->exit, and has counted it. SBI calls, and device accesses where that is
 * quick, are passed to kernel/guest on the way (sbi_handle(),
 * vcpu_mmio_answer()). Called and returns with interrupts off; a host interrupt
 * ends it, and is served before it returns. Takes vcpu->pending over on the way
 * in.
 */
void arch_vcpu_run(struct vcpu *vcpu);

/*
 * Answers to the VCPU_EXIT_MMIO that was just reported; the vcpu is loaded.
 * arch_vcpu_mmio_done: the device has answered: value to register, pc on.
 * arch_vcpu_mmio_fault: nothing claims that address: a load or store access
 * fault in the guest.
 */
void arch_vcpu_mmio_done(struct vcpu *vcpu);
void arch_vcpu_mmio_fault(struct vcpu *vcpu);

/*
 * During an SBI exit: read 8 bytes at the guest-virtual address @va with the
 * rights of the guest's supervisor (legacy calls pass such pointers). 0, or
 * -EFAULT: then the guest has been given the fault at its ecall, and the
 * caller must leave the registers alone and return.
 */
int arch_vcpu_read_virtual(struct vcpu *vcpu, uint64_t va, uint64_t *out);

/*
 * Set the supervisor timer of the loaded @vcpu to the guest's time @deadline;
 * all ones: never. Clears a pending timer interrupt.
 */
void arch_vcpu_timer_set(struct vcpu *vcpu, uint64_t deadline);

/*
 * When will the timer of @vcpu fire, in ticks of the host's clock? UINT64_MAX:
 * never. Also for a vcpu that is not loaded.
 */
uint64_t arch_vcpu_timer_deadline(const struct vcpu *vcpu);

/*
 * Interrupts (enum vcpu_irq) that are pending in @vcpu, just put or still
 * loaded, but for the timer's with Sstc; of software interrupts those that it
 * has not cleared itself.
 */
uint64_t arch_vcpu_irqs(const struct vcpu *vcpu);

/*
 * Would the vcpu, just put or still loaded, wake from WFI: is an interrupt
 * pending in it that its sie enables, or its timer past? (sstatus.SIE does
 * not matter.)
 */
bool arch_vcpu_irq_waiting(const struct vcpu *vcpu);

/* Let WFI of the loaded @vcpu idle the hart (true), or exit (false). */
void arch_vcpu_wfi_own(struct vcpu *vcpu, bool own);

/* Fences that others ask of a vcpu: bits of vcpu->fences. */
enum vcpu_fence {
	VCPU_FENCE_I = 1 << 0,	/* fence.i */
	VCPU_FENCE_VMA = 1 << 1 /* hfence.vvma of everything */
};

/*
 * Carry out on this hart for @vcpu, which is loaded. With VCPU_FENCE_VMA, of
 * [@start, @start + @size); size UINT64_MAX: of everything.
 */
void arch_vcpu_fence(struct vcpu *vcpu, unsigned fences, uint64_t start,
		     uint64_t size);
