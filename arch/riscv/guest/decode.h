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

/* ---- for the quick path: the common forms of a transformed instruction ----
 */

/* Opcode, without bit 1, and the place of rs1, which must be 0. */
#define DECODE_FORM_MASK  0xf807du
#define DECODE_FORM_LOAD  0x01u
#define DECODE_FORM_STORE 0x21u

static inline unsigned decode_funct3(uint32_t insn)
{
	return insn >> 12 & 7;
}

/* Is @htinst an integer load or store that decode_access() would accept? */
static inline bool decode_is_load(uint32_t htinst)
{
	return (htinst & DECODE_FORM_MASK) == DECODE_FORM_LOAD &&
		decode_funct3(htinst) != 7;
}

static inline bool decode_is_store(uint32_t htinst)
{
	return (htinst & DECODE_FORM_MASK) == DECODE_FORM_STORE &&
		decode_funct3(htinst) < 4;
}

/* Of such a one: the register, the bytes accessed and the instruction's. */
static inline unsigned decode_load_reg(uint32_t htinst)
{
	return htinst >> 7 & 31;
}

static inline unsigned decode_store_reg(uint32_t htinst)
{
	return htinst >> 20 & 31;
}

static inline unsigned decode_width(uint32_t htinst)
{
	return 1u << (decode_funct3(htinst) & 3);
}

static inline unsigned decode_length(uint32_t htinst)
{
	return 2 + (htinst & 2);
}

/* What its register gets when a load has read @value, which has no bits above
 * its width; what of @value a store writes. */
static inline uint64_t decode_extend(uint32_t htinst, uint64_t value)
{
	switch (decode_funct3(htinst)) {
	case 0:
		return (uint64_t)(int8_t)value;
	case 1:
		return (uint64_t)(int16_t)value;
	case 2:
		return (uint64_t)(int32_t)value;
	default:
		return value;
	}
}

static inline uint64_t decode_narrow(uint32_t htinst, uint64_t value)
{
	unsigned above = 64 - 8 * decode_width(htinst);

	return value << above >> above;
}
