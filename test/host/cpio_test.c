/* The newc reader on whole archives and on archives bent at every byte.
 *
 * Sources: lib/cpio.c test/host/fake/newc.c */
#include "lib/cpio.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test/host/fake/newc.h"
#include "test/host/random.h"

static struct newc archive;

/* A copy of exactly its size, so that a byte read behind it is found. */
static uint8_t *exact(size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	assert_non_null(copy);
	memcpy(copy, archive.data, size);
	return copy;
}

static void three_files(void)
{
	newc_begin(&archive);
	newc_add(&archive, "a", NEWC_DIR, NULL, 0);
	newc_text(&archive, "a/one", "1");
	newc_text(&archive, "a/three", "333");
	newc_end(&archive);
}

static void next_is(struct cpio *c, const char *name, const char *text)
{
	struct cpio_entry e;
	const char *why = NULL;

	assert_int_equal(cpio_next(c, &e, &why), 1);
	assert_string_equal(e.name, name);
	assert_int_equal(e.data.size, strlen(text));
	assert_memory_equal(c->base + e.data.start, text, strlen(text));
}

static void entries_come_in_order(void **state)
{
	struct cpio c;
	struct cpio_entry e;
	const char *why;

	(void)state;
	three_files();
	assert_true(cpio_is(archive.data, archive.size));
	cpio_begin(&c, archive.data, archive.size);
	next_is(&c, "a", "");
	next_is(&c, "a/one", "1");
	next_is(&c, "a/three", "333");
	assert_int_equal(cpio_next(&c, &e, &why), 0);
}

static void fields_are_decoded(void **state)
{
	struct cpio_entry e;
	const char *why;
	struct cpio c;

	(void)state;
	newc_begin(&archive);
	newc_add_link(&archive, "x", 0xabcdef, 3, "text");
	newc_end(&archive);
	cpio_begin(&c, archive.data, archive.size);
	assert_int_equal(cpio_next(&c, &e, &why), 1);
	assert_int_equal(e.mode & CPIO_TYPE_MASK, CPIO_TYPE_REGULAR);
	assert_int_equal(e.ino, 0xabcdef);
	assert_int_equal(e.nlink, 3);
	assert_int_equal(e.minor, 8);
	assert_int_equal(e.data.start, 112);
}

static void links_share_the_data(void **state)
{
	struct cpio_entry e;
	const char *why;
	struct range r;
	struct cpio c;

	(void)state;
	newc_begin(&archive);
	newc_add_link(&archive, "first", 7, 3, "");
	newc_add_link(&archive, "other", 8, 2, "wrong");
	newc_add_link(&archive, "second", 7, 3, "");
	newc_add_link(&archive, "last", 7, 3, "right");
	newc_end(&archive);
	cpio_begin(&c, archive.data, archive.size);
	assert_int_equal(cpio_next(&c, &e, &why), 1);
	r = cpio_data(&c, &e);
	assert_int_equal(r.size, 5);
	assert_memory_equal(archive.data + r.start, "right", 5);
}

static void an_empty_file_stays_empty(void **state)
{
	struct cpio_entry e;
	const char *why;
	struct cpio c;

	(void)state;
	newc_begin(&archive);
	newc_add_link(&archive, "empty", 7, 1, "");
	newc_add_link(&archive, "same inode elsewhere", 7, 1, "text");
	newc_end(&archive);
	cpio_begin(&c, archive.data, archive.size);
	assert_int_equal(cpio_next(&c, &e, &why), 1);
	assert_int_equal(cpio_data(&c, &e).size, 0);
}

/* Reads to the end or to an error, which is returned. */
static int read_all(const uint8_t *data, size_t size, const char **why)
{
	struct cpio_entry e;
	struct cpio c;
	int got;

	cpio_begin(&c, data, size);
	while ((got = cpio_next(&c, &e, why)) > 0) {
		assert_true(e.data.start <= size);
		assert_true(e.data.size <= size - e.data.start);
		assert_true(strlen(e.name) < size);
	}
	return got;
}

static void every_cut_is_noticed(void **state)
{
	(void)state;
	three_files();
	for (size_t size = 0; size < archive.size; size++) {
		uint8_t *copy = exact(size);
		const char *why = NULL;

		/* Behind the trailer's name there is only its padding. */
		assert_int_equal(read_all(copy, size, &why),
				 size < archive.size - 3 ? -EBADMSG : 0);
		if (size < archive.size - 3)
			assert_non_null(why);
		free(copy);
	}
}

static void bent_fields_are_refused(void **state)
{
	static const struct {
		size_t at;
		const char *text, *why;
	} bends[] = {
		{0, "070702", "no newc header where one must be"},
		{6 + 8, "0000x000", "a header field is no number"},
		{6 + 11 * 8, "00000000", "the name's length is not sensible"},
		{6 + 11 * 8, "00001001", "the name's length is not sensible"},
		{6 + 11 * 8, "00000001", "a name does not end where it should"},
		{6 + 11 * 8, "00000010", "a name does not end where it should"},
		{6 + 11 * 8, "00000fff", "the archive is cut short in a name"},
		{6 + 6 * 8, "ffffffff", "the archive is cut short in its data"},
		{6 + 6 * 8, "fffffffd", "the archive is cut short in its data"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bends) / sizeof(bends[0]); i++) {
		const char *why = NULL;

		three_files();
		memcpy(archive.data + bends[i].at, bends[i].text,
		       strlen(bends[i].text));
		assert_int_equal(read_all(archive.data, archive.size, &why),
				 -EBADMSG);
		assert_string_equal(why, bends[i].why);
	}
}

static void only_zeros_may_follow(void **state)
{
	const char *why = NULL;
	size_t end;

	(void)state;
	three_files();
	end = archive.size;
	memset(archive.data + end, 0, 512);
	assert_int_equal(read_all(archive.data, end + 512, &why), 0);
	archive.data[end + 511] = 1;
	assert_int_equal(read_all(archive.data, end + 512, &why), -EBADMSG);
}

static void other_formats_are_none(void **state)
{
	(void)state;
	three_files();
	assert_false(cpio_is(archive.data, 109));
	archive.data[5] = '7';
	assert_false(cpio_is(archive.data, archive.size));
}

static void random_damage_stays_inside(void **state)
{
	uint64_t random = random_seed();

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		const char *why = NULL;
		uint8_t *copy;

		three_files();
		for (unsigned i = 0; i <= round % 3; i++)
			archive.data[random_below(&random, archive.size)] =
				"0123456789abcdefF\0/"[random_below(&random,
								    19)];
		copy = exact(archive.size);
		if (read_all(copy, archive.size, &why) < 0)
			assert_non_null(why);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_come_in_order),
		cmocka_unit_test(fields_are_decoded),
		cmocka_unit_test(links_share_the_data),
		cmocka_unit_test(an_empty_file_stays_empty),
		cmocka_unit_test(every_cut_is_noticed),
		cmocka_unit_test(bent_fields_are_refused),
		cmocka_unit_test(only_zeros_may_follow),
		cmocka_unit_test(other_formats_are_none),
		cmocka_unit_test(random_damage_stays_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
