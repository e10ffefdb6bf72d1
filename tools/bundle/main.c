/*
 * bundle: packs guests for Aloft, and tells what it would make of a bundle.
 * Every verdict is the kernel's own: what bundle_read() and the loader refuse
 * there they refuse here, before anything is booted.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/guest/bundle.h"
#include "kernel/guest/loader.h"
#include "tools/bundle/archive.h"
#include "tools/bundle/spec.h"

#define EXIT_REFUSED 1 /* a guest is not good; nothing was written */
#define EXIT_FILE    2 /* a file cannot be read or written */
#define EXIT_USAGE   64

static int usage(FILE *out, int status)
{
	fputs("usage: bundle -o OUT NAME:image=F[,initrd=F][,memory=S]"
	      "[,vcpus=N]\n"
	      "              [,bootargs=\"...\"][,autostart=yes|no] ...\n"
	      "       bundle -l FILE\n"
	      "\n"
	      "-o  writes the guests named to OUT, for the boot loader's "
	      "initrd\n"
	      "-l  lists the guests of a bundle, or of an Image alone\n"
	      "\n"
	      "exit: 0 good, 1 a guest is not, 2 a file cannot be read or "
	      "written,\n"
	      "64 wrong usage\n",
	      out);
	return status;
}

static int complain(const char *what, const char *why, int status)
{
	fprintf(stderr, "bundle: %s: %s\n", what, why);
	return status;
}

/* ---- what the kernel makes of it ---- */

static void *scratch_alloc(void *arg, uint64_t size)
{
	(void)arg;
	return malloc(size);
}

static void scratch_free(void *arg, void *p)
{
	(void)arg;
	free(p);
}

static const struct loader_ops scratch = {.alloc = scratch_alloc,
					  .free = scratch_free};

static void problem_count(void *arg, const char *file, const char *reason)
{
	unsigned *problems = arg;

	++*problems;
	complain(file, reason, 0);
}

/* Could this guest be loaded? A tree of the largest kind stands for its own. */
static bool guest_loads(const uint8_t *bundle, const struct guest_config *g)
{
	struct loader_job job = {
		.config = g, .bundle = bundle, .ops = &scratch};
	struct loader_error error;
	struct loader_plan plan;
	char text[80];

	job.tree.isa = "rv64imafdc";
	job.tree.mmu_type = "riscv,sv39";
	job.tree.timebase = 1;
	if (loader_check(&job, &plan, &error) == 0)
		return true;
	snprintf(text, sizeof(text), "guest %s: refused, %s", g->name,
		 error.file);
	complain(text, error.why, 0);
	return false;
}

static void guest_print(const struct guest_config *g)
{
	printf("%s: %" PRIu64 " MiB, %u vcpu%s, autostart %s, Image %" PRIu64
	       " bytes%s",
	       g->name, g->memory >> 20, g->vcpus, g->vcpus == 1 ? "" : "s",
	       g->autostart ? "yes" : "no", g->image.size,
	       g->image_gz ? " (gzip)" : "");
	if (g->initrd.size)
		printf(", initrd %" PRIu64 " bytes", g->initrd.size);
	if (g->bootargs[0])
		printf(", bootargs \"%s\"", g->bootargs);
	putchar('\n');
}

/* Judge a bundle as the kernel does; @show: print its guests. */
static int bundle_judge(const uint8_t *data, size_t size, bool show)
{
	static struct guest_config guest[BUNDLE_GUESTS_MAX];
	unsigned problems = 0;
	int count = bundle_read(data, size, guest, BUNDLE_GUESTS_MAX,
				problem_count, &problems);

	for (int i = 0; i < count; i++) {
		if (!guest_loads(data, &guest[i]))
			problems++;
		else if (show)
			guest_print(&guest[i]);
	}
	if (count == 0 && problems == 0)
		problems += complain("no guests", "nothing under guests/", 1);
	return problems ? EXIT_REFUSED : 0;
}

/* ---- files ---- */

struct file {
	uint8_t *data;
	size_t size;
};

static int stream_read(FILE *f, const char *path, struct file *out)
{
	struct stat st;

	if (fstat(fileno(f), &st) != 0)
		return complain(path, strerror(errno), EXIT_FILE);
	if (!S_ISREG(st.st_mode))
		return complain(path, "not a regular file", EXIT_FILE);
	/* A cpio header has 32 bits for it. */
	if (st.st_size > UINT32_MAX)
		return complain(path, "is 4 GiB or more", EXIT_FILE);
	out->size = (size_t)st.st_size;
	out->data = malloc(out->size + 1);
	if (!out->data)
		return complain(path, "out of memory", EXIT_FILE);
	if (fread(out->data, 1, out->size, f) != out->size)
		return complain(path, "cannot be read", EXIT_FILE);
	return 0;
}

/* @out->data is to be freed whatever the result. */
static int file_read(const char *path, struct file *out)
{
	FILE *f = fopen(path, "rb");
	int status;

	out->data = NULL;
	if (!f)
		return complain(path, strerror(errno), EXIT_FILE);
	status = stream_read(f, path, out);
	fclose(f);
	return status;
}

static int whole_write(const char *path, const struct archive *a)
{
	FILE *f = fopen(path, "wb");
	size_t done;

	if (!f)
		return complain(path, strerror(errno), EXIT_FILE);
	done = fwrite(a->data, 1, a->size, f);
	if (fclose(f) != 0 || done != a->size)
		return complain(path, "cannot be written", EXIT_FILE);
	return 0;
}

/* Beside its place first: a reader never finds half a bundle. */
static int bundle_write(const char *path, const struct archive *a)
{
	char aside[4096];
	int n = snprintf(aside, sizeof(aside), "%s.new", path);
	int status;

	if (n < 0 || (size_t)n >= sizeof(aside))
		return complain(path, "name too long", EXIT_FILE);
	status = whole_write(aside, a);
	if (!status && rename(aside, path) != 0)
		status = complain(path, strerror(errno), EXIT_FILE);
	if (status)
		unlink(aside);
	return status;
}

/* ---- commands ---- */

static void member_name(char out[256], const char *guest, const char *file)
{
	snprintf(out, 256, "guests/%s%s%s", guest, *file ? "/" : "", file);
}

static int member_add(struct archive *a, const struct spec *spec,
		      enum spec_key key, const char *member)
{
	char name[256];
	struct file f;
	int status;

	if (!spec->value[key])
		return 0;
	status = file_read(spec->value[key], &f);
	member_name(name, spec->name, member);
	if (!status)
		archive_file(a, name, f.data, f.size);
	free(f.data);
	return status;
}

static int config_add(struct archive *a, const struct spec *spec)
{
	char name[256], *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return complain(spec->name, strerror(errno), EXIT_FILE);
	for (int key = SPEC_MEMORY; key < SPEC_KEYS; key++)
		if (spec->value[key])
			fprintf(f, "%s = %s\n",
				spec_key_name((enum spec_key)key),
				spec->value[key]);
	fclose(f);
	member_name(name, spec->name, "config");
	if (size)
		archive_file(a, name, text, size);
	free(text);
	return 0;
}

static int guest_add(struct archive *a, char *text)
{
	struct spec spec;
	char name[256];
	const char *why = spec_read(text, &spec);
	int status;

	if (why)
		return complain(text, why, EXIT_USAGE);
	member_name(name, spec.name, "");
	archive_directory(a, name);
	status = member_add(a, &spec, SPEC_IMAGE, "Image");
	if (!status)
		status = member_add(a, &spec, SPEC_INITRD, "initrd");
	return status ? status : config_add(a, &spec);
}

static int cmd_make(const char *out, int count, char **guests)
{
	struct archive a = {0};
	int status = 0;

	archive_directory(&a, "guests");
	for (int i = 0; i < count && !status; i++)
		status = guest_add(&a, guests[i]);
	if (!status && archive_end(&a) != 0)
		status = complain(out, "out of memory", EXIT_FILE);
	if (!status)
		status = bundle_judge(a.data, a.size, false);
	if (!status)
		status = bundle_write(out, &a);
	archive_free(&a);
	return status;
}

static int cmd_list(const char *path)
{
	struct file f;
	int status = file_read(path, &f);

	if (!status)
		status = bundle_judge(f.data, f.size, true);
	free(f.data);
	return status;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return usage(stdout, 0);
	if (argc == 3 && strcmp(argv[1], "-l") == 0)
		return cmd_list(argv[2]);
	if (argc >= 4 && strcmp(argv[1], "-o") == 0)
		return cmd_make(argv[2], argc - 3, argv + 3);
	return usage(stderr, EXIT_USAGE);
}
