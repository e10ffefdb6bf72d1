/*
 * The boot script. U-Boot fetches it as boot.scr.uimg and runs it, so nothing
 * has to be typed at a prompt. Each step says on the console how it went,
 * with the run's nonce; verdict.c reads that.
 */
#include "tools/lab/script.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

/* Legacy image header, big-endian words; U-Boot include/image.h. */
enum {
	HEADER_SIZE = 64,
	HEADER_CRC = 4,
	HEADER_DATA_SIZE = 12,
	HEADER_DATA_CRC = 24,
	HEADER_OS = 28,
	HEADER_ARCH = 29,
	HEADER_TYPE = 30,
	HEADER_NAME = 32,
	LENGTH_TABLE_SIZE = 8,
};

#define IMAGE_MAGIC_LEGACY 0x27051956u
#define OS_LINUX	   5
#define ARCH_RISCV	   26
#define TYPE_SCRIPT	   6

int script_commands(const struct script_job *job, char *out, size_t size)
{
	const char *n = job->nonce;
	const char *rd = job->initrd ? "${lab_initrd}" : "-";
	const char *fdt = job->dtb ? "${fdt_addr_r}" : "${fdtcontroladdr}";
	int len = snprintf(
		out, size,
		"echo lab: %s script\n"
		"setenv bootargs '%s'\n"
		"setenv lab_ok 1\n"
		"tftpboot ${kernel_addr_r} Image || setenv lab_ok 0\n"
		"%s%s"
		"if test ${lab_ok} = 1; then\n"
		"echo lab: %s boot\n"
		"booti ${kernel_addr_r} %s %s\n"
		"echo lab: %s refused\n"
		"else\n"
		"echo lab: %s tftp failed\n"
		"fi\n",
		n, job->bootargs,
		job->initrd
			? "tftpboot ${ramdisk_addr_r} initrd || "
			  "setenv lab_ok 0\n"
			  "setenv lab_initrd ${ramdisk_addr_r}:${filesize}\n"
			: "",
		job->dtb ? "tftpboot ${fdt_addr_r} dtb || setenv lab_ok 0\n"
			 : "",
		n, rd, fdt, n, n);

	return len < 0 || (size_t)len >= size ? -ENOSPC : len;
}

static void put_be32(uint8_t *p, uint32_t v)
{
	p[0] = v >> 24;
	p[1] = v >> 16;
	p[2] = v >> 8;
	p[3] = v;
}

int script_image(const char *text, size_t len, uint8_t *out, size_t size)
{
	size_t data = LENGTH_TABLE_SIZE + len;

	if (len > INT32_MAX / 2 || HEADER_SIZE + data > size)
		return -ENOSPC;
	memset(out, 0, HEADER_SIZE);
	/* One script; the table of lengths ends with 0. */
	put_be32(out + HEADER_SIZE, len);
	put_be32(out + HEADER_SIZE + 4, 0);
	memcpy(out + HEADER_SIZE + LENGTH_TABLE_SIZE, text, len);
	put_be32(out, IMAGE_MAGIC_LEGACY);
	put_be32(out + HEADER_DATA_SIZE, data);
	put_be32(out + HEADER_DATA_CRC, crc32(0, out + HEADER_SIZE, data));
	out[HEADER_OS] = OS_LINUX;
	out[HEADER_ARCH] = ARCH_RISCV;
	out[HEADER_TYPE] = TYPE_SCRIPT;
	strcpy((char *)out + HEADER_NAME, "lab boot script");
	/* The header's own sum is taken with its field zero. */
	put_be32(out + HEADER_CRC, crc32(0, out, HEADER_SIZE));
	return HEADER_SIZE + data;
}
