/*
 * Second-stage tables, and what a hart must flush when it goes from one VM to
 * another (arch/riscv/guest/vmid.h).
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
	struct vmid_hart cpu[CPU_MAX]; /* each hart's own */
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

void gstage_load(struct arch_vm *vm)
{
	unsigned cpu = arch_cpu_index();
	struct vmid *vmid = &vm->cpu[cpu].vmid;

	switch (vmid_take(&state.cpu[cpu], vmid, guest_csrs()->vmid_max)) {
	case VMID_FLUSH:
		hfence_gvma_all();
		/* fall through */
	case VMID_NEW:
		/* So that its own tables' translations go, too. */
		vm->cpu[cpu].last = NULL;
		break;
	case VMID_KNOWN:
		break;
	}
	csr_write(CSR_HGATP,
		  (uint64_t)vm->table.format->satp_mode << HGATP_MODE_SHIFT |
			  vmid->number << HGATP_VMID_SHIFT |
			  vm->table.root >> PAGE_SHIFT);
}

/* No walk, not even a speculative one, may start at tables soon freed. */
void gstage_unload(void)
{
	csr_write(CSR_HGATP, 0);
}
