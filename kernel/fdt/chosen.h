/*
 * What the loader tells us in /chosen (Devicetree Specification v0.4, 3.6;
 * Linux Documentation/devicetree/bindings and dt-schema's chosen.yaml).
 */
#pragma once

#include <stdint.h>

#include "kernel/fdt/dt.h"
#include "lib/mix.h"
#include "lib/range.h"

/* The bootargs, "" when there are none or they are not terminated. */
const char *dt_bootargs(const void *fdt);

/*
 * The node that stdout-path (or its old name linux,stdout-path) points at, by
 * alias or path; @options gets the text after ':' or "". @path gets the
 * property's text, for messages, also when the node is not found; NULL when
 * there is no such property. @options and @path may be NULL.
 * -ENOENT no property or no such node, -EINVAL no string.
 */
int dt_stdout(const void *fdt, struct dt_node *out, const char **path,
	      const char **options);

/*
 * linux,initrd-start and -end, one or two cells each. -ENOENT none;
 * -EINVAL one is missing or malformed, or the end is not above the start.
 */
int dt_initrd(const void *fdt, struct range *out);

/*
 * Mix kaslr-seed and rng-seed into @pool and overwrite them with zeros in
 * @fdt, so that nobody who is handed the tree learns them. A seed whose bytes
 * are all equal is wiped and does not count. Returns the number that counted.
 */
unsigned dt_seed_take(void *fdt, struct mix *pool);
