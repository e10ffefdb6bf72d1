#include "test/host/fake/guest.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/addr.h"

struct fake_guest fake_guest;

static struct fake_guest *const g = &fake_guest;

void fake_guest_init(unsigned vcpus)
{
	fake_guest_free();
	memset(g, 0, sizeof(*g));
	g->ram = calloc(1, FAKE_RAM);
	assert(g->ram && vcpus && vcpus <= VCPU_MAX);
	g->output_room = sizeof(g->output);
	g->vm.memory = FAKE_RAM;
	g->vm.vcpu_count = vcpus;
	g->vm.vcpu = g->vcpu;
	g->vm.state = VM_UP;
	for (unsigned i = 0; i < vcpus; i++) {
		g->vcpu[i].vm = &g->vm;
		g->vcpu[i].id = i;
		g->timer[i] = UINT64_MAX;
	}
	g->vcpu[0].state = VCPU_RUNNING;
}

void fake_guest_free(void)
{
	free(g->ram);
	g->ram = NULL;
}

bool vm_is_ram(const struct vm *vm, gpa_t gpa, uint64_t len)
{
	uint64_t offset = gpa - GUEST_RAM_BASE;

	assert(vm == &g->vm);
	return len && offset < FAKE_RAM && len <= FAKE_RAM - offset;
}

int vm_read(const struct vm *vm, gpa_t gpa, void *buf, size_t len)
{
	if (!vm_is_ram(vm, gpa, len))
		return -EFAULT;
	memcpy(buf, g->ram + (gpa - GUEST_RAM_BASE), len);
	return 0;
}

int vm_write(struct vm *vm, gpa_t gpa, const void *buf, size_t len)
{
	if (!vm_is_ram(vm, gpa, len))
		return -EFAULT;
	memcpy(g->ram + (gpa - GUEST_RAM_BASE), buf, len);
	return 0;
}

void vm_end(struct vm *vm, enum vm_end end, const char *reason)
{
	assert(vm == &g->vm && reason && *reason);
	g->ends++;
	if (vm->state != VM_UP)
		return;
	vm->state = VM_ENDING;
	vm->end = end;
	strncpy(vm->reason, reason, sizeof(vm->reason) - 1);
}

size_t vm_console_write(struct vm *vm, const void *buf, size_t len)
{
	size_t room =
		min_u64(g->output_room, sizeof(g->output) - g->output_len);

	assert(vm == &g->vm && len);
	len = min_u64(len, room);
	memcpy(g->output + g->output_len, buf, len);
	g->output_len += len;
	g->output_room -= len;
	return len;
}

size_t vm_console_read(struct vm *vm, void *buf, size_t len)
{
	assert(vm == &g->vm && len);
	if (!g->input)
		return 0;
	len = min_u64(len, strlen(g->input));
	memcpy(buf, g->input, len);
	g->input += len;
	return len;
}

void vcpu_irq_set(struct vcpu *vcpu, enum vcpu_irq irq, bool level)
{
	assert(vcpu >= g->vcpu && vcpu < g->vcpu + g->vm.vcpu_count);
	if (level)
		vcpu->pending |= irq;
	else
		vcpu->pending &= ~(uint64_t)irq;
}

int vcpu_start(struct vcpu *vcpu, gpa_t pc, uint64_t opaque)
{
	assert(vcpu >= g->vcpu && vcpu < g->vcpu + g->vm.vcpu_count);
	if (vcpu->state != VCPU_STOPPED)
		return -EALREADY;
	if (!vm_is_ram(vcpu->vm, pc, 1))
		return -EINVAL;
	vcpu->state = VCPU_READY;
	vcpu->suspended = false;
	g->pc[vcpu->id] = pc;
	g->opaque[vcpu->id] = opaque;
	return 0;
}

void vcpu_stop(struct vcpu *self)
{
	self->leave = VCPU_LEAVE_STOP;
}

int vcpu_suspend(struct vcpu *self, bool retentive, gpa_t pc, uint64_t opaque)
{
	if (retentive) {
		self->leave = VCPU_LEAVE_SUSPEND;
		return 0;
	}
	if (!vm_is_ram(self->vm, pc, 1))
		return -EINVAL;
	self->leave = VCPU_LEAVE_RESUME;
	self->resume_pc = pc;
	self->resume_opaque = opaque;
	return 0;
}

unsigned vcpu_hsm_status(const struct vcpu *vcpu)
{
	assert(vcpu >= g->vcpu && vcpu < g->vcpu + g->vm.vcpu_count);
	if (vcpu->state == VCPU_STOPPED)
		return VCPU_HSM_STOPPED;
	return vcpu->state == VCPU_WAITING && vcpu->suspended
		? VCPU_HSM_SUSPENDED
		: VCPU_HSM_STARTED;
}

void vcpu_fence(struct vcpu *self, uint64_t mask, unsigned fences,
		uint64_t start, uint64_t size)
{
	/* Of harts that exist only. */
	assert(self->vm->vcpu_count == VCPU_MAX ||
	       !(mask >> self->vm->vcpu_count));
	g->fence = (struct fake_fence){self, mask, start, size, fences};
	g->fence_count++;
}

uint64_t arch_vcpu_irqs(const struct vcpu *vcpu)
{
	return vcpu->pending;
}

int arch_vcpu_read_virtual(struct vcpu *vcpu, uint64_t va, uint64_t *out)
{
	uint64_t offset = va - FAKE_VIRTUAL;

	assert(vcpu->vm == &g->vm);
	if (offset % 8 || offset >= FAKE_RAM) {
		g->faults++;
		return -EFAULT;
	}
	memcpy(out, g->ram + offset, 8);
	return 0;
}

void arch_vcpu_timer_set(struct vcpu *vcpu, uint64_t deadline)
{
	g->timer[vcpu->id] = deadline;
	g->timer_sets++;
	vcpu_irq_set(vcpu, VCPU_IRQ_TIMER, false);
}
