/*
 * Prints an Image for a person: the header field by field, then each rule a
 * loader or the image itself depends on with its verdict, then what else the
 * file tells: PE sections, and for our own images sections and relocations.
 */
#include "tools/imgtool/info.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lib/image.h"
#include "tools/imgtool/pe.h"
#include "tools/imgtool/rela.h"
#include "tools/imgtool/table.h"

#define EXAMPLE_BASE 0x80200000ull /* where QEMU's virt enters a kernel */

struct info {
	FILE *out;
	const struct blob *image;
	struct image_header h;
	bool pe; /* pe_header is good */
	struct pe_header pe_header;
	unsigned problems;
};

struct human {
	char text[40];
};

/* "83.2 KiB" */
static struct human size_text(uint64_t bytes)
{
	static const char units[][4] = {"KiB", "MiB", "GiB",
					"TiB", "PiB", "EiB"};
	struct human h;
	unsigned unit = 0;

	if (bytes < 1024) {
		snprintf(h.text, sizeof(h.text), "%u bytes", (unsigned)bytes);
		return h;
	}
	while (bytes >> 10 >= 1024) {
		bytes >>= 10;
		unit++;
	}
	snprintf(h.text, sizeof(h.text), "%u.%u %s", (unsigned)(bytes >> 10),
		 (unsigned)((bytes & 1023) * 10 / 1024), units[unit]);
	return h;
}

static void heading(const struct info *i, const char *text)
{
	fprintf(i->out, "\n%s\n", text);
}

static void field(const struct info *i, const char *name, uint64_t value,
		  const char *meaning)
{
	fprintf(i->out, "  %-12s %#-12" PRIx64 " %s\n", name, value, meaning);
}

/* A verdict; problem is NULL where there is none. */
static void verdict(struct info *i, const char *what, const char *problem)
{
	if (problem == NULL) {
		fprintf(i->out, "  ok    %s\n", what);
		return;
	}
	fprintf(i->out, "  FAIL  %s: %s\n", what, problem);
	i->problems++;
}

/* The header. */

static const char *code0_meaning(uint32_t code0)
{
	if ((code0 & 0xffff) == 0x5a4d)
		return "\"MZ\", for UEFI; as an instruction harmless";
	if ((code0 & 0xfff) == 0x06f)
		return "a jump";
	return code0 == 0 ? "no instruction" : "an instruction";
}

static void header_print(const struct info *i)
{
	const struct image_header *h = &i->h;
	char meaning[64];

	heading(i, "header");
	field(i, "code0", h->code0, code0_meaning(h->code0));
	field(i, "code1", h->code1, "");
	field(i, "text_offset", h->text_offset,
	      "loaded this far above the start of RAM");
	snprintf(meaning, sizeof(meaning), "%s in memory",
		 size_text(h->image_size).text);
	field(i, "image_size", h->image_size, meaning);
	field(i, "flags", h->flags,
	      h->flags & IMAGE_FLAG_BIG_ENDIAN ? "big endian"
					       : "little endian");
	snprintf(meaning, sizeof(meaning), "%u.%u", h->version >> 16,
		 h->version & 0xffff);
	field(i, "version", h->version, meaning);
	field(i, "magic", h->magic,
	      h->magic == IMAGE_MAGIC ? "\"RISCV\""
				      : "not \"RISCV\" (no longer asked for)");
	field(i, "magic2", h->magic2, "\"RSC\\x05\"");
	field(i, "pe_offset", h->pe_offset,
	      h->pe_offset != 0 ? "PE header" : "no PE header");
}

/* The rules; each function tells why its rule is broken, or NULL. */

static const char *version_problem(const struct info *i)
{
	if (i->h.version >> 16 != 0 || i->h.version == 0)
		return "only 0.1 and later of 0.x are known";
	return NULL;
}

static const char *flags_problem(const struct info *i)
{
	return i->h.flags == 0 ? NULL : "big endian or unknown bits";
}

static const char *size_problem(const struct info *i)
{
	return i->h.image_size != 0 ? NULL : "booti refuses 0";
}

static const char *length_problem(const struct info *i)
{
	if (i->h.image_size == 0 || i->h.image_size >= i->image->size)
		return NULL;
	return "booti loads image_size bytes: the end would be missing";
}

static const char *offset_problem(const struct info *i)
{
	if (i->h.text_offset % IMAGE_TEXT_ALIGN != 0)
		return "not a multiple of 4096";
	if (i->h.image_size > UINT64_MAX - i->h.text_offset)
		return "text_offset + image_size overflows";
	return NULL;
}

static const char *firmware_problem(const struct info *i)
{
	if (i->h.text_offset != 0)
		return NULL;
	return "booti would load it over the firmware at the start of RAM";
}

static const char *code_problem(const struct info *i)
{
	if ((i->h.code0 & 0xffff) == 0 || i->h.code0 == UINT32_MAX)
		return "an illegal instruction";
	return NULL;
}

static const struct {
	const char *rule;
	const char *(*problem)(const struct info *i);
} rules[] = {
	{"the version of the header is known", version_problem},
	{"flags: little endian, nothing unknown", flags_problem},
	{"image_size is given", size_problem},
	{"image_size covers the file", length_problem},
	{"text_offset is on a page, and the end representable", offset_problem},
	{"text_offset leaves room for firmware", firmware_problem},
	{"the first word can be executed", code_problem},
};

static void rules_print(struct info *i)
{
	const char *problem = image_header_problem(&i->h, i->image->size);

	heading(i, "checks");
	for (size_t k = 0; k < sizeof(rules) / sizeof(rules[0]); k++)
		verdict(i, rules[k].rule, rules[k].problem(i));
	/* The kernel's and the lab's own verdict has the last word. */
	if (problem != NULL || i->problems == 0)
		verdict(i, "Aloft takes it as a guest and the lab as a job",
			problem);
}

static void loaders_print(const struct info *i)
{
	const struct image_header *h = &i->h;

	heading(i, "loaders");
	if (h->image_size == 0)
		fprintf(i->out, "  U-Boot booti  refuses it\n");
	else
		fprintf(i->out,
			"  U-Boot booti  moves %s to the start of RAM + %s\n",
			size_text(h->image_size).text,
			size_text(h->text_offset).text);
	if (i->image->gzip)
		fprintf(i->out,
			"                packed: wants kernel_comp_addr_r, and "
			"kernel_comp_size >= %#zx\n",
			i->image->packed_size);
	fprintf(i->out,
		"  QEMU -kernel  ignores the header, enters at offset 0%s\n",
		i->image->gzip ? " (it does not unpack)" : "");
	fprintf(i->out, "  UEFI          %s\n",
		i->pe ? "starts it as an EFI application"
		      : "refuses it: no usable PE header");
}

/* PE. */

static void pe_section_print(const struct info *i, const struct pe_section *s)
{
	fprintf(i->out, "  %-10s 0x%08x 0x%08x  0x%08x 0x%08x  %c%c%c\n",
		s->name, s->memory_offset, s->memory_size, s->file_offset,
		s->file_size, s->flags & PE_SECTION_READ ? 'r' : '-',
		s->flags & PE_SECTION_WRITE ? 'w' : '-',
		s->flags & PE_SECTION_EXECUTE ? 'x' : '-');
}

static void pe_print(struct info *i)
{
	const struct pe_header *pe = &i->pe_header;
	const char *why = NULL;

	if (i->h.pe_offset == 0)
		return;
	heading(i, "PE header");
	if (pe_read(i->image, i->h.pe_offset, &i->pe_header, &why) != 0) {
		verdict(i, "the PE header can be read", why);
		return;
	}
	why = pe_problem(i->image, pe);
	i->pe = why == NULL;
	field(i, "machine", pe->machine,
	      pe->machine == PE_MACHINE_RISCV64 ? "RISC-V 64"
						: "not RISC-V 64");
	field(i, "subsystem", pe->subsystem,
	      pe->subsystem == PE_EFI_APPLICATION ? "EFI application"
						  : "not an EFI application");
	field(i, "entry", pe->entry, "");
	field(i, "SizeOfImage", pe->image_size, size_text(pe->image_size).text);
	verdict(i, "the PE header fits the file", why);
	fprintf(i->out, "\n  PE section memory                 file\n");
	for (unsigned k = 0; k < pe->sections; k++) {
		struct pe_section s;

		pe_section_read(i->image, pe, k, &s);
		pe_section_print(i, &s);
	}
}

/* Our own images. */

static void sections_print(const struct info *i, const struct image_table *t)
{
	heading(i, "sections");
	for (unsigned k = 0; k < PARTS; k++) {
		const struct table_range *r = &t->part[k];

		fprintf(i->out, "  %-10s 0x%08x..0x%08x  %10s  %s%s\n",
			table_part_name(k), r->start, r->end,
			size_text(r->end - r->start).text, table_part_rights(k),
			k == PART_BSS ? "  not in the file" : "");
	}
}

static void counts_print(const struct info *i, const char *what,
			 const uint64_t counts[PARTS + 1])
{
	fprintf(i->out, "  %-10s", what);
	for (unsigned k = 0; k < PARTS; k++)
		if (counts[k] != 0)
			fprintf(i->out, " %s %" PRIu64, table_part_name(k),
				counts[k]);
	if (counts[PARTS] != 0)
		fprintf(i->out, " elsewhere %" PRIu64, counts[PARTS]);
	fputc('\n', i->out);
}

/* Relocates a copy, to see whether the kernel could. */
static void relocation_try(struct info *i, const struct image_table *t)
{
	struct blob copy;
	struct relocate_error err;
	char problem[128];

	if (blob_copy(i->image, &copy) != 0) {
		verdict(i, "they can be applied", "out of memory");
		return;
	}
	if (rela_apply(&copy, t, EXAMPLE_BASE, &err) >= 0) {
		verdict(i, "they can be applied", NULL);
	} else {
		snprintf(problem, sizeof(problem),
			 "entry %" PRIu64 " (type %#" PRIx64
			 ", offset %#" PRIx64 "): %s",
			 err.index, err.type, err.offset, err.why);
		verdict(i, "they can be applied", problem);
	}
	blob_free(&copy);
}

static void relocations_print(struct info *i, const struct image_table *t)
{
	struct rela_stats stats;

	rela_count(i->image, t, &stats);
	fprintf(i->out,
		"\nrelocations: %" PRIu64 " RELATIVE, %" PRIu64
		" NONE, %" PRIu64 " of other types\n",
		stats.relative, stats.none, stats.other);
	fprintf(i->out, "  %-10s 0x%08x..0x%08x  %10s\n", ".rela.dyn",
		t->rela.start, t->rela.end,
		size_text(t->rela.end - t->rela.start).text);
	if (stats.relative != 0) {
		counts_print(i, "words in", stats.in);
		counts_print(i, "point to", stats.to);
	}
	relocation_try(i, t);
}

static void table_print(struct info *i)
{
	struct image_table t;
	const char *problem = NULL;
	int rc = table_read(i->image, &t);

	if (rc == 0)
		problem = table_problem(&t, i->image->size, i->h.image_size);
	if (rc == 0 && problem == NULL) {
		sections_print(i, &t);
		relocations_print(i, &t);
		return;
	}
	fprintf(i->out, "\nrelocations: not recorded\n");
	if (problem != NULL)
		verdict(i, "the image table is sound", problem);
	else if (rc == -ENOTSUP)
		fprintf(i->out, "  the image table is of a newer version\n");
	else if (rc == -EINVAL)
		verdict(i, "the image table is whole", "the file ends in it");
}

/* What else a file may be that somebody takes for an Image. */
static const char *file_kind(const struct blob *image)
{
	const uint8_t *p = image->data;

	if (image->size == 0)
		return "an empty file";
	if (image->size < IMAGE_HEADER_SIZE)
		return "shorter than an Image header (64 bytes)";
	if (memcmp(p, "\177ELF", 4) == 0)
		return "an ELF file; an Image is made of one by objcopy -O "
		       "binary";
	if (memcmp(p, "MZ", 2) == 0 && memcmp(p + 4, "zimg", 4) == 0)
		return "a packed EFI kernel; the Image is inside";
	if (memcmp(p, "070701", 6) == 0)
		return "a cpio archive";
	if (p[0] == 0xd0 && p[1] == 0x0d && p[2] == 0xfe && p[3] == 0xed)
		return "a device tree";
	if (p[0] == 0x27 && p[1] == 0x05 && p[2] == 0x19 && p[3] == 0x56)
		return "a U-Boot uImage";
	return "no RSC\\x05 at offset 56";
}

unsigned info_print(FILE *out, const char *name, const struct blob *image)
{
	struct info i = {.out = out, .image = image};

	if (image_header_read(image->data, image->size, &i.h) != 0) {
		fprintf(out, "%s: not a RISC-V Image: %s\n", name,
			file_kind(image));
		return 1;
	}
	fprintf(out, "%s: RISC-V Image, %s", name, size_text(image->size).text);
	if (image->gzip)
		fprintf(out, " (gzip: %s)", size_text(image->packed_size).text);
	fputc('\n', out);
	header_print(&i);
	rules_print(&i);
	pe_print(&i);
	loaders_print(&i);
	table_print(&i);
	if (i.problems != 0)
		fprintf(out, "\n%u problem%s\n", i.problems,
			i.problems == 1 ? "" : "s");
	return i.problems;
}
