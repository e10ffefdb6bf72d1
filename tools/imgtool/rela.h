/* The relocations of an image whose table table_problem() has passed. */
#pragma once

#include <stdint.h>

#include "arch/riscv/boot/relocate.h"
#include "tools/imgtool/blob.h"
#include "tools/imgtool/table.h"

/* How many entries are of each kind; index PARTS counts those in no part. */
struct rela_stats {
	uint64_t relative;
	uint64_t none;
	uint64_t other;
	uint64_t in[PARTS + 1]; /* R_RISCV_RELATIVE by where the word lies */
	uint64_t to[PARTS + 1]; /* and by where it points */
};

void rela_count(const struct blob *image, const struct image_table *table,
		struct rela_stats *out);

/*
 * Relocates the image in place to base, with the kernel's own relocate() and
 * its results.
 */
long rela_apply(struct blob *image, const struct image_table *table,
		uint64_t base, struct relocate_error *err);
