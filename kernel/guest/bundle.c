/*
 * The archive is read once, entry by entry; each entry of a guest fills its
 * place in the caller's array, and a second walk over that array drops those
 * with a problem. A bundle comes from whoever boots the machine, so this is
 * about telling a person exactly what is wrong; but it never trusts a length.
 */
#include "kernel/guest/bundle.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "lib/addr.h"
#include "lib/cpio.h"
#include "lib/image.h"

#define ROOT	  "guests"
#define ROOT_SIZE 6u
#define WHOLE	  "initrd" /* the file named in problems of the archive */

enum bundle_file {
	FILE_IMAGE,
	FILE_INITRD,
	FILE_CONFIG,
	FILE_KINDS,
};

static const char *const file_names[FILE_KINDS] = {"Image", "initrd", "config"};

struct bundle {
	struct cpio cpio;
	struct guest_config *guest;
	unsigned count, max;
	/* Per guest: a bit for every file seen, and whether it is spoilt. */
	uint8_t seen[BUNDLE_GUESTS_MAX];
	bool bad[BUNDLE_GUESTS_MAX];
	bool full; /* said so already */
	bundle_problem_fn *problem;
	void *arg;
};

/* A path in the archive, taken apart: guests/<guest>/<file>. */
struct bundle_path {
	const char *text; /* of the whole, for problems */
	const char *guest;
	size_t guest_size;
	const char *file; /* "" when the path ends with the guest */
};

/* Names are bytes from outside: none may steer the operator's terminal. */
static void problem_say(struct bundle *b, const char *file, const char *reason)
{
	char printable[96];
	size_t i;

	for (i = 0; file[i] && i < sizeof(printable) - 1; i++)
		printable[i] = file[i] >= ' ' && file[i] < 0x7f ? file[i] : '?';
	printable[i] = '\0';
	b->problem(b->arg, printable, reason);
}

/* A problem of guest @index's @file: that guest will not be given out. */
static void guest_spoil(struct bundle *b, unsigned index, const char *file,
			const char *reason)
{
	b->bad[index] = true;
	problem_say(b, file, reason);
}

static bool name_is_good(const char *name, size_t size)
{
	if (size < 1 || size >= GUEST_NAME_MAX)
		return false;
	for (size_t i = 0; i < size; i++) {
		char c = name[i];
		bool letter = ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');

		if (!letter && !(c >= '0' && c <= '9') && c != '_' && c != '-')
			return false;
	}
	return true;
}

/* Is a component of @path empty, "." or ".."? One '/' may end the path. */
static bool path_is_odd(const char *path)
{
	while (*path) {
		size_t size = strcspn(path, "/");

		if (size == 0 ||
		    (path[0] == '.' &&
		     (size == 1 || (size == 2 && path[1] == '.'))))
			return true;
		path += size;
		path += *path == '/';
	}
	return false;
}

/*
 * Take @text apart; NULL, or why it is no path of a bundle. A path above all
 * guests ("guests") leaves out->guest NULL.
 */
static const char *path_read(const char *text, struct bundle_path *out)
{
	const char *p = text;

	out->text = text;
	out->guest = NULL;
	out->file = "";
	if (path_is_odd(p))
		return "a path with '.', '..' or an empty name";
	if (strncmp(p, ROOT, ROOT_SIZE) != 0 ||
	    (p[ROOT_SIZE] && p[ROOT_SIZE] != '/'))
		return "not under guests/";
	p += ROOT_SIZE;
	p += *p == '/';
	if (!*p)
		return NULL;
	out->guest_size = strcspn(p, "/");
	if (!name_is_good(p, out->guest_size))
		return "a guest's name is 1 to 31 letters, digits, '_' or '-'";
	out->guest = p;
	p += out->guest_size;
	out->file = p + (*p == '/');
	return NULL;
}

/* The place of the guest that @path names, made if new; -1: no more room. */
static int guest_find(struct bundle *b, const struct bundle_path *path)
{
	struct guest_config *g;
	unsigned i;

	for (i = 0; i < b->count; i++) {
		g = &b->guest[i];
		if (strlen(g->name) == path->guest_size &&
		    memcmp(g->name, path->guest, path->guest_size) == 0)
			return (int)i;
	}
	if (b->count == b->max) {
		if (!b->full)
			problem_say(b, path->text, "too many guests");
		b->full = true;
		return -1;
	}
	g = &b->guest[b->count];
	config_defaults(g);
	memcpy(g->name, path->guest, path->guest_size);
	b->seen[b->count] = 0;
	b->bad[b->count] = false;
	return (int)b->count++;
}

static void config_take(struct bundle *b, unsigned index, const char *file,
			struct range data)
{
	struct config_error error;
	char reason[96];

	if (!config_read(b->cpio.base + data.start, data.size, &b->guest[index],
			 &error))
		return;
	snprintf(reason, sizeof(reason), "line %u: %s", error.line, error.why);
	guest_spoil(b, index, file, reason);
}

static bool is_gzip(const uint8_t *p, uint64_t size)
{
	return size >= 2 && p[0] == 0x1f && p[1] == 0x8b;
}

/* A regular file of guest @index whose name is known. */
static void file_take(struct bundle *b, unsigned index, enum bundle_file kind,
		      const char *path, const struct cpio_entry *e)
{
	struct guest_config *g = &b->guest[index];
	struct range data;

	if (b->seen[index] & 1u << kind) {
		guest_spoil(b, index, path, "is there twice");
		return;
	}
	b->seen[index] |= (uint8_t)(1u << kind);
	data = cpio_data(&b->cpio, e);
	switch (kind) {
	case FILE_IMAGE:
		g->image = data;
		g->image_gz = is_gzip(b->cpio.base + data.start, data.size);
		break;
	case FILE_INITRD:
		g->initrd = data;
		break;
	default:
		config_take(b, index, path, data);
	}
}

/* Something in a guest's directory that is no directory itself. */
static void guest_entry(struct bundle *b, unsigned index,
			const struct bundle_path *path,
			const struct cpio_entry *e)
{
	uint32_t type = e->mode & CPIO_TYPE_MASK;
	unsigned kind = 0;

	if (type == CPIO_TYPE_SYMLINK) {
		guest_spoil(b, index, path->text, "is a symbolic link");
		return;
	}
	if (type != CPIO_TYPE_REGULAR) {
		guest_spoil(b, index, path->text, "is no regular file");
		return;
	}
	while (kind < FILE_KINDS && strcmp(path->file, file_names[kind]) != 0)
		kind++;
	if (kind == FILE_KINDS)
		guest_spoil(b, index, path->text,
			    "unknown file (Image, initrd and config are "
			    "known)");
	else
		file_take(b, index, (enum bundle_file)kind, path->text, e);
}

/* What is wrong with a directory or file where only directories may be. */
static const char *above_problem(const struct bundle_path *path, bool directory)
{
	if (directory)
		return path->file[0] ? "a directory inside a guest's" : NULL;
	return path->file[0] ? NULL : "must be a directory";
}

static void entry_take(struct bundle *b, const struct cpio_entry *e)
{
	bool directory = (e->mode & CPIO_TYPE_MASK) == CPIO_TYPE_DIR;
	const char *name = e->name, *why;
	struct bundle_path path;
	int index;

	/* `find . | cpio -o` begins every name so, and "." is the root. */
	if (directory && strcmp(name, ".") == 0)
		return;
	if (strncmp(name, "./", 2) == 0)
		name += 2;
	why = path_read(name, &path);
	if (why) {
		problem_say(b, name, why);
		return;
	}
	why = above_problem(&path, directory);
	if (!path.guest) {
		if (why)
			problem_say(b, name, why);
		return;
	}
	index = guest_find(b, &path);
	if (index < 0)
		return;
	if (why)
		guest_spoil(b, (unsigned)index, name, why);
	else if (!directory)
		guest_entry(b, (unsigned)index, &path, e);
}

/* Move the good guests together; returns how many there are. */
static unsigned guests_keep(struct bundle *b)
{
	char file[sizeof(ROOT) + GUEST_NAME_MAX + sizeof("/Image")];
	unsigned kept = 0;

	for (unsigned i = 0; i < b->count; i++) {
		if (!(b->seen[i] & 1u << FILE_IMAGE)) {
			snprintf(file, sizeof(file), ROOT "/%s/Image",
				 b->guest[i].name);
			guest_spoil(b, i, file, "is missing");
		}
		if (b->bad[i])
			continue;
		if (kept != i)
			b->guest[kept] = b->guest[i];
		kept++;
	}
	return kept;
}

static unsigned archive_read(struct bundle *b)
{
	struct cpio_entry entry;
	const char *why = NULL;
	int got;

	while ((got = cpio_next(&b->cpio, &entry, &why)) > 0)
		entry_take(b, &entry);
	if (got < 0)
		problem_say(b, entry.name ? entry.name : WHOLE, why);
	return guests_keep(b);
}

/* An Image alone is one guest with the defaults. */
static int image_only(struct bundle *b, uint64_t size)
{
	static const char name[] = "linux";

	if (!b->max) {
		problem_say(b, WHOLE, "too many guests");
		return 0;
	}
	config_defaults(&b->guest[0]);
	memcpy(b->guest[0].name, name, sizeof(name));
	b->guest[0].image = range_make(0, size);
	return 1;
}

int bundle_read(const void *initrd, uint64_t size, struct guest_config *out,
		unsigned max, bundle_problem_fn *problem, void *arg)
{
	struct bundle b = {.guest = out, .problem = problem, .arg = arg};
	struct image_header header;

	b.max = max < BUNDLE_GUESTS_MAX ? max : BUNDLE_GUESTS_MAX;
	cpio_begin(&b.cpio, initrd, size);
	if (cpio_is(initrd, size))
		return (int)archive_read(&b);
	if (image_header_read(initrd, size, &header) == 0)
		return image_only(&b, size);
	problem_say(&b, WHOLE,
		    is_gzip(initrd, size)
			    ? "is compressed (a bundle is a plain newc archive)"
			    : "neither a newc cpio archive nor a Linux Image");
	return 0;
}
