/* Command-line words of bundle: `name:image=F,memory=S,bootargs="a,b"`. */
#include "tools/bundle/spec.h"

#include <string.h>

static const char *const key_names[SPEC_KEYS] = {
	"image", "initrd", "memory", "vcpus", "bootargs", "autostart"};

const char *spec_key_name(enum spec_key key)
{
	return key_names[key];
}

/* The key that @text begins with, '=' behind it; SPEC_KEYS: none. */
static enum spec_key key_at(const char *text)
{
	for (int key = 0; key < SPEC_KEYS; key++) {
		size_t size = strlen(key_names[key]);

		if (strncmp(text, key_names[key], size) == 0 &&
		    text[size] == '=')
			return (enum spec_key)key;
	}
	return SPEC_KEYS;
}

/* The comma that ends the value at @p, or its final NUL. */
static char *value_end(char *p)
{
	while (*p && !(*p == ',' && key_at(p + 1) != SPEC_KEYS))
		p++;
	return p;
}

/*
 * Ends the value at *@value and moves that past quotes; returns where the next
 * pair begins, NULL when there is none, with @why set if the quotes are odd.
 */
static char *value_cut(char **value, const char **why)
{
	char *end;

	if (**value == '"') {
		end = strchr(++*value, '"');
		if (!end) {
			*why = "a quote is not closed";
			return NULL;
		}
		*end++ = '\0';
		if (*end && *end != ',')
			*why = "something follows a closing quote";
	} else {
		end = value_end(*value);
	}
	if (!*end)
		return NULL;
	*end = '\0';
	return end + 1;
}

const char *spec_read(char *text, struct spec *out)
{
	char *p = strchr(text, ':');
	const char *why = NULL;

	memset(out, 0, sizeof(*out));
	if (!p)
		return "no ':' (a guest is name:image=FILE[,key=value...])";
	out->name = text;
	*p++ = '\0';
	while (p && !why) {
		enum spec_key key = key_at(p);
		char *value;

		if (key == SPEC_KEYS)
			return "unknown key (image, initrd, memory, vcpus, "
			       "bootargs and autostart are known)";
		if (out->value[key])
			return "a key is there twice";
		value = p + strlen(key_names[key]) + 1;
		p = value_cut(&value, &why);
		/* In a config file it would begin a line of its own. */
		if (!why && key > SPEC_INITRD && strchr(value, '\n'))
			why = "a line break in a value";
		out->value[key] = value;
	}
	if (!why && !out->value[SPEC_IMAGE])
		why = "no image=FILE";
	return why;
}
