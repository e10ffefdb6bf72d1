/* imgtool: looks at RISC-V Images and relocates ours. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/image.h"
#include "tools/imgtool/info.h"
#include "tools/imgtool/rela.h"
#include "tools/imgtool/table.h"

#define EXIT_PROBLEM 1 /* the Image is not good */
#define EXIT_FILE    2 /* a file cannot be read or written */
#define EXIT_USAGE   64

#define PAGE 4096u

static int usage(FILE *out, int status)
{
	fputs("usage: imgtool info FILE...\n"
	      "       imgtool relocate FILE --at ADDR [-o OUT]\n"
	      "\n"
	      "info      prints and checks RISC-V Images, packed by gzip or "
	      "not\n"
	      "relocate  writes the flat image as it is in memory when it runs "
	      "at ADDR,\n"
	      "          a multiple of 4096, to OUT (FILE-ADDR without -o)\n"
	      "\n"
	      "exit: 0 good, 1 the Image is not, 2 a file cannot be read or "
	      "written,\n"
	      "64 wrong usage\n",
	      out);
	return status;
}

static int complain(const char *file, const char *why, int status)
{
	fprintf(stderr, "imgtool: %s: %s\n", file, why);
	return status;
}

static int info_file(const char *path)
{
	struct blob image;
	const char *why;
	unsigned problems;
	int rc = blob_from_file(path, &image, &why);

	if (rc != 0)
		return complain(path, why,
				rc == -EBADMSG ? EXIT_PROBLEM : EXIT_FILE);
	problems = info_print(stdout, path, &image);
	blob_free(&image);
	return problems == 0 ? 0 : EXIT_PROBLEM;
}

static int cmd_info(int count, char **files)
{
	int worst = 0;

	if (count == 0)
		return usage(stderr, EXIT_USAGE);
	for (int i = 0; i < count; i++) {
		int status = info_file(files[i]);

		if (i + 1 < count)
			putchar('\n');
		worst = status > worst ? status : worst;
	}
	return worst;
}

struct relocation {
	const char *file;
	const char *out;
	const char *at; /* as it was typed */
	uint64_t base;
};

/* Relocates the unpacked image, or says why not. */
static int image_move(const struct relocation *r, struct blob *image)
{
	struct image_header h;
	struct image_table table;
	struct relocate_error err;
	const char *problem;
	char text[160];

	if (image_header_read(image->data, image->size, &h) != 0)
		return complain(r->file, "not a RISC-V Image", EXIT_PROBLEM);
	if (table_read(image, &table) != 0)
		return complain(r->file, "relocations: not recorded",
				EXIT_PROBLEM);
	problem = table_problem(&table, image->size, h.image_size);
	if (problem != NULL)
		return complain(r->file, problem, EXIT_PROBLEM);
	if (h.image_size > UINT64_MAX - r->base)
		return complain(r->at, "the image would not end in memory",
				EXIT_USAGE);
	if (rela_apply(image, &table, r->base, &err) >= 0)
		return 0;
	snprintf(text, sizeof(text),
		 "entry %" PRIu64 " (type %#" PRIx64 ", offset %#" PRIx64
		 "): %s",
		 err.index, err.type, err.offset, err.why);
	return complain(r->file, text, EXIT_PROBLEM);
}

static int image_write(const char *path, const struct blob *image)
{
	FILE *f = fopen(path, "wb");
	size_t done;

	if (f == NULL)
		return complain(path, strerror(errno), EXIT_FILE);
	done = fwrite(image->data, 1, image->size, f);
	if (fclose(f) != 0 || done != image->size)
		return complain(path, "cannot be written", EXIT_FILE);
	return 0;
}

static int relocation_do(const struct relocation *r)
{
	struct blob image;
	const char *why;
	int status;

	if (blob_from_file(r->file, &image, &why) != 0)
		return complain(r->file, why, EXIT_FILE);
	status = image_move(r, &image);
	if (status == 0)
		status = image_write(r->out, &image);
	blob_free(&image);
	return status;
}

static int base_parse(struct relocation *r)
{
	char *end;

	errno = 0;
	r->base = strtoull(r->at, &end, 0);
	if (errno != 0 || end == r->at || *end != 0 || *r->at == '-' ||
	    r->base % PAGE != 0)
		return complain(r->at, "not an address on a page", EXIT_USAGE);
	return 0;
}

static int cmd_relocate(int count, char **args)
{
	struct relocation r = {0};
	char out[4096];

	for (int i = 0; i < count; i++) {
		if (strcmp(args[i], "--at") == 0 && i + 1 < count)
			r.at = args[++i];
		else if (strcmp(args[i], "-o") == 0 && i + 1 < count)
			r.out = args[++i];
		else if (args[i][0] != '-' && r.file == NULL)
			r.file = args[i];
		else
			return usage(stderr, EXIT_USAGE);
	}
	if (r.file == NULL || r.at == NULL)
		return usage(stderr, EXIT_USAGE);
	if (base_parse(&r) != 0)
		return EXIT_USAGE;
	if (r.out == NULL) {
		int n = snprintf(out, sizeof(out), "%s-%#" PRIx64, r.file,
				 r.base);

		if (n < 0 || (size_t)n >= sizeof(out))
			return complain(r.file, "name too long", EXIT_FILE);
		r.out = out;
		printf("%s\n", out);
	}
	return relocation_do(&r);
}

int main(int argc, char **argv)
{
	if (argc >= 2 && strcmp(argv[1], "info") == 0)
		return cmd_info(argc - 2, argv + 2);
	if (argc >= 2 && strcmp(argv[1], "relocate") == 0)
		return cmd_relocate(argc - 2, argv + 2);
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return usage(stdout, 0);
	return usage(stderr, EXIT_USAGE);
}
