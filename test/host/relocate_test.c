/* Sources: arch/riscv/boot/relocate.c test/host/fake/rom.c */
/* relocate() against a model that takes one entry at a time, and its errors. */
#include "arch/riscv/boot/relocate.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test/host/fake/rom.h"
#include "test/host/random.h"

#define IMAGE_SIZE  0x8000u
#define TABLE_START 0x3ff8u /* on a page that relocations touch, too */
#define TABLE_MAX   200u
#define FILL	    0xa5

static uint8_t image[IMAGE_SIZE] __attribute__((aligned(4096)));
static uint8_t before[IMAGE_SIZE];

static uint8_t *entry_at(unsigned i)
{
	return image + TABLE_START + i * RELOCATE_ENTRY_SIZE;
}

static void entry_set(unsigned i, uint64_t offset, uint64_t info,
		      uint64_t addend)
{
	uint64_t raw[3] = {offset, info, addend};

	memcpy(entry_at(i), raw, sizeof(raw));
}

static uint64_t word_at(uint64_t offset)
{
	uint64_t word;

	memcpy(&word, image + offset, sizeof(word));
	return word;
}

static long run(unsigned count, uint64_t base, struct relocate_error *err)
{
	memset(err, 0, sizeof(*err));
	memcpy(before, image, sizeof(image));
	return relocate(image, IMAGE_SIZE, TABLE_START,
			TABLE_START + count * RELOCATE_ENTRY_SIZE, base, err);
}

static int image_fill(void **state)
{
	(void)state;
	memset(image, FILL, sizeof(image));
	return 0;
}

/* Runs a table that must be refused, at this entry and without a change. */
static void refused(unsigned count, long rc, unsigned index, const char *why)
{
	struct relocate_error err;
	uint64_t raw[3];

	assert_int_equal(run(count, 0x80200000, &err), rc);
	assert_memory_equal(image, before, sizeof(image));
	memcpy(raw, entry_at(index), sizeof(raw));
	assert_int_equal(err.index, index);
	assert_int_equal(err.offset, raw[0]);
	assert_int_equal(err.type, raw[1]);
	assert_string_equal(err.why, why);
}

static void words_become_base_plus_addend(void **state)
{
	struct relocate_error err;

	(void)state;
	entry_set(0, 0x10, RELOCATE_RELATIVE, 0x1234);
	entry_set(1, 0x18, RELOCATE_RELATIVE, (uint64_t)-8);
	entry_set(2, IMAGE_SIZE - 8, RELOCATE_RELATIVE, 0);
	assert_int_equal(run(3, 0xffffffff9a3c5000, &err), 3);
	assert_int_equal(word_at(0x10), 0xffffffff9a3c6234);
	assert_int_equal(word_at(0x18), 0xffffffff9a3c4ff8);
	assert_int_equal(word_at(IMAGE_SIZE - 8), 0xffffffff9a3c5000);
	assert_int_equal(word_at(0x20), 0xa5a5a5a5a5a5a5a5);
}

static void an_empty_table_changes_nothing(void **state)
{
	struct relocate_error err;

	(void)state;
	assert_int_equal(run(0, 0x80200000, &err), 0);
	assert_memory_equal(image, before, sizeof(image));
}

static void none_is_passed_over_wherever_it_is(void **state)
{
	struct relocate_error err;

	(void)state;
	/* An offset that would be refused in any other entry. */
	for (unsigned i = 0; i < 12; i++)
		entry_set(i, ~0ull, RELOCATE_NONE, ~0ull);
	entry_set(1, 0x100, RELOCATE_RELATIVE, 1);
	entry_set(4, 0x108, RELOCATE_RELATIVE, 2);
	for (unsigned i = 5; i < 11; i++)
		entry_set(i, 0x110 + 8 * i, RELOCATE_RELATIVE, i);
	assert_int_equal(run(12, 0x1000, &err), 8);
	assert_int_equal(word_at(0x100), 0x1001);
	assert_int_equal(word_at(0x108), 0x1002);
	for (unsigned i = 5; i < 11; i++)
		assert_int_equal(word_at(0x110 + 8 * i), 0x1000 + i);
}

static void an_unknown_type_is_reported_and_nothing_written(void **state)
{
	static const uint64_t types[] = {
		1, 2, 4, 12, 58, RELOCATE_RELATIVE | 1ull << 32, ~0ull};

	(void)state;
	for (unsigned i = 0; i < 9; i++)
		entry_set(i, 0x10 + 8 * i, RELOCATE_RELATIVE, i);
	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		entry_set(7, 0x48, types[i], 7);
		refused(9, -ENOEXEC, 7, "unknown relocation type");
	}
}

static void an_offset_outside_is_reported(void **state)
{
	static const uint64_t bad[] = {IMAGE_SIZE,	   IMAGE_SIZE - 7,
				       IMAGE_SIZE - 1,	   IMAGE_SIZE + 8,
				       0x7ffffffffffffff8, 0xfffffffffffffff8,
				       0xfffffffffffffff9};

	(void)state;
	for (unsigned i = 0; i < 6; i++)
		entry_set(i, IMAGE_SIZE - 8 - 8 * i, RELOCATE_RELATIVE, i);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		entry_set(5, bad[i], RELOCATE_RELATIVE, 0);
		refused(6, -EFAULT, 5, "offset outside the image");
	}
}

/* The window of good offsets ends with the image, wherever in a page. */
static void an_image_that_ends_in_a_word_keeps_its_end(void **state)
{
	const uint64_t size = IMAGE_SIZE - 0x104;
	struct relocate_error err;

	(void)state;
	entry_set(0, size - 12, RELOCATE_RELATIVE, 1);
	for (uint64_t at = size - 4; at < size + 24; at += 8) {
		entry_set(1, at, RELOCATE_RELATIVE, 2);
		memcpy(before, image, sizeof(image));
		assert_int_equal(relocate(image, size, TABLE_START,
					  TABLE_START + 48, 0x1000, &err),
				 -EFAULT);
		assert_int_equal(err.index, 1);
		assert_memory_equal(image, before, sizeof(image));
	}
}

static void a_misaligned_word_is_reported_first(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 6; i++)
		entry_set(i, 0x10 + 8 * i, RELOCATE_RELATIVE, i);
	entry_set(0, 0, RELOCATE_NONE, 0);
	entry_set(3, 0x44, RELOCATE_RELATIVE, 0);
	entry_set(5, 0x40, 77, 0);
	refused(6, -EFAULT, 3, "offset not 8-byte aligned");
	refused(5, -EFAULT, 3, "offset not 8-byte aligned");
}

static void the_table_does_not_relocate_itself(void **state)
{
	struct relocate_error err;
	uint64_t end = TABLE_START + 3 * RELOCATE_ENTRY_SIZE;

	(void)state;
	entry_set(0, TABLE_START - 8, RELOCATE_RELATIVE, 1);
	entry_set(1, end, RELOCATE_RELATIVE, 2);
	entry_set(2, TABLE_START - 16, RELOCATE_RELATIVE, 3);
	assert_int_equal(run(3, 0, &err), 3);
	for (uint64_t at = TABLE_START; at < end; at += 8) {
		entry_set(2, at, RELOCATE_RELATIVE, 3);
		refused(3, -EFAULT, 2, "offset inside the relocation table");
	}
}

static void table_refused(uint64_t size, uint64_t start, uint64_t end)
{
	struct relocate_error err = {.index = 9};

	memcpy(before, image, sizeof(image));
	assert_int_equal(relocate(image, size, start, end, 0, &err), -EINVAL);
	assert_int_equal(err.index, 0);
	assert_int_equal(err.offset, start);
	assert_string_equal(err.why, "relocation table not inside the image");
	assert_memory_equal(image, before, sizeof(image));
}

static void a_table_outside_or_in_pieces_is_refused(void **state)
{
	(void)state;
	entry_set(0, 0, RELOCATE_NONE, 0);
	table_refused(TABLE_START + 16, TABLE_START, TABLE_START + 24);
	table_refused(0, 0, 24);
	table_refused(IMAGE_SIZE, TABLE_START, TABLE_START - 24);
	table_refused(IMAGE_SIZE, TABLE_START, TABLE_START + 23);
	table_refused(IMAGE_SIZE, TABLE_START, TABLE_START + 32);
	table_refused(IMAGE_SIZE, TABLE_START + 4, TABLE_START + 28);
	table_refused(IMAGE_SIZE, 0xfffffffffffffff0, 8);
	table_refused(IMAGE_SIZE, 8, 0xfffffffffffffff8);
}

static void a_misaligned_image_is_refused(void **state)
{
	struct relocate_error err;

	(void)state;
	assert_int_equal(relocate(image + 4, 0x100, 0, 0, 0, &err), -EINVAL);
	assert_int_equal(relocate(image + 8, 0x100, 0, 0, 0, &err), 0);
}

static void a_word_that_keeps_its_value_is_reported(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 10; i++)
		entry_set(i, 0x800 + 0x100 * i, RELOCATE_RELATIVE, i);
	/* Entry 8 is the first on the page at 0x1000. */
	if (!rom_page_make(image + 0x1000))
		skip();
	refused(10, -EROFS, 8, "image cannot be written");
	rom_page_undo();
}

/* A random entry, in order of offsets as the linker sorts them, or anywhere. */
static void entry_random(unsigned i, unsigned count, uint64_t *rng)
{
	uint64_t offset = random_below(rng, IMAGE_SIZE / 8) * 8;

	if (random_below(rng, 2))
		offset = (IMAGE_SIZE / count) * i & ~7ull;
	if (offset + 8 > TABLE_START &&
	    offset < TABLE_START + TABLE_MAX * RELOCATE_ENTRY_SIZE)
		offset = 0;
	if (random_below(rng, 16) == 0)
		entry_set(i, random_next(rng), RELOCATE_NONE, random_next(rng));
	else
		entry_set(i, offset, RELOCATE_RELATIVE, random_next(rng));
}

/* The model: one entry at a time, on a copy. */
static long model_apply(uint8_t *copy, unsigned count, uint64_t base)
{
	long applied = 0;

	for (unsigned i = 0; i < count; i++) {
		uint64_t raw[3];

		memcpy(raw, entry_at(i), sizeof(raw));
		if (raw[1] == RELOCATE_NONE)
			continue;
		raw[2] += base;
		memcpy(copy + raw[0], &raw[2], sizeof(raw[2]));
		applied++;
	}
	return applied;
}

static void random_tables_agree_with_the_model(void **state)
{
	static uint8_t copy[IMAGE_SIZE];
	uint64_t rng = random_seed();

	(void)state;
	for (unsigned round = 0; round < 2000; round++) {
		unsigned count = 1 + random_below(&rng, TABLE_MAX);
		uint64_t base = random_next(&rng);
		struct relocate_error err;
		long applied;

		for (unsigned i = 0; i < count; i++)
			entry_random(i, count, &rng);
		memcpy(copy, image, sizeof(image));
		applied = model_apply(copy, count, base);
		assert_int_equal(run(count, base, &err), applied);
		assert_memory_equal(image, copy, sizeof(image));
	}
}

/* Breaks one entry; returns the error it must give. */
static long entry_break(unsigned i, uint64_t *rng)
{
	switch (random_below(rng, 4)) {
	case 0:
		entry_set(i, 0x10, 4 + random_below(rng, ~0ull - 4), 0);
		return -ENOEXEC;
	case 1:
		entry_set(i, IMAGE_SIZE + random_below(rng, ~0ull - IMAGE_SIZE),
			  RELOCATE_RELATIVE, 0);
		return -EFAULT;
	case 2:
		entry_set(i,
			  random_below(rng, IMAGE_SIZE / 8 - 1) * 8 + 1 +
				  random_below(rng, 7),
			  RELOCATE_RELATIVE, 0);
		return -EFAULT;
	default:
		entry_set(i, TABLE_START + 8 * random_below(rng, 3 * i + 3),
			  RELOCATE_RELATIVE, 0);
		return -EFAULT;
	}
}

static void the_first_of_two_bad_entries_is_reported(void **state)
{
	uint64_t rng = random_seed();

	(void)state;
	for (unsigned round = 0; round < 2000; round++) {
		unsigned count = 2 + random_below(&rng, TABLE_MAX - 2);
		unsigned bad = random_below(&rng, count - 1);
		struct relocate_error err;
		long rc;

		for (unsigned i = 0; i < count; i++)
			entry_random(i, count, &rng);
		entry_break(bad + 1 + random_below(&rng, count - bad - 1),
			    &rng);
		rc = entry_break(bad, &rng);
		assert_int_equal(run(count, 0x1000, &err), rc);
		assert_int_equal(err.index, bad);
		assert_memory_equal(image, before, sizeof(image));
	}
}

static void there_and_back_restores_every_byte(void **state)
{
	static uint8_t first[IMAGE_SIZE];
	uint64_t rng = random_seed();
	struct relocate_error err;

	(void)state;
	for (unsigned i = 0; i < TABLE_MAX; i++)
		entry_random(i, TABLE_MAX, &rng);
	assert_true(run(TABLE_MAX, 0x80200000, &err) > 0);
	memcpy(first, image, sizeof(image));
	assert_true(run(TABLE_MAX, 0xffffffff80000000, &err) > 0);
	assert_memory_not_equal(image, first, sizeof(image));
	assert_true(run(TABLE_MAX, 0x80200000, &err) > 0);
	assert_memory_equal(image, first, sizeof(image));
}

#define TEST(name) cmocka_unit_test_setup(name, image_fill)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(words_become_base_plus_addend),
		TEST(an_empty_table_changes_nothing),
		TEST(none_is_passed_over_wherever_it_is),
		TEST(an_unknown_type_is_reported_and_nothing_written),
		TEST(an_offset_outside_is_reported),
		TEST(an_image_that_ends_in_a_word_keeps_its_end),
		TEST(a_misaligned_word_is_reported_first),
		TEST(the_table_does_not_relocate_itself),
		TEST(a_table_outside_or_in_pieces_is_refused),
		TEST(a_misaligned_image_is_refused),
		TEST(a_word_that_keeps_its_value_is_reported),
		TEST(random_tables_agree_with_the_model),
		TEST(the_first_of_two_bad_entries_is_reported),
		TEST(there_and_back_restores_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
