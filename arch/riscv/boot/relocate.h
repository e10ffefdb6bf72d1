/* Relocating the image: one pure function for the kernel and for the host. */
#pragma once

#include <stdint.h>

#define RELOCATE_NONE	    0u /* R_RISCV_NONE: padding by the linker */
#define RELOCATE_RELATIVE   3u /* R_RISCV_RELATIVE: word := base + addend */
#define RELOCATE_ENTRY_SIZE 24u

/* The first entry that could not be applied. */
struct relocate_error {
	uint64_t index;	 /* of the entry in the table, from 0 */
	uint64_t offset; /* r_offset: of the word, from the image's start */
	uint64_t type;	 /* r_info whole: symbol in bits 63:32, type below */
	const char *why; /* static text, at its address of now */
};

/*
 * Applies the Elf64_Rela table at bytes [rela_start, rela_end) of image, which
 * was linked at address 0, so that the image runs at address base: for each
 * R_RISCV_RELATIVE entry the 64-bit word at r_offset becomes base + r_addend;
 * R_RISCV_NONE is passed over. base is where the image will run, image is where
 * it lies now; they may differ. The words' old values do not matter, so it may
 * be applied again for another base.
 *
 * image is 8-byte aligned; relocations may touch image_size bytes from it. Not
 * one word changes unless every entry is good: a known type, an 8-byte aligned
 * word inside the image and outside the table, on a page that can be written.
 *
 * Returns the number of R_RISCV_RELATIVE entries, or with *err filled:
 * -EINVAL the table does not lie in the image in whole, aligned entries (index
 * is 0); -ENOEXEC an unknown type; -EFAULT an offset that is not allowed;
 * -EROFS a word that does not keep what is written to it.
 *
 * Runs before relocation: it calls nothing outside its file and reads no word
 * that needs relocating. Source: RISC-V ELF psABI, "Relocations".
 */
long relocate(uint8_t *image, uint64_t image_size, uint64_t rela_start,
	      uint64_t rela_end, uint64_t base, struct relocate_error *err);
