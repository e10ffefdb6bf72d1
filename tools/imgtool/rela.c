/* Counts relocations, and has the kernel's function apply them. */
#include "tools/imgtool/rela.h"

#include <string.h>

#include "tools/imgtool/le.h"

enum {
	RELA_OFFSET = 0,
	RELA_INFO = 8,
	RELA_ADDEND = 16
};

/* A pointer one past the end of a part still points to that part. */
static enum table_part part_pointed_to(const struct image_table *t,
				       uint64_t offset)
{
	enum table_part part = table_part_at(t, offset);

	if (part == PARTS && offset != 0)
		part = table_part_at(t, offset - 1);
	return part;
}

void rela_count(const struct blob *image, const struct image_table *table,
		struct rela_stats *out)
{
	memset(out, 0, sizeof(*out));
	for (uint32_t at = table->rela.start; at < table->rela.end;
	     at += RELOCATE_ENTRY_SIZE) {
		const uint8_t *p = image->data + at;
		uint64_t addend = le64(p + RELA_ADDEND);

		switch (le64(p + RELA_INFO)) {
		case RELOCATE_RELATIVE:
			out->relative++;
			out->in[table_part_at(table, le64(p + RELA_OFFSET))]++;
			out->to[part_pointed_to(table, addend)]++;
			break;
		case RELOCATE_NONE:
			out->none++;
			break;
		default:
			out->other++;
		}
	}
}

long rela_apply(struct blob *image, const struct image_table *table,
		uint64_t base, struct relocate_error *err)
{
	return relocate(image->data, image->size, table->rela.start,
			table->rela.end, base, err);
}
