/*
 * Device tree: check, walk, properties. The format is that of the Devicetree
 * Specification v0.4, chapter 5, version 17.
 *
 * dt_check() goes over the tree once and proves everything that the readers
 * rely on: tags nest, names end, values and names of properties lie inside
 * their blocks. The readers after it compare tags and add lengths, no more;
 * that is why a walk costs a tenth of libfdt's, which checks every step again.
 * libfdt gives the format's constants and is the oracle of the host tests.
 */
#include "kernel/fdt/dt.h"

#include <errno.h>

#include "kernel/fdt/dt_priv.h"

/* Tags as they lie in memory, to compare without turning bytes around. */
#define RAW_BEGIN    cpu_to_fdt32(FDT_BEGIN_NODE)
#define RAW_END_NODE cpu_to_fdt32(FDT_END_NODE)
#define RAW_PROP     cpu_to_fdt32(FDT_PROP)
#define RAW_NOP	     cpu_to_fdt32(FDT_NOP)

#define PROP_HEADER 12u /* tag, length, name offset */

/* One check under way: the header's fields, bounded before use. */
struct check {
	const uint8_t *tree;
	const uint8_t *block;  /* structure */
	uint32_t size;	       /* of the structure */
	uint32_t strings;      /* size of the strings */
	uint32_t reservations; /* offset of the reservation map */
	uint32_t at;	       /* next tag, multiple of 4, at most size */
	int depth;	       /* of the node we are in, -1 outside the root */
	bool props;	       /* properties may come: no child came before */
	bool ended;	       /* the root has ended */
	const char **why;
};

static int fail(const char **why, int error, const char *text)
{
	*why = text;
	return error;
}

static uint32_t tag_raw(const uint8_t *p)
{
	uint32_t raw;

	/* The builtin: freestanding code would call memcpy() for this. */
	__builtin_memcpy(&raw, __builtin_assume_aligned(p, 4), sizeof(raw));
	return raw;
}

/* A length or offset in a checked tree: below 2^24, as DT_SIZE_MAX says. */
static uint32_t cell24(const uint8_t *p)
{
	return (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static const uint8_t *structure(const void *fdt)
{
	const uint8_t *header = fdt;

	return header +
		cell24(header + offsetof(struct fdt_header, off_dt_struct));
}

static const char *strings_block(const void *fdt)
{
	const uint8_t *header = fdt;

	return (const char *)header +
		cell24(header + offsetof(struct fdt_header, off_dt_strings));
}

/* ---- checking ---- */

int dt_size(const void *blob, uint32_t *size, const char **why)
{
	const char *unused;

	if (!why)
		why = &unused;
	*size = 0;
	if (dt_cell(blob) != FDT_MAGIC)
		return fail(why, -EINVAL, "bad magic");
	*size = dt_cell((const uint8_t *)blob + 4);
	if (*size > DT_SIZE_MAX)
		return fail(why, -EFBIG, "too large");
	if (*size < sizeof(struct fdt_header))
		return fail(why, -EINVAL, "truncated");
	return 0;
}

static bool block_inside(uint32_t offset, uint32_t size, uint32_t total)
{
	return offset >= sizeof(struct fdt_header) && offset <= total &&
		size <= total - offset;
}

static bool blocks_apart(uint32_t a, uint32_t a_size, uint32_t b,
			 uint32_t b_size)
{
	return a + a_size <= b || b + b_size <= a || !a_size || !b_size;
}

/* The header's fields in our byte order. */
static void header_read(const uint8_t *tree, struct fdt_header *out)
{
	uint32_t field[sizeof(*out) / 4];

	for (unsigned i = 0; i < ARRAY_SIZE(field); i++)
		field[i] = dt_cell(tree + 4 * i);
	memcpy(out, field, sizeof(*out));
}

static int check_header(struct check *c, uint32_t total)
{
	struct fdt_header h;

	header_read(c->tree, &h);
	if (h.version < 17 || h.last_comp_version > 17)
		return fail(c->why, -ENOTSUP, "version");
	if (!block_inside(h.off_dt_struct, h.size_dt_struct, total) ||
	    !block_inside(h.off_dt_strings, h.size_dt_strings, total) ||
	    !blocks_apart(h.off_dt_struct, h.size_dt_struct, h.off_dt_strings,
			  h.size_dt_strings) ||
	    !is_aligned(h.off_dt_struct, 4))
		return fail(c->why, -EINVAL, "bad header");
	c->size = (uint32_t)align_down(h.size_dt_struct, 4);
	c->block = c->tree + h.off_dt_struct;
	c->strings = h.size_dt_strings;
	c->reservations = h.off_mem_rsvmap;
	/* With a 0 at the very end, whatever begins inside also ends inside. */
	if (c->strings && c->tree[h.off_dt_strings + c->strings - 1])
		return fail(c->why, -EINVAL, "bad strings");
	return 0;
}

static int check_reservations(const struct check *c, uint32_t total)
{
	uint32_t at = c->reservations;

	if (at < sizeof(struct fdt_header) || !is_aligned(at, 4))
		return fail(c->why, -EINVAL, "bad reservation map");
	for (; at <= total - 16; at += 16)
		if (!dt_number(c->tree + at + 8, 2))
			return 0;
	return fail(c->why, -EINVAL, "bad reservation map");
}

/* A node begins; c->at is behind its tag. */
static int check_begin(struct check *c)
{
	const uint8_t *name = c->block + c->at;
	const uint8_t *limit = c->block + c->size;
	const uint8_t *p = name;

	if (++c->depth > DT_DEPTH_MAX)
		return fail(c->why, -ELOOP, "nested too deep");
	/* Names end up on the operator's console: no control characters. */
	while (p < limit && (uint8_t)(*p - ' ') < 0x7f - ' ' && *p != '/')
		p++;
	if (p == limit || *p)
		return fail(c->why, -EINVAL, "bad name");
	if ((p == name) != (c->depth == 0))
		return fail(c->why, -EINVAL, "bad name");
	c->at = (uint32_t)align_up((uint32_t)(p - c->block) + 1, 4);
	c->props = true;
	return 0;
}

/* A property; c->at is behind its tag. */
static int check_prop(struct check *c)
{
	const uint8_t *p = c->block + c->at;
	uint32_t len;

	if (!c->props)
		return fail(c->why, -EINVAL, "bad structure");
	if (c->size - c->at < PROP_HEADER - 4)
		return fail(c->why, -EINVAL, "truncated");
	c->at += PROP_HEADER - 4;
	len = dt_cell(p);
	if (len > c->size - c->at || dt_cell(p + 4) >= c->strings)
		return fail(c->why, -EINVAL, "bad property");
	c->at = (uint32_t)align_up(c->at + len, 4);
	return 0;
}

/* The next tag. Returns 1 when it was the end, at the right place. */
static int check_tag(struct check *c)
{
	uint32_t tag = tag_raw(c->block + c->at);

	c->at += 4;
	if (tag == RAW_PROP)
		return check_prop(c);
	if (tag == RAW_BEGIN && !c->ended)
		return check_begin(c);
	if (tag == RAW_NOP)
		return 0;
	if (tag == RAW_END_NODE && c->depth >= 0) {
		c->ended = --c->depth < 0;
		c->props = false;
		return 0;
	}
	if (tag == cpu_to_fdt32(FDT_END) && c->ended)
		return 1;
	return fail(c->why, -EINVAL, "bad structure");
}

static int check_structure(struct check *c)
{
	int error = 0;

	c->depth = -1;
	while (!error) {
		if (c->at >= c->size)
			return fail(c->why, -EINVAL, "truncated");
		error = check_tag(c);
	}
	return error > 0 ? 0 : error;
}

int dt_check(const void *blob, uint64_t room, const char **why)
{
	struct check c = {.tree = blob, .why = why};
	uint32_t total;
	int error;

	if (!is_aligned((uintptr_t)blob, 8))
		return fail(why, -EINVAL, "misaligned");
	if (room < 8)
		return fail(why, -EINVAL, "truncated");
	error = dt_size(blob, &total, why);
	if (error)
		return error;
	if (total > room)
		return fail(why, -EINVAL, "truncated");
	error = check_header(&c, total);
	if (!error)
		error = check_reservations(&c, total);
	return error ? error : check_structure(&c);
}

uint32_t dt_total_size(const void *fdt)
{
	return fdt_totalsize(fdt);
}

/* ---- walking ---- */

/* The first tag after the name of the node at @offset. */
static int name_skip(const uint8_t *block, int offset)
{
	uint32_t word;

	/* Four characters at once: the name ends in the word with a 0 byte. */
	do {
		offset += 4;
		word = tag_raw(block + offset);
	} while (!((word - 0x01010101u) & ~word & 0x80808080u));
	return offset + 4;
}

/* The first tag from @at on that is neither property nor filler. */
static int props_skip(const uint8_t *block, int at)
{
	for (;;) {
		uint32_t tag = tag_raw(block + at);

		if (tag == RAW_PROP)
			at += (int)(PROP_HEADER +
				    align_up(cell24(block + at + 4), 4));
		else if (tag == RAW_NOP)
			at += 4;
		else
			return at;
	}
}

void dt_root(const void *fdt, struct dt_node *n)
{
	const uint8_t *block = structure(fdt);

	n->offset = props_skip(block, 0);
	n->props = name_skip(block, n->offset);
	n->depth = 0;
}

/*
 * Move @n on to the node that begins next, where @at is the first tag behind
 * its properties; false at the end.
 */
static bool node_step(const uint8_t *block, int at, struct dt_node *n)
{
	int depth = n->depth + 1;

	while (tag_raw(block + at) == RAW_END_NODE) {
		if (--depth == 0)
			return false;
		at = props_skip(block, at + 4);
	}
	if (depth == n->depth + 1)
		n->parent[n->depth] = n->offset;
	n->offset = at;
	n->props = name_skip(block, at);
	n->depth = depth;
	return true;
}

bool dt_next(const void *fdt, struct dt_node *n)
{
	const uint8_t *block = structure(fdt);

	return node_step(block, props_skip(block, n->props), n);
}

bool dt_first_child(const void *fdt, const struct dt_node *n,
		    struct dt_node *child)
{
	int depth = n->depth;

	*child = *n;
	return dt_next(fdt, child) && child->depth == depth + 1;
}

bool dt_next_child(const void *fdt, struct dt_node *child)
{
	const uint8_t *block = structure(fdt);
	int at = props_skip(block, child->props);
	int open = 1; /* nodes that have begun, from the child on */

	while (open) {
		if (tag_raw(block + at) == RAW_BEGIN) {
			open++;
			at = name_skip(block, at);
		} else {
			open--;
			at += 4;
		}
		at = props_skip(block, at);
	}
	if (tag_raw(block + at) != RAW_BEGIN)
		return false;
	child->offset = at;
	child->props = name_skip(block, at);
	return true;
}

bool dt_parent(const void *fdt, const struct dt_node *n, struct dt_node *out)
{
	if (!n->depth)
		return false;
	*out = *n;
	out->depth = n->depth - 1;
	out->offset = n->parent[out->depth];
	out->props = name_skip(structure(fdt), out->offset);
	return true;
}

const char *dt_name(const void *fdt, const struct dt_node *n)
{
	return (const char *)structure(fdt) + n->offset + 4;
}

/* Is node name @name the path component @part of @len characters? */
static bool name_matches(const char *name, const char *part, size_t len)
{
	if (strncmp(name, part, len) != 0)
		return false;
	return !name[len] || (name[len] == '@' && !memchr(part, '@', len));
}

bool dt_name_is(const void *fdt, const struct dt_node *n, const char *base)
{
	return name_matches(dt_name(fdt, n), base, strlen(base));
}

static bool child_find(const void *fdt, struct dt_node *n, const char *part,
		       size_t len)
{
	struct dt_node child;
	bool more = dt_first_child(fdt, n, &child);

	while (more && !name_matches(dt_name(fdt, &child), part, len))
		more = dt_next_child(fdt, &child);
	if (more)
		*n = child;
	return more;
}

/* Is @found, in the tree, @name or its first @len characters, whole? */
static bool name_equal(const char *found, const char *name, size_t len)
{
	size_t i;

	/* Names differ early: a loop beats a call of the library here. */
	for (i = 0; i < len && name[i]; i++)
		if (found[i] != name[i])
			return false;
	return !found[i];
}

/*
 * Find the property whose name is the string @name, or its first @name_len
 * characters. Most names differ in the first one: that is looked at first.
 */
static const void *prop_find(const void *fdt, int at, const char *name,
			     size_t name_len, int *len)
{
	const uint8_t *p = structure(fdt) + at;
	const char *strings = strings_block(fdt);
	char first = *name;

	for (;;) {
		if (tag_raw(p) == RAW_PROP) {
			const char *found = strings + cell24(p + 8);

			if (*found == first &&
			    name_equal(found, name, name_len))
				break;
			p += PROP_HEADER + align_up(cell24(p + 4), 4);
		} else if (tag_raw(p) == RAW_NOP) {
			p += 4;
		} else {
			return NULL;
		}
	}
	if (len)
		*len = (int)cell24(p + 4);
	return p + PROP_HEADER;
}

/* Note property @p, named @found, with who wants it. */
static void want_fill(struct dt_want *want, unsigned count, const char *found,
		      const uint8_t *p)
{
	for (unsigned i = 0; i < count; i++) {
		if (*found != *want[i].name || want[i].value ||
		    !name_equal(found, want[i].name, SIZE_MAX))
			continue;
		want[i].value = p + PROP_HEADER;
		want[i].len = (int)cell24(p + 4);
	}
}

void dt_props_at(const void *fdt, int offset, struct dt_want *want,
		 unsigned count)
{
	const uint8_t *block = structure(fdt);
	const uint8_t *p = block + name_skip(block, offset);
	const char *strings = strings_block(fdt);

	for (;;) {
		if (tag_raw(p) == RAW_PROP) {
			want_fill(want, count, strings + cell24(p + 8), p);
			p += PROP_HEADER + align_up(cell24(p + 4), 4);
		} else if (tag_raw(p) == RAW_NOP) {
			p += 4;
		} else {
			return;
		}
	}
}

/* The path that the alias in the first @len characters of @name stands for. */
static const char *alias_find(const void *fdt, const char *name, size_t len)
{
	struct dt_node n;
	const char *path;
	int size;

	dt_root(fdt, &n);
	if (!len || !child_find(fdt, &n, "aliases", 7))
		return NULL;
	path = prop_find(fdt, n.props, name, len, &size);
	if (!path || size < 2 || path[size - 1] || path[0] != '/')
		return NULL;
	return path;
}

/* Follow absolute @path from node @n on. */
static int path_follow(const void *fdt, const char *path, struct dt_node *n)
{
	for (;;) {
		size_t len;

		while (*path == '/')
			path++;
		len = strcspn(path, "/:");
		if (!len)
			return 0;
		if (!child_find(fdt, n, path, len))
			return -ENOENT;
		path += len;
	}
}

int dt_find_path(const void *fdt, const char *path, struct dt_node *out)
{
	int error;

	dt_root(fdt, out);
	if (*path != '/') {
		size_t len = strcspn(path, "/:");
		const char *target = alias_find(fdt, path, len);

		if (!target)
			return -ENOENT;
		error = path_follow(fdt, target, out);
		if (error)
			return error;
		path += len;
	}
	return path_follow(fdt, path, out);
}

/*
 * Go through the properties from *@at on: is @phandle (as it lies in memory)
 * among them? If not, *@at is then behind them.
 */
static bool phandle_find(const void *fdt, const uint8_t *block, int *at,
			 uint32_t phandle)
{
	const char *strings = strings_block(fdt);

	for (;;) {
		const uint8_t *p = block + *at;
		uint32_t tag = tag_raw(p);
		const char *name;

		if (tag == RAW_NOP) {
			*at += 4;
			continue;
		}
		if (tag != RAW_PROP)
			return false;
		*at += (int)(PROP_HEADER + align_up(cell24(p + 4), 4));
		if (tag_raw(p + 4) != cpu_to_fdt32(4) ||
		    tag_raw(p + PROP_HEADER) != phandle)
			continue;
		name = strings + cell24(p + 8);
		/* Its users hold the same value under names of their own. */
		if (name_equal(name, "phandle", SIZE_MAX) ||
		    name_equal(name, "linux,phandle", SIZE_MAX))
			return true;
	}
}

int dt_find_phandle(const void *fdt, uint32_t phandle, struct dt_node *out)
{
	const uint8_t *block = structure(fdt);
	int at;

	if (!phandle || phandle == UINT32_MAX)
		return -ENOENT;
	dt_root(fdt, out);
	do {
		at = out->props;
		if (phandle_find(fdt, block, &at, cpu_to_fdt32(phandle)))
			return 0;
	} while (node_step(block, at, out));
	return -ENOENT;
}

int dt_path(const void *fdt, const struct dt_node *n, char *buf, size_t len)
{
	const char *block = (const char *)structure(fdt);
	size_t used = 0;

	if (!len)
		return -ENAMETOOLONG;
	for (int i = 1; i <= n->depth; i++) {
		int offset = i < n->depth ? n->parent[i] : n->offset;
		const char *name = block + offset + 4;
		size_t size = strlen(name);

		if (size + 2 > len - used) {
			buf[used] = '\0';
			return -ENAMETOOLONG;
		}
		buf[used++] = '/';
		memcpy(buf + used, name, size);
		used += size;
	}
	if (!used && len > 1)
		buf[used++] = '/';
	buf[used] = '\0';
	return used ? 0 : -ENAMETOOLONG;
}

static bool status_okay(const char *status, int len)
{
	return !status || (len == 5 && !memcmp(status, "okay", 5)) ||
		(len == 3 && !memcmp(status, "ok", 3));
}

bool dt_enabled(const void *fdt, const struct dt_node *n)
{
	int len = 0;
	const char *status = dt_prop(fdt, n, "status", &len);

	if (!status_okay(status, len))
		return false;
	for (int i = n->depth - 1; i >= 0; i--) {
		status = dt_prop_at(fdt, n->parent[i], "status", &len);
		if (!status_okay(status, len))
			return false;
	}
	return true;
}

/* ---- properties ---- */

const void *dt_prop(const void *fdt, const struct dt_node *n, const char *name,
		    int *len)
{
	return prop_find(fdt, n->props, name, SIZE_MAX, len);
}

const void *dt_prop_at(const void *fdt, int offset, const char *name, int *len)
{
	return prop_find(fdt, name_skip(structure(fdt), offset), name, SIZE_MAX,
			 len);
}

const void *dt_prop_next(const void *fdt, const struct dt_node *n, int *at,
			 const char **name, int *len)
{
	const uint8_t *p = structure(fdt) + (*at ? *at : n->props);

	while (tag_raw(p) == RAW_NOP)
		p += 4;
	if (tag_raw(p) != RAW_PROP)
		return NULL;
	*name = strings_block(fdt) + cell24(p + 8);
	*len = (int)cell24(p + 4);
	p += PROP_HEADER;
	*at = (int)(p + align_up((uint64_t)*len, 4) - structure(fdt));
	return p;
}

bool dt_has(const void *fdt, const struct dt_node *n, const char *name)
{
	return dt_prop(fdt, n, name, NULL) != NULL;
}

int dt_u32(const void *fdt, const struct dt_node *n, const char *name,
	   uint32_t *out)
{
	int len;
	const void *p = dt_prop(fdt, n, name, &len);

	if (!p)
		return -ENOENT;
	if (len != 4)
		return -EINVAL;
	*out = dt_cell(p);
	return 0;
}

int dt_u64(const void *fdt, const struct dt_node *n, const char *name,
	   uint64_t *out)
{
	int len;
	const void *p = dt_prop(fdt, n, name, &len);

	if (!p)
		return -ENOENT;
	if (len != 4 && len != 8)
		return -EINVAL;
	*out = dt_number(p, (unsigned)len / 4);
	return 0;
}

int dt_u32_index(const void *fdt, const struct dt_node *n, const char *name,
		 unsigned index, uint32_t *out)
{
	int len;
	const uint8_t *p = dt_prop(fdt, n, name, &len);

	if (!p)
		return -ENOENT;
	if (len % 4)
		return -EINVAL;
	if (index >= (unsigned)len / 4)
		return -ENOENT;
	*out = dt_cell(p + 4 * (size_t)index);
	return 0;
}

int dt_string(const void *fdt, const struct dt_node *n, const char *name,
	      unsigned index, const char **out)
{
	int len;
	const char *p = dt_prop(fdt, n, name, &len);
	const char *end;

	if (!p)
		return -ENOENT;
	end = p + len;
	if (!len || end[-1])
		return -EINVAL;
	while (index-- && p < end)
		p += strlen(p) + 1;
	if (p >= end)
		return -ENOENT;
	*out = p;
	return 0;
}

bool dt_string_is(const void *fdt, const struct dt_node *n, const char *name,
		  const char *value)
{
	int len;
	const char *p = dt_prop(fdt, n, name, &len);

	return p && (size_t)len == strlen(value) + 1 && !memcmp(p, value, len);
}

int dt_compatible(const void *fdt, const struct dt_node *n,
		  const char *const list[])
{
	int len;
	const char *p = dt_prop(fdt, n, "compatible", &len);
	const char *end;

	if (!p || !len || p[len - 1])
		return -ENOENT;
	for (end = p + len; p < end; p += strlen(p) + 1)
		for (int i = 0; list[i]; i++)
			if (*p == *list[i] && !strcmp(p, list[i]))
				return i;
	return -ENOENT;
}
