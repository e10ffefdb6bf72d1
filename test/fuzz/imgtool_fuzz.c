/* Sources: tools/imgtool/blob.c tools/imgtool/info.c tools/imgtool/pe.c
 * tools/imgtool/rela.c tools/imgtool/table.c lib/image.c
 * arch/riscv/boot/relocate.c */
/*
 * imgtool over any bytes: unpacks, prints, relocates. Beside what the
 * sanitizers see: a refused image must not have changed, an accepted one must
 * be restored by relocating it there and back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/image.h"
#include "tools/imgtool/info.h"
#include "tools/imgtool/rela.h"
#include "tools/imgtool/table.h"

/* Little, so that an input is quick whatever it unpacks to. */
#define SIZE_MAX_HERE ((size_t)1 << 20)

#define HERE  0x80200000ull
#define THERE 0xffffffff80000000ull

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int good)
{
	if (!good)
		abort();
}

static void relocation_check(struct blob *image, const struct image_table *t)
{
	struct relocate_error err = {.why = NULL};
	struct blob before;
	long count;

	require(blob_copy(image, &before) == 0);
	count = rela_apply(image, t, HERE, &err);
	if (count < 0) {
		require(err.why != NULL);
		require(memcmp(image->data, before.data, image->size) == 0);
	} else {
		memcpy(before.data, image->data, image->size);
		require(rela_apply(image, t, THERE, &err) == count);
		require(rela_apply(image, t, HERE, &err) == count);
		require(memcmp(image->data, before.data, image->size) == 0);
	}
	blob_free(&before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *nowhere;
	struct image_header h;
	struct image_table t;
	struct blob image;
	const char *why = NULL;

	if (nowhere == NULL)
		nowhere = fopen("/dev/null", "w");
	require(nowhere != NULL);
	if (blob_from_bytes(data, size, SIZE_MAX_HERE, &image, &why) != 0) {
		require(why != NULL);
		return 0;
	}
	info_print(nowhere, "fuzz", &image);
	if (image_header_read(image.data, image.size, &h) == 0 &&
	    table_read(&image, &t) == 0 &&
	    table_problem(&t, image.size, h.image_size) == NULL)
		relocation_check(&image, &t);
	blob_free(&image);
	return 0;
}
