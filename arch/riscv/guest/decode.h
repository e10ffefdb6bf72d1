/*
 * Which load or store a guest did: decodes the instruction behind a guest page
 * fault, so that a device can be asked in place of memory. Pure: no CSR.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct decode_access {
	bool write;
	bool sign_extend; /* of a load narrower than 8 bytes */
	uint8_t width;	  /* bytes: 1, 2, 4 or 8 */
	uint8_t reg;	  /* x0 to x31: what is stored, or where to load to */
	uint8_t length;	  /* bytes of the instruction: 2 or 4 */
};

/*
 * Decode @insn. Either it was fetched at the guest's pc (RV64 of the
 * Unprivileged ISA; of a compressed one the upper 16 bits do not matter), or
 * it is what htinst or mtinst holds (@transformed; Privileged ISA, "Transformed
 * Instruction or Pseudoinstruction for mtinst or htinst").
 *
 * Known are the integer loads and stores of I, C and Zcb. -ENOTSUP for all
 * else: atomics, floating point, vector, cache-block operations, htinst
 * pseudo-instructions, a part of a misaligned access, no instruction at all.
 * A device takes none of these: they become an access fault in the guest. An
 * htinst of 0 tells nothing and is -ENOTSUP too: fetch first.
 */
int decode_access(uint32_t insn, bool transformed, struct decode_access *out);

/* What the register gets when the load @a read @value, extended as it says. */
uint64_t decode_load_value(const struct decode_access *a, uint64_t value);

/* What of register value @value the store @a writes: its low bytes. */
uint64_t decode_store_value(const struct decode_access *a, uint64_t value);
