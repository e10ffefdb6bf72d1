/* What this machine's harts can do beyond the base we need. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct features {
	bool sstc;	    /* stimecmp: in the device tree and it answers */
	bool svpbmt;	    /* in the device tree of every usable hart */
	bool hypervisor;    /* in the device tree and hgatp answers */
	const char *gstage; /* largest G-stage format; NULL without H */
	unsigned vmid_bits; /* VMIDLEN that hgatp implements */
};

/* As arch_features_init() found them; all false before. */
const struct features *features(void);

/* Does the device tree list ISA extension @extension (as "zba") for every
 * usable hart? */
bool features_all_have(const char *extension);
