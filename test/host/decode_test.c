/* Sources: arch/riscv/guest/decode.c */
/*
 * The decoder of guest loads and stores against binutils' disassembler: every
 * compressed instruction there is, every load and store of 32 bits with every
 * register, and random words of every other opcode. Zcb, which binutils 2.40
 * does not know, against the encodings as its chapter draws them.
 */
#include "arch/riscv/guest/decode.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/addr.h"
#include "test/host/random.h"

#define PSEUDO_READ64 0x3000u /* htinst of a read for an implicit access */
#define PSEUDO_WRITE  0x3020u

/* A load or store by name, with what the ISA says of it. */
struct form {
	const char *name;
	bool write, sign_extend;
	uint8_t width, funct3;
};

static const struct form forms[] = {
	{"lb", false, true, 1, 0},   {"lh", false, true, 2, 1},
	{"lw", false, true, 4, 2},   {"ld", false, false, 8, 3},
	{"lbu", false, false, 1, 4}, {"lhu", false, false, 2, 5},
	{"lwu", false, false, 4, 6}, {"sb", true, false, 1, 0},
	{"sh", true, false, 2, 1},   {"sw", true, false, 4, 2},
	{"sd", true, false, 8, 3},
};

/* As binutils names it: c.ldsp is an ld. */
static const struct form *form_find(const char *mnemonic)
{
	char name[32];
	size_t len;

	snprintf(name, sizeof(name), "%s",
		 strncmp(mnemonic, "c.", 2) ? mnemonic : mnemonic + 2);
	len = strlen(name);
	if (mnemonic[1] == '.' && len > 2 && !strcmp(name + len - 2, "sp"))
		name[len - 2] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (!strcmp(forms[i].name, name))
			return &forms[i];
	return NULL;
}

/* What htinst would be for an access of @form to or from @reg. */
static uint32_t transform(const struct form *form, unsigned reg, unsigned len)
{
	uint32_t insn = form->funct3 << 12 | (len == 4 ? 3u : 1u);

	return form->write ? insn | 0x20 | reg << 20 : insn | reg << 7;
}

static void check_access(const struct decode_access *got,
			 const struct form *form, unsigned reg, unsigned len)
{
	assert_int_equal(got->write, form->write);
	assert_int_equal(got->sign_extend, form->sign_extend);
	assert_int_equal(got->width, form->width);
	assert_int_equal(got->reg, reg);
	assert_int_equal(got->length, len);
}

/* @form NULL: no load or store. */
static void check(uint32_t insn, const struct form *form, unsigned reg,
		  unsigned len)
{
	struct decode_access got;
	int err = decode_access(insn, false, &got);

	if (err != (form ? 0 : -ENOTSUP))
		fail_msg("%#x: %d, is %s", insn, err, form ? form->name : "-");
	if (!form)
		return;
	check_access(&got, form, reg, len);
	insn = transform(form, reg, len);
	assert_int_equal(decode_access(insn, true, &got), 0);
	check_access(&got, form, reg, len);
	/* The second part of a misaligned access. */
	insn |= 1u << 15;
	assert_int_equal(decode_access(insn, true, &got), -ENOTSUP);
}

/* One line of objdump: " address: <tab> hex <tab> mnemonic <tab> operands". */
static bool check_line(const char *line, unsigned len)
{
	const struct form *form;
	char mnemonic[32] = "", operand[32] = "";
	unsigned address, insn, reg = 0;

	if (sscanf(line, " %x: %x %31s %31[^,]", &address, &insn, mnemonic,
		   operand) < 3)
		return false;
	form = form_find(mnemonic);
	if (form)
		assert_int_equal(sscanf(operand, " x%u", &reg), 1);
	/* Garbage behind a compressed one must not matter. */
	check(insn, form, reg, len);
	if (len == 2)
		check(insn | 0xdead0000, form, reg, len);
	return true;
}

/* Disassemble @code and check each line; returns the number of them. */
static size_t oracle(const void *code, size_t size, unsigned len)
{
	const char *cross = getenv("CROSS_COMPILE");
	char path[] = "/tmp/decode_test-XXXXXX", command[256], line[256];
	size_t lines = 0;
	int fd = mkstemp(path);
	FILE *out;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, code, size), size);
	close(fd);
	snprintf(command, sizeof(command),
		 "%sobjdump -D -z -b binary -m riscv:rv64 "
		 "-M no-aliases,numeric %s",
		 cross ? cross : "riscv64-linux-gnu-", path);
	out = popen(command, "r");
	assert_non_null(out);
	while (fgets(line, sizeof(line), out))
		lines += check_line(line, len);
	assert_int_equal(pclose(out), 0);
	unlink(path);
	return lines;
}

static bool is_zcb(uint32_t insn)
{
	return (insn & 0xe003) == 0x8000;
}

static void every_compressed_instruction(void **state)
{
	static uint16_t code[0x10000];
	size_t n = 0;

	(void)state;
	for (uint32_t insn = 0; insn < 0x10000; insn++)
		if ((insn & 3) != 3 && !is_zcb(insn))
			code[n++] = insn;
	assert_int_equal(n, 0xc000 - 0x800);
	assert_int_equal(oracle(code, 2 * n, 2), n);
}

/* Zcb: c.lbu c.lhu c.lh c.sb c.sh, matched by the chapter's fixed bits. */
static const struct form *zcb_form(uint32_t insn)
{
	if ((insn & 0xfc03) == 0x8000)
		return form_find("lbu");
	if ((insn & 0xfc43) == 0x8400)
		return form_find("lhu");
	if ((insn & 0xfc43) == 0x8440)
		return form_find("lh");
	if ((insn & 0xfc03) == 0x8800)
		return form_find("sb");
	if ((insn & 0xfc43) == 0x8c00)
		return form_find("sh");
	return NULL;
}

static void every_zcb_instruction(void **state)
{
	unsigned known = 0;

	(void)state;
	for (uint32_t insn = 0; insn < 0x10000; insn++) {
		if (!is_zcb(insn))
			continue;
		check(insn, zcb_form(insn), 8 + (insn >> 2 & 7), 2);
		known += zcb_form(insn) != NULL;
	}
	/* lbu and sb have 8 free bits, the others 7. */
	assert_int_equal(known, 2 * 256 + 3 * 128);
}

static void every_load_and_store_with_every_register(void **state)
{
	static uint32_t code[2 * 8 * 32 * 64];
	uint64_t seed = random_seed();
	uint32_t insn, reg, funct3;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(code); i++) {
		reg = i % 32;
		funct3 = i / 32 % 8;
		insn = random_next(&seed);
		insn = (insn & ~0x707fu) | funct3 << 12;
		if (i / 256 % 2)
			insn = (insn & ~0x1f00000u) | 0x23 | reg << 20;
		else
			insn = (insn & ~0xf80u) | 0x03 | reg << 7;
		code[n++] = insn;
	}
	assert_int_equal(oracle(code, sizeof(code), 4), n);
}

static void random_words_of_every_opcode(void **state)
{
	static uint32_t code[128 * 512];
	uint64_t seed = random_seed();
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(code); i++) {
		/* Bits 4 to 2 all set begin an instruction of 48 bits. */
		if ((i & 0x1c) == 0x1c || (i & 3) != 3)
			continue;
		code[n++] = (uint32_t)random_next(&seed) << 7 | (i & 0x7f);
	}
	assert_int_equal(n, 28 * 512);
	assert_int_equal(oracle(code, n * sizeof(code[0]), 4), n);
}

static void longer_instructions_are_refused(void **state)
{
	uint64_t seed = random_seed();
	struct decode_access got;
	uint32_t insn;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		insn = random_next(&seed) | 0x1f;
		assert_int_equal(decode_access(insn, false, &got), -ENOTSUP);
	}
}

static void pseudo_instructions_are_refused(void **state)
{
	struct decode_access got;

	(void)state;
	assert_int_equal(decode_access(0, true, &got), -ENOTSUP);
	assert_int_equal(decode_access(PSEUDO_READ64, true, &got), -ENOTSUP);
	assert_int_equal(decode_access(PSEUDO_WRITE, true, &got), -ENOTSUP);
	/* Custom: bits 1 and 0 are 10. */
	assert_int_equal(decode_access(0x2002, true, &got), -ENOTSUP);
	/* Transformed amoadd.w, flw, hlv.w. */
	assert_int_equal(decode_access(0x202f, true, &got), -ENOTSUP);
	assert_int_equal(decode_access(0x2007, true, &got), -ENOTSUP);
	assert_int_equal(decode_access(0x68004073, true, &got), -ENOTSUP);
}

static void values_are_extended(void **state)
{
	struct decode_access a = {.width = 1, .sign_extend = true};

	(void)state;
	assert_int_equal(decode_load_value(&a, 0x1280), 0xffffffffffffff80);
	assert_int_equal(decode_load_value(&a, 0x127f), 0x7f);
	a.sign_extend = false;
	assert_int_equal(decode_load_value(&a, 0x1280), 0x80);
	a.width = 4;
	assert_int_equal(decode_load_value(&a, 0xf80000001), 0x80000001);
	a.sign_extend = true;
	assert_int_equal(decode_load_value(&a, 0xf80000001),
			 0xffffffff80000001);
	a.width = 8;
	a.sign_extend = false;
	assert_int_equal(decode_load_value(&a, ~0ull), ~0ull);
	assert_int_equal(decode_store_value(&a, ~0ull), ~0ull);
	a.width = 2;
	assert_int_equal(decode_store_value(&a, ~0ull), 0xffff);
}

/* All that differs between transformed instructions. */
static void quick_forms_agree(void **state)
{
	static const uint64_t value[] = {0x80, 0x8000, 0x80000000, 1ull << 63};
	struct decode_access got;
	unsigned i, loads = 0, stores = 0;
	uint32_t insn;
	int err;

	(void)state;
	for (insn = 0; insn < 1u << 15; insn++) {
		err = decode_access(insn, true, &got);
		assert_int_equal(decode_is_load(insn), !err && !got.write);
		assert_int_equal(decode_is_store(insn), !err && got.write);
		if (err)
			continue;
		loads += !got.write;
		stores += got.write;
		assert_int_equal(decode_width(insn), got.width);
		assert_int_equal(decode_length(insn), got.length);
		if (!got.write)
			assert_int_equal(decode_load_reg(insn), got.reg);
		for (i = 0; i < ARRAY_SIZE(value); i++) {
			uint64_t v = decode_store_value(&got, value[i]);

			assert_int_equal(decode_narrow(insn, value[i]), v);
			if (!got.write)
				assert_int_equal(decode_extend(insn, v),
						 decode_load_value(&got, v));
		}
		/* rs1's place tells of a misaligned access. */
		assert_false(decode_is_load(insn | 1u << 17));
	}
	/* 7 loads, 4 stores, whatever bits 7 to 11, compressed or not. */
	assert_int_equal(loads, 2 * 7 * 32);
	assert_int_equal(stores, 2 * 4 * 32);
	for (i = 0; i < 32; i++) {
		assert_int_equal(decode_access(0x23 | i << 20, true, &got), 0);
		assert_int_equal(decode_store_reg(0x23 | i << 20), got.reg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_compressed_instruction),
		cmocka_unit_test(every_zcb_instruction),
		cmocka_unit_test(every_load_and_store_with_every_register),
		cmocka_unit_test(random_words_of_every_opcode),
		cmocka_unit_test(longer_instructions_are_refused),
		cmocka_unit_test(pseudo_instructions_are_refused),
		cmocka_unit_test(values_are_extended),
		cmocka_unit_test(quick_forms_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
