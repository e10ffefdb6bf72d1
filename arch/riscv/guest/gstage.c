/*
 * Second-stage tables and VMIDs. A hart numbers VMs for itself: its counter
 * goes up with every VM it meets, and when the numbers are used up it flushes
 * all and begins a new generation. So a VMID is never met with translations of
 * a VM that had it before, on any hart, without asking other harts for
 * anything; with VMIDLEN 0 every change of VM flushes.
 */
#include <errno.h>
#include <string.h>

#include "arch/mmu.h"
#include "arch/riscv/csr.h"
#include "arch/riscv/guest/vcpu.h"
#include "arch/vcpu.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"

static struct {
	/* Each hart touches its own entry only. */
	struct {
		uint64_t generation; /* of a VM that was never here: 0 */
		uint64_t next;
	} cpu[CPU_MAX];
} state;

static int table_alloc(void *ctx, unsigned order, pa_t *out)
{
	(void)ctx;
	return page_alloc_zero(order, out);
}

static void table_free(void *ctx, pa_t pa)
{
	(void)ctx;
	page_free(pa);
}

static void *table_va(void *ctx, pa_t pa)
{
	(void)ctx;
	return arch_pa_to_va(pa);
}

/* No flush: a table changes only while no hart uses it. */
static const struct pagetable_ops table_ops = {
	.page_alloc = table_alloc,
	.page_free = table_free,
	.to_va = table_va,
};

int arch_vm_create(struct arch_vm **out)
{
	struct arch_vm *vm = heap_alloc(sizeof(*vm));
	int err;

	if (!vm)
		return -ENOMEM;
	err = pagetable_init(&vm->table, guest_csrs()->gstage, &table_ops,
			     NULL);
	if (err) {
		heap_free(vm);
		return err;
	}
	*out = vm;
	return 0;
}

void arch_vm_destroy(struct arch_vm *vm)
{
	pagetable_destroy(&vm->table);
	heap_free(vm);
}

int arch_vm_map(struct arch_vm *vm, gpa_t gpa, pa_t pa, uint64_t size)
{
	return pagetable_map(&vm->table, gpa, pa, size,
			     PROT_R | PROT_W | PROT_X);
}

/* The VMID of @vm on this hart, a new one if it has none that is valid. */
static uint64_t vmid_get(struct arch_vm *vm, unsigned cpu)
{
	if (vm->cpu[cpu].generation == state.cpu[cpu].generation &&
	    vm->cpu[cpu].generation)
		return vm->cpu[cpu].vmid;
	if (!state.cpu[cpu].generation ||
	    state.cpu[cpu].next > guest_csrs()->vmid_max) {
		state.cpu[cpu].generation++;
		/* Number 0 is hgatp's while no VM is loaded, if others are. */
		state.cpu[cpu].next = guest_csrs()->vmid_max ? 1 : 0;
		hfence_gvma_all();
	}
	vm->cpu[cpu].generation = state.cpu[cpu].generation;
	vm->cpu[cpu].vmid = state.cpu[cpu].next++;
	vm->cpu[cpu].last = NULL;
	return vm->cpu[cpu].vmid;
}

void gstage_load(struct arch_vm *vm)
{
	uint64_t vmid = vmid_get(vm, arch_cpu_index());

	csr_write(CSR_HGATP,
		  (uint64_t)vm->table.format->satp_mode << HGATP_MODE_SHIFT |
			  vmid << HGATP_VMID_SHIFT |
			  vm->table.root >> PAGE_SHIFT);
}

/* No walk, not even a speculative one, may start at tables soon freed. */
void gstage_unload(void)
{
	csr_write(CSR_HGATP, 0);
}
