/* A guest as it is named on bundle's command line. */
#pragma once

#include <stddef.h>

enum spec_key {
	SPEC_IMAGE,
	SPEC_INITRD,
	SPEC_MEMORY,
	SPEC_VCPUS,
	SPEC_BOOTARGS,
	SPEC_AUTOSTART,
	SPEC_KEYS,
};

struct spec {
	const char *name;
	const char *value[SPEC_KEYS]; /* NULL: not given */
};

/* The word for @key, as on the command line and in a config file. */
const char *spec_key_name(enum spec_key key);

/*
 * Take @text apart, in place: name:key=value[,key=value...]. A value ends at a
 * comma behind which a key and '=' follow, so most values may have commas as
 * they are; one that begins with '"' ends at the next '"'. Returns NULL, or a
 * static text that says what is wrong.
 */
const char *spec_read(char *text, struct spec *out);
