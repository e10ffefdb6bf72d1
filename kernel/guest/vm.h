/*
 * A guest: its memory, vcpus and life. One struct, owned by vm.c; devices and
 * SBI work on it through the calls below, which host tests can stand in for.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/lock.h"
#include "kernel/guest/layout.h"
#include "kernel/guest/vcpu.h"
#include "lib/addr.h"

/* Letters of a guest's name, with the final NUL. */
#define VM_NAME_MAX 32

/* Stretches of host memory that make up a guest's RAM. */
#define VM_BLOCKS_MAX 1024u

/*
 *	 VM_DOWN ---- vm_start ----> VM_UP ---- last vcpu gone ----> VM_DOWN
 *	                              |  vm_end                        ^
 *	                              +------> VM_ENDING --------------+
 */
enum vm_state {
	VM_DOWN, /* no vcpu runs */
	VM_UP,
	VM_ENDING, /* vcpus are being taken off their harts */
};

/* What happens when a VM has ended. */
enum vm_end {
	VM_END_POWEROFF, /* the guest's own wish: memory is freed */
	VM_END_REBOOT,	 /* starts again from the bundle */
	VM_END_STOP,	 /* the operator's wish */
	VM_END_FAULT,	 /* nothing sensible could go on */
};

struct vm_block {
	gpa_t gpa;
	pa_t pa;
	uint64_t size;
};

struct vm {
	char name[VM_NAME_MAX];
	uint64_t memory; /* bytes of RAM at GUEST_RAM_BASE */
	unsigned vcpu_count;
	struct vcpu *vcpu; /* [vcpu_count] */
	struct arch_vm *arch;
	uint64_t time_offset; /* guest's time = host's + this */

	struct spinlock lock; /* of state, end and reason */
	enum vm_state state;
	enum vm_end end;
	char reason[96]; /* for the operator; "" while nothing ended it */
	unsigned loaded; /* vcpus that are not STOPPED */

	/* Called once all vcpus have stopped, on the hart of the last one with
	 * interrupts off, and as vconsole_shown() says: must not block; the VM
	 * is VM_DOWN. */
	void (*ended)(struct vm *vm);

	bool measured; /* are its vcpus' instructions counted? */

	struct vm_devices *devices; /* UART, PLIC, bus */
	struct vm_console *console;

	/* Last: what lies behind it is further than a load reaches. */
	unsigned block_count;
	struct vm_block block[VM_BLOCKS_MAX]; /* ascending, without holes */
};

/* What a VM is made of. */
struct vm_config {
	const char *name;
	uint64_t memory; /* bytes, a multiple of PAGE_SIZE, not 0 */
	unsigned vcpus;	 /* 1 to VCPU_MAX */
	void (*ended)(struct vm *vm);
};

/*
 * Make a VM with zeroed memory, devices after reset and all vcpus stopped.
 * -ENOMEM, with nothing left behind; -EINVAL.
 */
int vm_create(const struct vm_config *config, struct vm **out);

/* Free it. VM_DOWN; interrupts on, boot hart. */
void vm_destroy(struct vm *vm);

/* Start vcpu 0 at @pc with a1 = @opaque: VM_UP. -EINVAL: @pc is not RAM. */
int vm_start(struct vm *vm, gpa_t pc, uint64_t opaque);

/* Count instructions from now on, or no more. Any hart. */
void vm_measure(struct vm *vm, bool on);

/* A vcpu that ran on this hart has stopped; after this it is not touched. */
void vm_vcpu_stopped(struct vcpu *vcpu);

/* May its vcpus execute? */
static inline bool vm_is_up(const struct vm *vm)
{
	return __atomic_load_n(&vm->state, __ATOMIC_ACQUIRE) == VM_UP;
}

/*
 * Guest-physical memory. @len bytes at @gpa must be RAM, else -EFAULT and
 * nothing was copied. Never fails otherwise; a range may span blocks.
 */
int vm_read(const struct vm *vm, gpa_t gpa, void *buf, size_t len);
int vm_write(struct vm *vm, gpa_t gpa, const void *buf, size_t len);

/*
 * The host's time at which the clock of @vm shows @time: all ones, never, where
 * the host's would have to go past its end.
 */
static inline uint64_t vm_time_to_host(const struct vm *vm, uint64_t time)
{
	uint64_t host, start = -vm->time_offset;

	return __builtin_add_overflow(time, start, &host) ? UINT64_MAX : host;
}

/* Is all of [@gpa, @gpa + @len) RAM? False for len 0 and for wraps. */
bool vm_is_ram(const struct vm *vm, gpa_t gpa, uint64_t len);

/*
 * The host's view of RAM at @gpa and in @len how much of it is contiguous
 * there; NULL outside RAM. What is behind it the guest may change any time.
 */
void *vm_memory(const struct vm *vm, gpa_t gpa, uint64_t *len);

/*
 * End @vm: all its vcpus stop as soon as they can; what then happens is
 * @end's. Any hart; the first call wins, but VM_END_STOP also turns a reboot
 * that is under way into a stop. @reason is for the operator.
 */
void vm_end(struct vm *vm, enum vm_end end, const char *reason);

/*
 * The guest's console beyond its UART (SBI DBCN, legacy putchar/getchar): the
 * same stream as the UART's. Write takes as much as there is room for and
 * returns how much; read gives what was typed, at most @len bytes.
 */
size_t vm_console_write(struct vm *vm, const void *buf, size_t len);
size_t vm_console_read(struct vm *vm, void *buf, size_t len);
