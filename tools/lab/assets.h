/* The web page's files, built into the daemon (tools/lab/embed.sh). */
#pragma once

#include <stddef.h>

struct asset {
	const char *path; /* "static/app.js", "xterm/xterm.js" */
	const char *data;
	const char *end;
};

/* Ends with a NULL path. Generated. */
extern const struct asset assets[];

/* By the whole path; NULL: none. */
const struct asset *asset_find(const char *folder, const char *name);
/* The Content-Type by the file's name. */
const char *asset_type(const char *name);
