#include "test/host/fake/vcpu.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "arch/mmu.h"
#include "arch/timer.h"
#include "kernel/guest/devices.h"
#include "kernel/guest/vconsole.h"
#include "kernel/guest/vm.h"
#include "kernel/mm/page.h"

struct fake_vcpu fake_vcpu;

/* ---- vcpus ---- */

const struct arch_guest_info *arch_guest_info(void)
{
	static struct arch_guest_info info;

	info.sstc = fake_vcpu.sstc;
	return &info;
}

int arch_vcpu_create(struct vcpu *v)
{
	v->arch = calloc(1, sizeof(*v->arch));
	assert(v->arch);
	v->arch->deadline = UINT64_MAX;
	return 0;
}

void arch_vcpu_destroy(struct vcpu *v)
{
	assert(!v->arch->loaded);
	free(v->arch);
	v->arch = NULL;
}

static void reset(struct vcpu *v, gpa_t pc, uint64_t opaque)
{
	assert(!v->arch->loaded);
	v->arch->enabled = 0;
	v->arch->resets++;
	v->arch->pc = pc;
	v->arch->opaque = opaque;
}

void arch_vcpu_reset(struct vcpu *v, gpa_t pc, uint64_t opaque)
{
	reset(v, pc, opaque);
	v->arch->hvip = 0;
	v->arch->deadline = UINT64_MAX;
}

void arch_vcpu_resume(struct vcpu *v, gpa_t pc, uint64_t opaque)
{
	reset(v, pc, opaque);
}

void arch_vcpu_load(struct vcpu *v)
{
	assert(!v->arch->loaded);
	v->arch->loaded = true;
	v->arch->flushes++;
}

void arch_vcpu_put(struct vcpu *v)
{
	assert(v->arch->loaded);
	v->arch->loaded = false;
}

void fake_vcpu_requests(struct vcpu *v)
{
	uint64_t mask = __atomic_exchange_n(&v->changed, 0, __ATOMIC_ACQ_REL);
	uint64_t level = __atomic_load_n(&v->pending, __ATOMIC_ACQUIRE);
	unsigned fences = __atomic_exchange_n(&v->fences, 0, __ATOMIC_ACQ_REL);

	v->arch->hvip = (v->arch->hvip & ~mask) | (level & mask);
	if (fences)
		arch_vcpu_fence(v, fences, 0, UINT64_MAX);
}

void arch_vcpu_run(struct vcpu *v)
{
	assert(v->arch->loaded);
	if (fake_vcpu.entry)
		fake_vcpu.entry(v);
	__atomic_store_n(&v->inside, 1, __ATOMIC_SEQ_CST);
	fake_vcpu_requests(v);
	v->exit.kind = fake_vcpu.guest(v);
	__atomic_store_n(&v->inside, 0, __ATOMIC_SEQ_CST);
	if (v->exit.kind == VCPU_EXIT_INTERRUPT && fake_vcpu.interrupts)
		fake_vcpu.interrupts();
}

void arch_vcpu_wfi_own(struct vcpu *v, bool own)
{
	v->arch->own = own;
}

uint64_t arch_vcpu_timer_deadline(const struct vcpu *v)
{
	return v->arch->deadline;
}

uint64_t arch_vcpu_irqs(const struct vcpu *v)
{
	uint64_t changed = __atomic_load_n(&v->changed, __ATOMIC_ACQUIRE);
	uint64_t pending = __atomic_load_n(&v->pending, __ATOMIC_ACQUIRE);

	return (v->arch->hvip & ~changed) | (pending & changed);
}

bool arch_vcpu_irq_waiting(const struct vcpu *v)
{
	uint64_t hvip = arch_vcpu_irqs(v);

	if (v->arch->deadline <= arch_time_now())
		hvip |= VCPU_IRQ_TIMER;
	return hvip & v->arch->enabled;
}

void arch_vcpu_fence(struct vcpu *v, unsigned fences, uint64_t start,
		     uint64_t size)
{
	(void)fences;
	(void)start;
	(void)size;
	v->arch->flushes++;
}

void arch_vcpu_mmio_done(struct vcpu *v)
{
	(void)v;
}

void arch_vcpu_mmio_fault(struct vcpu *v)
{
	(void)v;
}

/* ---- memory ---- */

void *arch_pa_to_va(pa_t pa)
{
	return (void *)pa;
}

int page_alloc(unsigned order, pa_t *out)
{
	void *p;

	if (posix_memalign(&p, PAGE_SIZE, PAGE_SIZE << order))
		return -ENOMEM;
	__atomic_fetch_add(&fake_vcpu.pages, 1, __ATOMIC_RELAXED);
	*out = (pa_t)p;
	return 0;
}

void page_free(pa_t pa)
{
	__atomic_fetch_sub(&fake_vcpu.pages, 1, __ATOMIC_RELAXED);
	free((void *)pa);
}

void arch_memory_zero(void *at, uint64_t size)
{
	(void)at;
	(void)size;
}

int arch_vm_create(struct arch_vm **out)
{
	*out = (struct arch_vm *)&fake_vcpu;
	return 0;
}

void arch_vm_destroy(struct arch_vm *vm)
{
	(void)vm;
}

int arch_vm_map(struct arch_vm *vm, gpa_t gpa, pa_t pa, uint64_t size)
{
	(void)vm;
	(void)gpa;
	(void)pa;
	(void)size;
	return 0;
}

/* ---- devices ---- */

int devices_create(struct vm *vm)
{
	vm->devices = calloc(1, sizeof(*vm->devices));
	assert(vm->devices);
	return 0;
}

void devices_destroy(struct vm *vm)
{
	free(vm->devices);
}

int mmio_access(const struct mmio_bus *bus, struct vcpu_mmio *mmio)
{
	(void)bus;
	(void)mmio;
	return -EFAULT;
}

int vconsole_create(struct vm *vm)
{
	vm->console = NULL;
	return 0;
}

void vconsole_destroy(struct vm *vm)
{
	(void)vm;
}

void vconsole_quiet(struct vm *vm)
{
	(void)vm;
}
