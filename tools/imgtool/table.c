/* Reads the image table; every value in it is taken for an attacker's. */
#include "tools/imgtool/table.h"

#include <errno.h>
#include <string.h>

#include "arch/riscv/boot/relocate.h"
#include "tools/imgtool/le.h"

#define PAGE 4096u

enum {
	AT_VERSION = 8,
	AT_SIZE = 12,
	AT_PARTS = 16,
	AT_RELA = 48,
};

static const struct {
	const char *name;
	const char *rights;
} parts[PARTS] = {
	[PART_TEXT] = {"text", "r-x"},
	[PART_RODATA] = {"rodata", "r--"},
	[PART_DATA] = {"data", "rw-"},
	[PART_BSS] = {"bss", "rw-"},
};

static struct table_range range_at(const uint8_t *p)
{
	return (struct table_range){le32(p), le32(p + 4)};
}

int table_read(const struct blob *image, struct image_table *out)
{
	const uint8_t *p;
	size_t room;

	if (image->size < TABLE_OFFSET + AT_VERSION)
		return -ENOENT;
	p = image->data + TABLE_OFFSET;
	if (memcmp(p, TABLE_MAGIC, AT_VERSION) != 0)
		return -ENOENT;
	room = image->size - TABLE_OFFSET;
	if (room < AT_PARTS)
		return -EINVAL;
	memset(out, 0, sizeof(*out));
	out->version = le32(p + AT_VERSION);
	out->size = le32(p + AT_SIZE);
	if (out->version != TABLE_VERSION)
		return -ENOTSUP;
	if (room < TABLE_SIZE)
		return -EINVAL;
	for (unsigned i = 0; i < PARTS; i++)
		out->part[i] = range_at(p + AT_PARTS + 8 * i);
	out->rela = range_at(p + AT_RELA);
	return 0;
}

static const char *parts_problem(const struct image_table *t)
{
	uint32_t end = 0;

	for (unsigned i = 0; i < PARTS; i++) {
		const struct table_range *r = &t->part[i];

		if (r->end < r->start)
			return "a part ends before it begins";
		if (r->start < end)
			return "a part begins before the one before it ends";
		/* data and bss have the same rights and may share a page. */
		if (i < PART_BSS && r->start % PAGE != 0)
			return "a part does not begin on a page of its own";
		end = r->end;
	}
	return NULL;
}

const char *table_problem(const struct image_table *t, size_t file_size,
			  uint64_t image_size)
{
	const char *problem = parts_problem(t);

	if (problem != NULL)
		return problem;
	if (t->size < TABLE_SIZE)
		return "its size is too small for its version";
	if (t->part[PART_DATA].end > file_size)
		return "data ends after the end of the file";
	if (t->part[PART_BSS].end != image_size)
		return "bss does not end at image_size";
	if (t->rela.end < t->rela.start || t->rela.end > file_size)
		return "relocations outside the file";
	if (t->rela.start % 8 != 0 ||
	    (t->rela.end - t->rela.start) % RELOCATE_ENTRY_SIZE != 0)
		return "relocations misaligned or not whole";
	return NULL;
}

const char *table_part_name(enum table_part part)
{
	return parts[part].name;
}

const char *table_part_rights(enum table_part part)
{
	return parts[part].rights;
}

enum table_part table_part_at(const struct image_table *t, uint64_t offset)
{
	for (unsigned i = 0; i < PARTS; i++)
		if (offset >= t->part[i].start && offset < t->part[i].end)
			return i;
	return PARTS;
}
