/* Numbers of VMs on a hart: see the header. */
#include "arch/riscv/guest/vmid.h"

#include <stdbool.h>

enum vmid_news vmid_take(struct vmid_hart *hart, struct vmid *vm, uint64_t max)
{
	bool used_up = !hart->generation || hart->next > max;

	if (hart->generation && vm->generation == hart->generation)
		return VMID_KNOWN;
	if (used_up) {
		hart->generation++;
		hart->next = max ? 1 : 0;
	}
	vm->generation = hart->generation;
	vm->number = hart->next++;
	return used_up ? VMID_FLUSH : VMID_NEW;
}
