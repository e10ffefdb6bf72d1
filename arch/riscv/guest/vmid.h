/*
 * Which number a hart gives a VM in hgatp. Each hart numbers the VMs it meets
 * for itself; when the numbers are used up it flushes all that it translated
 * and begins a new generation. So no number ever meets translations of a VM
 * that had it before, without a word to other harts. Pure: no CSR.
 */
#pragma once

#include <stdint.h>

/* A hart's numbers; all zero before the first. */
struct vmid_hart {
	uint64_t generation;
	uint64_t next; /* number to give out */
};

/* What a VM has on one hart; all zero: it never was there. */
struct vmid {
	uint64_t generation;
	uint64_t number; /* while the generation is the hart's */
};

enum vmid_news {
	VMID_KNOWN, /* as last time: translations may be there and are right */
	VMID_NEW,   /* nothing is there under this number */
	VMID_FLUSH, /* the same, once the hart has flushed all of them */
};

/*
 * Give @vm, about to run on @hart, a number of 0 to @max, in vm->number. 0 is
 * kept for the hart without a VM where there are others.
 */
enum vmid_news vmid_take(struct vmid_hart *hart, struct vmid *vm, uint64_t max);
