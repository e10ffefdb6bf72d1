/*
 * What starts, in order. start-up code (arch/riscv/boot) has brought us to the
 * high half with memory map and page tables; from here to the shell it is this
 * one list. Each step logs what it found; a step that fails is named and the
 * kernel goes on without it, unless nothing could work then.
 */
#include "kernel/main.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "kernel/boot.h"
#include "arch/irq.h"
#include "arch/machine.h"
#include "kernel/cmdline.h"
#include "kernel/console.h"
#include "kernel/driver.h"
#include "kernel/error.h"
#include "kernel/guest/guest.h"
#include "kernel/log.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/panic.h"
#include "kernel/selftest.h"
#include "kernel/shell.h"
#include "kernel/smp.h"
#include "kernel/timer.h"

static int memory_init(void)
{
	return page_init(&boot_info()->memmap);
}

static int irqchip_init(void)
{
	driver_scan(boot_fdt());
	driver_probe_class(boot_fdt(), DRIVER_IRQCHIP);
	return 0;
}

static int device_init(void)
{
	driver_probe_class(boot_fdt(), DRIVER_DEVICE);
	return 0;
}

/* Interrupts on: console input is no longer polled where it can be helped. */
static int interrupts_init(void)
{
	arch_irq_external_enable();
	arch_irq_enable();
	console_interrupts_enable();
	return 0;
}

static int report_init(void)
{
	const struct boot_info *boot = boot_info();
	struct page_stats stats;

	page_stats_read(&stats);
	log_info("boot",
		 "loaded at 0x%" PRIx64 ", running at 0x%" PRIx64
		 " (sv%u), %" PRIu64 " relocations",
		 boot->image_pa, boot->image_va, 12 + 9 * boot->levels,
		 boot->relocations);
	log_info("boot", "console %s", console_description());
	log_info("boot", "memory %" PRIu64 " MiB, %" PRIu64 " MiB free",
		 memmap_total(&boot->memmap, MEMMAP_KINDS) / MIB(1),
		 stats.free / MIB(1));
	return 0;
}

static int ready_init(void)
{
	uint64_t n = boot_instructions();

	if (n)
		log_info("boot", "ready after %" PRIu64 " instructions", n);
	else
		log_info("boot", "ready after - instructions");
	return 0;
}

static const struct {
	const char *name;
	int (*init)(void);
} steps[] = {
	{"memory", memory_init},   {"features", arch_features_init},
	{"console", console_init}, {"report", report_init},
	{"irqchip", irqchip_init}, {"timer", timer_init},
	{"harts", arch_smp_init},  {"features report", arch_features_report},
	{"devices", device_init},  {"interrupts", interrupts_init},
	{"ready", ready_init},
};

void kernel_main(void)
{
	const char *args = boot_info()->args;
	char pattern[64];
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		int err = steps[i].init();

		if (err)
			panic("%s did not start: %s", steps[i].name,
			      error_text(err));
	}
	if (cmdline_has(args, "selftest")) {
		/* Too long a pattern is cut, and then matches no test. */
		if (cmdline_value(args, "selftest", pattern, sizeof(pattern)) ==
		    -ENOENT)
			pattern[0] = 0;
		selftest_run(pattern);
	}
	guests_init();
	shell_run();
}
