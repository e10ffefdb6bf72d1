/* The memory map at start-up. */
#pragma once

struct boot_info;

/*
 * Fill in info->memmap from the checked device tree at @fdt: all memory that
 * answers, minus every reservation, the image, the tree (where it lies) and
 * the initrd. Panics with the reason when there is no usable memory. MMU off.
 */
void memory_map_build(struct boot_info *info, const void *fdt);
