/*
 * Written front to back by libfdt's sequential writer, node by node from what
 * the readers give: it links less than editing in place, and the old tree
 * stays as it is until the new one is whole.
 */
#include "kernel/fdt/rewrite.h"

#include <errno.h>

#include "kernel/fdt/chosen.h"
#include "kernel/fdt/dt_priv.h"
#include "kernel/fdt/memory.h"

/* What /chosen can grow by, with the names of its properties. */
#define SLACK 1024u

struct writer {
	const void *fdt;
	const struct dt_chosen *chosen;
	void *buf;
	int error; /* libfdt's first: it refuses all that comes after, too */
};

static void keep(struct writer *w, int error)
{
	if (!w->error)
		w->error = error;
}

static void put(struct writer *w, const char *name, const void *value, int len)
{
	keep(w, fdt_property(w->buf, name, value, len));
}

static void put_address(struct writer *w, const char *name, uint64_t address)
{
	uint8_t value[8];

	for (unsigned i = 8; i--; address >>= 8)
		value[i] = (uint8_t)address;
	put(w, name, value, sizeof(value));
}

/* What a boot loader says to its kernel. */
static void chosen_put(struct writer *w)
{
	const struct dt_chosen *chosen = w->chosen;

	if (chosen->bootargs[0])
		put(w, "bootargs", chosen->bootargs,
		    strlen(chosen->bootargs) + 1);
	if (!chosen->initrd.size)
		return;
	put_address(w, "linux,initrd-start", chosen->initrd.start);
	put_address(w, "linux,initrd-end", range_end(&chosen->initrd));
}

/* Where there is none the property goes: readers would believe any bytes. */
static void seed_put(struct writer *w, const char *name, int len)
{
	void *bytes;

	if (!w->chosen->seed)
		return;
	keep(w, fdt_property_placeholder(w->buf, name, len, &bytes));
	if (!w->error)
		w->chosen->seed(bytes, len);
}

/* A property of the old /chosen. */
static void chosen_copy(struct writer *w, const char *name, const void *value,
			int len)
{
	if (!strcmp(name, "bootargs") || !strcmp(name, "linux,initrd-start") ||
	    !strcmp(name, "linux,initrd-end"))
		return;
	if (!strcmp(name, "kaslr-seed") || !strcmp(name, "rng-seed"))
		seed_put(w, name, len);
	else
		put(w, name, value, len);
}

static void props_copy(struct writer *w, const struct dt_node *n, bool chosen)
{
	const char *name;
	const void *value;
	int at = 0, len;

	while ((value = dt_prop_next(w->fdt, n, &at, &name, &len)))
		if (chosen)
			chosen_copy(w, name, value, len);
		else
			put(w, name, value, len);
	if (chosen)
		chosen_put(w);
}

static void nodes_copy(struct writer *w)
{
	struct dt_node chosen = {.offset = -1}, n;
	bool found = !dt_find_path(w->fdt, "/chosen", &chosen);
	int open = 0;

	dt_root(w->fdt, &n);
	do {
		for (; open > n.depth; open--)
			keep(w, fdt_end_node(w->buf));
		keep(w, fdt_begin_node(w->buf, dt_name(w->fdt, &n)));
		open++;
		props_copy(w, &n, found && n.offset == chosen.offset);
	} while (dt_next(w->fdt, &n));
	for (; open > 1; open--)
		keep(w, fdt_end_node(w->buf));
	if (!found) {
		keep(w, fdt_begin_node(w->buf, "chosen"));
		chosen_put(w);
		keep(w, fdt_end_node(w->buf));
	}
	keep(w, fdt_end_node(w->buf));
}

/* U-Boot reserves the initrd it passes: with the initrd that goes. */
static void reservations_copy(struct writer *w)
{
	struct range r, initrd = {0, 0};
	unsigned i;

	if (dt_initrd(w->fdt, &initrd))
		initrd.size = 0;
	for (i = 0; dt_memreserve(w->fdt, i, &r); i++)
		if (!initrd.size || r.start != initrd.start)
			keep(w,
			     fdt_add_reservemap_entry(w->buf, r.start, r.size));
	keep(w, fdt_finish_reservemap(w->buf));
}

size_t dt_rewrite_room(const void *fdt, const char *bootargs)
{
	return dt_total_size(fdt) + strlen(bootargs) + SLACK;
}

int dt_rewrite(const void *fdt, const struct dt_chosen *chosen, void *buf,
	       size_t room)
{
	struct writer w = {.fdt = fdt, .chosen = chosen, .buf = buf};

	/* Where this fails there is no header for the calls below to read. */
	if (fdt_create(buf, (int)room))
		return -ENOSPC;
	reservations_copy(&w);
	nodes_copy(&w);
	keep(&w, fdt_finish(buf));
	if (w.error)
		return -ENOSPC;
	fdt_set_boot_cpuid_phys(buf, fdt_boot_cpuid_phys(fdt));
	return 0;
}
