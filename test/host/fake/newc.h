/* newc archives for tests, field by field, right or wrong. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define NEWC_FILE 0100644u
#define NEWC_DIR  0040755u
#define NEWC_LINK 0120777u

struct newc {
	uint8_t data[1 << 16];
	size_t size;
	uint32_t ino; /* of the last entry */
};

void newc_begin(struct newc *a);

/* An entry with an inode of its own. */
void newc_add(struct newc *a, const char *name, unsigned mode, const void *data,
	      size_t size);

/* One of @nlink names of inode @ino. */
void newc_add_link(struct newc *a, const char *name, unsigned ino,
		   unsigned nlink, const char *text);

/* A file with this text. */
void newc_text(struct newc *a, const char *name, const char *text);

void newc_end(struct newc *a);
