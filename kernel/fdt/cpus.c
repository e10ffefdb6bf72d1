/*
 * Harts: which there are, which of them may be started, and what they can do
 * (Devicetree Specification v0.4, 3.7 and 3.8; riscv/cpus.yaml and
 * riscv/extensions.yaml of the Linux bindings).
 */
#include "kernel/fdt/cpus.h"

#include <ctype.h>
#include <errno.h>
#include <strings.h>

#include "kernel/fdt/dt_priv.h"

void dt_cpu_begin(const void *fdt, struct dt_cpu_iter *it)
{
	struct dt_node cpus;

	it->done = dt_find_path(fdt, "/cpus", &cpus) ||
		!dt_first_child(fdt, &cpus, &it->node);
}

/* A string property, or "" when it is missing or not terminated. */
static const char *want_string(const struct dt_want *want)
{
	const char *text = want->value;

	return text && want->len && !text[want->len - 1] ? text : "";
}

static unsigned mmu_levels(const struct dt_want *want)
{
	const char *type = want_string(want);

	return !strcmp(type, "riscv,sv39")    ? 3
		: !strcmp(type, "riscv,sv48") ? 4
		: !strcmp(type, "riscv,sv57") ? 5
					      : 0;
}

/* The phandle of the hart's own interrupt controller, a child of its node. */
static uint32_t intc_phandle(const void *fdt, const struct dt_node *n)
{
	struct dt_node child;
	bool more = dt_first_child(fdt, n, &child);
	uint32_t phandle = 0;

	while (more && !dt_has(fdt, &child, "interrupt-controller"))
		more = dt_next_child(fdt, &child);
	if (more && dt_u32(fdt, &child, "phandle", &phandle))
		dt_u32(fdt, &child, "linux,phandle", &phandle);
	return phandle;
}

/* A cache block size that can be used: a power of two. */
static uint32_t block_size(const struct dt_want *want)
{
	uint32_t size;

	if (!want->value || want->len != 4)
		return 0;
	size = dt_cell(want->value);
	return is_aligned(size, size) ? size : 0;
}

/* Is @n a cpu node, and which hart? Its siblings are cpu-map and the like. */
static bool hart_id(const void *fdt, const struct dt_node *n, uint64_t *hart)
{
	struct range reg;

	if (!dt_name_is(fdt, n, "cpu") &&
	    !dt_string_is(fdt, n, "device_type", "cpu"))
		return false;
	if (dt_reg_local(fdt, n, 0, &reg))
		return false;
	*hart = reg.start;
	return true;
}

static void cpu_read(const void *fdt, const struct dt_node *n,
		     struct dt_cpu *out)
{
	struct dt_want want[] = {{.name = "mmu-type"},
				 {.name = "riscv,isa"},
				 {.name = "riscv,cbom-block-size"},
				 {.name = "riscv,cboz-block-size"}};

	dt_props_at(fdt, n->offset, want, ARRAY_SIZE(want));
	out->offset = n->offset;
	out->mmu_levels = mmu_levels(&want[0]);
	out->usable = out->mmu_levels && dt_enabled(fdt, n);
	out->isa = want_string(&want[1]);
	out->intc_phandle = intc_phandle(fdt, n);
	out->cbom_size = block_size(&want[2]);
	out->cboz_size = block_size(&want[3]);
}

bool dt_cpu_next(const void *fdt, struct dt_cpu_iter *it, struct dt_cpu *out)
{
	while (!it->done) {
		bool is_cpu = hart_id(fdt, &it->node, &out->hart);

		if (is_cpu)
			cpu_read(fdt, &it->node, out);
		it->done = !dt_next_child(fdt, &it->node);
		if (is_cpu)
			return true;
	}
	return false;
}

int dt_cpu_find(const void *fdt, uint64_t hart, struct dt_cpu *out)
{
	struct dt_cpu_iter it;
	uint64_t id;

	dt_cpu_begin(fdt, &it);
	for (; !it.done; it.done = !dt_next_child(fdt, &it.node)) {
		if (!hart_id(fdt, &it.node, &id) || id != hart)
			continue;
		out->hart = hart;
		cpu_read(fdt, &it.node, out);
		return 0;
	}
	return -ENOENT;
}

int dt_timebase(const void *fdt, uint64_t *hz)
{
	struct dt_node n;
	int error = dt_find_path(fdt, "/cpus", &n);
	bool more;

	if (error)
		return error;
	error = dt_u64(fdt, &n, "timebase-frequency", hz);
	more = error == -ENOENT && dt_first_child(fdt, &n, &n);
	for (; more && error == -ENOENT; more = dt_next_child(fdt, &n))
		error = dt_u64(fdt, &n, "timebase-frequency", hz);
	if (error)
		return error;
	return *hz ? 0 : -EINVAL;
}

/* ---- ISA extensions ---- */

/* Past a version such as "2p1" or "2" behind a single-letter extension. */
static const char *version_skip(const char *p)
{
	while (isdigit((unsigned char)*p))
		p++;
	if (tolower((unsigned char)*p) != 'p' ||
	    !isdigit((unsigned char)p[1]) || !isdigit((unsigned char)p[-1]))
		return p;
	for (p++; isdigit((unsigned char)*p); p++)
		;
	return p;
}

/*
 * The length of a multi-letter name at @p of @len characters without the
 * version at its end: "zicsr2p0" is 5 long, but "zve32x" and "svadu" are
 * whole, and so is "zba" of "zba".
 */
static size_t name_length(const char *p, size_t len)
{
	size_t n = len;

	while (n && isdigit((unsigned char)p[n - 1]))
		n--;
	if (n == len || n < 2)
		return len;
	if (tolower((unsigned char)p[n - 1]) != 'p' ||
	    !isdigit((unsigned char)p[n - 2]))
		return len;
	for (n--; n && isdigit((unsigned char)p[n - 1]); n--)
		;
	return n;
}

/* What "g" stands for. */
static bool g_has(const char *ext)
{
	if (!ext[1])
		return strchr("imafd", *ext) != NULL;
	return !strcmp(ext, "zicsr") || !strcmp(ext, "zifencei");
}

/* Does single-letter part @p, up to a multi-letter name, list @ext? */
static bool letters_have(const char **p, const char *ext)
{
	while (**p && **p != '_' && !strchr("szxSZX", **p)) {
		char c = (char)tolower((unsigned char)**p);

		if ((c == *ext && !ext[1]) || (c == 'g' && g_has(ext)))
			return true;
		*p = version_skip(*p + 1);
	}
	return false;
}

static bool isa_string_has(const char *p, const char *ext)
{
	size_t wanted = strlen(ext);

	if (strncasecmp(p, "rv32", 4) && strncasecmp(p, "rv64", 4))
		return false;
	p += 4;
	if (letters_have(&p, ext))
		return true;
	while (*p) {
		size_t len = strcspn(p, "_");

		if (wanted == name_length(p, len) &&
		    !strncasecmp(p, ext, wanted))
			return true;
		/* Single letters may come behind an underscore, too. */
		if (len == 1 && tolower((unsigned char)*p) == 'g' && g_has(ext))
			return true;
		p += len + (p[len] == '_');
	}
	return false;
}

bool dt_isa_has(const void *fdt, int offset, const char *ext)
{
	int len;
	const char *p = dt_prop_at(fdt, offset, "riscv,isa-extensions", &len);

	if (!p) {
		p = dt_prop_at(fdt, offset, "riscv,isa", &len);
		return p && len && !p[len - 1] && isa_string_has(p, ext);
	}
	if (!len || p[len - 1])
		return false;
	for (const char *end = p + len; p < end; p += strlen(p) + 1)
		if ((*p | 0x20) == *ext && !strcasecmp(p, ext))
			return true;
	return false;
}

/* ---- hart-local interrupt controllers ---- */

void dt_hart_map(const void *fdt, struct dt_hart_map *map)
{
	struct dt_cpu_iter it;

	map->count = 0;
	dt_cpu_begin(fdt, &it);
	for (; !it.done; it.done = !dt_next_child(fdt, &it.node)) {
		struct dt_hart_map_entry *e = &map->entry[map->count];

		if (map->count == DT_HART_MAP_MAX)
			return;
		if (!hart_id(fdt, &it.node, &e->hart))
			continue;
		e->phandle = intc_phandle(fdt, &it.node);
		if (e->phandle)
			map->count++;
	}
}

int dt_context(const void *fdt, const struct dt_node *n,
	       const struct dt_hart_map *map, unsigned index, uint64_t *hart,
	       uint32_t *cause)
{
	int len;
	const uint8_t *p = dt_prop(fdt, n, "interrupts-extended", &len);
	uint32_t phandle;

	if (!p || index >= (unsigned)len / 8)
		return -ENOENT;
	p += 8 * (size_t)index;
	phandle = dt_cell(p);
	*cause = dt_cell(p + 4);
	for (unsigned i = 0; i < map->count; i++) {
		if (map->entry[i].phandle != phandle)
			continue;
		*hart = map->entry[i].hart;
		return 0;
	}
	return -ENODEV;
}
