/*
 * The SBI that guests are offered (SBI 2.0 and its 3.0 errata): BASE, TIME,
 * IPI, RFENCE, HSM, SRST, DBCN, SUSP and the legacy calls of 0.1. One file per
 * extension, one table of all; everything else is NOT_SUPPORTED.
 *
 * Nothing in a call is trusted: hart ids, masks, pointers and lengths are
 * checked against the VM, and the work done for one call is bounded.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/guest/vm.h"

/* What BASE tells: specification 2.0; the implementation is "Aloft". */
#define SBI_GUEST_SPEC_VERSION (2ull << 24)
#define SBI_GUEST_IMPL_ID      0x414c4f46ull /* "ALOF"; none is registered */
#define SBI_GUEST_IMPL_VERSION 1ull

/*
 * Carry out the call that @vcpu made (VCPU_EXIT_SBI; it is loaded): which and
 * with what is in its a0 to a7, the answer comes into a0 and a1. 0, and the
 * exit is to be finished as vcpu->leave says; or -EAGAIN: a blocking call found
 * the console full. Then nothing has changed: let the vcpu execute its ecall
 * again when it next runs.
 */
int sbi_handle(struct vcpu *vcpu);

/* ---- for the extensions and their tests ---- */

/* a0 and a1 after a call: SBI_SUCCESS or SBI_ERR_* and a value. */
struct sbi_answer {
	long error;
	uint64_t value;
};

/* In place of an error: registers as they are; the ecall once more. No call
 * answers either. */
#define SBI_KEEP  (-1000)
#define SBI_AGAIN (-1001)

struct sbi_extension {
	uint64_t first, last; /* ids in a7 */
	/* Carry out what the registers of @vcpu ask for. */
	struct sbi_answer (*handle)(struct vcpu *vcpu);
};

/* All that is offered; no two share an id. */
extern const struct sbi_extension *const sbi_extensions[];
extern const size_t sbi_extension_count;

/* The one of @count in @table that has id @ext; NULL: none. */
const struct sbi_extension *sbi_extension_find(
	const struct sbi_extension *const *table, size_t count, uint64_t ext);

/* Has @table an empty or reversed range of ids, or an id twice? */
bool sbi_extensions_overlap(const struct sbi_extension *const *table,
			    size_t count);
