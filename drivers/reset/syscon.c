/*
 * Reset by system controller. The register is mapped when the node is probed:
 * a panic can then use it without asking for anything.
 */
#include "drivers/reset/syscon.h"

#include <errno.h>

#include "arch/io.h"
#include "arch/mmu.h"
#include "kernel/reset.h"

struct syscon_reset {
	volatile void *reg;
	uint32_t value, mask;
};

static struct {
	struct syscon_reset reset[2]; /* by enum firmware_reset */
} state;

static void reset_write(const struct syscon_reset *r)
{
	uint32_t value = r->value;

	if (r->mask != UINT32_MAX)
		value |= arch_read32(r->reg) & ~r->mask;
	arch_write32(r->reg, value);
}

static void poweroff(void)
{
	reset_write(&state.reset[FIRMWARE_POWEROFF]);
}

static void reboot(void)
{
	reset_write(&state.reset[FIRMWARE_REBOOT]);
}

/* The controller is the parent; older trees name it by `regmap`. */
static int controller_find(const void *fdt, const struct dt_node *node,
			   struct dt_node *out)
{
	uint32_t phandle;

	if (!dt_u32(fdt, node, "regmap", &phandle))
		return dt_find_phandle(fdt, phandle, out) ? -EINVAL : 0;
	return dt_parent(fdt, node, out) ? 0 : -EINVAL;
}

static int register_map(const void *fdt, const struct dt_node *node,
			volatile void **out)
{
	struct dt_node controller;
	uint32_t offset = 0;
	struct range range;
	int err = controller_find(fdt, node, &controller);

	if (!err)
		err = dt_reg(fdt, &controller, 0, &range);
	if (err)
		return err;
	if (dt_u32(fdt, node, "offset", &offset) &&
	    dt_u32_index(fdt, node, "reg", 0, &offset))
		return -EINVAL;
	if (offset % 4 || range.size < 4 || offset > range.size - 4)
		return -EINVAL;
	return arch_io_map(range.start + offset, 4, out);
}

/* Bits to write and bits to keep. Old trees have a mask alone, which is then
 * the value. */
static int value_read(const void *fdt, const struct dt_node *node,
		      struct syscon_reset *out)
{
	int no_mask = dt_u32(fdt, node, "mask", &out->mask);
	int no_value = dt_u32(fdt, node, "value", &out->value);

	if (no_mask && no_value)
		return -EINVAL;
	if (no_mask || no_value) {
		out->value = no_value ? out->mask : out->value;
		out->mask = UINT32_MAX;
	}
	out->value &= out->mask;
	return 0;
}

static int syscon_reset_probe(const void *fdt, const struct dt_node *node,
			      const struct driver_match *match)
{
	struct syscon_reset reset;
	int err = value_read(fdt, node, &reset);

	if (!err)
		err = register_map(fdt, node, &reset.reg);
	if (err)
		return err;
	state.reset[match->data] = reset;
	reset_register(match->data,
		       match->data == FIRMWARE_POWEROFF ? poweroff : reboot);
	return 0;
}

static const struct driver_match match[] = {
	{"syscon-poweroff", FIRMWARE_POWEROFF},
	{"syscon-reboot", FIRMWARE_REBOOT},
	{NULL, 0},
};

const struct driver syscon_reset_driver = {
	.name = "syscon-reset",
	.cls = DRIVER_DEVICE,
	.match = match,
	.probe = syscon_reset_probe,
};
DRIVER(syscon_reset_driver);
