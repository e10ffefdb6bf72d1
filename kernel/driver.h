/*
 * The driver core: binds device tree nodes to drivers by `compatible`.
 *
 * A driver is one struct, listed by DRIVER(); the linker gathers the list
 * (kernel.lds, drivers_start to drivers_end). Nothing else names a driver, so
 * leaving one out of the build is enough to be without it.
 */
#pragma once

#include <stdint.h>

#include "kernel/fdt/dt.h"

enum driver_class {
	DRIVER_IRQCHIP, /* interrupt controllers */
	DRIVER_DEVICE,	/* what may ask for interrupts */
	DRIVER_UART,	/* chosen by the console, never probed by a walk */
};

/* One `compatible` string and what it means to the driver. */
struct driver_match {
	const char *compatible;
	uintptr_t data;
};

struct driver {
	const char *name;
	enum driver_class cls;
	const struct driver_match *match; /* ends with a NULL compatible */
	/*
	 * Start the device of @node. Returns 0; -ENODEV when the node is not
	 * for this kernel (passed over without a word); -EAGAIN when a device
	 * that it needs has not been probed yet; else -errno, which is logged.
	 */
	int (*probe)(const void *fdt, const struct dt_node *node,
		     const struct driver_match *match);
	const void *ops; /* DRIVER_UART: struct uart_ops */
};

/* List @object, a const struct driver with external linkage. */
#define DRIVER(object)                                   \
	static const struct driver *const object##_entry \
		__attribute__((used, section(".drivers"))) = &(object)

/* The list, from kernel.lds. */
extern const struct driver *const drivers_start[];
extern const struct driver *const drivers_end[];

/* A driver with its entry that fits a node: indices, so no pointers. */
struct driver_binding {
	uint16_t driver; /* in drivers_start[] */
	uint16_t match;	 /* in its match table */
};

/*
 * Find the driver of @cls for @node: the node's compatible strings are taken
 * in their order, the most specific first. Returns 0; -ENOENT when there is
 * none.
 */
int driver_match(const void *fdt, const struct dt_node *node,
		 enum driver_class cls, struct driver_binding *out);

/*
 * Find all enabled nodes that have a driver with a probe, by one walk of the
 * tree. Forgets those found before.
 */
void driver_scan(const void *fdt);

/*
 * Probe the nodes of @cls that driver_scan() found in @fdt, in tree order,
 * those that answer -EAGAIN again after the others. Failures are logged with
 * path and reason and do not stop the rest. Returns how many were started.
 */
int driver_probe_class(const void *fdt, enum driver_class cls);
