/*
 * Config files are written by people: everything that is not exactly understood
 * is an error, with its line, for a key that is silently passed over is a guest
 * that silently is not what was asked for.
 */
#include "kernel/guest/config.h"

#include <errno.h>
#include <string.h>

#include "kernel/cmdline.h"
#include "kernel/guest/layout.h"
#include "lib/addr.h"

#define DEFAULT_MEMORY MIB(256)

/* Some characters of the file; not terminated. */
struct text {
	const char *at;
	uint64_t size;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct text text_trim(struct text t)
{
	while (t.size && is_space(t.at[0])) {
		t.at++;
		t.size--;
	}
	while (t.size && is_space(t.at[t.size - 1]))
		t.size--;
	return t;
}

/* Copied with a final NUL; false when it does not fit. */
static bool text_copy(struct text t, char *out, size_t room)
{
	if (t.size >= room)
		return false;
	memcpy(out, t.at, t.size);
	out[t.size] = '\0';
	return true;
}

static bool text_is(struct text t, const char *word)
{
	return t.size == strlen(word) && memcmp(t.at, word, t.size) == 0;
}

static int text_number(struct text t, uint64_t *out)
{
	char buf[32];

	return text_copy(t, buf, sizeof(buf)) ? cmdline_number(buf, out)
					      : -EINVAL;
}

static const char *memory_set(struct text value, struct guest_config *out)
{
	uint64_t memory;

	if (text_number(value, &memory))
		return "memory is no number (digits, then K, M or G)";
	if (memory == 0 || memory % GUEST_MEMORY_UNIT)
		return "memory is not a multiple of 2M";
	if (memory > GUEST_MEMORY_MAX)
		return "memory is more than 1024G";
	out->memory = memory;
	return NULL;
}

static const char *vcpus_set(struct text value, struct guest_config *out)
{
	uint64_t vcpus;

	if (text_number(value, &vcpus))
		return "vcpus is no number";
	if (vcpus < 1 || vcpus > GUEST_VCPUS_MAX)
		return "vcpus is not 1 to 64";
	out->vcpus = (unsigned)vcpus;
	return NULL;
}

static const char *bootargs_set(struct text value, struct guest_config *out)
{
	return text_copy(value, out->bootargs, sizeof(out->bootargs))
		? NULL
		: "bootargs are longer than 1023 bytes";
}

static const char *autostart_set(struct text value, struct guest_config *out)
{
	if (!text_is(value, "yes") && !text_is(value, "no"))
		return "autostart is neither yes nor no";
	out->autostart = value.at[0] == 'y';
	return NULL;
}

static const struct config_key {
	const char *name;
	const char *(*set)(struct text value, struct guest_config *out);
} config_keys[] = {
	{"memory", memory_set},
	{"vcpus", vcpus_set},
	{"bootargs", bootargs_set},
	{"autostart", autostart_set},
};

/* The line's key and value; @seen has a bit per key met before. */
static const char *pair_read(struct text line, struct guest_config *out,
			     unsigned *seen)
{
	const char *equals = memchr(line.at, '=', line.size);
	struct text key, value;

	if (!equals)
		return "no '=' (lines are `key = value`)";
	key.at = line.at;
	key.size = (uint64_t)(equals - line.at);
	value.at = equals + 1;
	value.size = line.size - key.size - 1;
	key = text_trim(key);
	for (unsigned i = 0; i < ARRAY_SIZE(config_keys); i++) {
		if (!text_is(key, config_keys[i].name))
			continue;
		if (*seen & 1u << i)
			return "this key is there twice";
		*seen |= 1u << i;
		return config_keys[i].set(text_trim(value), out);
	}
	return "unknown key (memory, vcpus, bootargs and autostart are known)";
}

/* What would end up in a guest's bootargs or on our console unseen. */
static bool has_control(struct text line)
{
	for (uint64_t i = 0; i < line.size; i++) {
		uint8_t c = (uint8_t)line.at[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return true;
	}
	return false;
}

static const char *line_read(struct text line, struct guest_config *out,
			     unsigned *seen)
{
	line = text_trim(line);
	if (line.size == 0 || line.at[0] == '#')
		return NULL;
	if (has_control(line))
		return "a control character";
	return pair_read(line, out, seen);
}

void config_defaults(struct guest_config *out)
{
	memset(out, 0, sizeof(*out));
	out->memory = DEFAULT_MEMORY;
	out->vcpus = 1;
	out->autostart = true;
}

int config_read(const void *text, uint64_t size, struct guest_config *out,
		struct config_error *error)
{
	struct text rest = {text, size};
	unsigned seen = 0;

	error->line = 0;
	error->why = NULL;
	while (rest.size) {
		const char *end = memchr(rest.at, '\n', rest.size);
		struct text line = {rest.at, rest.size};

		if (end)
			line.size = (uint64_t)(end - rest.at);
		error->line++;
		error->why = line_read(line, out, &seen);
		if (error->why)
			return -EINVAL;
		line.size += end != NULL;
		rest.at += line.size;
		rest.size -= line.size;
	}
	return 0;
}
