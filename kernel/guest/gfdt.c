/*
 * Written front to back by libfdt's sequential writer: the tree depends on few
 * numbers and nothing in it is ever changed again. Phandles: the PLIC has 1,
 * the interrupt controller of vcpu i has 2 + i.
 */
#include "kernel/guest/gfdt.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <libfdt.h>

#include "kernel/guest/layout.h"

#define PLIC_PHANDLE	 1u
#define CPU_PHANDLE(id)	 (2u + (id))
#define CAUSE_S_EXTERNAL 9u /* RISC-V Privileged Architecture, scause */

#define ISA_BASE "rv64i"
#define ISA_MAX	 1024u

struct tree {
	const struct gfdt_input *in;
	void *fdt;
	int error; /* libfdt's first: it refuses all that comes after, too */
	size_t isa_size;
	char isa_list[2 * ISA_MAX]; /* riscv,isa-extensions */
};

static void keep(struct tree *t, int error)
{
	if (!t->error)
		t->error = error;
}

static void node_begin(struct tree *t, const char *name)
{
	keep(t, fdt_begin_node(t->fdt, name));
}

/* `name@unit`, the unit in hexadecimal. */
static void node_begin_at(struct tree *t, const char *name, uint64_t unit)
{
	char text[40];

	snprintf(text, sizeof(text), "%s@%llx", name, (unsigned long long)unit);
	node_begin(t, text);
}

static void node_end(struct tree *t)
{
	keep(t, fdt_end_node(t->fdt));
}

static void put_bytes(struct tree *t, const char *name, const void *bytes,
		      size_t size)
{
	keep(t, fdt_property(t->fdt, name, bytes, (int)size));
}

static void put_text(struct tree *t, const char *name, const char *text)
{
	put_bytes(t, name, text, strlen(text) + 1);
}

static void put_flag(struct tree *t, const char *name)
{
	put_bytes(t, name, "", 0);
}

static void put_u32(struct tree *t, const char *name, uint32_t value)
{
	keep(t, fdt_property_u32(t->fdt, name, value));
}

static void put_u64(struct tree *t, const char *name, uint64_t value)
{
	keep(t, fdt_property_u64(t->fdt, name, value));
}

static void put_reg(struct tree *t, uint64_t start, uint64_t size)
{
	fdt64_t reg[2] = {cpu_to_fdt64(start), cpu_to_fdt64(size)};

	put_bytes(t, "reg", reg, sizeof(reg));
}

static void put_cells(struct tree *t, uint32_t address, uint32_t size)
{
	put_u32(t, "#address-cells", address);
	put_u32(t, "#size-cells", size);
}

static bool isa_is_good(const char *isa)
{
	size_t size = strlen(isa);
	const char *p;

	if (size >= ISA_MAX || strncmp(isa, ISA_BASE, strlen(ISA_BASE)) != 0)
		return false;
	/* Letters, of which "g" would have to be spelt out. */
	for (p = isa + strlen(ISA_BASE); *p && *p != '_'; p++)
		if (*p < 'a' || *p > 'z' || *p == 'g')
			return false;
	for (; *p; p++)
		if (*p == '_' ? !(p[1] >= 'a' && p[1] <= 'z')
			      : !(*p >= 'a' && *p <= 'z') &&
				    !(*p >= '0' && *p <= '9'))
			return false;
	return true;
}

/*
 * The ISA string taken apart, each name ended by a NUL: a letter becomes two
 * bytes, any other name keeps its length, so twice the string is enough.
 */
static void isa_split(struct tree *t)
{
	const char *p = t->in->isa + strlen(ISA_BASE) - 1;
	char *out = t->isa_list;

	while (*p && *p != '_') {
		*out++ = *p++;
		*out++ = '\0';
	}
	while (*p == '_') {
		for (p++; *p && *p != '_'; p++)
			*out++ = *p;
		*out++ = '\0';
	}
	t->isa_size = (size_t)(out - t->isa_list);
}

static void cpu_node(struct tree *t, unsigned id)
{
	const struct gfdt_input *in = t->in;

	node_begin_at(t, "cpu", id);
	put_text(t, "device_type", "cpu");
	put_u32(t, "reg", id);
	put_text(t, "status", "okay");
	put_text(t, "compatible", "riscv");
	put_text(t, "mmu-type", in->mmu_type);
	put_text(t, "riscv,isa", in->isa);
	put_text(t, "riscv,isa-base", ISA_BASE);
	put_bytes(t, "riscv,isa-extensions", t->isa_list, t->isa_size);
	if (in->cbom)
		put_u32(t, "riscv,cbom-block-size", in->cbom);
	if (in->cboz)
		put_u32(t, "riscv,cboz-block-size", in->cboz);
	node_begin(t, "interrupt-controller");
	put_text(t, "compatible", "riscv,cpu-intc");
	put_u32(t, "#address-cells", 0);
	put_u32(t, "#interrupt-cells", 1);
	put_flag(t, "interrupt-controller");
	put_u32(t, "phandle", CPU_PHANDLE(id));
	node_end(t);
	node_end(t);
}

static void cpus_node(struct tree *t)
{
	node_begin(t, "cpus");
	put_cells(t, 1, 0);
	put_u32(t, "timebase-frequency", (uint32_t)t->in->timebase);
	for (unsigned id = 0; id < t->in->vcpus; id++)
		cpu_node(t, id);
	node_end(t);
}

static void chosen_node(struct tree *t)
{
	const struct gfdt_input *in = t->in;

	node_begin(t, "chosen");
	put_text(t, "stdout-path", "serial0:115200n8");
	if (in->bootargs[0])
		put_text(t, "bootargs", in->bootargs);
	if (in->initrd.size) {
		put_u64(t, "linux,initrd-start", in->initrd.start);
		put_u64(t, "linux,initrd-end", range_end(&in->initrd));
	}
	if (in->seed_len)
		put_bytes(t, "rng-seed", in->seed, in->seed_len);
	node_end(t);
}

static void memory_node(struct tree *t)
{
	node_begin_at(t, "memory", GUEST_RAM_BASE);
	put_text(t, "device_type", "memory");
	put_reg(t, GUEST_RAM_BASE, t->in->memory);
	node_end(t);
}

static void plic_node(struct tree *t)
{
	static const char compatible[] = "sifive,plic-1.0.0\0riscv,plic0";
	fdt32_t context[GUEST_VCPUS_MAX][2];
	unsigned count = t->in->vcpus;

	for (unsigned id = 0; id < count; id++) {
		context[id][0] = cpu_to_fdt32(CPU_PHANDLE(id));
		context[id][1] = cpu_to_fdt32(CAUSE_S_EXTERNAL);
	}
	node_begin_at(t, "interrupt-controller", GUEST_PLIC_BASE);
	put_bytes(t, "compatible", compatible, sizeof(compatible));
	put_reg(t, GUEST_PLIC_BASE, GUEST_PLIC_SIZE);
	put_flag(t, "interrupt-controller");
	put_u32(t, "#interrupt-cells", 1);
	put_u32(t, "#address-cells", 0);
	put_u32(t, "riscv,ndev", GUEST_PLIC_SOURCES);
	put_bytes(t, "interrupts-extended", context,
		  count * sizeof(context[0]));
	put_u32(t, "phandle", PLIC_PHANDLE);
	node_end(t);
}

static void uart_node(struct tree *t)
{
	node_begin_at(t, "serial", GUEST_UART_BASE);
	put_text(t, "compatible", "ns16550a");
	put_reg(t, GUEST_UART_BASE, GUEST_UART_SIZE);
	put_u32(t, "clock-frequency", GUEST_UART_CLOCK);
	put_u32(t, "interrupts", GUEST_UART_IRQ);
	put_u32(t, "interrupt-parent", PLIC_PHANDLE);
	node_end(t);
}

static void soc_node(struct tree *t)
{
	node_begin(t, "soc");
	put_text(t, "compatible", "simple-bus");
	put_cells(t, 2, 2);
	put_flag(t, "ranges");
	plic_node(t);
	uart_node(t);
	node_end(t);
}

static void aliases_node(struct tree *t)
{
	char path[32];

	snprintf(path, sizeof(path), "/soc/serial@%llx", GUEST_UART_BASE);
	node_begin(t, "aliases");
	put_text(t, "serial0", path);
	node_end(t);
}

static void root_node(struct tree *t)
{
	node_begin(t, "");
	put_cells(t, 2, 2);
	put_text(t, "compatible", "aloft,guest");
	put_text(t, "model", "Aloft guest");
	aliases_node(t);
	chosen_node(t);
	cpus_node(t);
	memory_node(t);
	soc_node(t);
	node_end(t);
}

static bool input_is_good(const struct gfdt_input *in)
{
	return in->vcpus >= 1 && in->vcpus <= GUEST_VCPUS_MAX && in->memory &&
		in->timebase && in->timebase <= UINT32_MAX &&
		isa_is_good(in->isa);
}

int gfdt_build(void *buf, size_t room, const struct gfdt_input *in)
{
	struct tree t = {.in = in, .fdt = buf};

	if (!input_is_good(in))
		return -EINVAL;
	isa_split(&t);
	/* Where this fails there is no header for the calls below to read. */
	if (fdt_create(buf, room < INT32_MAX ? (int)room : INT32_MAX))
		return -ENOSPC;
	keep(&t, fdt_finish_reservemap(buf));
	root_node(&t);
	keep(&t, fdt_finish(buf));
	if (!t.error)
		return 0;
	return t.error == -FDT_ERR_NOSPACE ? -ENOSPC : -EINVAL;
}
