/* The Image header parser against hand-made headers and cut or bent ones.
 *
 * Sources: lib/image.c */
#include "lib/image.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void put_le(uint8_t *p, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		p[i] = value >> (8 * i);
}

/* What a Debian kernel's header looks like, every field distinct. */
static void fill(uint8_t *p)
{
	memset(p, 0, IMAGE_HEADER_SIZE);
	put_le(p, 0x0000905a4d, 4);
	put_le(p + 4, 0x7a10106f, 4);
	put_le(p + 8, 0x200000, 8);
	put_le(p + 16, 0x1f2e000, 8);
	put_le(p + 32, 2, 4);
	memcpy(p + 48, "RISCV\0\0\0", 8);
	memcpy(p + 56, "RSC\x05", 4);
	put_le(p + 60, 0x40, 4);
}

static struct image_header good(void)
{
	uint8_t buf[IMAGE_HEADER_SIZE];
	struct image_header h;

	fill(buf);
	assert_int_equal(image_header_read(buf, sizeof(buf), &h), 0);
	return h;
}

static void every_field_is_decoded(void **state)
{
	struct image_header h = good();

	(void)state;
	assert_int_equal(h.code0, 0x905a4d);
	assert_int_equal(h.code1, 0x7a10106f);
	assert_int_equal(h.text_offset, 0x200000);
	assert_int_equal(h.image_size, 0x1f2e000);
	assert_int_equal(h.flags, 0);
	assert_int_equal(h.version, 2);
	assert_int_equal(h.magic, IMAGE_MAGIC);
	assert_int_equal(h.magic2, IMAGE_MAGIC2);
	assert_int_equal(h.pe_offset, 0x40);
	assert_null(image_header_problem(&h, 0x1f00000));
	assert_null(image_header_problem(&h, h.image_size));
}

static void unaligned_buffer_reads_the_same(void **state)
{
	uint8_t buf[IMAGE_HEADER_SIZE + 8];
	struct image_header want = good();

	(void)state;
	for (int shift = 0; shift < 8; shift++) {
		struct image_header h = {0};

		fill(buf + shift);
		assert_int_equal(
			image_header_read(buf + shift, IMAGE_HEADER_SIZE, &h),
			0);
		assert_int_equal(h.image_size, want.image_size);
		assert_int_equal(h.pe_offset, want.pe_offset);
	}
}

static void short_buffer_leaves_result_alone(void **state)
{
	uint8_t buf[IMAGE_HEADER_SIZE];
	struct image_header h = {.version = 77};

	(void)state;
	fill(buf);
	for (size_t len = 0; len < IMAGE_HEADER_SIZE; len++)
		assert_int_equal(image_header_read(buf, len, &h), -EINVAL);
	assert_int_equal(h.version, 77);
}

static void any_bent_magic2_byte_is_enoexec(void **state)
{
	uint8_t buf[IMAGE_HEADER_SIZE];
	struct image_header h;

	(void)state;
	for (int i = 56; i < 60; i++) {
		fill(buf);
		buf[i] ^= 0x20;
		assert_int_equal(image_header_read(buf, sizeof(buf), &h),
				 -ENOEXEC);
		assert_int_equal(h.image_size, 0x1f2e000);
		assert_non_null(image_header_problem(&h, 4096));
	}
}

static void deprecated_magic_is_not_needed(void **state)
{
	struct image_header h = good();

	(void)state;
	h.magic = 0;
	assert_null(image_header_problem(&h, 4096));
}

static void problem_names_what_is_wrong(void **state)
{
	static const struct {
		const char *word;
		struct image_header bend;
		uint64_t size;
	} cases[] = {
		{"version", {.version = 0x10000, .image_size = 4096}, 4096},
		{"version", {.version = 0, .image_size = 4096}, 4096},
		{"endian", {.version = 2, .flags = 1, .image_size = 4096}, 64},
		{"flags", {.version = 2, .flags = 6, .image_size = 4096}, 64},
		{"image_size is 0", {.version = 2}, 64},
		{"shorter", {.version = 2, .image_size = 4096}, 63},
		{"longer", {.version = 2, .image_size = 4096}, 4097},
		{"text_offset",
		 {.version = 2, .image_size = 4096, .text_offset = 0x200800},
		 4096},
		{"overflows",
		 {.version = 2,
		  .image_size = 0x2000,
		  .text_offset = 0xfffffffffffff000},
		 4096},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct image_header h = cases[i].bend;
		const char *text;

		h.magic2 = IMAGE_MAGIC2;
		text = image_header_problem(&h, cases[i].size);
		assert_non_null(text);
		assert_non_null(strstr(text, cases[i].word));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_is_decoded),
		cmocka_unit_test(unaligned_buffer_reads_the_same),
		cmocka_unit_test(short_buffer_leaves_result_alone),
		cmocka_unit_test(any_bent_magic2_byte_is_enoexec),
		cmocka_unit_test(deprecated_magic_is_not_needed),
		cmocka_unit_test(problem_names_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
