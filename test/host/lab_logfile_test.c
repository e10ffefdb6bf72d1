/*
 * The log and its time index, a torn index after a crash, and asciicast text.
 *
 * Sources: tools/lab/logfile.c tools/lab/cast.c tools/lab/utf8.c
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "tools/lab/cast.h"
#include "tools/lab/logfile.h"

static char folder[] = "/tmp/lab-log-test-XXXXXX";

/* cast.c gives its job back; here the job is on the stack. */
void job_put(struct job *j)
{
	(void)j;
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++)
		logfile_remove(folder, i);
	return rmdir(folder);
}

static void what_is_appended_is_read_back(void **state)
{
	struct logfile l, reader;
	uint8_t *all = malloc(300000), *got = malloc(300000);
	int64_t offset = 0;
	int n;

	(void)state;
	for (int i = 0; i < 300000; i++)
		all[i] = (i * 7919u) >> 3;
	assert_int_equal(logfile_open(&l, folder, 1, true), 0);
	for (int i = 0; i < 300000; i += 1000) {
		assert_int_equal(logfile_append(&l, all + i, 1000, i), 0);
		/* From anywhere, tail ring or file, the same bytes. */
		offset = i / 3;
		n = logfile_read(&l, offset, got, 5000);
		assert_true(n > 0);
		assert_memory_equal(got, all + offset, n);
	}
	assert_int_equal(logfile_read(&l, 300000, got, 10), 0);
	assert_int_equal(logfile_open(&reader, folder, 1, false), 0);
	for (offset = 0; offset < 300000; offset += n) {
		n = logfile_read(&reader, offset, got, 70000);
		assert_true(n > 0);
		assert_memory_equal(got, all + offset, n);
	}
	logfile_close(&reader);
	logfile_close(&l);
	free(all);
	free(got);
}

static void index_has_a_record_per_burst(void **state)
{
	struct logfile_record r;
	struct logfile l;

	(void)state;
	assert_int_equal(logfile_open(&l, folder, 2, true), 0);
	for (int i = 0; i < 100; i++)
		logfile_append(&l, "x", 1, 1000000 + i * 1000);
	logfile_append(&l, "y", 1, 5000000);
	assert_true(logfile_record_at(&l, 1, &r));
	assert_int_equal(r.offset, 10);
	assert_int_equal(r.time, 1010000);
	assert_true(logfile_record_at(&l, 10, &r));
	assert_int_equal(r.offset, 100);
	assert_false(logfile_record_at(&l, 11, &r));
	logfile_close(&l);
}

static void torn_index_is_cut_when_reopened(void **state)
{
	char path[64];
	struct logfile l;
	struct stat st;
	FILE *f;

	(void)state;
	assert_int_equal(logfile_open(&l, folder, 3, true), 0);
	logfile_append(&l, "abc", 3, 1000000);
	logfile_append(&l, "def", 3, 2000000);
	logfile_close(&l);
	snprintf(path, sizeof(path), "%s/3.idx", folder);
	f = fopen(path, "ae");
	fputs("\xff\xff\xff\xff\xff\xff\xff\x7f"
	      "12345678half",
	      f);
	fclose(f);
	assert_int_equal(logfile_open(&l, folder, 3, true), 0);
	assert_int_equal(l.size, 6);
	assert_int_equal(l.last.offset, 3);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 32);
	logfile_close(&l);
}

static void records_are_little_endian_words(void **state)
{
	struct logfile_record r = {0x0102, 0x0304}, back;
	uint8_t b[LOGFILE_RECORD_SIZE];

	(void)state;
	logfile_record_write(&r, b);
	assert_memory_equal(b, "\x02\x01\0\0\0\0\0\0\x04\x03\0\0\0\0\0\0", 16);
	logfile_record_read(b, &back);
	assert_int_equal(back.offset, r.offset);
	assert_int_equal(back.time, r.time);
}

static void index_check_stops_at_the_first_bad_record(void **state)
{
	uint8_t b[4 * LOGFILE_RECORD_SIZE];
	struct logfile_record r[4] = {{0, 5}, {10, 6}, {10, 7}, {20, 8}};

	(void)state;
	for (int i = 0; i < 4; i++)
		logfile_record_write(&r[i], b + i * LOGFILE_RECORD_SIZE);
	assert_int_equal(logfile_index_check(b, sizeof(b), 100), 2);
	assert_int_equal(logfile_index_check(b, sizeof(b), 10), 1);
	assert_int_equal(logfile_index_check(b, 31, 100), 1);
	assert_int_equal(logfile_index_check(b, 0, 100), 0);
}

static void escape(const char *bytes, size_t len, uint8_t *carry,
		   size_t *carry_len, const char *want)
{
	char out[256];
	size_t n =
		cast_escape((const uint8_t *)bytes, len, carry, carry_len, out);

	out[n] = '\0';
	assert_string_equal(out, want);
}

static void cast_text_is_good_json_whatever_comes(void **state)
{
	uint8_t carry[4];
	size_t n = 0;

	(void)state;
	escape("a\"\\\n\x1b[", 6, carry, &n, "a\\u0022\\u005c\\u000a\\u001b[");
	escape("\xc3\xa4", 2, carry, &n, "\xc3\xa4");
	escape("\xff\xc0\xaf", 3, carry, &n, "\\ufffd\\ufffd\\ufffd");
	escape("\xed\xa0\x80", 3, carry, &n, "\\ufffd\\ufffd\\ufffd");
	/* A sequence cut by the end of a piece waits for its rest. */
	escape("x\xe2\x82", 3, carry, &n, "x");
	assert_int_equal(n, 2);
	escape("\xac!", 2, carry, &n, "\xe2\x82\xac!");
	escape("\xe2", 1, carry, &n, "");
	escape("A", 1, carry, &n, "\\ufffdA");
}

static void cast_has_every_byte_at_its_time(void **state)
{
	struct job j = {.row = {.id = 4}};
	char out[32768];
	struct cast *c;
	size_t n;

	(void)state;
	assert_int_equal(logfile_open(&j.log, folder, 4, true), 0);
	logfile_append(&j.log, "one", 3, 1700000000000000);
	logfile_append(&j.log, "two\n", 4, 1700000001500000);
	c = cast_new(&j);
	n = cast_read(c, out, sizeof(out));
	out[n] = '\0';
	assert_string_equal(out,
			    "{\"version\": 2, \"width\": 80, \"height\": "
			    "24, \"timestamp\": 1700000000, \"title\": "
			    "\"job 4\"}\n");
	n = cast_read(c, out, sizeof(out));
	out[n] = '\0';
	assert_string_equal(out, "[0.000000, \"o\", \"one\"]\n");
	n = cast_read(c, out, sizeof(out));
	out[n] = '\0';
	assert_string_equal(out, "[1.500000, \"o\", \"two\\u000a\"]\n");
	assert_int_equal(cast_read(c, out, sizeof(out)), 0);
	cast_free(c);
	logfile_close(&j.log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_appended_is_read_back),
		cmocka_unit_test(index_has_a_record_per_burst),
		cmocka_unit_test(torn_index_is_cut_when_reopened),
		cmocka_unit_test(records_are_little_endian_words),
		cmocka_unit_test(index_check_stops_at_the_first_bad_record),
		cmocka_unit_test(cast_text_is_good_json_whatever_comes),
		cmocka_unit_test(cast_has_every_byte_at_its_time),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
