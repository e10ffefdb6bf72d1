/*
 * Decoding of integer loads and stores, from the tables "RV64 instruction set
 * listings" and "RVC instruction listings" of the Unprivileged ISA and from
 * the Zcb chapter. A transformed instruction is the 32-bit form with bit 1
 * cleared when the guest's own was compressed; in place of rs1 it tells how far
 * into a misaligned access the fault lies.
 */
#include "arch/riscv/guest/decode.h"

#include <errno.h>

#define OPCODE_LOAD	0x03u
#define OPCODE_STORE	0x23u
#define FUNCT3_UNSIGNED 4u /* of loads: lbu, lhu, lwu */

/* funct3 of compressed ones, above the quadrant in bits 1 and 0. */
#define C_FORM(quadrant, funct3) ((funct3) << 2 | (quadrant))
#define C_LW			 C_FORM(0u, 2u)
#define C_LD			 C_FORM(0u, 3u)
#define C_ZCB			 C_FORM(0u, 4u)
#define C_SW			 C_FORM(0u, 6u)
#define C_SD			 C_FORM(0u, 7u)
#define C_LWSP			 C_FORM(2u, 2u)
#define C_LDSP			 C_FORM(2u, 3u)
#define C_SWSP			 C_FORM(2u, 6u)
#define C_SDSP			 C_FORM(2u, 7u)

/* Bits 12 to 10 of Zcb's loads and stores. */
#define ZCB_LBU 0u
#define ZCB_LH	1u /* lhu, or lh when bit 6 is set */
#define ZCB_SB	2u
#define ZCB_SH	3u

static uint32_t bits(uint32_t insn, unsigned high, unsigned low)
{
	return insn >> low & ((1u << (high - low + 1)) - 1);
}

static int decode_full(uint32_t insn, struct decode_access *out)
{
	uint32_t funct3 = bits(insn, 14, 12), opcode = bits(insn, 6, 0);

	out->length = 4;
	out->width = 1u << (funct3 & 3);
	out->write = opcode == OPCODE_STORE;
	if (opcode == OPCODE_STORE) {
		out->reg = bits(insn, 24, 20);
		out->sign_extend = false;
		return funct3 & FUNCT3_UNSIGNED ? -ENOTSUP : 0;
	}
	if (opcode != OPCODE_LOAD || funct3 == 7)
		return -ENOTSUP;
	out->reg = bits(insn, 11, 7);
	out->sign_extend = !(funct3 & FUNCT3_UNSIGNED) && out->width < 8;
	return 0;
}

static int decode_zcb(uint32_t insn, struct decode_access *out)
{
	bool bit6 = bits(insn, 6, 6);

	out->reg = 8 + bits(insn, 4, 2);
	out->sign_extend = false;
	switch (bits(insn, 12, 10)) {
	case ZCB_LBU:
		out->write = false;
		out->width = 1;
		return 0;
	case ZCB_LH:
		out->write = false;
		out->width = 2;
		out->sign_extend = bit6;
		return 0;
	case ZCB_SB:
		out->write = true;
		out->width = 1;
		return 0;
	case ZCB_SH:
		out->write = true;
		out->width = 2;
		return bit6 ? -ENOTSUP : 0;
	default:
		return -ENOTSUP;
	}
}

static int decode_compressed(uint32_t insn, struct decode_access *out)
{
	uint32_t form = C_FORM(bits(insn, 1, 0), bits(insn, 15, 13));

	out->length = 2;
	if (form == C_ZCB)
		return decode_zcb(insn, out);
	out->width = form & C_FORM(0u, 1u) ? 8 : 4;
	out->write = form & C_FORM(0u, 4u);
	out->sign_extend = !out->write && out->width == 4;
	switch (form) {
	case C_LW:
	case C_LD:
	case C_SW:
	case C_SD:
		out->reg = 8 + bits(insn, 4, 2);
		return 0;
	case C_LWSP:
	case C_LDSP:
		out->reg = bits(insn, 11, 7);
		return out->reg ? 0 : -ENOTSUP; /* reserved */
	case C_SWSP:
	case C_SDSP:
		out->reg = bits(insn, 6, 2);
		return 0;
	default:
		return -ENOTSUP;
	}
}

static int decode_transformed(uint32_t insn, struct decode_access *out)
{
	int err;

	/* Bit 0 clear: 0 or a pseudo-instruction. */
	if (!bits(insn, 0, 0) || bits(insn, 19, 15))
		return -ENOTSUP;
	err = decode_full(insn | 2u, out);
	if (!bits(insn, 1, 1))
		out->length = 2;
	return err;
}

int decode_access(uint32_t insn, bool transformed, struct decode_access *out)
{
	if (transformed)
		return decode_transformed(insn, out);
	if (bits(insn, 1, 0) == 3)
		return decode_full(insn, out);
	return decode_compressed(insn, out);
}

uint64_t decode_load_value(const struct decode_access *a, uint64_t value)
{
	unsigned above = 64 - 8 * a->width;

	value <<= above;
	return a->sign_extend ? (uint64_t)((int64_t)value >> above)
			      : value >> above;
}

uint64_t decode_store_value(const struct decode_access *a, uint64_t value)
{
	unsigned above = 64 - 8 * a->width;

	return value << above >> above;
}
