/*
 * The image table: where the parts of an Aloft image begin and end, and where
 * its relocations are. docs/boot.md, "Image table".
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tools/imgtool/blob.h"

#define TABLE_OFFSET  64 /* right after the Image header */
#define TABLE_MAGIC   "ALOFTIMG"
#define TABLE_VERSION 1u
#define TABLE_SIZE    56u /* of version 1; longer ones are read as far */

enum table_part {
	PART_TEXT,
	PART_RODATA,
	PART_DATA,
	PART_BSS,
	PARTS
};

/* Offsets from the start of the image; end is the first byte after. */
struct table_range {
	uint32_t start;
	uint32_t end;
};

struct image_table {
	uint32_t version;
	uint32_t size;
	struct table_range part[PARTS]; /* bss ends with the image */
	struct table_range rela;	/* Elf64_Rela entries */
};

/*
 * Reads the table of an Image. Returns 0; -ENOENT there is none, as in all
 * images but ours; -ENOTSUP a version that is not known: only version and size
 * are read; -EINVAL the file ends in the middle of it.
 */
int table_read(const struct blob *image, struct image_table *out);

/*
 * Tells which rule the table breaks, given image_size of the header: parts in
 * order on pages of their own, the file's in the file, the relocations whole,
 * aligned and in the file. NULL: none. Only then may offsets be used.
 */
const char *table_problem(const struct image_table *t, size_t file_size,
			  uint64_t image_size);

/* "text", "rodata", "data", "bss" */
const char *table_part_name(enum table_part part);

/* "r-x", "r--", "rw-", "rw-": the rights the kernel maps the part with. */
const char *table_part_rights(enum table_part part);

/* The part that holds this offset, or PARTS. */
enum table_part table_part_at(const struct image_table *t, uint64_t offset);
