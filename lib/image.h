/* The header of a RISC-V Image, as boot loaders and kernels exchange it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define IMAGE_HEADER_SIZE     64
#define IMAGE_MAGIC	      0x5643534952ull /* "RISCV", since v0.1 */
#define IMAGE_MAGIC2	      0x05435352u     /* "RSC\x05", since v0.2 */
#define IMAGE_FLAG_BIG_ENDIAN 1ull
#define IMAGE_TEXT_ALIGN      4096u

/*
 * The 64 bytes at offset 0 of an Image, decoded to the host's byte order.
 * Source: Linux, Documentation/arch/riscv/boot-image-header.rst. The reserved
 * words are not kept.
 */
struct image_header {
	uint32_t code0;	      /* executable: jump to the start of the text */
	uint32_t code1;	      /* executable, or "MZ" in code0 for EFI */
	uint64_t text_offset; /* bytes from the start of RAM to load at */
	uint64_t image_size;  /* bytes from the header to the end of bss */
	uint64_t flags;	      /* bit 0: big endian; the others are 0 */
	uint32_t version;     /* major in bits 31:16, minor in 15:0 */
	uint64_t magic;	      /* IMAGE_MAGIC, deprecated by v0.2 */
	uint32_t magic2;      /* IMAGE_MAGIC2 */
	uint32_t pe_offset;   /* of the PE header; 0 where there is none */
};

/*
 * Decodes the header at buf, of which len bytes are there.
 * Returns 0; -EINVAL: len is under IMAGE_HEADER_SIZE, *out is unchanged;
 * -ENOEXEC: magic2 is not IMAGE_MAGIC2, *out holds what was there.
 */
int image_header_read(const void *buf, size_t len, struct image_header *out);

/*
 * Tells why a boot loader would reject, or wrongly load, an Image with this
 * header whose file is file_size bytes long (bss is not in the file, so it may
 * be shorter than image_size, never longer: U-Boot copies image_size bytes).
 * Returns NULL if nothing is wrong, else a static text for the user.
 */
const char *image_header_problem(const struct image_header *h,
				 uint64_t file_size);
