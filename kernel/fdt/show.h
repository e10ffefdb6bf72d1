/* A part of the device tree as text, for the operator. */
#pragma once

#include "kernel/fdt/dt.h"

/*
 * Call @line(@arg, text) for every line of node @node in the manner of device
 * tree source: its properties, then its children by name. Values are guessed
 * to be strings or cells as dtc does it; long ones are cut.
 */
void dt_show(const void *fdt, const struct dt_node *node,
	     void (*line)(void *arg, const char *text), void *arg);
