/*
 * A VM's life and memory. Memory comes in blocks of the page allocator, the
 * largest first, so that guest and host addresses agree in alignment and the
 * second stage needs few, large leaves.
 */
#include "kernel/guest/vm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "arch/mmu.h"
#include "arch/smp.h"
#include "arch/timer.h"
#include "kernel/guest/devices.h"
#include "kernel/guest/run.h"
#include "kernel/guest/sched.h"
#include "kernel/guest/vconsole.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/smp.h"

/* The largest order whose block is at most @size bytes. */
static int order_below(uint64_t size)
{
	int order = 0;

	while (order < PAGE_ORDER_MAX && PAGE_SIZE << (order + 1) <= size)
		order++;
	return order;
}

static void memory_free(struct vm *vm)
{
	while (vm->block_count)
		page_free(vm->block[--vm->block_count].pa);
}

/* Nothing of whoever had it before. */
static void zero(const struct vm_block *b)
{
	uint64_t at, part;

	for (at = 0; at < b->size; at += part) {
		part = min_u64(b->size - at, RUN_OTHERS_BYTES);
		arch_memory_zero(arch_pa_to_va(b->pa + at), part);
		run_others();
	}
}

static int memory_alloc(struct vm *vm, uint64_t size)
{
	gpa_t gpa = GUEST_RAM_BASE;
	int order = PAGE_ORDER_MAX;
	int err;

	while (vm->memory < size) {
		struct vm_block *b = &vm->block[vm->block_count];

		if (vm->block_count == VM_BLOCKS_MAX)
			return -ENOMEM;
		if (order > order_below(size - vm->memory))
			order = order_below(size - vm->memory);
		while ((err = page_alloc((unsigned)order, &b->pa)) && order)
			order--;
		if (err)
			return err;
		b->gpa = gpa;
		b->size = PAGE_SIZE << order;
		zero(b);
		vm->block_count++;
		vm->memory += b->size;
		err = arch_vm_map(vm->arch, b->gpa, b->pa, b->size);
		if (err)
			return err;
		gpa += b->size;
	}
	return 0;
}

static int vcpus_alloc(struct vm *vm, unsigned count)
{
	int err;

	vm->vcpu = heap_alloc_array(count, sizeof(*vm->vcpu));
	if (!vm->vcpu)
		return -ENOMEM;
	for (; vm->vcpu_count < count; vm->vcpu_count++) {
		err = vcpu_create(&vm->vcpu[vm->vcpu_count], vm,
				  vm->vcpu_count);
		if (err)
			return err;
	}
	return 0;
}

/* Whatever of @vm is there. */
static void release(struct vm *vm)
{
	while (vm->vcpu_count)
		vcpu_destroy(&vm->vcpu[--vm->vcpu_count]);
	heap_free(vm->vcpu);
	devices_destroy(vm);
	vconsole_destroy(vm);
	if (vm->arch)
		arch_vm_destroy(vm->arch);
	memory_free(vm);
	heap_free(vm);
}

int vm_create(const struct vm_config *config, struct vm **out)
{
	struct vm *vm;
	int err;

	if (!config->vcpus || config->vcpus > VCPU_MAX || !config->memory ||
	    !is_aligned(config->memory, PAGE_SIZE))
		return -EINVAL;
	vm = heap_alloc(sizeof(*vm));
	if (!vm)
		return -ENOMEM;
	snprintf(vm->name, sizeof(vm->name), "%s", config->name);
	vm->ended = config->ended;
	err = arch_vm_create(&vm->arch);
	if (!err)
		err = memory_alloc(vm, config->memory);
	if (!err)
		err = vcpus_alloc(vm, config->vcpus);
	if (!err)
		err = vconsole_create(vm);
	if (!err)
		err = devices_create(vm);
	if (err)
		release(vm);
	else
		*out = vm;
	return err;
}

static void nothing(void *arg)
{
	(void)arg;
}

void vm_destroy(struct vm *vm)
{
	unsigned i;

	for (i = 0; i < vm->vcpu_count; i++)
		timer_cancel(&vm->vcpu[i].timer);
	vconsole_quiet(vm);
	/* A timer's function may be under way on another hart: let it end. */
	smp_call_all(nothing, NULL);
	release(vm);
}

int vm_start(struct vm *vm, gpa_t pc, uint64_t opaque)
{
	int err;

	vm->time_offset = -arch_time_now();
	vm->reason[0] = 0;
	__atomic_store_n(&vm->state, VM_UP, __ATOMIC_RELEASE);
	err = vcpu_start(&vm->vcpu[0], pc, opaque);
	if (err)
		__atomic_store_n(&vm->state, VM_DOWN, __ATOMIC_RELEASE);
	return err;
}

/* The first reason for the end is the one that counts; but who reboots for
 * ever must not be too fast for the operator. */
static bool end_claim(struct vm *vm, enum vm_end end, const char *reason)
{
	unsigned long flags = spin_lock_irqsave(&vm->lock);
	bool first = vm->state == VM_UP;

	if (first || (end == VM_END_STOP && vm->end == VM_END_REBOOT)) {
		vm->end = end;
		snprintf(vm->reason, sizeof(vm->reason), "%s", reason);
	}
	if (first)
		__atomic_store_n(&vm->state, VM_ENDING, __ATOMIC_SEQ_CST);
	spin_unlock_irqrestore(&vm->lock, flags);
	return first;
}

void vm_end(struct vm *vm, enum vm_end end, const char *reason)
{
	unsigned i;

	if (!end_claim(vm, end, reason))
		return;
	for (i = 0; i < vm->vcpu_count; i++)
		sched_wake(&vm->vcpu[i], true);
}

void vm_measure(struct vm *vm, bool on)
{
	unsigned i;

	__atomic_store_n(&vm->measured, on, __ATOMIC_SEQ_CST);
	for (i = 0; i < vm->vcpu_count; i++)
		if (vm->vcpu[i].state == VCPU_RUNNING)
			sched_wake(&vm->vcpu[i], true);
}

void vm_vcpu_stopped(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;

	sched_leave(vcpu, VCPU_STOPPED);
	if (__atomic_sub_fetch(&vm->loaded, 1, __ATOMIC_ACQ_REL))
		return;
	end_claim(vm, VM_END_FAULT, "all its harts stopped");
	__atomic_store_n(&vm->state, VM_DOWN, __ATOMIC_RELEASE);
	vm->ended(vm);
}

void *vm_memory(const struct vm *vm, gpa_t gpa, uint64_t *len)
{
	unsigned i;

	for (i = 0; i < vm->block_count; i++) {
		const struct vm_block *b = &vm->block[i];

		if (gpa - b->gpa < b->size) {
			*len = b->size - (gpa - b->gpa);
			return (char *)arch_pa_to_va(b->pa) + (gpa - b->gpa);
		}
	}
	return NULL;
}

bool vm_is_ram(const struct vm *vm, gpa_t gpa, uint64_t len)
{
	uint64_t offset = gpa - GUEST_RAM_BASE;

	return len && offset < vm->memory && len <= vm->memory - offset;
}

int vm_read(const struct vm *vm, gpa_t gpa, void *buf, size_t len)
{
	uint64_t n, done;

	if (!vm_is_ram(vm, gpa, len))
		return -EFAULT;
	for (done = 0; done < len; done += n) {
		const void *from = vm_memory(vm, gpa + done, &n);

		n = min_u64(n, len - done);
		memcpy((char *)buf + done, from, n);
	}
	return 0;
}

int vm_write(struct vm *vm, gpa_t gpa, const void *buf, size_t len)
{
	uint64_t n, done;

	if (!vm_is_ram(vm, gpa, len))
		return -EFAULT;
	for (done = 0; done < len; done += n) {
		void *to = vm_memory(vm, gpa + done, &n);

		n = min_u64(n, len - done);
		memcpy(to, (const char *)buf + done, n);
	}
	return 0;
}
