/*
 * A newc archive is a row of entries: a header of 110 characters (a magic and
 * thirteen numbers of eight hexadecimal digits), the name with a final zero
 * byte, the data; name and data are padded to a multiple of four from the
 * start of the header, which itself lies at such a multiple.
 */
#include "lib/cpio.h"

#include <errno.h>
#include <string.h>

enum {
	FIELD_INO,
	FIELD_MODE,
	FIELD_UID,
	FIELD_GID,
	FIELD_NLINK,
	FIELD_MTIME,
	FIELD_FILESIZE,
	FIELD_MAJOR,
	FIELD_MINOR,
	FIELD_RMAJOR,
	FIELD_RMINOR,
	FIELD_NAMESIZE,
	FIELD_CHECK,
	FIELDS,
};

#define MAGIC	     "070701"
#define MAGIC_SIZE   6u
#define FIELD_DIGITS 8u
#define HEADER_SIZE  (MAGIC_SIZE + FIELDS * FIELD_DIGITS)
#define TRAILER	     "TRAILER!!!"

static int broken(const char **why, const char *text)
{
	*why = text;
	return -EBADMSG;
}

static uint64_t align4(uint64_t x)
{
	return (x + 3) & ~3ull;
}

bool cpio_is(const void *base, uint64_t size)
{
	return size >= HEADER_SIZE && memcmp(base, MAGIC, MAGIC_SIZE) == 0;
}

void cpio_begin(struct cpio *c, const void *base, uint64_t size)
{
	c->base = base;
	/* Offsets are rounded up by less than this: they never wrap. */
	c->size = size < UINT64_MAX - 8 ? size : UINT64_MAX - 8;
	c->next = 0;
}

/* One number; false when a character is no hexadecimal digit. */
static bool field_read(const uint8_t *p, uint32_t *out)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < FIELD_DIGITS; i++) {
		uint8_t c = p[i];

		if (c >= '0' && c <= '9')
			c -= '0';
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			c = (uint8_t)((c | 0x20) - 'a' + 10);
		else
			return false;
		value = value << 4 | c;
	}
	*out = value;
	return true;
}

static int header_read(const struct cpio *c, uint32_t field[FIELDS],
		       const char **why)
{
	const uint8_t *p = c->base + c->next;

	if (c->size - c->next < HEADER_SIZE)
		return broken(why,
			      "the archive is cut short (it ends without "
			      "a trailer)");
	if (memcmp(p, MAGIC, MAGIC_SIZE) != 0)
		return broken(why, "no newc header where one must be");
	for (unsigned i = 0; i < FIELDS; i++)
		if (!field_read(p + MAGIC_SIZE + i * FIELD_DIGITS, &field[i]))
			return broken(why, "a header field is no number");
	return 0;
}

/* The name behind the header, checked to end where the header says. */
static int name_read(const struct cpio *c, uint32_t size, const char **out,
		     const char **why)
{
	uint64_t start = c->next + HEADER_SIZE;

	if (size == 0 || size > CPIO_NAME_MAX)
		return broken(why, "the name's length is not sensible");
	if (size > c->size - start)
		return broken(why, "the archive is cut short in a name");
	if (memchr(c->base + start, 0, size) != c->base + start + size - 1)
		return broken(why, "a name does not end where it should");
	*out = (const char *)c->base + start;
	return 0;
}

/* Archives are padded to blocks; anything but zeros would be lost silently. */
static int trailer_check(const struct cpio *c, uint64_t at, const char **why)
{
	for (; at < c->size; at++)
		if (c->base[at])
			return broken(why,
				      "something follows the archive's "
				      "end (one archive only)");
	return 0;
}

int cpio_next(struct cpio *c, struct cpio_entry *out, const char **why)
{
	uint32_t field[FIELDS];
	uint64_t data;
	int error;

	out->name = NULL;
	error = header_read(c, field, why);
	if (error)
		return error;
	error = name_read(c, field[FIELD_NAMESIZE], &out->name, why);
	if (error)
		return error;
	data = align4(c->next + HEADER_SIZE + field[FIELD_NAMESIZE]);
	if (strcmp(out->name, TRAILER) == 0)
		return trailer_check(c, data, why);
	if (data > c->size || field[FIELD_FILESIZE] > c->size - data)
		return broken(why, "the archive is cut short in its data");
	out->mode = field[FIELD_MODE];
	out->nlink = field[FIELD_NLINK];
	out->ino = field[FIELD_INO];
	out->major = field[FIELD_MAJOR];
	out->minor = field[FIELD_MINOR];
	out->data.start = data;
	out->data.size = field[FIELD_FILESIZE];
	/* The last entry's padding may be missing; no header fits there. */
	c->next = align4(data + field[FIELD_FILESIZE]);
	if (c->next > c->size)
		c->next = c->size;
	return 1;
}

struct range cpio_data(const struct cpio *c, const struct cpio_entry *e)
{
	struct range found = e->data;
	struct cpio_entry other;
	struct cpio walk = *c;
	const char *why;

	if (e->data.size || e->nlink < 2)
		return found;
	for (walk.next = 0; cpio_next(&walk, &other, &why) > 0;)
		if (other.ino == e->ino && other.major == e->major &&
		    other.minor == e->minor && other.data.size)
			found = other.data;
	return found;
}
