/*
 * What guests are offered of a hart, from what probes found: pure, so that the
 * CSR sets of harts that no emulator has are tested on the host.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Raw findings on one hart; a CSR that traps reads as absent and 0. */
struct offer_probe {
	bool has_henvcfg, has_senvcfg, has_hstateen0, has_sstateen0;
	uint64_t henvcfg;	       /* what stuck of OFFER_HENVCFG */
	bool vstimecmp, fcsr, vlenb;   /* could be accessed */
	uint32_t cbom_size, cboz_size; /* bytes of a block; 0: not known */
	/* Does the device tree list @extension for every usable hart? */
	bool (*listed)(const char *extension);
};

struct offer {
	uint64_t henvcfg; /* to write; meaningless without has_henvcfg */
	bool has_henvcfg, has_senvcfg, has_sstateen0;
	bool sstc, fp, vector, cbom, cboz, svpbmt;
};

/* All that is asked of henvcfg. */
extern const uint64_t offer_henvcfg_wanted;

/* Settle what guests get. */
void offer_settle(const struct offer_probe *probe, struct offer *out);

/*
 * Write the ISA string of a guest's cpu nodes: only what @offer switches on and
 * what needs no switch and is @listed. Returns its length, or -1 when @room is
 * too small.
 */
int offer_isa(const struct offer *offer, bool (*listed)(const char *extension),
	      char *buf, size_t room);
