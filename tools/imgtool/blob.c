/* Reads an Image, and unpacks it as a boot loader does (RFC 1952). */
#include "tools/imgtool/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#define GZIP_ONLY (16 + MAX_WBITS)

static int fail(int rc, const char **why, const char *text)
{
	*why = text;
	return rc;
}

static bool is_gzip(const uint8_t *p, size_t size)
{
	return size >= 2 && p[0] == 0x1f && p[1] == 0x8b;
}

/* Makes room for more: doubles, up to max. */
static int blob_grow(struct blob *b, size_t *room, size_t max, const char **why)
{
	size_t more = *room == 0 ? 1 << 16 : *room * 2;
	uint8_t *data;

	if (*room >= max)
		return fail(-EFBIG, why, "unpacks to more than is sensible");
	if (more > max)
		more = max;
	data = realloc(b->data, more);
	if (data == NULL)
		return fail(-ENOMEM, why, "out of memory");
	b->data = data;
	*room = more;
	return 0;
}

/* Goes on to the next member: 1, or 0 where the input ends, or -errno. */
static int gzip_next(z_stream *z, const char **why)
{
	if (z->avail_in == 0)
		return 0;
	if (!is_gzip(z->next_in, z->avail_in))
		return fail(-EBADMSG, why, "garbage after the gzip data");
	inflateReset(z);
	return 1;
}

static int gzip_unpack(z_stream *z, struct blob *b, size_t max,
		       const char **why)
{
	size_t room = 0;
	int rc = 1;

	while (rc > 0) {
		int step;

		if (b->size == room) {
			rc = blob_grow(b, &room, max, why);
			if (rc != 0)
				return rc;
		}
		z->next_out = b->data + b->size;
		z->avail_out = (uInt)(room - b->size);
		step = inflate(z, Z_NO_FLUSH);
		b->size = room - z->avail_out;
		if (step == Z_STREAM_END)
			rc = gzip_next(z, why);
		else if (step == Z_BUF_ERROR ||
			 (step == Z_OK && z->avail_in == 0 &&
			  z->avail_out != 0))
			return fail(-EBADMSG, why, "gzip data is cut short");
		else if (step != Z_OK)
			return fail(-EBADMSG, why, "gzip data is damaged");
		else
			rc = 1;
	}
	return rc;
}

static int blob_unpack(const uint8_t *bytes, size_t size, size_t max,
		       struct blob *out, const char **why)
{
	/* zlib's interface is not const, but it only reads its input. */
	z_stream z = {.next_in = (Bytef *)(uintptr_t)bytes,
		      .avail_in = (uInt)size};
	int rc;

	if (inflateInit2(&z, GZIP_ONLY) != Z_OK)
		return fail(-ENOMEM, why, "out of memory");
	rc = gzip_unpack(&z, out, max, why);
	inflateEnd(&z);
	return rc;
}

static int blob_fill(const uint8_t *bytes, size_t size, struct blob *out)
{
	out->data = malloc(size != 0 ? size : 1);
	if (out->data == NULL)
		return -ENOMEM;
	if (size != 0)
		memcpy(out->data, bytes, size);
	out->size = size;
	return 0;
}

int blob_copy(const struct blob *from, struct blob *out)
{
	*out = *from;
	return blob_fill(from->data, from->size, out);
}

int blob_from_bytes(const uint8_t *bytes, size_t size, size_t max,
		    struct blob *out, const char **why)
{
	int rc = 0;

	memset(out, 0, sizeof(*out));
	if (size > max || size > UINT_MAX)
		return fail(-EFBIG, why, "larger than is sensible");
	if (is_gzip(bytes, size)) {
		out->gzip = true;
		out->packed_size = size;
		rc = blob_unpack(bytes, size, max, out, why);
	} else {
		rc = blob_fill(bytes, size, out);
		*why = "out of memory";
	}
	if (rc != 0)
		blob_free(out);
	return rc;
}

static int file_read(int fd, uint8_t *to, size_t size, const char **why)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = read(fd, to + done, size - done);

		if (n < 0 && errno != EINTR)
			return fail(-errno, why, strerror(errno));
		if (n == 0)
			return fail(-EIO, why, "shrank while it was read");
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int file_blob(int fd, struct blob *out, const char **why)
{
	struct stat st;
	uint8_t *bytes;
	int rc;

	if (fstat(fd, &st) != 0)
		return fail(-errno, why, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail(-EINVAL, why, "not a regular file");
	if ((uint64_t)st.st_size > BLOB_MAX)
		return fail(-EFBIG, why, "larger than is sensible");
	bytes = malloc((size_t)st.st_size + 1);
	if (bytes == NULL)
		return fail(-ENOMEM, why, "out of memory");
	rc = file_read(fd, bytes, (size_t)st.st_size, why);
	if (rc == 0)
		rc = blob_from_bytes(bytes, (size_t)st.st_size, BLOB_MAX, out,
				     why);
	free(bytes);
	return rc;
}

int blob_from_file(const char *path, struct blob *out, const char **why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc;

	memset(out, 0, sizeof(*out));
	if (fd < 0)
		return fail(-errno, why, strerror(errno));
	rc = file_blob(fd, out, why);
	close(fd);
	return rc;
}

void blob_free(struct blob *blob)
{
	free(blob->data);
	blob->data = NULL;
	blob->size = 0;
}
