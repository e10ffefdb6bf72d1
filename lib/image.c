/*
 * Reads and judges the 64-byte header of a RISC-V Image. One parser serves the
 * kernel (guests), imgtool and the lab, so that none accepts what another
 * refuses. Format: Linux, Documentation/arch/riscv/boot-image-header.rst.
 */
#include "lib/image.h"

#include <errno.h>

enum {
	OFFSET_CODE0 = 0,
	OFFSET_CODE1 = 4,
	OFFSET_TEXT_OFFSET = 8,
	OFFSET_IMAGE_SIZE = 16,
	OFFSET_FLAGS = 24,
	OFFSET_VERSION = 32,
	OFFSET_MAGIC = 48,
	OFFSET_MAGIC2 = 56,
	OFFSET_PE = 60,
};

/* Byte by byte: buf need not be aligned, nor the host little-endian. */
static uint32_t read_le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
		(uint32_t)p[3] << 24;
}

static uint64_t read_le64(const uint8_t *p)
{
	return read_le32(p) | (uint64_t)read_le32(p + 4) << 32;
}

int image_header_read(const void *buf, size_t len, struct image_header *out)
{
	const uint8_t *p = buf;

	if (len < IMAGE_HEADER_SIZE)
		return -EINVAL;
	out->code0 = read_le32(p + OFFSET_CODE0);
	out->code1 = read_le32(p + OFFSET_CODE1);
	out->text_offset = read_le64(p + OFFSET_TEXT_OFFSET);
	out->image_size = read_le64(p + OFFSET_IMAGE_SIZE);
	out->flags = read_le64(p + OFFSET_FLAGS);
	out->version = read_le32(p + OFFSET_VERSION);
	out->magic = read_le64(p + OFFSET_MAGIC);
	out->magic2 = read_le32(p + OFFSET_MAGIC2);
	out->pe_offset = read_le32(p + OFFSET_PE);
	return out->magic2 == IMAGE_MAGIC2 ? 0 : -ENOEXEC;
}

const char *image_header_problem(const struct image_header *h,
				 uint64_t file_size)
{
	if (h->magic2 != IMAGE_MAGIC2)
		return "not a RISC-V Image (no RSC\\x05 at offset 56)";
	if (h->version >> 16 != 0 || h->version == 0)
		return "unknown Image header version (0.1 and later of 0.x "
		       "are known)";
	if (h->flags & IMAGE_FLAG_BIG_ENDIAN)
		return "big-endian Image";
	if (h->flags != 0)
		return "unknown flags in the Image header";
	if (h->image_size == 0)
		return "image_size is 0 (boot loaders refuse it)";
	if (file_size < IMAGE_HEADER_SIZE)
		return "shorter than its header";
	if (h->image_size < file_size)
		return "file is longer than image_size (its end would not be "
		       "loaded)";
	if (h->text_offset % IMAGE_TEXT_ALIGN != 0)
		return "text_offset is not a multiple of 4096";
	if (h->image_size > UINT64_MAX - h->text_offset)
		return "text_offset + image_size overflows";
	return NULL;
}
