/*
 * The RISC-V half of a vcpu and of a VM. Values of the VS CSRs are true here
 * while the vcpu is not loaded, in the hart while it is.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/riscv/guest/vmid.h"
#include "arch/riscv/mm/pagetable.h"
#include "arch/smp.h"
#include "kernel/guest/vcpu.h"

/* What every guest is given of a hart, settled by probes (setup.c). */
struct guest_csrs {
	uint64_t hedeleg, hideleg, hcounteren;
	uint64_t henvcfg; /* with has_henvcfg */
	uint64_t hstateen0;
	bool has_henvcfg, has_senvcfg, has_sstateen, sstc;
	/* Guests reach these, but with Smstateen. */
	bool has_vsiselect, has_ctr, has_jvt, has_scontext;
	bool fp, vector;
	unsigned vlenb; /* bytes of a vector register; 0 without V */
	const struct pagetable_format *gstage;
	uint64_t vmid_max; /* the largest VMID; 0: there is only one */
};

const struct guest_csrs *guest_csrs(void);

/* CSRs that the guest has to itself. */
struct vs_csrs {
	uint64_t vsstatus, vsie, vstvec, vsscratch, vsepc, vscause, vstval;
	uint64_t vsatp, hvip, vsiselect;
	uint64_t vstimecmp; /* with Sstc; else the deadline of set_timer */
	/* No VS copy exists: the host's own are 0 and never used. */
	uint64_t scounteren, senvcfg, sstateen0, jvt, sctrstatus;
	uint64_t vsctrctl, scontext;
};

struct fp_state {
	uint64_t f[32];
	uint64_t fcsr;
};

struct vector_state {
	uint64_t vstart, vl, vtype, vcsr;
	uint8_t v[]; /* 32 registers of vlenb bytes */
};

struct arch_vcpu {
	/* switch.S: the host's, while the guest executes. */
	uint64_t host_sp, host_tp, host_vector;
	uint64_t vector; /* stvec while the guest executes */
	/* What the last exit left and the next entry puts back. */
	uint64_t hstatus, sstatus;
	/* Of the last exit that was not taken care of at once. */
	uint64_t scause, stval, htval, htinst;
	bool loaded;

	struct vs_csrs csr;
	struct fp_state fp;
	struct vector_state *v; /* NULL without V */
	unsigned last_cpu;	/* where it was loaded last */
};

struct arch_vm {
	struct pagetable table;
	/* Per hart: the VMID there, and the vcpu that used it last. */
	struct {
		struct vmid vmid;
		struct vcpu *last;
	} cpu[CPU_MAX];
};

/* Put hgatp of this hart to @vm's; flushes when its VMID begins a new round. */
void gstage_load(struct arch_vm *vm);

/* Leave this hart without a second stage. */
void gstage_unload(void);

/* In arch->last_cpu: the hart has nothing of this vcpu. */
#define VCPU_NOWHERE CPU_MAX

/* Give the loaded @vcpu exception @cause with @tval at its pc. */
void guest_inject(struct vcpu *vcpu, uint64_t cause, uint64_t tval);

/* What the exit that guest_enter() returned from means: vcpu->exit (exit.c). */
void guest_exit_decode(struct vcpu *vcpu);

/* Find out whether Zicboz zeroes blocks of @block_size bytes (0: no). */
void guest_zero_init(uint64_t block_size);

/* ---- switch.S ---- */

/*
 * Execute @vcpu until it has to leave (0; its exit was answered) or an exit
 * needs guest_exit_decode() (1; the trap's CSRs are untouched). Interrupts are
 * off on both sides; sscratch and stvec are the kernel's again on return.
 */
int guest_enter(struct vcpu *vcpu);

/* The values of arch->vector: with Sstc set_timer is done in assembly. */
void guest_exit_entry(void);
void guest_exit_entry_timer(void);
void guest_exit_entry_measure(void);
void guest_exit_entry_measure_timer(void);

/* Bytes of code, four an instruction: of the way back into a guest, and of a
 * set_timer, a poll and a byte sent from trap to return. */
struct guest_lengths {
	uint64_t resume;
	uint64_t timer;
	uint64_t poll;
	uint64_t send;
};

extern const struct guest_lengths guest_lengths;

/*
 * Called by the exit vector with the guest's s0 to s11 still in the hart, to
 * answer an SBI call or an access to a device at once.
 * guest_call_quick: -EAGAIN: it cannot be answered now, the guest asks again.
 * guest_load_quick, guest_store_quick: an error: nothing has happened,
 * guest_exit_decode() must look at it. Of a store that was answered it is left
 * to the caller to go on behind the instruction and to count the exit.
 */
int guest_call_quick(struct vcpu *vcpu);
int guest_load_quick(struct vcpu *vcpu);
int guest_store_quick(struct vcpu *vcpu);

/* The same, before it goes on: what the vcpu has to see first. Of a measured
 * one the exit was answered at @instret. */
void guest_requests_take(struct vcpu *vcpu, uint64_t instret);

/*
 * ---- fp.S: the whole register file from or to memory; fcsr, vcsr and vstart
 * are loaded, but the caller's to save ----
 */

void fp_save(struct fp_state *fp);
void fp_load(const struct fp_state *fp);
void vector_save(struct vector_state *v, unsigned vlenb);
void vector_load(const struct vector_state *v, unsigned vlenb);

/* ---- hlv.S ---- */

/* A fault that a guest-virtual access met, as the hart reported it. */
struct hlv_fault {
	uint64_t scause;
	uint64_t stval;
};

/*
 * Read at guest-virtual @va with the rights of hstatus.SPVP and the loaded
 * vcpu's translation. True and *@out, or false and @fault.
 */
bool hlvx_u16(uint64_t va, uint64_t *out, struct hlv_fault *fault);
bool hlv_u64(uint64_t va, uint64_t *out, struct hlv_fault *fault);

static inline void hfence_vvma_all(void)
{
	/* hfence.vvma zero, zero */
	__asm__ volatile(".word 0x22000073" ::: "memory");
}

static inline void hfence_gvma_all(void)
{
	/* hfence.gvma zero, zero */
	__asm__ volatile(".word 0x62000073" ::: "memory");
}

static inline void hfence_vvma_page(uint64_t va)
{
	register uint64_t a0 __asm__("a0") = va;

	/* hfence.vvma a0, zero */
	__asm__ volatile(".word 0x22050073" ::"r"(a0) : "memory");
}
