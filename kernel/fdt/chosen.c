/* The /chosen node: what the loader tells us. */
#include "kernel/fdt/chosen.h"

#include <errno.h>

#include "kernel/fdt/dt_priv.h"

const char *dt_bootargs(const void *fdt)
{
	struct dt_node chosen;
	const char *args;

	if (dt_find_path(fdt, "/chosen", &chosen) ||
	    dt_string(fdt, &chosen, "bootargs", 0, &args))
		return "";
	return args;
}

int dt_stdout(const void *fdt, struct dt_node *out, const char **path,
	      const char **options)
{
	struct dt_node chosen;
	const char *text;
	int error;

	if (path)
		*path = NULL;
	if (options)
		*options = "";
	error = dt_find_path(fdt, "/chosen", &chosen);
	if (error)
		return error;
	error = dt_string(fdt, &chosen, "stdout-path", 0, &text);
	if (error == -ENOENT)
		error = dt_string(fdt, &chosen, "linux,stdout-path", 0, &text);
	if (error)
		return error;
	if (path)
		*path = text;
	if (options && strchr(text, ':'))
		*options = strchr(text, ':') + 1;
	return dt_find_path(fdt, text, out);
}

int dt_initrd(const void *fdt, struct range *out)
{
	struct dt_node chosen;
	uint64_t start, end;
	int no_start, no_end;

	if (dt_find_path(fdt, "/chosen", &chosen))
		return -ENOENT;
	no_start = dt_u64(fdt, &chosen, "linux,initrd-start", &start);
	no_end = dt_u64(fdt, &chosen, "linux,initrd-end", &end);
	if (no_start == -ENOENT && no_end == -ENOENT)
		return -ENOENT;
	if (no_start || no_end || end <= start)
		return -EINVAL;
	*out = range_between(start, end);
	return 0;
}

/* All bytes equal (or none at all): firmware that only filled in a blank. */
static bool seed_is_blank(const uint8_t *seed, int len)
{
	for (int i = 1; i < len; i++)
		if (seed[i] != seed[0])
			return false;
	return true;
}

unsigned dt_seed_take(void *fdt, struct mix *pool)
{
	static const char names[][12] = {"kaslr-seed", "rng-seed"};
	struct dt_node chosen;
	unsigned taken = 0;

	if (dt_find_path(fdt, "/chosen", &chosen))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		int len;
		/* The tree is ours to change; only the readers take const. */
		uint8_t *seed =
			(uint8_t *)dt_prop(fdt, &chosen, names[i], &len);

		if (!seed)
			continue;
		if (!seed_is_blank(seed, len)) {
			mix_absorb(pool, seed, (size_t)len);
			taken++;
		}
		memset(seed, 0, (size_t)len);
	}
	return taken;
}
