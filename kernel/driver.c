/*
 * The driver core. One walk over the tree per class collects the nodes that
 * have a driver; they are probed afterwards, so that a driver which needs
 * another's device (an APLIC its IMSIC) can ask to be called again.
 */
#include "kernel/driver.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "kernel/log.h"

/* Devices of one class on one machine; more are reported and left out. */
#define PENDING_MAX 16u

struct pending {
	struct dt_node node;
	struct driver_binding binding;
};

static bool driver_fits(const struct driver *driver, const char *compatible,
			uint16_t *match)
{
	const struct driver_match *m;

	for (m = driver->match; m->compatible; m++) {
		if (strcmp(m->compatible, compatible))
			continue;
		*match = m - driver->match;
		return true;
	}
	return false;
}

static int string_match(const char *compatible, enum driver_class cls,
			struct driver_binding *out)
{
	const struct driver *const *d;

	for (d = drivers_start; d < drivers_end; d++) {
		if ((*d)->cls != cls)
			continue;
		if (!driver_fits(*d, compatible, &out->match))
			continue;
		out->driver = d - drivers_start;
		return 0;
	}
	return -ENOENT;
}

int driver_match(const void *fdt, const struct dt_node *node,
		 enum driver_class cls, struct driver_binding *out)
{
	const char *s;
	unsigned i;

	for (i = 0; !dt_string(fdt, node, "compatible", i, &s); i++)
		if (!string_match(s, cls, out))
			return 0;
	return -ENOENT;
}

static void problem_log(const void *fdt, const struct pending *p,
			const char *why)
{
	char path[128];

	dt_path(fdt, &p->node, path, sizeof(path));
	log_warn("driver", "%s: %s not started: %s", path,
		 drivers_start[p->binding.driver]->name, why);
}

/* Probe all of @list, keep those to be asked again; returns those started. */
static int pending_probe(const void *fdt, struct pending *list, unsigned *count)
{
	unsigned i, kept = 0;
	int started = 0;

	for (i = 0; i < *count; i++) {
		struct pending *p = &list[i];
		const struct driver *d = drivers_start[p->binding.driver];
		int err = d->probe(fdt, &p->node, &d->match[p->binding.match]);

		if (err == -EAGAIN)
			list[kept++] = *p;
		else if (!err)
			started++;
		else if (err != -ENODEV)
			problem_log(fdt, p, strerror(-err));
	}
	*count = kept;
	return started;
}

static unsigned pending_collect(const void *fdt, enum driver_class cls,
				struct pending *list)
{
	struct pending p;
	unsigned count = 0;
	bool more;

	dt_root(fdt, &p.node);
	for (more = true; more; more = dt_next(fdt, &p.node)) {
		if (driver_match(fdt, &p.node, cls, &p.binding) ||
		    !dt_enabled(fdt, &p.node))
			continue;
		if (count < PENDING_MAX)
			list[count++] = p;
		else
			problem_log(fdt, &p, "too many of its class");
	}
	return count;
}

int driver_probe_class(const void *fdt, enum driver_class cls)
{
	struct pending list[PENDING_MAX];
	unsigned i, count = pending_collect(fdt, cls, list);
	int total = 0, started;

	do {
		started = pending_probe(fdt, list, &count);
		total += started;
	} while (started && count);
	for (i = 0; i < count; i++)
		problem_log(fdt, &list[i], "what it needs did not start");
	return total;
}
