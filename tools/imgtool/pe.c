/* Reads PE headers, as far as an EFI-stub kernel has them. */
#include "tools/imgtool/pe.h"

#include <errno.h>
#include <string.h>

#include "tools/imgtool/le.h"

enum {
	COFF_SIZE = 24, /* signature included */
	COFF_MACHINE = 4,
	COFF_SECTIONS = 6,
	COFF_OPTIONAL_SIZE = 20,

	OPTIONAL_MIN = 112, /* PE32+ without data directories */
	OPTIONAL_PE32_PLUS = 0x20b,
	OPTIONAL_ENTRY = 16,
	OPTIONAL_SECTION_ALIGNMENT = 32,
	OPTIONAL_FILE_ALIGNMENT = 36,
	OPTIONAL_IMAGE_SIZE = 56,
	OPTIONAL_HEADERS_SIZE = 60,
	OPTIONAL_SUBSYSTEM = 68,

	SECTION_SIZE = 40,
	SECTION_NAME = 8, /* bytes */
};

static int fail(const char **why, const char *text)
{
	*why = text;
	return -EINVAL;
}

int pe_read(const struct blob *image, uint32_t offset, struct pe_header *out,
	    const char **why)
{
	const uint8_t *coff;
	const uint8_t *optional;
	uint64_t table;

	if ((uint64_t)offset + COFF_SIZE + OPTIONAL_MIN > image->size)
		return fail(why, "PE header outside the file");
	coff = image->data + offset;
	optional = coff + COFF_SIZE;
	if (memcmp(coff, "PE\0\0", 4) != 0)
		return fail(why, "no PE signature where the header says");
	if (le16(coff + COFF_OPTIONAL_SIZE) < OPTIONAL_MIN ||
	    le16(optional) != OPTIONAL_PE32_PLUS)
		return fail(why, "not a PE32+ header");
	table = (uint64_t)offset + COFF_SIZE + le16(coff + COFF_OPTIONAL_SIZE);
	out->machine = le16(coff + COFF_MACHINE);
	out->sections = le16(coff + COFF_SECTIONS);
	if (table + (uint64_t)out->sections * SECTION_SIZE > image->size)
		return fail(why, "PE section table outside the file");
	out->section_table = table;
	out->subsystem = le16(optional + OPTIONAL_SUBSYSTEM);
	out->entry = le32(optional + OPTIONAL_ENTRY);
	out->section_alignment = le32(optional + OPTIONAL_SECTION_ALIGNMENT);
	out->file_alignment = le32(optional + OPTIONAL_FILE_ALIGNMENT);
	out->image_size = le32(optional + OPTIONAL_IMAGE_SIZE);
	out->headers_size = le32(optional + OPTIONAL_HEADERS_SIZE);
	return 0;
}

void pe_section_read(const struct blob *image, const struct pe_header *pe,
		     unsigned index, struct pe_section *out)
{
	const uint8_t *p =
		image->data + pe->section_table + (size_t)index * SECTION_SIZE;

	for (unsigned i = 0; i < SECTION_NAME; i++) {
		char c = (char)p[i];

		out->name[i] = c == 0 || (c > ' ' && c < 0x7f) ? c : '?';
	}
	out->name[SECTION_NAME] = 0;
	out->memory_size = le32(p + 8);
	out->memory_offset = le32(p + 12);
	out->file_size = le32(p + 16);
	out->file_offset = le32(p + 20);
	out->flags = le32(p + 36);
}

static const char *section_problem(const struct blob *image,
				   const struct pe_header *pe,
				   const struct pe_section *s)
{
	if ((uint64_t)s->file_offset + s->file_size > image->size)
		return "a PE section's bytes lie outside the file";
	if ((uint64_t)s->memory_offset + s->memory_size > pe->image_size)
		return "a PE section lies outside SizeOfImage";
	if ((s->flags & PE_SECTION_WRITE) && (s->flags & PE_SECTION_EXECUTE))
		return "a PE section is writable and executable";
	return NULL;
}

const char *pe_problem(const struct blob *image, const struct pe_header *pe)
{
	const char *problem = NULL;

	if (pe->machine != PE_MACHINE_RISCV64)
		return "PE header is for another machine";
	if (pe->subsystem != PE_EFI_APPLICATION)
		return "PE subsystem is not EFI application";
	if (pe->entry >= pe->image_size)
		return "PE entry point outside SizeOfImage";
	for (unsigned i = 0; problem == NULL && i < pe->sections; i++) {
		struct pe_section s;

		pe_section_read(image, pe, i, &s);
		problem = section_problem(image, pe, &s);
	}
	return problem;
}
