/*
 * Names of the kernel's own code, for backtraces. The table is generated from
 * the linked kernel and linked in; it has no pointers.
 */
#pragma once

#include <stdint.h>

/*
 * From one function to the next, ascending, the first from the image's start:
 * halves of the distances, for code is aligned to 2. An entry with an empty
 * name ends the one before it: what follows belongs to nobody.
 */
extern const uint16_t symbols_step[];
/* Their names in the same order, each terminated. */
extern const char symbols_text[];
extern const uint16_t symbols_count;

/*
 * The function that holds @image_offset: its name and how far into it that
 * lies. -ENOENT before the first one, behind an entry without name, or when
 * the table is empty (as in the link that the table is made from).
 */
int symbols_lookup(uint64_t image_offset, const char **name, uint64_t *into);
