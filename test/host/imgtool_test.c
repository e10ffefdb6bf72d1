/* Sources: tools/imgtool/blob.c tools/imgtool/info.c tools/imgtool/pe.c
 * tools/imgtool/rela.c tools/imgtool/table.c lib/image.c
 * arch/riscv/boot/relocate.c */
/* imgtool's readers and what it says, over images made here and bent ones. */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

#include "lib/image.h"
#include "test/host/random.h"
#include "tools/imgtool/info.h"
#include "tools/imgtool/pe.h"
#include "tools/imgtool/rela.h"
#include "tools/imgtool/table.h"

#define FILE_SIZE  0x3080u
#define IMAGE_SIZE 0x5000u
#define RELA_AT	   0x2100u
#define RELA_COUNT 4u
#define PE_AT	   0x100u

static uint8_t raw[FILE_SIZE];
static struct blob image = {.data = raw};

static void put(unsigned at, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		raw[at + i] = (uint8_t)(value >> (8 * i));
}

static void put_rela(unsigned i, uint64_t offset, uint64_t info,
		     uint64_t addend)
{
	put(RELA_AT + 24 * i, offset, 8);
	put(RELA_AT + 24 * i + 8, info, 8);
	put(RELA_AT + 24 * i + 16, addend, 8);
}

/* An image as the kernel's: text, rodata, data, bss and four relocations. */
static int image_make(void **state)
{
	static const uint32_t table[] = {
		TABLE_VERSION, TABLE_SIZE, 0,	    0x2000,
		0x2000,	       0x3000,	   0x3000,  0x3080,
		0x3080,	       IMAGE_SIZE, RELA_AT, RELA_AT + 24 * RELA_COUNT};

	(void)state;
	memset(raw, 0, sizeof(raw));
	image.size = FILE_SIZE;
	image.gzip = false;
	put(0, 0x0780006f, 4);
	put(8, 0x200000, 8);
	put(16, IMAGE_SIZE, 8);
	put(32, 2, 4);
	memcpy(raw + 48, "RISCV", 5);
	put(56, IMAGE_MAGIC2, 4);
	memcpy(raw + TABLE_OFFSET, TABLE_MAGIC, 8);
	for (unsigned i = 0; i < 12; i++)
		put(TABLE_OFFSET + 8 + 4 * i, table[i], 4);
	put_rela(0, 0x2010, RELOCATE_RELATIVE, 0x40);
	put_rela(1, 0x3000, RELOCATE_RELATIVE, 0x2800);
	put_rela(2, 0x3008, RELOCATE_RELATIVE, IMAGE_SIZE);
	put_rela(3, 0, RELOCATE_NONE, 0);
	return 0;
}

/* A PE header with two sections, as EFI-stub kernels have one. */
static void pe_make(void)
{
	const unsigned optional = PE_AT + 24;
	const unsigned sections = optional + 160;

	put(60, PE_AT, 4);
	memcpy(raw + PE_AT, "PE\0\0", 4);
	put(PE_AT + 4, PE_MACHINE_RISCV64, 2);
	put(PE_AT + 6, 2, 2);
	put(PE_AT + 20, 160, 2);
	put(optional, 0x20b, 2);
	put(optional + 16, 0x1234, 4);
	put(optional + 32, 0x1000, 4);
	put(optional + 36, 0x200, 4);
	put(optional + 56, IMAGE_SIZE, 4);
	put(optional + 60, 0x1000, 4);
	put(optional + 68, PE_EFI_APPLICATION, 2);
	memcpy(raw + sections, ".text", 5);
	put(sections + 8, 0x1000, 4);
	put(sections + 12, 0x1000, 4);
	put(sections + 16, 0x800, 4);
	put(sections + 20, 0x1000, 4);
	put(sections + 36, 0x60000020, 4);
	memcpy(raw + sections + 40, ".da\033aaaa", 8);
	put(sections + 48, 0x2000, 4);
	put(sections + 52, 0x3000, 4);
	put(sections + 56, 0x80, 4);
	put(sections + 60, 0x3000, 4);
	put(sections + 76, 0xc0000040, 4);
}

static char *text;

/* What `imgtool info` says now; the number of problems. */
static unsigned info(void)
{
	size_t size;
	FILE *f;
	unsigned problems;

	free(text);
	text = NULL;
	f = open_memstream(&text, &size);
	assert_non_null(f);
	problems = info_print(f, "Image", &image);
	fclose(f);
	return problems;
}

static void says(const char *what)
{
	if (strstr(text, what) == NULL)
		fail_msg("\"%s\" is not in:\n%s", what, text);
}

static void never_says(const char *what)
{
	if (strstr(text, what) != NULL)
		fail_msg("\"%s\" is in:\n%s", what, text);
}

static int text_free(void **state)
{
	(void)state;
	free(text);
	text = NULL;
	return 0;
}

/* The sound image. */

static void our_image_is_described(void **state)
{
	(void)state;
	assert_int_equal(info(), 0);
	says("Image: RISC-V Image, 12.1 KiB\n");
	says("image_size   0x5000       20.0 KiB in memory\n");
	says("text       0x00000000..0x00002000     8.0 KiB  r-x\n");
	says("rodata     0x00002000..0x00003000     4.0 KiB  r--\n");
	says("data       0x00003000..0x00003080   128 bytes  rw-\n");
	says("bss        0x00003080..0x00005000     7.8 KiB  rw-  not in");
	says("relocations: 3 RELATIVE, 1 NONE, 0 of other types\n");
	says("words in   rodata 1 data 2\n");
	says("point to   text 1 rodata 1 bss 1\n");
	says("ok    they can be applied");
	says("UEFI          refuses it: no usable PE header");
	never_says("FAIL");
}

static void another_kernels_image_has_no_relocations_recorded(void **state)
{
	(void)state;
	memset(raw + TABLE_OFFSET, 0x13, 8);
	pe_make();
	assert_int_equal(info(), 0);
	says("\nrelocations: not recorded\n");
	says("subsystem    0xa          EFI application\n");
	says(".text      0x00001000 0x00001000  0x00001000 0x00000800  r-x\n");
	says(".da?aaaa   0x00003000 0x00002000  0x00003000 0x00000080  rw-\n");
	says("UEFI          starts it as an EFI application");
	never_says("\nsections");
}

/* The header. */

static void what_a_loader_would_refuse_is_said(void **state)
{
	static const struct {
		unsigned at;
		uint64_t value;
		unsigned bytes;
		const char *said;
	} cases[] = {
		{16, 0, 8, "FAIL  image_size is given: booti refuses 0"},
		{16, FILE_SIZE - 1, 8, "FAIL  image_size covers the file"},
		{8, 0x1234, 8, "FAIL  text_offset is on a page"},
		{8, ~0xfffull, 8, "text_offset + image_size overflows"},
		{8, 0, 8, "over the firmware at the start of RAM"},
		{24, 1, 8, "FAIL  flags: little endian"},
		{24, 1ull << 40, 8, "FAIL  flags: little endian"},
		{32, 0x10000, 4, "FAIL  the version of the header is known"},
		{32, 0, 4, "FAIL  the version of the header is known"},
		{0, 0, 4, "FAIL  the first word can be executed"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		image_make(NULL);
		put(cases[i].at, cases[i].value, cases[i].bytes);
		assert_true(info() > 0);
		says(cases[i].said);
		says("problem");
	}
}

static void other_files_are_told_by_name(void **state)
{
	(void)state;
	image.size = 0;
	assert_int_equal(info(), 1);
	says("not a RISC-V Image: an empty file");
	image.size = IMAGE_HEADER_SIZE - 1;
	assert_int_equal(info(), 1);
	says("shorter than an Image header (64 bytes)");
	image.size = FILE_SIZE;
	put(56, 0x12345678, 4);
	assert_int_equal(info(), 1);
	says("no RSC\\x05 at offset 56");
	memcpy(raw, "\177ELF", 4);
	assert_int_equal(info(), 1);
	says("an ELF file");
	memcpy(raw, "070701", 6);
	assert_int_equal(info(), 1);
	says("a cpio archive");
	put(0, 0xedfe0dd0, 4);
	assert_int_equal(info(), 1);
	says("a device tree");
}

/* The image table. */

static void a_table_that_breaks_a_rule_is_not_used(void **state)
{
	static const struct {
		unsigned at; /* in the table */
		uint32_t value;
		const char *said;
	} cases[] = {
		{12, TABLE_SIZE - 1, "its size is too small"},
		{20, 0xffffffff, "begins before the one before it ends"},
		{24, 0x1fff, "begins before the one before it ends"},
		{24, 0x2800, "not begin on a page of its own"},
		{28, 0x1000, "ends before it begins"},
		{36, 0x4000, "begins before the one before it ends"},
		{44, 0x6000, "bss does not end at image_size"},
		{44, 0x4000, "bss does not end at image_size"},
		{48, 0xfffffff8, "relocations outside the file"},
		{52, 0xfffffff8, "relocations outside the file"},
		{52, RELA_AT + 23, "relocations misaligned or not whole"},
		{48, RELA_AT + 4, "relocations misaligned or not whole"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		image_make(NULL);
		put(TABLE_OFFSET + cases[i].at, cases[i].value, 4);
		assert_int_equal(info(), 1);
		says("relocations: not recorded");
		says("FAIL  the image table is sound");
		says(cases[i].said);
	}
	image_make(NULL);
	put(TABLE_OFFSET + 48, RELA_AT + 4, 4);
	put(TABLE_OFFSET + 52, RELA_AT + 4 + 24 * RELA_COUNT, 4);
	assert_int_equal(info(), 1);
	says("relocations misaligned or not whole");
	image_make(NULL);
	put(TABLE_OFFSET + 36, 0x3081, 4);
	put(TABLE_OFFSET + 40, 0x3081, 4);
	assert_int_equal(info(), 1);
	says("data ends after the end of the file");
}

static void a_newer_table_is_left_alone(void **state)
{
	struct image_table t;

	(void)state;
	put(TABLE_OFFSET + 8, TABLE_VERSION + 1, 4);
	assert_int_equal(table_read(&image, &t), -ENOTSUP);
	assert_int_equal(info(), 0);
	says("of a newer version");
}

static void a_longer_table_of_this_version_is_read(void **state)
{
	(void)state;
	put(TABLE_OFFSET + 12, TABLE_SIZE + 16, 4);
	assert_int_equal(info(), 0);
	says("relocations: 3 RELATIVE");
}

static void a_file_that_ends_in_the_table_is_said_so(void **state)
{
	(void)state;
	for (image.size = IMAGE_HEADER_SIZE;
	     image.size < TABLE_OFFSET + TABLE_SIZE; image.size++) {
		/* An exact copy, so that a read beyond it is seen. */
		struct blob cut = {.data = malloc(image.size),
				   .size = image.size};
		struct image_table t;

		memcpy(cut.data, raw, image.size);
		assert_int_equal(table_read(&cut, &t),
				 image.size < TABLE_OFFSET + 8 ? -ENOENT
							       : -EINVAL);
		free(cut.data);
	}
	image.size = TABLE_OFFSET + TABLE_SIZE - 1;
	assert_int_equal(info(), 1);
	says("FAIL  the image table is whole: the file ends in it");
}

/* Relocations. */

static void a_bad_relocation_is_said_with_its_entry(void **state)
{
	(void)state;
	put_rela(2, 0x3008, 58, 0);
	assert_int_equal(info(), 1);
	says("2 RELATIVE, 1 NONE, 1 of other types");
	says("entry 2 (type 0x3a, offset 0x3008): unknown relocation type");
	put_rela(2, FILE_SIZE - 7, RELOCATE_RELATIVE, ~0ull);
	assert_int_equal(info(), 1);
	says("entry 2 (type 0x3, offset 0x3079): offset outside the image");
	says("elsewhere 1\n");
}

static void relocating_writes_the_words(void **state)
{
	struct image_table t;
	struct relocate_error err;
	uint64_t word;

	(void)state;
	assert_int_equal(table_read(&image, &t), 0);
	assert_int_equal(rela_apply(&image, &t, 0xffffffff9a3c5000, &err), 3);
	memcpy(&word, raw + 0x3000, 8);
	assert_int_equal(word, 0xffffffff9a3c7800);
	memcpy(&word, raw + 0x3008, 8);
	assert_int_equal(word, 0xffffffff9a3c5000 + IMAGE_SIZE);
}

/* PE. */

static void a_pe_header_that_breaks_a_rule_is_said(void **state)
{
	const unsigned optional = PE_AT + 24;
	const struct {
		unsigned at;
		uint32_t value;
		unsigned bytes;
		const char *said;
	} cases[] = {
		{60, FILE_SIZE - 100, 4, "PE header outside the file"},
		{60, 0xffffffff, 4, "PE header outside the file"},
		{PE_AT, 0x4550 + 1, 2, "no PE signature"},
		{PE_AT + 20, 64, 2, "not a PE32+ header"},
		{optional, 0x10b, 2, "not a PE32+ header"},
		{PE_AT + 6, 0xffff, 2, "PE section table outside the file"},
		{PE_AT + 20, 0xffff, 2, "PE section table outside the file"},
		{PE_AT + 4, 0x8664, 2, "PE header is for another machine"},
		{optional + 68, 3, 2, "PE subsystem is not EFI application"},
		{optional + 16, IMAGE_SIZE, 4, "PE entry point outside"},
		{optional + 56, 0x4fff, 4, "lies outside SizeOfImage"},
		{optional + 160 + 20, FILE_SIZE - 0x7ff, 4,
		 "a PE section's bytes lie outside the file"},
		{optional + 160 + 20, 0xffffffff, 4,
		 "a PE section's bytes lie outside the file"},
		{optional + 160 + 36, 0xe0000020, 4,
		 "a PE section is writable and executable"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		image_make(NULL);
		pe_make();
		assert_int_equal(info(), 0);
		put(cases[i].at, cases[i].value, cases[i].bytes);
		assert_int_equal(info(), 1);
		says(cases[i].said);
		says("UEFI          refuses it");
	}
}

/* gzip. */

static uint8_t packed[2 * FILE_SIZE];

static size_t pack(const uint8_t *from, size_t size, size_t room)
{
	z_stream z = {.next_in = (Bytef *)(uintptr_t)from,
		      .avail_in = (uInt)size,
		      .next_out = packed + sizeof(packed) - room,
		      .avail_out = (uInt)room};

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, 0),
			 Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return z.total_out;
}

static void a_packed_image_is_unpacked(void **state)
{
	size_t size = pack(raw, FILE_SIZE, sizeof(packed));
	struct blob b;
	const char *why;

	(void)state;
	assert_int_equal(blob_from_bytes(packed, size, BLOB_MAX, &b, &why), 0);
	assert_true(b.gzip);
	assert_int_equal(b.packed_size, size);
	assert_int_equal(b.size, FILE_SIZE);
	assert_memory_equal(b.data, raw, FILE_SIZE);
	image.gzip = true;
	image.packed_size = size;
	assert_int_equal(info(), 0);
	says("wants kernel_comp_addr_r");
	blob_free(&b);
}

static void two_members_make_one_image(void **state)
{
	size_t first = pack(raw, 1000, sizeof(packed));
	size_t both = first +
		pack(raw + 1000, FILE_SIZE - 1000, sizeof(packed) - first);
	struct blob b;
	const char *why;

	(void)state;
	assert_int_equal(blob_from_bytes(packed, both, BLOB_MAX, &b, &why), 0);
	assert_int_equal(b.size, FILE_SIZE);
	assert_memory_equal(b.data, raw, FILE_SIZE);
	blob_free(&b);
}

static void gzip_that_is_cut_short_is_refused(void **state)
{
	size_t size = pack(raw, FILE_SIZE, sizeof(packed));
	struct blob b;
	const char *why;

	(void)state;
	for (size_t cut = 2; cut < size; cut++) {
		assert_int_equal(
			blob_from_bytes(packed, cut, BLOB_MAX, &b, &why),
			-EBADMSG);
		assert_string_equal(why, "gzip data is cut short");
	}
}

static void damaged_gzip_is_refused(void **state)
{
	size_t size = pack(raw, FILE_SIZE, sizeof(packed));
	struct blob b;
	const char *why;

	(void)state;
	packed[size] = 'x';
	assert_int_equal(blob_from_bytes(packed, size + 1, BLOB_MAX, &b, &why),
			 -EBADMSG);
	assert_string_equal(why, "garbage after the gzip data");
	packed[size - 6] ^= 1; /* the checksum */
	assert_int_equal(blob_from_bytes(packed, size, BLOB_MAX, &b, &why),
			 -EBADMSG);
	assert_string_equal(why, "gzip data is damaged");
}

static void gzip_does_not_grow_without_bound(void **state)
{
	size_t size = pack(raw, FILE_SIZE, sizeof(packed));
	struct blob b;
	const char *why;

	(void)state;
	assert_int_equal(blob_from_bytes(packed, size, FILE_SIZE - 1, &b, &why),
			 -EFBIG);
	assert_string_equal(why, "unpacks to more than is sensible");
	assert_null(b.data);
}

static void files_that_cannot_be_read_say_why(void **state)
{
	struct blob b;
	const char *why;

	(void)state;
	assert_int_equal(blob_from_file("/nonexistent/Image", &b, &why),
			 -ENOENT);
	assert_string_equal(why, strerror(ENOENT));
	assert_int_equal(blob_from_file("/", &b, &why), -EINVAL);
	assert_string_equal(why, "not a regular file");
}

static void a_file_is_read_whole(void **state)
{
	char path[] = "/tmp/imgtool_test.XXXXXX";
	int fd = mkstemp(path);
	struct blob b;
	const char *why;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, raw, FILE_SIZE), FILE_SIZE);
	close(fd);
	assert_int_equal(blob_from_file(path, &b, &why), 0);
	unlink(path);
	assert_int_equal(b.size, FILE_SIZE);
	assert_memory_equal(b.data, raw, FILE_SIZE);
	assert_false(b.gzip);
	blob_free(&b);
}

/* Whatever is in the file, every offset is checked before it is used. */
static void bent_images_never_read_outside(void **state)
{
	uint64_t rng = random_seed();

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		struct blob b;
		const char *why;
		size_t size = FILE_SIZE;

		image_make(NULL);
		if (round % 2)
			pe_make();
		for (unsigned i = random_below(&rng, 4); i != 0; i--)
			put(8 * random_below(&rng, 0x180 / 8),
			    random_next(&rng) >> random_below(&rng, 64), 4);
		if (random_below(&rng, 4) == 0)
			size = random_below(&rng, FILE_SIZE);
		assert_int_equal(blob_from_bytes(raw, size, BLOB_MAX, &b, &why),
				 0);
		image.size = size;
		free(text);
		text = NULL;
		size = 0;
		FILE *f = open_memstream(&text, &size);
		unsigned problems = info_print(f, "Image", &b);

		fclose(f);
		assert_int_equal(problems != 0,
				 strstr(text, "FAIL") != NULL ||
					 strstr(text, "not a RISC-V") != NULL);
		blob_free(&b);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, image_make, text_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(our_image_is_described),
		TEST(another_kernels_image_has_no_relocations_recorded),
		TEST(what_a_loader_would_refuse_is_said),
		TEST(other_files_are_told_by_name),
		TEST(a_table_that_breaks_a_rule_is_not_used),
		TEST(a_newer_table_is_left_alone),
		TEST(a_longer_table_of_this_version_is_read),
		TEST(a_file_that_ends_in_the_table_is_said_so),
		TEST(a_bad_relocation_is_said_with_its_entry),
		TEST(relocating_writes_the_words),
		TEST(a_pe_header_that_breaks_a_rule_is_said),
		TEST(a_packed_image_is_unpacked),
		TEST(two_members_make_one_image),
		TEST(gzip_that_is_cut_short_is_refused),
		TEST(damaged_gzip_is_refused),
		TEST(gzip_does_not_grow_without_bound),
		TEST(files_that_cannot_be_read_say_why),
		TEST(a_file_is_read_whole),
		TEST(bent_images_never_read_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
