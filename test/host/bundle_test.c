/* Bundles: good ones, and every reason for which a guest is left out.
 *
 * Sources: kernel/guest/bundle.c kernel/guest/config.c kernel/cmdline.c
 *          lib/cpio.c lib/image.c lib/range.c test/host/fake/newc.c */
#include "kernel/guest/bundle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/addr.h"
#include "lib/image.h"
#include "test/host/fake/newc.h"

static struct newc archive;
static struct guest_config guest[BUNDLE_GUESTS_MAX];
static char said[8192]; /* `file: reason`, a line each */

static void problem_note(void *arg, const char *file, const char *reason)
{
	size_t used = strlen(said);

	assert_ptr_equal(arg, &archive);
	snprintf(said + used, sizeof(said) - used, "%s: %s\n", file, reason);
}

static int read_some(unsigned max)
{
	said[0] = '\0';
	return bundle_read(archive.data, archive.size, guest, max, problem_note,
			   &archive);
}

/* Ends the archive and reads it. */
static int read_all(void)
{
	newc_end(&archive);
	return read_some(BUNDLE_GUESTS_MAX);
}

static const void *content(struct range r)
{
	return archive.data + r.start;
}

static void a_whole_bundle(void **state)
{
	(void)state;
	newc_begin(&archive);
	newc_add(&archive, "guests", NEWC_DIR, NULL, 0);
	newc_add(&archive, "guests/one", NEWC_DIR, NULL, 0);
	newc_text(&archive, "guests/one/config", "vcpus = 2\nmemory = 64M\n");
	newc_text(&archive, "guests/one/Image", "kernel one");
	newc_text(&archive, "guests/one/initrd", "files");
	newc_text(&archive, "guests/B-2_x/Image", "\x1f\x8bkernel two");
	assert_int_equal(read_all(), 2);
	assert_string_equal(said, "");
	assert_string_equal(guest[0].name, "one");
	assert_int_equal(guest[0].vcpus, 2);
	assert_int_equal(guest[0].memory, MIB(64));
	assert_memory_equal(content(guest[0].image), "kernel one", 10);
	assert_memory_equal(content(guest[0].initrd), "files", 5);
	assert_int_equal(guest[0].initrd.size, 5);
	assert_false(guest[0].image_gz);
	assert_string_equal(guest[1].name, "B-2_x");
	assert_int_equal(guest[1].memory, MIB(256));
	assert_int_equal(guest[1].initrd.size, 0);
	assert_true(guest[1].image_gz);
}

static void names_as_find_gives_them(void **state)
{
	(void)state;
	newc_begin(&archive);
	newc_add(&archive, ".", NEWC_DIR, NULL, 0);
	newc_add(&archive, "./guests", NEWC_DIR, NULL, 0);
	newc_add(&archive, "./guests/a", NEWC_DIR, NULL, 0);
	newc_text(&archive, "./guests/a/Image", "x");
	newc_add(&archive, "guests/b/", NEWC_DIR, NULL, 0);
	newc_text(&archive, "guests/b/Image", "x");
	assert_int_equal(read_all(), 2);
	assert_string_equal(said, "");
}

static void hard_links_are_followed(void **state)
{
	(void)state;
	newc_begin(&archive);
	newc_add_link(&archive, "guests/a/Image", 5, 2, "");
	newc_add_link(&archive, "guests/b/Image", 5, 2, "\x1f\x8bthe kernel");
	assert_int_equal(read_all(), 2);
	assert_int_equal(guest[0].image.start, guest[1].image.start);
	assert_int_equal(guest[0].image.size, 12);
	assert_true(guest[0].image_gz);
}

/* One bad entry for guest `bad`: that is left out, `good` is not. */
static void spoils(const char *name, unsigned mode, const char *text,
		   const char *line)
{
	newc_begin(&archive);
	newc_text(&archive, "guests/bad/Image", "x");
	newc_add(&archive, name, mode, text, strlen(text));
	newc_text(&archive, "guests/good/Image", "x");
	assert_int_equal(read_all(), 1);
	assert_string_equal(guest[0].name, "good");
	assert_string_equal(said, line);
}

static void a_bad_file_stops_its_guest_only(void **state)
{
	(void)state;
	spoils("guests/bad/Image", NEWC_FILE, "y",
	       "guests/bad/Image: is there twice\n");
	spoils("./guests/bad/Image", NEWC_FILE, "y",
	       "guests/bad/Image: is there twice\n");
	spoils("guests/bad/initrd", NEWC_LINK, "Image",
	       "guests/bad/initrd: is a symbolic link\n");
	spoils("guests/bad/initrd", 0060600, "",
	       "guests/bad/initrd: is no regular file\n");
	spoils("guests/bad/Imgae", NEWC_FILE, "x",
	       "guests/bad/Imgae: unknown file (Image, initrd and config are "
	       "known)\n");
	spoils("guests/bad/Image/", NEWC_FILE, "x",
	       "guests/bad/Image/: unknown file (Image, initrd and config are "
	       "known)\n");
	spoils("guests/bad/sub", NEWC_DIR, "",
	       "guests/bad/sub: a directory inside a guest's\n");
	spoils("guests/bad", NEWC_FILE, "x",
	       "guests/bad: must be a directory\n");
	spoils("guests/bad/config", NEWC_FILE, "\nvcpus = x",
	       "guests/bad/config: line 2: vcpus is no number\n");
	spoils("guests/bad/\033[2J", NEWC_FILE, "x",
	       "guests/bad/?[2J: unknown file (Image, initrd and config are "
	       "known)\n");
}

/* An entry of no guest: told, and nothing else. */
static void is_told(const char *name, unsigned mode, const char *reason)
{
	char line[256];

	newc_begin(&archive);
	newc_add(&archive, name, mode, "x", 1);
	newc_text(&archive, "guests/good/Image", "x");
	assert_int_equal(read_all(), 1);
	snprintf(line, sizeof(line), "%s: %s\n", name, reason);
	assert_string_equal(said, line);
}

static void files_of_no_guest_are_told(void **state)
{
	static const char odd[] = "a path with '.', '..' or an empty name";
	static const char name[] =
		"a guest's name is 1 to 31 letters, digits, '_' or '-'";

	(void)state;
	is_told("README", NEWC_FILE, "not under guests/");
	is_told("guestsx/a/Image", NEWC_FILE, "not under guests/");
	is_told("guests", NEWC_FILE, "must be a directory");
	is_told("guests/../a/Image", NEWC_FILE, odd);
	is_told("guests/good/../Image", NEWC_FILE, odd);
	is_told("guests/./a/Image", NEWC_FILE, odd);
	is_told("guests//a/Image", NEWC_FILE, odd);
	is_told("/guests/a/Image", NEWC_FILE, odd);
	is_told("..", NEWC_DIR, odd);
	is_told("guests/a b/Image", NEWC_FILE, name);
	is_told("guests/a.b/Image", NEWC_FILE, name);
}

static void a_guest_without_image(void **state)
{
	(void)state;
	newc_begin(&archive);
	newc_add(&archive, "guests/a", NEWC_DIR, NULL, 0);
	newc_text(&archive, "guests/b/initrd", "x");
	assert_int_equal(read_all(), 0);
	assert_string_equal(said,
			    "guests/a/Image: is missing\n"
			    "guests/b/Image: is missing\n");
}

static void names_may_have_31_letters(void **state)
{
	char path[64];

	(void)state;
	for (int size = 31; size <= 32; size++) {
		newc_begin(&archive);
		snprintf(path, sizeof(path), "guests/%.*s/Image", size,
			 "abcdefghijklmnopqrstuvwxyz0123456789");
		newc_text(&archive, path, "x");
		assert_int_equal(read_all(), size == 31 ? 1 : 0);
	}
	assert_int_equal(strlen(guest[0].name), 31);
}

static void too_many_guests_are_told_once(void **state)
{
	char path[64];

	(void)state;
	newc_begin(&archive);
	for (unsigned i = 0; i < BUNDLE_GUESTS_MAX + 2; i++) {
		snprintf(path, sizeof(path), "guests/g%u/Image", i);
		newc_text(&archive, path, "x");
	}
	assert_int_equal(read_all(), BUNDLE_GUESTS_MAX);
	assert_string_equal(said, "guests/g32/Image: too many guests\n");
	assert_string_equal(guest[31].name, "g31");
	assert_int_equal(read_some(1), 1);
	assert_int_equal(read_some(0), 0);
	/* More room than it can use is no harm. */
	assert_int_equal(read_some(1000), BUNDLE_GUESTS_MAX);
}

static void what_was_whole_before_a_break_is_kept(void **state)
{
	(void)state;
	newc_begin(&archive);
	newc_text(&archive, "guests/a/Image", "x");
	newc_text(&archive, "guests/b/Image", "0123456789");
	archive.size -= 8;
	assert_int_equal(read_some(32), 1);
	assert_string_equal(guest[0].name, "a");
	assert_string_equal(said,
			    "guests/b/Image: the archive is cut short "
			    "in its data\n");
	newc_begin(&archive);
	newc_text(&archive, "guests/a/Image", "x");
	assert_int_equal(read_some(32), 1);
	assert_string_equal(said,
			    "initrd: the archive is cut short (it ends "
			    "without a trailer)\n");
}

static void an_image_alone_is_a_guest(void **state)
{
	(void)state;
	memset(archive.data, 0, 4096);
	memcpy(archive.data + 56, "RSC\x05", 4);
	archive.size = 4096;
	assert_int_equal(read_some(32), 1);
	assert_string_equal(guest[0].name, "linux");
	assert_int_equal(guest[0].image.start, 0);
	assert_int_equal(guest[0].image.size, 4096);
	assert_int_equal(guest[0].vcpus, 1);
	assert_true(guest[0].autostart);
	assert_int_equal(read_some(0), 0);
}

static void anything_else_is_refused(void **state)
{
	(void)state;
	archive.size = 0;
	assert_int_equal(read_some(32), 0);
	assert_string_equal(said,
			    "initrd: neither a newc cpio archive nor a "
			    "Linux Image\n");
	memcpy(archive.data, "\x1f\x8b\x08", 3);
	archive.size = 3;
	assert_int_equal(read_some(32), 0);
	assert_non_null(strstr(said, "initrd: is compressed"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_bundle),
		cmocka_unit_test(names_as_find_gives_them),
		cmocka_unit_test(hard_links_are_followed),
		cmocka_unit_test(a_bad_file_stops_its_guest_only),
		cmocka_unit_test(files_of_no_guest_are_told),
		cmocka_unit_test(a_guest_without_image),
		cmocka_unit_test(names_may_have_31_letters),
		cmocka_unit_test(too_many_guests_are_told_once),
		cmocka_unit_test(what_was_whole_before_a_break_is_kept),
		cmocka_unit_test(an_image_alone_is_a_guest),
		cmocka_unit_test(anything_else_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
