/*
 * Puts a guest's Image, initrd and device tree into its memory.
 *
 *	RAM base      + text_offset                        + 256 MiB or its end
 *	   |   free       |  Image: image_size   |  ...  initrd  tree |
 *
 * as the RISC-V Linux boot protocol wants it (Linux, Documentation/arch/riscv/
 * boot.rst and boot-image-header.rst): the Image at its text_offset, a multiple
 * of 2 MiB; image_size bytes are its own, bss included.
 */
#pragma once

#include <stdint.h>

#include "kernel/guest/config.h"
#include "kernel/guest/gfdt.h"
#include "lib/addr.h"
#include "lib/image.h"

/* Initrd and tree lie in the first of RAM that early kernels have mapped. */
#define LOADER_WINDOW MIB(256)

struct loader_plan {
	gpa_t image, initrd, fdt; /* initrd 0: there is none */
	uint64_t image_size;	  /* in memory */
	uint64_t fdt_room;	  /* bytes at fdt, always GFDT_ROOM */
};

/* What went wrong: `guest <name>: refused, <file>: <why>`. */
struct loader_error {
	const char *file; /* "Image", "initrd" or "device tree" */
	const char *why;  /* static text */
};

/* Bytes to find a place for. */
struct loader_sizes {
	uint64_t file;	 /* of the Image, unpacked, without bss */
	uint64_t initrd; /* 0: none */
	uint64_t memory; /* RAM at GUEST_RAM_BASE */
};

/*
 * Where everything goes, or why it does not. The tree and the initrd are put
 * as high as the window allows, page-aligned, else below the Image. Returns 0,
 * or with @error set: -ENOEXEC the header is not good; -ENOSPC something does
 * not fit.
 */
int loader_plan(const struct image_header *header,
		const struct loader_sizes *sizes, struct loader_plan *out,
		struct loader_error *error);

/* What loading needs of its surroundings; all get loader_job.arg. */
struct loader_ops {
	/*
	 * Copy into the guest's RAM, which is zeroed before loading. Must not
	 * fail for addresses inside `memory`; -errno otherwise.
	 */
	int (*write)(void *arg, gpa_t to, const void *from, uint64_t size);
	/* Scratch memory, of up to 256 KiB, aligned to 8; NULL when out of it.
	 */
	void *(*alloc)(void *arg, uint64_t size);
	void (*free)(void *arg, void *p);
};

struct loader_job {
	const struct guest_config *config;
	const void *bundle; /* what the ranges in config are offsets into */
	/*
	 * isa, mmu_type, block sizes, timebase and seed; memory, vcpus,
	 * bootargs and initrd are set from config and plan.
	 */
	struct gfdt_input tree;
	const struct loader_ops *ops;
	void *arg;
};

/*
 * Check, place and copy; the guest starts at plan.image with a1 = plan.fdt.
 * The bundle is only read. Returns 0; -errno with @error set: as loader_plan(),
 * -EBADMSG a packed Image is damaged, -ENOMEM, or what ops->write() returned;
 * what lies in the guest's RAM is undefined then.
 */
int loader_load(struct loader_job *job, struct loader_plan *plan,
		struct loader_error *error);

/*
 * What the header alone tells, at once and before the guest has memory: is the
 * Image one, and has everything a place? Uses ops->alloc and ops->free only.
 */
int loader_look(struct loader_job *job, struct loader_plan *plan,
		struct loader_error *error);

/*
 * The checks of loader_load() alone, on the bundle's bytes: does the Image
 * unpack, and everything fit? Uses ops->alloc and ops->free only.
 */
int loader_check(struct loader_job *job, struct loader_plan *plan,
		 struct loader_error *error);
