/*
 * A guest without hardware: what kernel/guest/vm.h, kernel/guest/vcpu.h and
 * arch/vcpu.h promise, on plain data, with a record of what was asked for.
 */
#pragma once

#include "kernel/guest/vm.h"

#define FAKE_RAM (64u * 1024u) /* bytes at GUEST_RAM_BASE, in three blocks */

/* What arch_vcpu_read_virtual() takes for mapped: FAKE_RAM at this address. */
#define FAKE_VIRTUAL 0xffffffc000000000ull

struct fake_fence {
	struct vcpu *self;
	uint64_t mask, start, size;
	unsigned fences;
};

struct fake_guest {
	struct vm vm;
	struct vcpu vcpu[VCPU_MAX];
	uint8_t *ram; /* exactly FAKE_RAM bytes: what is past it is found */

	uint64_t timer[VCPU_MAX];
	unsigned timer_sets;
	struct fake_fence fence; /* the last */
	unsigned fence_count;
	unsigned faults; /* injected by arch_vcpu_read_virtual() */
	unsigned ends;
	uint64_t opaque[VCPU_MAX]; /* of the last start or resume */
	gpa_t pc[VCPU_MAX];

	uint8_t output[16384]; /* of the console */
	size_t output_len, output_room;
	const char *input; /* what was typed, or NULL */
};

extern struct fake_guest fake_guest;

/* A guest of @vcpus harts whose hart 0 runs and all others are stopped. */
void fake_guest_init(unsigned vcpus);
void fake_guest_free(void);
