/* Sources: kernel/guest/vm.c lib/runtime.c test/host/fake/hart.c
 * test/host/fake/heap.c */
/*
 * A VM's memory and life, over an allocator that can run out and vcpus that
 * are only states.
 */
#include "kernel/guest/vm.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/mmu.h"
#include "arch/smp.h"
#include "kernel/guest/devices.h"
#include "kernel/guest/run.h"
#include "kernel/guest/sched.h"
#include "kernel/guest/vconsole.h"
#include "kernel/mm/page.h"
#include "kernel/smp.h"
#include "test/host/fake/hart.h"
#include "test/host/fake/heap.h"

static struct {
	long pages_left; /* blocks that can be had; -1: any number */
	unsigned order_max;
	long live; /* blocks handed out */
	uint64_t mapped;
	unsigned map_calls, woken, ended, turns;
	gpa_t start_pc;
} fake;

void *arch_pa_to_va(pa_t pa)
{
	return (void *)pa;
}

int page_alloc(unsigned order, pa_t *out)
{
	void *p;

	if (order > fake.order_max || !fake.pages_left)
		return -ENOMEM;
	if (posix_memalign(&p, PAGE_SIZE, PAGE_SIZE << order))
		return -ENOMEM;
	memset(p, 0xee, PAGE_SIZE << order);
	fake.pages_left -= fake.pages_left > 0;
	fake.live++;
	*out = (pa_t)p;
	return 0;
}

void page_free(pa_t pa)
{
	fake.live--;
	free((void *)pa);
}

void arch_memory_zero(void *at, uint64_t size)
{
	memset(at, 0, size);
}

int arch_vm_create(struct arch_vm **out)
{
	*out = (struct arch_vm *)&fake;
	return 0;
}

void arch_vm_destroy(struct arch_vm *vm)
{
	assert_ptr_equal(vm, &fake);
}

int arch_vm_map(struct arch_vm *vm, gpa_t gpa, pa_t pa, uint64_t size)
{
	(void)vm;
	(void)pa;
	assert_int_equal(gpa, GUEST_RAM_BASE + fake.mapped);
	/* So that leaves are as large as the block. */
	assert_true(is_aligned(gpa, size));
	fake.mapped += size;
	fake.map_calls++;
	return 0;
}

void run_others(void)
{
	fake.turns++;
}

int vcpu_create(struct vcpu *v, struct vm *vm, unsigned id)
{
	v->vm = vm;
	v->id = id;
	return 0;
}

void vcpu_destroy(struct vcpu *v)
{
	assert_non_null(v->vm);
}

int vcpu_start(struct vcpu *v, gpa_t pc, uint64_t opaque)
{
	(void)opaque;
	if (!vm_is_ram(v->vm, pc, 2))
		return -EINVAL;
	fake.start_pc = pc;
	v->state = VCPU_RUNNING;
	v->vm->loaded++;
	return 0;
}

int devices_create(struct vm *vm)
{
	vm->devices = NULL;
	return 0;
}

void devices_destroy(struct vm *vm)
{
	(void)vm;
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

void sched_leave(struct vcpu *v, enum vcpu_state to)
{
	v->state = to;
}

void sched_wake(struct vcpu *v, bool force)
{
	(void)v;
	assert_true(force);
	fake.woken++;
}

bool timer_cancel(struct timer *t)
{
	(void)t;
	return false;
}

void smp_call_all(void (*fn)(void *arg), void *arg)
{
	fn(arg);
}

static void ended(struct vm *vm)
{
	assert_int_equal(vm->state, VM_DOWN);
	fake.ended++;
}

static int setup(void **state)
{
	(void)state;
	fake_hart_reset();
	memset(&fake, 0, sizeof(fake));
	fake.pages_left = -1;
	fake.order_max = PAGE_ORDER_MAX;
	return 0;
}

static struct vm *make(uint64_t memory, unsigned vcpus)
{
	struct vm_config config = {"g", memory, vcpus, ended};
	struct vm *vm = NULL;

	assert_int_equal(vm_create(&config, &vm), 0);
	return vm;
}

static void memory_is_zero_and_in_few_blocks(void **state)
{
	struct vm *vm = make(MIB(6), 1);
	uint64_t len, i;

	(void)state;
	assert_int_equal(vm->block_count, 2);
	assert_int_equal(fake.mapped, MIB(6));
	for (i = 0; i < MIB(6); i += len) {
		const char *p = vm_memory(vm, GUEST_RAM_BASE + i, &len);

		assert_true(!p[0] && !memcmp(p, p + 1, len - 1));
	}
	assert_null(vm_memory(vm, GUEST_RAM_BASE + MIB(6), &len));
	assert_null(vm_memory(vm, GUEST_RAM_BASE - 1, &len));
	vm_destroy(vm);
	assert_int_equal(fake.live, 0);
}

static void copies_span_blocks_and_never_leave_ram(void **state)
{
	static const uint8_t data[16] = "0123456789abcdef";
	uint8_t back[16];
	struct vm *vm;
	gpa_t end;

	(void)state;
	fake.order_max = 0;
	vm = make(4 * PAGE_SIZE, 1);
	end = GUEST_RAM_BASE + vm->memory;
	assert_int_equal(vm->block_count, 4);
	assert_int_equal(vm_write(vm, GUEST_RAM_BASE + PAGE_SIZE - 5, data, 16),
			 0);
	assert_int_equal(vm_read(vm, GUEST_RAM_BASE + PAGE_SIZE - 5, back, 16),
			 0);
	assert_memory_equal(data, back, 16);
	assert_int_equal(vm_write(vm, end - 15, data, 16), -EFAULT);
	assert_int_equal(vm_read(vm, GUEST_RAM_BASE - 1, back, 2), -EFAULT);
	assert_int_equal(vm_read(vm, end - 1, back, SIZE_MAX), -EFAULT);
	assert_false(vm_is_ram(vm, GUEST_RAM_BASE, 0));
	assert_false(vm_is_ram(vm, UINT64_MAX, 2));
	assert_true(vm_is_ram(vm, end - 1, 1));
	vm_destroy(vm);
}

static void nothing_is_left_when_memory_runs_out(void **state)
{
	struct vm_config config = {"g", MIB(8), 2, ended};
	struct vm *vm;
	long n, live = fake_heap_live;

	(void)state;
	for (n = 0; n < 4; n++) {
		setup(NULL);
		fake.order_max = 9;
		fake.pages_left = n;
		assert_int_equal(vm_create(&config, &vm), -ENOMEM);
		assert_int_equal(fake.live, 0);
	}
	/* More pieces than a VM can have. */
	setup(NULL);
	fake.order_max = 0;
	assert_int_equal(vm_create(&config, &vm), -ENOMEM);
	for (n = 0; n < 2; n++) {
		setup(NULL);
		fake_heap_left = n;
		assert_int_equal(vm_create(&config, &vm), -ENOMEM);
		assert_int_equal(fake.live, 0);
	}
	fake_heap_left = -1;
	assert_int_equal(fake_heap_live, live);
}

static void others_get_turns_while_memory_is_zeroed(void **state)
{
	struct vm *vm = make(MIB(16), 1);

	(void)state;
	assert_true(fake.turns >= MIB(16) / RUN_OTHERS_BYTES);
	vm_destroy(vm);
}

/* Or a guest that reboots for ever were never to be stopped. */
static void the_operators_stop_ends_a_reboot(void **state)
{
	struct vm *vm = make(MIB(2), 1);

	(void)state;
	assert_int_equal(vm_start(vm, GUEST_RAM_BASE, 0), 0);
	vm_end(vm, VM_END_REBOOT, "rebooted");
	vm_vcpu_stopped(&vm->vcpu[0]);
	assert_int_equal(vm->state, VM_DOWN);
	vm_end(vm, VM_END_FAULT, "later");
	assert_int_equal(vm->end, VM_END_REBOOT);
	vm_end(vm, VM_END_STOP, "stopped");
	assert_int_equal(vm->end, VM_END_STOP);
	assert_string_equal(vm->reason, "stopped");
	assert_int_equal(vm->state, VM_DOWN);
	vm_end(vm, VM_END_REBOOT, "rebooted");
	assert_int_equal(vm->end, VM_END_STOP);
	vm_destroy(vm);
}

static void bad_configs_are_refused(void **state)
{
	const struct vm_config bad[] = {
		{"g", 0, 1, ended},
		{"g", PAGE_SIZE + 1, 1, ended},
		{"g", MIB(2), 0, ended},
		{"g", MIB(2), VCPU_MAX + 1, ended},
	};
	struct vm *vm;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(vm_create(&bad[i], &vm), -EINVAL);
}

static void it_is_down_when_the_last_vcpu_has_stopped(void **state)
{
	struct vm *vm = make(MIB(2), 2);

	(void)state;
	assert_int_equal(vm_start(vm, 0x1000, 0), -EINVAL);
	assert_int_equal(vm->state, VM_DOWN);
	assert_int_equal(vm_start(vm, GUEST_RAM_BASE, 0), 0);
	assert_int_equal(vcpu_start(&vm->vcpu[1], GUEST_RAM_BASE, 0), 0);
	vm_end(vm, VM_END_REBOOT, "rebooted");
	assert_int_equal(fake.woken, 2);
	/* The first reason counts. */
	vm_end(vm, VM_END_FAULT, "later");
	assert_int_equal(fake.woken, 2);
	vm_vcpu_stopped(&vm->vcpu[1]);
	assert_int_equal(vm->state, VM_ENDING);
	assert_int_equal(fake.ended, 0);
	vm_vcpu_stopped(&vm->vcpu[0]);
	assert_int_equal(fake.ended, 1);
	assert_int_equal(vm->end, VM_END_REBOOT);
	assert_string_equal(vm->reason, "rebooted");
	vm_destroy(vm);
}

static void one_whose_harts_all_stop_has_ended(void **state)
{
	struct vm *vm = make(MIB(2), 1);

	(void)state;
	assert_int_equal(vm_start(vm, GUEST_RAM_BASE, 0), 0);
	vm_vcpu_stopped(&vm->vcpu[0]);
	assert_int_equal(fake.ended, 1);
	assert_int_equal(vm->end, VM_END_FAULT);
	assert_string_not_equal(vm->reason, "");
	vm_destroy(vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(memory_is_zero_and_in_few_blocks, setup),
		cmocka_unit_test_setup(copies_span_blocks_and_never_leave_ram,
				       setup),
		cmocka_unit_test_setup(nothing_is_left_when_memory_runs_out,
				       setup),
		cmocka_unit_test_setup(bad_configs_are_refused, setup),
		cmocka_unit_test_setup(
			it_is_down_when_the_last_vcpu_has_stopped, setup),
		cmocka_unit_test_setup(others_get_turns_while_memory_is_zeroed,
				       setup),
		cmocka_unit_test_setup(the_operators_stop_ends_a_reboot, setup),
		cmocka_unit_test_setup(one_whose_harts_all_stop_has_ended,
				       setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
