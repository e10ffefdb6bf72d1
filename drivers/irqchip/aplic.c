/*
 * The APLIC: one supervisor-level domain. With an IMSIC (msi-parent) each line
 * becomes a message to this hart, else the domain signals this hart through
 * its IDC structure. Which lines belong to the domain and where messages go
 * is set up by the firmware at machine level. Register names and offsets are
 * those of AIA 1.0, 4.5 and 4.8.1.
 */
#include "drivers/irqchip/aplic.h"

#include <errno.h>
#include <stdbool.h>

#include "arch/io.h"
#include "arch/mmu.h"
#include "drivers/irqchip/imsic.h"
#include "kernel/irq.h"
#include "kernel/mm/heap.h"

#define DOMAINCFG	  0x0000ul
#define SOURCECFG(source) (4ul * (source)) /* from source 1 on */
#define SETIPNUM	  0x1cdcul
#define IN_CLRIP(word)	  (0x1d00ul + 4ul * (word))
#define SETIENUM	  0x1edcul
#define CLRIE(word)	  (0x1f00ul + 4ul * (word))
#define TARGET(source)	  (0x3000ul + 4ul * (source))
#define IDC(index)	  (0x4000ul + 32ul * (index))
#define IDELIVERY	  0x00u /* in an IDC structure */
#define ITHRESHOLD	  0x08u
#define CLAIMI		  0x1cu

#define DOMAINCFG_MARK	   0x80000000u /* reads so in the right byte order */
#define DOMAINCFG_IE	   0x100u
#define DOMAINCFG_MESSAGES 0x4u
#define TARGET_HART_SHIFT  18u
#define TARGET_PRIORITY	   1u
#define CLAIMI_SOURCE(v)   ((v) >> 16)
#define SOURCES_MAX	   1023u
#define HART_INDEX_MAX	   16383u

struct aplic;

struct aplic_line {
	struct irq_line handler;
	struct aplic *aplic;
	bool level;
};

struct aplic {
	struct irqchip chip; /* first: a chip is its aplic */
	volatile uint8_t *base;
	volatile uint8_t *idc; /* this hart's; NULL when by messages */
	unsigned hart_index;   /* of the IDC structure */
	uint32_t imsic;	       /* phandle, when by messages */
	unsigned sources;
	struct aplic_line line[];
};

static void aplic_write(const struct aplic *a, uint64_t reg, uint32_t value)
{
	arch_write32(a->base + reg, value);
}

static void aplic_dispatch(struct irqchip *chip)
{
	struct aplic *a = (struct aplic *)chip;
	unsigned source;

	/* The read claims; of a level-sensitive source the pending bit follows
	 * the wire by itself. */
	while ((source = CLAIMI_SOURCE(arch_read32(a->idc + CLAIMI)))) {
		struct irq_line *handler = &a->line[source].handler;

		if (source <= a->sources && handler->fn)
			handler->fn(handler->arg);
	}
}

/*
 * Once its message is sent, a level-sensitive source is ignored until its wire
 * has fallen; where the wire is still up, setting the pending bit sends the
 * next one (AIA 1.0, 4.9.2). By the specification setting it is ignored while
 * the wire is down, but QEMU 7.2 sends a message all the same, without end:
 * hence the look at the wire.
 */
static void level_repeat(const struct aplic_line *line)
{
	const struct aplic *a = line->aplic;
	unsigned source = line - a->line;
	uint32_t wires = arch_read32(a->base + IN_CLRIP(source / 32));

	if (wires >> source % 32 & 1)
		aplic_write(a, SETIPNUM, source);
}

/* A line's message arrived. */
static void message_handle(void *arg)
{
	struct aplic_line *line = arg;

	line->handler.fn(line->handler.arg);
	if (line->level)
		level_repeat(line);
}

/* The source mode for the trigger type in an interrupt's second cell (Linux
 * binding interrupt-controller/interrupts.txt); 0 for none that exists. */
static uint32_t source_mode(uint32_t type)
{
	static const uint8_t mode[] = {
		[1] = 4, /* rising edge: Edge1 */
		[2] = 5, /* falling edge: Edge0 */
		[4] = 6, /* high level: Level1 */
		[8] = 7, /* low level: Level0 */
	};

	return type < sizeof(mode) ? mode[type] : 0;
}

static int target_find(struct aplic *a, struct aplic_line *line, uint32_t *out)
{
	struct imsic_target target;
	int err;

	if (a->idc) {
		*out = a->hart_index << TARGET_HART_SHIFT | TARGET_PRIORITY;
		return 0;
	}
	err = imsic_request(a->imsic, message_handle, line, &target);
	if (!err)
		*out = target.hart_index << TARGET_HART_SHIFT | target.identity;
	return err;
}

static int aplic_request(struct irqchip *chip, const struct dt_irq *irq,
			 irq_handler *fn, void *arg)
{
	struct aplic *a = (struct aplic *)chip;
	unsigned source = irq->cell[0];
	struct aplic_line *line;
	uint32_t mode, target;
	int err;

	if (irq->cells != 2 || !source || source > a->sources)
		return -EINVAL;
	mode = source_mode(irq->cell[1]);
	if (!mode)
		return -EINVAL;
	line = &a->line[source];
	if (line->handler.fn)
		return -EBUSY;
	line->aplic = a;
	line->level = mode >= 6;
	line->handler = (struct irq_line){fn, arg};
	err = target_find(a, line, &target);
	if (err) {
		line->handler.fn = NULL;
		return err;
	}
	/* The target of an inactive source cannot be written: mode first. */
	aplic_write(a, SOURCECFG(source), mode);
	aplic_write(a, TARGET(source), target);
	aplic_write(a, SETIENUM, source);
	/* A wire that is up already need not have set the pending bit. */
	if (line->level)
		level_repeat(line);
	return 0;
}

static void aplic_stop(struct irqchip *chip)
{
	struct aplic *a = (struct aplic *)chip;
	unsigned source;

	aplic_write(a, DOMAINCFG, 0);
	/* An inactive source is not pending or enabled, and has no target. */
	for (source = 1; source <= a->sources; source++)
		aplic_write(a, SOURCECFG(source), 0);
	if (!a->idc)
		return;
	arch_write32(a->idc + IDELIVERY, 0);
	arch_write32(a->idc + ITHRESHOLD, 0);
}

/* Is the IMSIC this domain sends to one for this hart's supervisor level?
 * -EAGAIN: it is, and has not been started yet. */
static int message_check(const void *fdt, const struct dt_node *node,
			 struct aplic *a)
{
	struct dt_node imsic;
	unsigned index;

	if (dt_u32(fdt, node, "msi-parent", &a->imsic))
		return -ENODEV;
	if (imsic_started(a->imsic))
		return 0;
	if (dt_find_phandle(fdt, a->imsic, &imsic) ||
	    !dt_enabled(fdt, &imsic) || irq_context_own(fdt, &imsic, &index))
		return -ENODEV;
	return -EAGAIN;
}

/* How this domain reaches this hart: by messages where there is an IMSIC, else
 * directly. -ENODEV: it is at another level or for other harts. */
static int delivery_find(const void *fdt, const struct dt_node *node,
			 struct aplic *a, bool *messages)
{
	unsigned index;
	uint32_t given;
	int err = message_check(fdt, node, a);

	*messages = !err;
	if (err != -ENODEV)
		return err;
	err = irq_context_own(fdt, node, &index);
	if (err)
		return err;
	a->hart_index = index;
	if (!dt_u32_index(fdt, node, "riscv,hart-indexes", index, &given))
		a->hart_index = given;
	return a->hart_index > HART_INDEX_MAX ? -EINVAL : 0;
}

static int domain_start(struct aplic *a, bool messages)
{
	uint32_t want = DOMAINCFG_IE | (messages ? DOMAINCFG_MESSAGES : 0);
	unsigned source;

	for (source = 0; source <= a->sources; source += 32)
		aplic_write(a, CLRIE(source / 32), ~0u);
	/* Big-endian, absent, or not able to deliver in this way. */
	aplic_write(a, DOMAINCFG, want);
	if (arch_read32(a->base + DOMAINCFG) != (DOMAINCFG_MARK | want))
		return -EIO;
	if (messages)
		return 0;
	a->idc = a->base + IDC(a->hart_index);
	arch_write32(a->idc + ITHRESHOLD, 0);
	arch_write32(a->idc + IDELIVERY, 1);
	return 0;
}

static int aplic_map(const void *fdt, const struct dt_node *node,
		     struct aplic *a, bool messages)
{
	uint64_t size = messages ? IDC(0) : IDC(a->hart_index + 1);
	volatile void *base;
	struct range range;
	int err = dt_reg(fdt, node, 0, &range);

	if (err)
		return err;
	if (range.size < size)
		return -EINVAL;
	err = arch_io_map(range.start, size, &base);
	if (!err)
		a->base = base;
	return err;
}

static int aplic_start(const void *fdt, const struct dt_node *node,
		       struct aplic *a)
{
	bool messages;
	int err = delivery_find(fdt, node, a, &messages);

	if (!err)
		err = aplic_map(fdt, node, a, messages);
	if (!err)
		err = domain_start(a, messages);
	if (err)
		return err;
	a->chip.name = messages ? "aplic-msi" : "aplic";
	a->chip.request = aplic_request;
	a->chip.dispatch = messages ? NULL : aplic_dispatch;
	a->chip.stop = aplic_stop;
	irqchip_register(&a->chip);
	return 0;
}

static int aplic_probe(const void *fdt, const struct dt_node *node,
		       const struct driver_match *match)
{
	uint32_t sources;
	struct aplic *a;
	int err;

	(void)match;
	if (dt_u32(fdt, node, "riscv,num-sources", &sources) || !sources ||
	    sources > SOURCES_MAX)
		return -EINVAL;
	a = heap_alloc(sizeof(*a) + (sources + 1) * sizeof(a->line[0]));
	if (!a)
		return -ENOMEM;
	a->sources = sources;
	err = dt_u32(fdt, node, "phandle", &a->chip.phandle) ? -EINVAL : 0;
	if (!err)
		err = aplic_start(fdt, node, a);
	if (err)
		heap_free(a);
	return err;
}

static const struct driver_match match[] = {
	{"riscv,aplic", 0},
	{NULL, 0},
};

const struct driver aplic_driver = {
	.name = "aplic",
	.cls = DRIVER_IRQCHIP,
	.match = match,
	.probe = aplic_probe,
};
DRIVER(aplic_driver);
