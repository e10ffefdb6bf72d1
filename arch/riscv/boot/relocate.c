/*
 * Relocates the image, before anything else can be trusted. Two passes: the
 * first looks at every entry and writes nothing that stays, so that a bad table
 * is reported with its entry from an image that is still whole; the second
 * only stores, and is as short as the ISA allows: two loads, two additions and
 * the store per entry, the loop's own two instructions shared by four.
 *
 * The first pass keeps a window of offsets known to be good: a page of the
 * image, without what the table occupies, that was seen to keep a written
 * value. The linker sorts the entries by offset, so most cost one comparison.
 */
#include "arch/riscv/boot/relocate.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#define WORD	   sizeof(uint64_t)
#define PROBE_PAGE 4096u /* memory comes and goes in no smaller pieces */
#define UNROLL	   4

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "the table is read as it lies in the file");

/* Both overlay bytes that others see as something else. */
typedef uint64_t __attribute__((may_alias)) word_t;
struct __attribute__((may_alias)) rela {
	uint64_t offset;
	uint64_t info;
	uint64_t addend;
};
_Static_assert(sizeof(struct rela) == RELOCATE_ENTRY_SIZE, "Elf64_Rela");

struct table {
	uint8_t *image;
	uint64_t image_size;
	uint64_t start; /* offsets of the table in the image */
	uint64_t end;
};

/* Words that start at [start, start + length) are good to write. */
struct window {
	uint64_t start;
	uint64_t length;
};

/* Complements the word and puts it back: 0, or -EROFS if it did not keep it. */
static int word_probe(volatile word_t *word)
{
	uint64_t old = *word;

	*word = ~old;
	if (*word != ~old)
		return -EROFS;
	*word = old;
	return 0;
}

/* Sets the window around a new offset, or tells why there is none. */
static int window_open(struct window *w, const struct table *t, uint64_t offset,
		       const char **why)
{
	uint64_t start = offset & ~(uint64_t)(PROBE_PAGE - 1);
	uint64_t end = start + PROBE_PAGE;

	*why = "offset outside the image";
	if (t->image_size < WORD || offset > t->image_size - WORD)
		return -EFAULT;
	*why = "offset not 8-byte aligned";
	if (offset % WORD != 0)
		return -EFAULT;
	*why = "offset inside the relocation table";
	if (offset + WORD > t->start && offset < t->end)
		return -EFAULT;
	*why = "image cannot be written";
	if (word_probe((volatile word_t *)(t->image + offset)) != 0)
		return -EROFS;

	if (offset >= t->end && start < t->end)
		start = t->end;
	if (offset < t->start && end > t->start)
		end = t->start;
	if (end > t->image_size)
		end = t->image_size;
	w->start = start;
	w->length = end - WORD + 1 - start;
	return 0;
}

/* Looks at the entry and moves the window to it if that is all it needs. */
static int entry_check(const struct rela *r, const struct table *t,
		       struct window *w, const char **why)
{
	*why = "unknown relocation type";
	if (r->info == RELOCATE_NONE)
		return 0;
	if (r->info != RELOCATE_RELATIVE)
		return -ENOEXEC;
	return window_open(w, t, r->offset, why);
}

/*
 * Returns the first entry that is not R_RISCV_RELATIVE in the window. Which of
 * the others are misaligned is not asked, only if any is: *bits gathers the
 * bits of all their offsets.
 */
static const struct rela *window_pass(const struct rela *r,
				      const struct rela *end,
				      const struct window *w, uint64_t *bits)
{
	uint64_t start = w->start;
	uint64_t length = w->length;
	uint64_t seen = 0;

	for (; r != end; r++) {
		uint64_t offset = r->offset;

		if (r->info != RELOCATE_RELATIVE || offset - start >= length)
			break;
		seen |= offset;
	}
	*bits |= seen;
	return r;
}

/* Returns the first entry that is misaligned; there is one. */
static const struct rela *entry_misaligned(const struct rela *r)
{
	while (r->info == RELOCATE_NONE || r->offset % WORD == 0)
		r++;
	return r;
}

/* The first pass: 0 and the number of R_RISCV_NONE entries, or -errno. */
static int table_check(const struct table *t, uint64_t *none,
		       struct relocate_error *err)
{
	const struct rela *first = (const struct rela *)(t->image + t->start);
	const struct rela *end = (const struct rela *)(t->image + t->end);
	const struct rela *r;
	struct window w = {0, 0};
	uint64_t bits = 0;
	int rc = 0;

	*none = 0;
	for (r = first; rc == 0; r++) {
		r = window_pass(r, end, &w, &bits);
		if (bits % WORD != 0)
			r = entry_misaligned(first);
		if (r == end)
			return 0;
		rc = entry_check(r, t, &w, &err->why);
		*none += r->info == RELOCATE_NONE;
	}
	r--;
	err->index = (uint64_t)(r - first);
	err->offset = r->offset;
	err->type = r->info;
	return rc;
}

static inline void entry_apply(const struct rela *r, uint8_t *image,
			       uint64_t base)
{
	*(word_t *)(image + r->offset) = base + r->addend;
}

/* The second pass, over entries that are all R_RISCV_RELATIVE. */
static void run_apply(const struct rela *r, const struct rela *end,
		      uint8_t *image, uint64_t base)
{
	size_t tail = (size_t)(end - r) % UNROLL;

	for (; tail != 0; tail--)
		entry_apply(r++, image, base);
	for (; r != end; r += UNROLL) {
		entry_apply(r, image, base);
		entry_apply(r + 1, image, base);
		entry_apply(r + 2, image, base);
		entry_apply(r + 3, image, base);
	}
}

/*
 * The same over the whole table. The linker leaves its R_RISCV_NONE at the end,
 * so that the search for runs is short; anywhere else they are right, too.
 */
static void runs_apply(const struct table *t, uint64_t base, uint64_t none)
{
	const struct rela *r = (const struct rela *)(t->image + t->start);
	const struct rela *end = (const struct rela *)(t->image + t->end);

	for (; none != 0 && end[-1].info == RELOCATE_NONE; none--)
		end--;
	while (none != 0) {
		const struct rela *run = r;

		for (; r->info == RELOCATE_RELATIVE; r++)
			;
		run_apply(run, r, t->image, base);
		for (; none != 0 && r->info == RELOCATE_NONE; r++)
			none--;
	}
	run_apply(r, end, t->image, base);
}

static bool table_fits(const struct table *t)
{
	return (uintptr_t)t->image % WORD == 0 && t->start % WORD == 0 &&
		t->start <= t->end && t->end <= t->image_size &&
		(t->end - t->start) % sizeof(struct rela) == 0;
}

long relocate(uint8_t *image, uint64_t image_size, uint64_t rela_start,
	      uint64_t rela_end, uint64_t base, struct relocate_error *err)
{
	const struct table t = {image, image_size, rela_start, rela_end};
	uint64_t none;
	int rc;

	if (!table_fits(&t)) {
		*err = (struct relocate_error){
			.offset = rela_start,
			.why = "relocation table not inside the image"};
		return -EINVAL;
	}
	rc = table_check(&t, &none, err);
	if (rc != 0)
		return rc;

	runs_apply(&t, base, none);
	return (long)((rela_end - rela_start) / sizeof(struct rela) - none);
}
