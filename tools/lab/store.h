/* Uploads on their way to disk, and the images kept there by hash. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/lab/db.h"

/* An upload in progress; opaque but for what the HTTP side answers. */
struct store_upload;

enum store_kind {
	STORE_IMAGE, /* a RISC-V Image, or gzip of one: checked, unpacked */
	STORE_OTHER, /* an initrd or a device tree: kept as it is */
};

/*
 * Makes the folders below state and empties spool/. max: bytes an unpacked
 * upload may have; low: bytes of free disk that no upload may use. Returns 0
 * or -errno.
 */
int store_init(const char *state, int64_t max, int64_t low);

/* NULL: no disk or memory, errno says which. */
struct store_upload *store_upload_begin(enum store_kind kind);
/*
 * Takes the next bytes. After an error further ones are dropped: HTTP has to
 * read the body to its end before it can answer.
 */
void store_upload_write(struct store_upload *u, const void *bytes, size_t len);
/*
 * Finishes and frees u. Returns 0 with *out filled in; else the HTTP status to
 * answer with (413, 422, 507, 500) and a static text in *why.
 */
int store_upload_finish(struct store_upload *u, struct db_blob *out,
			const char **why);
void store_upload_abort(struct store_upload *u);

/*
 * Compares a blob with its name, a megabyte (a millisecond or so) at a step.
 * begin: 0 or -errno. step: -EAGAIN until the end; then 0, or -EBADMSG: it is
 * damaged. end: at any time; NULL is none.
 */
struct store_check;
int store_check_begin(const char *hash, struct store_check **out);
int store_check_step(struct store_check *c);
void store_check_end(struct store_check *c);
/* Hard-links a blob as path. Returns 0 or -errno. */
int store_blob_link(const char *hash, const char *path);
/* Removes a blob unless a job in the database names it; "" is none. */
void store_blob_release(const char *hash);
/*
 * Removes blobs that no job in the database names (after a crash) and counts
 * the others: once, at the start.
 */
void store_sweep(void);
/* Bytes of all blobs. */
int64_t store_bytes(void);

/* Whether the disk is below the watermark given to store_init(). */
bool store_disk_low(void);
/* Ends all uploads on their way with 507: their room is free at once. */
void store_uploads_refuse(void);
/*
 * Whether the disk is that low, or an upload found no room, and there is none
 * yet for the largest one allowed; what uploads on their way hold is room.
 */
bool store_room_wanted(void);
/* There is nothing to remove: not before the next upload that finds none. */
void store_room_give_up(void);
