/*
 * The PE/COFF header that lets UEFI start an Image. Source: Microsoft, "PE
 * Format"; UEFI Specification, "UEFI Images".
 */
#pragma once

#include <stdint.h>

#include "tools/imgtool/blob.h"

#define PE_MACHINE_RISCV64 0x5064u
#define PE_EFI_APPLICATION 10u /* subsystem */

#define PE_SECTION_EXECUTE 0x20000000u
#define PE_SECTION_READ	   0x40000000u
#define PE_SECTION_WRITE   0x80000000u

struct pe_header {
	uint16_t machine;
	uint16_t sections;
	uint16_t subsystem;
	uint32_t entry; /* all offsets from the start of the image */
	uint32_t section_alignment;
	uint32_t file_alignment;
	uint32_t image_size;
	uint32_t headers_size;
	uint64_t section_table; /* file offset */
};

struct pe_section {
	char name[9]; /* printable, zero-terminated */
	uint32_t memory_size;
	uint32_t memory_offset;
	uint32_t file_size;
	uint32_t file_offset;
	uint32_t flags; /* PE_SECTION_* and others */
};

/*
 * Reads the header at offset of the Image, the pe_offset of its own header.
 * Returns 0, or -EINVAL and in *why a static text: not a PE32+ header, or not
 * whole in the file, its section table included.
 */
int pe_read(const struct blob *image, uint32_t offset, struct pe_header *out,
	    const char **why);

/* Reads section index, less than sections, of a header that pe_read() took. */
void pe_section_read(const struct blob *image, const struct pe_header *pe,
		     unsigned index, struct pe_section *out);

/* Why UEFI would refuse, or wrongly load, the Image; NULL: nothing found. */
const char *pe_problem(const struct blob *image, const struct pe_header *pe);
