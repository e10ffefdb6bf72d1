/*
 * The driver core. One walk over the tree collects the nodes that have a
 * driver; they are probed class by class afterwards, so that what a driver
 * needs is there, and one that needs another's device of its class (an APLIC
 * its IMSIC) can ask to be called again.
 */
#include "kernel/driver.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "kernel/error.h"
#include "kernel/log.h"
#include "kernel/panic.h"

/* Devices with a driver on one machine; more are reported and left out. */
#define DEVICES_MAX 32u

/* Compatible strings of all drivers together. */
#define STRINGS_MAX 48u

#define CLASS_BIT(cls) (1u << (cls))
#define CLASS_PROBED   (CLASS_BIT(DRIVER_IRQCHIP) | CLASS_BIT(DRIVER_DEVICE))

/* The match tables of some classes as one list for dt_compatible(). */
struct strings {
	const char *compatible[STRINGS_MAX + 1]; /* ends with NULL */
	struct driver_binding binding[STRINGS_MAX];
};

struct pending {
	struct dt_node node;
	struct driver_binding binding;
	bool done;
};

static struct {
	unsigned count;
	struct pending device[DEVICES_MAX];
} state;

static void strings_collect(unsigned classes, struct strings *out)
{
	const struct driver *const *d;
	unsigned n = 0, i;

	for (d = drivers_start; d < drivers_end; d++) {
		if (!(CLASS_BIT((*d)->cls) & classes))
			continue;
		for (i = 0; (*d)->match[i].compatible; i++, n++) {
			if (n == STRINGS_MAX)
				panic("driver: STRINGS_MAX is too small");
			out->compatible[n] = (*d)->match[i].compatible;
			out->binding[n].driver = d - drivers_start;
			out->binding[n].match = i;
		}
	}
	out->compatible[n] = NULL;
}

int driver_match(const void *fdt, const struct dt_node *node,
		 enum driver_class cls, struct driver_binding *out)
{
	struct strings strings;
	int found;

	strings_collect(CLASS_BIT(cls), &strings);
	found = dt_compatible(fdt, node, strings.compatible);
	if (found < 0)
		return -ENOENT;
	*out = strings.binding[found];
	return 0;
}

static void problem_log(const void *fdt, const struct pending *p,
			const char *why)
{
	char path[128];

	dt_path(fdt, &p->node, path, sizeof(path));
	log_warn("driver", "%s: %s not started: %s", path,
		 drivers_start[p->binding.driver]->name, why);
}

void driver_scan(const void *fdt)
{
	struct strings strings;
	struct pending p = {.done = false};
	bool more;
	int found;

	strings_collect(CLASS_PROBED, &strings);
	state.count = 0;
	dt_root(fdt, &p.node);
	for (more = true; more; more = dt_next(fdt, &p.node)) {
		found = dt_compatible(fdt, &p.node, strings.compatible);
		if (found < 0 || !dt_enabled(fdt, &p.node))
			continue;
		p.binding = strings.binding[found];
		if (state.count < DEVICES_MAX)
			state.device[state.count++] = p;
		else
			problem_log(fdt, &p, "too many devices");
	}
}

static const struct driver *driver_of(const struct pending *p)
{
	return drivers_start[p->binding.driver];
}

/* Probe @p unless it has to wait; returns 1 if it was started, else 0. */
static int pending_probe(const void *fdt, struct pending *p)
{
	const struct driver *d = driver_of(p);
	int err = d->probe(fdt, &p->node, &d->match[p->binding.match]);

	p->done = err != -EAGAIN;
	if (p->done && err && err != -ENODEV)
		problem_log(fdt, p, error_text(err));
	return !err;
}

int driver_probe_class(const void *fdt, enum driver_class cls)
{
	struct pending *p, *end = state.device + state.count;
	int total = 0, started;

	do {
		started = 0;
		for (p = state.device; p < end; p++)
			if (!p->done && driver_of(p)->cls == cls)
				started += pending_probe(fdt, p);
		total += started;
	} while (started);
	for (p = state.device; p < end; p++)
		if (!p->done && driver_of(p)->cls == cls)
			problem_log(fdt, p, error_text(-EAGAIN));
	return total;
}
