/* gzip as zlib's own deflate writes it, and every way to break it.
 *
 * Sources: kernel/guest/inflate.c zlib */
#include "kernel/guest/inflate.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "lib/addr.h"
#include "test/host/random.h"

#define PLAIN_MAX 300000u

static uint8_t plain[PLAIN_MAX], packed[2 * PLAIN_MAX], out[PLAIN_MAX];
static size_t out_size;
static int sink_error; /* what the sink returns once half is there */

static int take(void *arg, const void *data, uint64_t size)
{
	assert_ptr_equal(arg, out);
	assert_true(size > 0 && size <= 32768);
	if (size > sizeof(out) - out_size)
		return -EFBIG;
	memcpy(out + out_size, data, size);
	out_size += size;
	return out_size > sizeof(out) / 2 ? sink_error : 0;
}

static int unpack(size_t size, const char **why)
{
	uint8_t *copy = malloc(size ? size : 1);
	void *work = malloc(INFLATE_WORK);
	int result;

	assert_non_null(copy);
	assert_non_null(work);
	memcpy(copy, packed, size);
	out_size = 0;
	result = inflate_gzip(copy, size, work, take, out, why);
	free(work);
	free(copy);
	return result;
}

/* One gzip member of @size bytes of plain at @at; returns its end. */
static size_t pack(size_t at, size_t size, int level, gz_header *header)
{
	z_stream z = {.next_in = plain,
		      .avail_in = (uInt)size,
		      .next_out = packed + at,
		      .avail_out = (uInt)(sizeof(packed) - at)};

	assert_int_equal(deflateInit2(&z, level, Z_DEFLATED, 16 + 15, 9,
				      Z_DEFAULT_STRATEGY),
			 Z_OK);
	if (header)
		assert_int_equal(deflateSetHeader(&z, header), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return sizeof(packed) - z.avail_out;
}

/* Text that packs well, with matches near and far, then noise. */
static void fill(uint64_t *random)
{
	for (size_t i = 0; i < PLAIN_MAX; i++)
		plain[i] = i < 1000 || i > PLAIN_MAX - 20000
			? (uint8_t)random_next(random)
			: plain[i - 1 - random_below(random, 3) * 300];
}

static void what_was_packed_comes_out(void **state)
{
	static const size_t sizes[] = {0,     1,     5,	    1000,     32767,
				       32768, 32769, 65536, PLAIN_MAX};
	uint64_t random = random_seed();
	const char *why;

	(void)state;
	fill(&random);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (int level = 0; level <= 9; level += 3) {
			size_t size = pack(0, sizes[i], level, NULL);

			assert_int_equal(unpack(size, &why), 0);
			assert_null(why);
			assert_int_equal(out_size, sizes[i]);
			assert_memory_equal(out, plain, sizes[i]);
		}
}

static void every_header_field_is_skipped(void **state)
{
	Bytef extra[] = "extra", name[] = "Image", comment[] = "by hand";
	const char *why;

	(void)state;
	memset(plain, 'x', 1000);
	for (int fields = 0; fields < 16; fields++) {
		gz_header header = {.extra = fields & 1 ? extra : NULL,
				    .extra_len = sizeof(extra),
				    .name = fields & 2 ? name : NULL,
				    .comment = fields & 4 ? comment : NULL,
				    .hcrc = fields & 8};
		size_t size = pack(0, 1000, 6, &header);

		assert_int_equal(unpack(size, &why), 0);
		assert_int_equal(out_size, 1000);
		for (size_t cut = 0; cut < size; cut++) {
			assert_int_equal(unpack(cut, &why), -EBADMSG);
			assert_string_equal(why, "gzip data is cut short");
		}
	}
}

static void members_follow_each_other(void **state)
{
	const char *why;
	size_t size;

	(void)state;
	memset(plain, 'y', 1000);
	size = pack(0, 1000, 6, NULL);
	size = pack(size, 0, 6, NULL);
	size = pack(size, 500, 6, NULL);
	assert_int_equal(unpack(size, &why), 0);
	assert_int_equal(out_size, 1500);
	/* Less than a header is garbage, too, unless it begins like one. */
	for (size_t more = 1; more <= 16; more++) {
		memset(packed + size, 0, 16);
		assert_int_equal(unpack(size + more, &why), -EBADMSG);
		assert_string_equal(why, "garbage after the gzip data");
		memcpy(packed + size, packed, 10);
		assert_int_equal(unpack(size + min_u64(more, 9), &why),
				 -EBADMSG);
		assert_string_equal(why, "gzip data is cut short");
	}
}

static void every_flipped_bit_that_counts_is_found(void **state)
{
	uint64_t random = random_seed();
	unsigned harmless = 0;
	const char *why;
	size_t size;

	(void)state;
	fill(&random);
	size = pack(0, 3000, 9, NULL);
	for (size_t bit = 0; bit < size * 8; bit++) {
		size_t at = bit / 8;
		int result;

		packed[at] ^= (uint8_t)(1u << bit % 8);
		result = unpack(size, &why);
		if (result == 0) {
			assert_int_equal(out_size, 3000);
			assert_memory_equal(out, plain, 3000);
			harmless++;
		} else {
			assert_int_equal(result, -EBADMSG);
		}
		packed[at] ^= (uint8_t)(1u << bit % 8);
	}
	/* Time, level and system in the header, its hint that this is text,
	 * and a few of deflate's that no byte depends on. */
	assert_in_range(harmless, 6 * 8 + 1, 100);
}

static void the_sink_can_stop_it(void **state)
{
	uint64_t random = random_seed();
	const char *why = "old";
	size_t size;

	(void)state;
	fill(&random);
	size = pack(0, PLAIN_MAX, 6, NULL);
	sink_error = -ENOSPC;
	assert_int_equal(unpack(size, &why), -ENOSPC);
	sink_error = 0;
	assert_null(why);
	assert_true(out_size <= PLAIN_MAX / 2 + 32768);
}

static void noise_is_refused(void **state)
{
	uint64_t random = random_seed();
	const char *why;

	(void)state;
	for (unsigned round = 0; round < 3000; round++) {
		size_t size = pack(0, 0, 6, NULL) + random_below(&random, 300);

		for (size_t i = 10; i < size; i++)
			packed[i] = (uint8_t)random_next(&random);
		assert_int_equal(unpack(size, &why), -EBADMSG);
		assert_non_null(why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_packed_comes_out),
		cmocka_unit_test(every_header_field_is_skipped),
		cmocka_unit_test(members_follow_each_other),
		cmocka_unit_test(every_flipped_bit_that_counts_is_found),
		cmocka_unit_test(the_sink_can_stop_it),
		cmocka_unit_test(noise_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
