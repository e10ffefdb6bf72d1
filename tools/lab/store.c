/*
 * Uploads are hashed, unpacked and checked while they stream to spool/, and
 * become images/<hash> by a rename at the end, so an image is there whole or
 * not at all, as long as the machine runs: no upload waits for the disk. What
 * a power failure left behind is found by its hash, which names the unpacked
 * bytes: Image and Image.gz of the same kernel are one file.
 */
#include "tools/lab/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <zlib.h>

#include "lib/image.h"
#include "lib/list.h"

#define INFLATE_BLOCK ((size_t)256 * 1024)
#define CHECK_BLOCK   ((size_t)1024 * 1024)
#define GZIP_WINDOW   (16 + MAX_WBITS) /* zlib: gzip wrapper only */
#define HASH_BYTES    32
#define DISK_STEP     ((int64_t)256 * 1024)
#define DISK_MARGIN   ((int64_t)1024 * 1024)

enum packing {
	PACKING_UNKNOWN,
	PACKING_NONE,
	PACKING_GZIP
};

struct store_upload {
	struct list entry; /* of store.uploads */
	enum store_kind kind;
	enum packing packing;
	int fd;
	char path[PATH_MAX];
	int64_t size; /* unpacked */
	int64_t room; /* set aside for it on the disk, not written yet */
	uint8_t first[IMAGE_HEADER_SIZE];
	uint8_t start[2]; /* the packed bytes that tell gzip */
	size_t start_len;
	crypto_generichash_state hash;
	z_stream z;
	bool z_open, z_end;
	uint8_t *block;
	int status; /* HTTP, 0 = all is well */
	const char *why;
};

struct store_check {
	int fd;
	char name[2 * HASH_BYTES + 1];
	crypto_generichash_state hash;
	uint8_t block[CHECK_BLOCK];
};

static struct {
	char state[PATH_MAX - 256];
	int64_t max;
	int64_t low;
	int64_t bytes; /* of all blobs */
	struct list uploads;
	int64_t set_aside; /* room of all uploads */
	bool room_wanted;  /* an upload found none */
	unsigned serial;
} store = {.uploads = LIST_EMPTY(store.uploads)};

static const char disk_full[] = "the lab's disk is full";

static int make_folder(const char *name, mode_t mode)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", store.state, name);
	if (mkdir(path, mode) && errno != EEXIST)
		return -errno;
	return chmod(path, mode) ? -errno : 0;
}

/* Calls each() with every file name in a folder of the state. */
static void folder_each(const char *name, void (*each)(const char *file))
{
	char path[PATH_MAX];
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", store.state, name);
	dir = opendir(path);
	while (dir && (d = readdir(dir)))
		if (d->d_name[0] != '.')
			each(d->d_name);
	if (dir)
		closedir(dir);
}

static void spool_remove(const char *file)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/spool/%s", store.state, file);
	unlink(path);
}

int store_init(const char *state, int64_t max, int64_t low)
{
	/* Emulator and TFTP server, as another user, pass through to tftp. */
	static const struct {
		const char *name;
		mode_t mode;
	} folders[] = {{"", 0711},     {"spool", 0700}, {"images", 0700},
		       {"logs", 0700}, {"tftp", 0711},	{"run", 0700}};

	if (strlen(state) >= sizeof(store.state))
		return -ENAMETOOLONG;
	strcpy(store.state, state);
	store.max = max;
	store.low = low;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		int err = make_folder(folders[i].name, folders[i].mode);

		if (err)
			return err;
	}
	folder_each("spool", spool_remove);
	return 0;
}

struct store_upload *store_upload_begin(enum store_kind kind)
{
	struct store_upload *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	u->kind = kind;
	snprintf(u->path, sizeof(u->path), "%s/spool/%u", store.state,
		 ++store.serial);
	u->fd = open(u->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (u->fd < 0) {
		free(u);
		return NULL;
	}
	crypto_generichash_init(&u->hash, NULL, 0, HASH_BYTES);
	u->packing = kind == STORE_IMAGE ? PACKING_UNKNOWN : PACKING_NONE;
	list_add(&store.uploads, &u->entry);
	return u;
}

static int64_t disk_free(void)
{
	struct statvfs v;

	if (statvfs(store.state, &v))
		return 0;
	return (int64_t)v.f_bavail * (int64_t)v.f_frsize;
}

/* What all uploads have written. */
static int64_t spooled(void)
{
	int64_t sum = 0;
	struct list *at;

	list_for_each (at, &store.uploads)
		sum += container_of(at, struct store_upload, entry)->size;
	return sum;
}

/*
 * Uploads together stop well before the watermark, or they would end the jobs
 * that run: each sets a DISK_STEP aside before it writes, and what the others
 * set aside is not free. Old jobs do not have to go for uploads on their way,
 * which may never end: only where there would be no room without them either.
 */
static bool room_take(struct store_upload *u, int64_t len)
{
	int64_t least = store.low + DISK_MARGIN, free;
	int64_t more = len - u->room;

	if (more > 0) {
		free = disk_free();
		more += DISK_STEP - 1;
		more -= more % DISK_STEP;
		if (free - store.set_aside - more < least) {
			if (free + spooled() - u->size - more < least)
				store.room_wanted = true;
			return false;
		}
		u->room += more;
		store.set_aside += more;
	}
	u->room -= len;
	store.set_aside -= len;
	return true;
}

static void room_return(struct store_upload *u)
{
	store.set_aside -= u->room;
	u->room = 0;
}

static void refuse(struct store_upload *u, int status, const char *why)
{
	if (u->status)
		return;
	u->status = status;
	u->why = why;
	/* The space is given back now; the body may still be long. */
	(void)!ftruncate(u->fd, 0);
	u->size = 0;
	room_return(u);
}

/* The header is judged as soon as it is there. */
static void check_early(struct store_upload *u)
{
	struct image_header h;

	if (image_header_read(u->first, sizeof(u->first), &h) == -ENOEXEC)
		refuse(u, 422, image_header_problem(&h, IMAGE_HEADER_SIZE));
}

static void put_unpacked(struct store_upload *u, const uint8_t *bytes,
			 size_t len)
{
	int64_t before = u->size;

	if (u->status || len == 0)
		return;
	if ((int64_t)len > store.max - u->size) {
		refuse(u, 413, "larger than image_max");
		return;
	}
	if (before < IMAGE_HEADER_SIZE) {
		size_t room = IMAGE_HEADER_SIZE - before;

		memcpy(u->first + before, bytes, len < room ? len : room);
	}
	if (!room_take(u, len) || write(u->fd, bytes, len) != (ssize_t)len) {
		refuse(u, 507, disk_full);
		return;
	}
	crypto_generichash_update(&u->hash, bytes, len);
	u->size += len;
	if (u->kind == STORE_IMAGE && before < IMAGE_HEADER_SIZE &&
	    u->size >= IMAGE_HEADER_SIZE)
		check_early(u);
}

static void gzip_open(struct store_upload *u)
{
	u->packing = PACKING_GZIP;
	u->block = malloc(INFLATE_BLOCK);
	if (!u->block || inflateInit2(&u->z, GZIP_WINDOW) != Z_OK) {
		refuse(u, 500, "out of memory");
		return;
	}
	u->z_open = true;
}

/* One member may follow another (gzip's format allows it); junk may not. */
static void put_gzip(struct store_upload *u, const uint8_t *bytes, size_t len)
{
	u->z.next_in = (uint8_t *)bytes;
	u->z.avail_in = len;
	while (!u->status && (u->z.avail_in > 0 || u->z.avail_out == 0)) {
		int err;

		if (u->z_end) {
			if (u->z.avail_in == 0)
				return;
			inflateReset(&u->z);
			u->z_end = false;
		}
		u->z.next_out = u->block;
		u->z.avail_out = INFLATE_BLOCK;
		err = inflate(&u->z, Z_NO_FLUSH);
		if (err != Z_OK && err != Z_STREAM_END && err != Z_BUF_ERROR) {
			refuse(u, 422, "damaged gzip data");
			return;
		}
		put_unpacked(u, u->block, INFLATE_BLOCK - u->z.avail_out);
		u->z_end = err == Z_STREAM_END;
		if (err == Z_BUF_ERROR)
			return;
	}
}

static void put_packed(struct store_upload *u, const uint8_t *bytes, size_t len)
{
	if (u->packing == PACKING_GZIP)
		put_gzip(u, bytes, len);
	else
		put_unpacked(u, bytes, len);
}

void store_upload_write(struct store_upload *u, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	if (u->packing == PACKING_UNKNOWN) {
		while (u->start_len < 2 && len > 0) {
			u->start[u->start_len++] = *p++;
			len--;
		}
		if (u->start_len < 2)
			return;
		u->packing = PACKING_NONE;
		if (u->start[0] == 0x1f && u->start[1] == 0x8b)
			gzip_open(u);
		if (!u->status)
			put_packed(u, u->start, 2);
	}
	if (!u->status && len > 0)
		put_packed(u, p, len);
}

static void check_whole(struct store_upload *u)
{
	struct image_header h;
	const char *why;

	if (u->packing == PACKING_GZIP && !u->z_end) {
		refuse(u, 422, "gzip data ends too early");
		return;
	}
	if (u->size == 0) {
		refuse(u, 422,
		       u->start_len ? "shorter than an Image header"
				    : "empty upload");
		return;
	}
	if (u->kind != STORE_IMAGE)
		return;
	if (image_header_read(u->first,
			      u->size < IMAGE_HEADER_SIZE ? (size_t)u->size
							  : IMAGE_HEADER_SIZE,
			      &h) == -EINVAL) {
		refuse(u, 422, "shorter than an Image header");
		return;
	}
	why = image_header_problem(&h, u->size);
	if (why)
		refuse(u, 422, why);
}

static void blob_path(char *out, const char *hash)
{
	snprintf(out, PATH_MAX, "%s/images/%s", store.state, hash);
}

/* 0 if it is not there. */
static int64_t file_size(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : st.st_size;
}

static void upload_free(struct store_upload *u)
{
	list_remove(&u->entry);
	room_return(u);
	unlink(u->path);
	close(u->fd);
	if (u->z_open)
		inflateEnd(&u->z);
	free(u->block);
	free(u);
}

int store_upload_finish(struct store_upload *u, struct db_blob *out,
			const char **why)
{
	uint8_t hash[HASH_BYTES];
	char path[PATH_MAX];
	int64_t before;
	int status;

	if (!u->status)
		check_whole(u);
	if (!u->status) {
		crypto_generichash_final(&u->hash, hash, sizeof(hash));
		sodium_bin2hex(out->hash, sizeof(out->hash), hash,
			       sizeof(hash));
		out->size = u->size;
		blob_path(path, out->hash);
		before = file_size(path);
		/* Readable to all: it is given out through hard links. */
		if (fchmod(u->fd, 0444) || rename(u->path, path))
			refuse(u, errno == ENOSPC ? 507 : 500,
			       "cannot store the upload");
		else
			store.bytes += u->size - before;
	}
	status = u->status;
	*why = u->why;
	upload_free(u);
	return status;
}

void store_upload_abort(struct store_upload *u)
{
	if (u)
		upload_free(u);
}

int store_check_begin(const char *hash, struct store_check **out)
{
	struct store_check *c = calloc(1, sizeof(*c));
	char path[PATH_MAX];

	if (!c)
		return -ENOMEM;
	blob_path(path, hash);
	snprintf(c->name, sizeof(c->name), "%s", hash);
	c->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (c->fd < 0) {
		free(c);
		return -errno;
	}
	crypto_generichash_init(&c->hash, NULL, 0, HASH_BYTES);
	*out = c;
	return 0;
}

int store_check_step(struct store_check *c)
{
	uint8_t sum[HASH_BYTES];
	char name[2 * HASH_BYTES + 1];
	ssize_t n = read(c->fd, c->block, sizeof(c->block));

	if (n > 0) {
		crypto_generichash_update(&c->hash, c->block, n);
		return -EAGAIN;
	}
	crypto_generichash_final(&c->hash, sum, sizeof(sum));
	sodium_bin2hex(name, sizeof(name), sum, sizeof(sum));
	return n < 0 || strcmp(name, c->name) ? -EBADMSG : 0;
}

void store_check_end(struct store_check *c)
{
	if (!c)
		return;
	close(c->fd);
	free(c);
}

int store_blob_link(const char *hash, const char *path)
{
	char from[PATH_MAX];

	blob_path(from, hash);
	return link(from, path) ? -errno : 0;
}

void store_blob_release(const char *hash)
{
	char path[PATH_MAX];
	int64_t size;

	if (!*hash || db_blob_used(hash))
		return;
	blob_path(path, hash);
	size = file_size(path);
	if (unlink(path) == 0)
		store.bytes -= size;
}

static void sweep_one(const char *hash)
{
	char path[PATH_MAX];

	blob_path(path, hash);
	store.bytes += file_size(path);
	store_blob_release(hash);
}

void store_sweep(void)
{
	folder_each("images", sweep_one);
}

int64_t store_bytes(void)
{
	return store.bytes;
}

bool store_disk_low(void)
{
	return disk_free() < store.low;
}

void store_uploads_refuse(void)
{
	struct list *at;

	list_for_each (at, &store.uploads)
		refuse(container_of(at, struct store_upload, entry), 507,
		       disk_full);
}

bool store_room_wanted(void)
{
	int64_t free = disk_free() + spooled();

	if (free < store.low)
		store.room_wanted = true;
	/* Room for one more upload, however large. */
	else if (free >= store.low + DISK_MARGIN + store.max)
		store.room_wanted = false;
	return store.room_wanted;
}

void store_room_give_up(void)
{
	store.room_wanted = false;
}
