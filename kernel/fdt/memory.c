/*
 * Memory and reservations. Their addresses are physical ones as they stand:
 * `ranges` of /reserved-memory is not looked at, since a reservation must not
 * get lost because that property is missing.
 */
#include "kernel/fdt/memory.h"

#include <errno.h>

#include "kernel/fdt/dt_priv.h"

static bool is_memory(const void *fdt, const struct dt_node *n)
{
	return dt_string_is(fdt, n, "device_type", "memory") &&
		dt_enabled(fdt, n);
}

/*
 * The next range of the node that @it stands at. A node with malformed `reg`
 * has none; single entries that cannot be expressed are passed over.
 */
static bool range_next(const void *fdt, struct dt_memory_iter *it,
		       struct range *out)
{
	int error;

	do {
		error = dt_reg_local(fdt, &it->node, it->index++, out);
	} while (error == -ERANGE || (!error && !out->size));
	return !error;
}

static void node_next(const void *fdt, struct dt_memory_iter *it)
{
	it->index = 0;
	it->done = !dt_next_child(fdt, &it->node);
}

void dt_memory_begin(const void *fdt, struct dt_memory_iter *it)
{
	struct dt_node root;

	dt_root(fdt, &root);
	it->index = 0;
	it->done = !dt_first_child(fdt, &root, &it->node);
}

bool dt_memory_next(const void *fdt, struct dt_memory_iter *it,
		    struct range *out)
{
	for (; !it->done; node_next(fdt, it)) {
		/* Past index 0 the node was found to be memory before. */
		if (!it->index && !is_memory(fdt, &it->node))
			continue;
		if (range_next(fdt, it, out))
			return true;
	}
	return false;
}

void dt_reserved_begin(const void *fdt, struct dt_memory_iter *it)
{
	struct dt_node parent;

	it->index = 0;
	it->done = dt_find_path(fdt, "/reserved-memory", &parent) ||
		!dt_first_child(fdt, &parent, &it->node);
}

bool dt_reserved_next(const void *fdt, struct dt_memory_iter *it,
		      struct dt_reserved *out)
{
	for (; !it->done; node_next(fdt, it)) {
		if (!it->index && !dt_enabled(fdt, &it->node))
			continue;
		if (!range_next(fdt, it, &out->range))
			continue;
		out->no_map = dt_has(fdt, &it->node, "no-map");
		out->name = dt_name(fdt, &it->node);
		return true;
	}
	return false;
}

bool dt_memreserve(const void *fdt, unsigned index, struct range *out)
{
	const uint8_t *p = (const uint8_t *)fdt + fdt_off_mem_rsvmap(fdt);

	for (;; p += 16) {
		uint64_t size = dt_number(p + 8, 2);

		if (!size)
			return false;
		if (!index--) {
			*out = range_make(dt_number(p, 2), size);
			return true;
		}
	}
}
