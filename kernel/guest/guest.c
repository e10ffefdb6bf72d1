/*
 * The guests of the bundle. A guest's config stays for good, its VM comes and
 * goes: every start and restart builds a new one from the bundle, which nobody
 * changes. A VM that has ended is only noted on the hart where its last vcpu
 * stopped; the boot hart's loop then takes it apart.
 */
#include "kernel/guest/guest.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "arch/irq.h"
#include "arch/mmu.h"
#include "arch/smp.h"
#include "arch/timer.h"
#include "arch/vcpu.h"
#include "kernel/boot.h"
#include "kernel/cmdline.h"
#include "kernel/console.h"
#include "kernel/error.h"
#include "kernel/fdt/chosen.h"
#include "kernel/guest/bundle.h"
#include "kernel/guest/handover.h"
#include "kernel/guest/loader.h"
#include "kernel/guest/rng.h"
#include "kernel/guest/run.h"
#include "kernel/guest/sched.h"
#include "kernel/guest/stat.h"
#include "kernel/guest/vconsole.h"
#include "kernel/guest/vm.h"
#include "kernel/log.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/shell.h"
#include "kernel/smp.h"
#include "kernel/timer.h"

#define CTRL_RIGHT_BRACKET 0x1d
#define SEED_SIZE	   32
#define AREA_SIZE	   (GUEST_NAME_MAX + 8)

/* A guest that reboots has run at least so long before it starts again: the
 * boot hart and the log are not its alone. */
#define REBOOT_SECONDS 1u

struct guest {
	struct guest_config config;
	struct vm *vm;	     /* NULL: not running */
	uint64_t started;    /* when it was last */
	struct timer reboot; /* ends the wait for that */
	bool measured; /* are its instructions counted, now or when it runs? */
};

static struct {
	const void *bundle;
	struct range bundle_place; /* in physical memory */
	struct guest *guest;
	unsigned count;
	uint32_t ended; /* VMs that wait to be taken apart: a hint */
	bool usable;	/* harts and scheduler are ready for guests */
} state;

static void vm_ended(struct vm *vm)
{
	(void)vm;
	__atomic_store_n(&state.ended, 1, __ATOMIC_RELEASE);
	if (arch_cpu_index())
		arch_ipi_send(0);
}

static int load_write(void *arg, gpa_t to, const void *from, uint64_t size)
{
	uint64_t done, part;
	int err = 0;

	for (done = 0; !err && done < size; done += part) {
		part = min_u64(size - done, RUN_OTHERS_BYTES);
		err = vm_write(arg, to + done, (const char *)from + done, part);
		run_others();
	}
	return err;
}

static void *load_alloc(void *arg, uint64_t size)
{
	(void)arg;
	return heap_alloc(size);
}

static void load_free(void *arg, void *p)
{
	(void)arg;
	heap_free(p);
}

static const struct loader_ops load_ops = {
	.write = load_write,
	.alloc = load_alloc,
	.free = load_free,
};

/* "guest <name>", the area of its log lines. */
static const char *area_of(const struct guest *g, char buf[AREA_SIZE])
{
	snprintf(buf, AREA_SIZE, "guest %s", g->config.name);
	return buf;
}

/* Everything into @vm's memory; where to start in @plan. */
static int load(const struct guest *g, struct vm *vm, struct loader_plan *plan,
		struct loader_error *error)
{
	const struct arch_guest_info *info = arch_guest_info();
	uint8_t seed[SEED_SIZE];
	char area[AREA_SIZE];
	struct loader_job job = {
		.config = &g->config,
		.bundle = state.bundle,
		.tree = {.isa = info->isa,
			 .mmu_type = info->mmu_type,
			 .cbom = info->cbom_size,
			 .cboz = info->cboz_size,
			 .timebase = arch_timebase(),
			 .seed = seed},
		.ops = &load_ops,
		.arg = vm,
	};
	int err;

	if (!rng_take(seed, sizeof(seed)))
		job.tree.seed_len = sizeof(seed);
	else
		log_warn(area_of(g, area),
			 "no rng-seed, for this machine gave none");
	err = loader_load(&job, plan, error);
	memset(seed, 0, sizeof(seed));
	return err;
}

/* "<how>, Linux Image 29.7 MiB at 0x80200000" */
static void log_image(const struct guest *g, const char *how, uint64_t at)
{
	uint64_t tenths = g->config.image.size * 10 / MIB(1);
	char area[AREA_SIZE];

	log_info(area_of(g, area),
		 "%s, Linux Image %" PRIu64 ".%" PRIu64 " MiB at 0x%" PRIx64,
		 how, tenths / 10, tenths % 10, at);
}

static void log_started(const struct guest *g, const struct loader_plan *plan)
{
	char how[64];

	snprintf(how, sizeof(how), "started, %u vcpu%s, %" PRIu64 " MiB",
		 g->config.vcpus, g->config.vcpus == 1 ? "" : "s",
		 g->config.memory / MIB(1));
	log_image(g, how, plan->image);
}

static void log_built(const struct guest *g, uint64_t memory, uint64_t files)
{
	char area[AREA_SIZE];

	log_info(area_of(g, area),
		 "built with %" PRIu64 " instructions, memory %" PRIu64
		 ", files %" PRIu64,
		 memory + files, memory, files);
}

static void refused(const struct guest *g, const char *file, const char *why)
{
	char area[AREA_SIZE];

	log_err(area_of(g, area), "refused, %s: %s", file, why);
}

/* Is it worth the time to build: a good Image, and as much memory as it asks
 * for? Else it is refused. */
static bool can_be_built(const struct guest *g)
{
	struct loader_job job = {
		.config = &g->config, .bundle = state.bundle, .ops = &load_ops};
	struct loader_error error;
	struct page_stats pages;
	struct loader_plan plan;
	char why[64];

	if (loader_look(&job, &plan, &error)) {
		refused(g, error.file, error.why);
		return false;
	}
	page_stats_read(&pages);
	if (g->config.memory <= pages.free)
		return true;
	snprintf(why, sizeof(why),
		 "%" PRIu64 " MiB asked for, %" PRIu64 " MiB free",
		 g->config.memory / MIB(1), pages.free / MIB(1));
	refused(g, "memory", why);
	return false;
}

/* A VM with everything in its memory; NULL, and said why: it is refused. */
static struct vm *guest_build(const struct guest *g, struct loader_plan *plan)
{
	struct vm_config config = {
		.name = g->config.name,
		.memory = g->config.memory,
		.vcpus = g->config.vcpus,
		.ended = vm_ended,
	};
	struct loader_error error;
	uint64_t begun, zeroed;
	struct vm *vm;
	int err;

	if (!can_be_built(g))
		return NULL;
	begun = boot_instructions();
	err = vm_create(&config, &vm);
	if (err) {
		refused(g, "memory", error_text(err));
		return NULL;
	}
	zeroed = boot_instructions();
	if (load(g, vm, plan, &error)) {
		refused(g, error.file, error.why);
		vm_destroy(vm);
		return NULL;
	}
	if (g->measured)
		log_built(g, zeroed - begun, boot_instructions() - zeroed);
	return vm;
}

static void console_give(struct guest *g)
{
	shell_print("[%s; Ctrl-] leaves]\n", g->config.name);
	vconsole_attach(g->vm);
}

/* Build it and let it run; with @attach its first byte goes to the console. */
static void guest_start(struct guest *g, bool attach)
{
	struct loader_plan plan;
	struct vm *vm = guest_build(g, &plan);
	int err;

	if (!vm)
		return;
	log_started(g, &plan);
	vm->measured = g->measured;
	g->vm = vm;
	g->started = arch_time_now();
	if (attach)
		console_give(g);
	err = vm_start(vm, plan.image, plan.fdt);
	if (err) {
		refused(g, "Image", error_text(err));
		g->vm = NULL;
		vm_destroy(vm);
	}
}

/* Take apart what has ended; start again what asked for it. */
static void ended_work(struct guest *g)
{
	bool attached = vconsole_attached() == g->vm;
	enum vm_end end = g->vm->end;
	char area[AREA_SIZE];

	log_info(area_of(g, area), "stopped, %s", g->vm->reason);
	if (g->measured)
		log_info(area_of(g, area),
			 "measured %" PRIu64 " instructions, %" PRIu64
			 " of them Aloft's",
			 stat_executed(g->vm), stat_spent(g->vm));
	vm_destroy(g->vm);
	g->vm = NULL;
	if (end == VM_END_REBOOT)
		guest_start(g, attached);
	if (attached && !g->vm)
		shell_resume();
}

static void reboot_due(struct timer *t)
{
	(void)t;
	__atomic_store_n(&state.ended, 1, __ATOMIC_RELEASE);
}

/* Must @g, which has ended, wait? Then it is looked at again when it is due. */
static bool is_too_soon(struct guest *g)
{
	uint64_t due = g->started + arch_timebase() * REBOOT_SECONDS;

	if (g->vm->end != VM_END_REBOOT || arch_time_now() >= due)
		return false;
	g->reboot.fn = reboot_due;
	timer_start(&g->reboot, due);
	return true;
}

static bool has_ended(struct guest *g)
{
	return g->vm &&
		__atomic_load_n(&g->vm->state, __ATOMIC_ACQUIRE) == VM_DOWN &&
		vconsole_shown(g->vm) && !is_too_soon(g);
}

bool guests_work(void)
{
	unsigned i;

	if (__atomic_exchange_n(&state.ended, 0, __ATOMIC_ACQUIRE)) {
		sched_withdraw();
		arch_irq_enable();
		for (i = 0; i < state.count; i++)
			if (has_ended(&state.guest[i]))
				ended_work(&state.guest[i]);
		arch_irq_save();
		return true;
	}
	return state.count && run_next();
}

void guests_yield(void)
{
	if (state.usable)
		sched_withdraw();
}

/* End them all and wait until the last is taken apart. */
static void guests_stop_all(void)
{
	unsigned long flags;
	unsigned i, running;

	/* One may be down and wait for its reboot. */
	reboot_due(NULL);
	do {
		for (i = running = 0; i < state.count; i++) {
			if (!state.guest[i].vm)
				continue;
			/* Each time: one was perhaps starting again. */
			vm_end(state.guest[i].vm, VM_END_STOP,
			       "for a handover");
			running++;
		}
		flags = arch_irq_save();
		if (running && !guests_work())
			arch_wait_for_interrupt();
		arch_irq_restore(flags);
	} while (running);
}

/* Give the machine to @g; returns only when it cannot have it. */
static void guest_handover(const struct guest *g)
{
	struct loader_error error;
	struct handover *handover;

	if (handover_prepare(&g->config, &state.bundle_place, &handover,
			     &error)) {
		refused(g, error.file, error.why);
		return;
	}
	guests_stop_all();
	log_image(g, "gets the machine", handover_image(handover));
	handover_go(handover);
}

/* Has the boot hart something to do beside its vcpu? */
static bool attention(void)
{
	return console_waiting() ||
		__atomic_load_n(&state.ended, __ATOMIC_ACQUIRE);
}

static void bundle_problem(void *arg, const char *file, const char *reason)
{
	(void)arg;
	log_err("bundle", "%s: %s", file, reason);
}

/* The configs of the bundle at @initrd. */
static int bundle_take(const struct range *initrd)
{
	struct guest_config *config;
	unsigned i;
	int n;

	config = heap_alloc_array(BUNDLE_GUESTS_MAX, sizeof(*config));
	if (!config)
		return -ENOMEM;
	state.bundle = arch_pa_to_va(initrd->start);
	state.bundle_place = *initrd;
	n = bundle_read(state.bundle, initrd->size, config, BUNDLE_GUESTS_MAX,
			bundle_problem, NULL);
	state.guest = n > 0 ? heap_alloc_array(n, sizeof(*state.guest)) : NULL;
	if (state.guest)
		state.count = n;
	for (i = 0; i < state.count; i++)
		state.guest[i].config = config[i];
	heap_free(config);
	return n > 0 && !state.guest ? -ENOMEM : 0;
}

static void cpu_init(void *arg)
{
	(void)arg;
	if (arch_cpu_index())
		arch_guest_cpu_init();
}

/* Is @name in the comma-separated list @list? */
static bool listed(const char *list, const char *name)
{
	size_t len = strlen(name), n;

	for (;; list += n + 1) {
		n = strcspn(list, ",");
		if (n == len && !strncmp(list, name, n))
			return true;
		if (!list[n])
			return false;
	}
}

/* Is @g to run from the start? By @names of bootarg guest=, else by its config.
 */
static bool wanted(const struct guest *g, const char *names)
{
	if (!names)
		return g->config.autostart;
	return strcmp(names, "none") && listed(names, g->config.name);
}

/* Tell of each of @names that no guest has; "none" stands for just that. */
static void names_check(const char *names)
{
	for (size_t n; *names; names += n + (names[n] == ',')) {
		bool known;
		unsigned i;

		n = strcspn(names, ",");
		known = n == 4 && !strncmp(names, "none", n);
		for (i = 0; i < state.count && !known; i++)
			known = strlen(state.guest[i].config.name) == n &&
				!strncmp(names, state.guest[i].config.name, n);
		if (!known)
			log_warn("guest", "guest=%.*s: there is no such guest",
				 (int)n, names);
	}
}

/*
 * Start all that are wanted; a single one gets the console. Without @hypervisor
 * the first gets the machine, and the others have no place.
 */
static void autostart(bool hypervisor)
{
	/* As many names as there can be; of more the cut one is told. */
	char buf[BUNDLE_GUESTS_MAX * GUEST_NAME_MAX], area[AREA_SIZE];
	struct guest *g, *end = state.guest + state.count;
	const struct guest *first = NULL;
	const char *names = NULL;
	unsigned n = 0;

	if (cmdline_value(boot_info()->args, "guest", buf, sizeof(buf)) !=
	    -ENOENT) {
		names = buf;
		names_check(names);
	}
	for (g = state.guest; g < end; g++) {
		if (!wanted(g, names))
			continue;
		if (!n++)
			first = g;
		else if (!hypervisor)
			log_warn(area_of(g, area),
				 "not started: no hypervisor extension");
	}
	if (!hypervisor && first)
		guest_handover(first);
	for (g = state.guest; hypervisor && g < end; g++)
		if (wanted(g, names))
			guest_start(g, n == 1);
}

int guests_init(void)
{
	const struct boot_info *boot = boot_info();
	struct range initrd;
	int err;

	if (dt_initrd(boot_fdt(), &initrd))
		return 0;
	if (!memmap_is(&boot->memmap, initrd.start, initrd.size,
		       MEMMAP_INITRD)) {
		log_err("bundle", "initrd: it does not lie in memory");
		return 0;
	}
	err = bundle_take(&initrd);
	if (err)
		log_err("bundle", "initrd: %s", error_text(err));
	if (!state.count)
		return 0;
	if (boot->seeds)
		rng_add(&boot->random, sizeof(boot->random));
	err = arch_guest_init();
	if (err) {
		if (err == -ENODEV)
			autostart(false);
		else
			log_warn("guest", "none started: %s", error_text(err));
		return 0;
	}
	smp_call_all(cpu_init, NULL);
	sched_init();
	vconsole_init();
	state.usable = true;
	run_attention_set(attention);
	smp_idle_work_set(run_next);
	autostart(true);
	return 0;
}

bool guests_attached(void)
{
	return vconsole_attached() != NULL;
}

bool guests_input(uint8_t byte, bool *detached)
{
	struct vm *vm = vconsole_attached();

	*detached = false;
	if (!vm)
		return false;
	if (byte == CTRL_RIGHT_BRACKET) {
		vconsole_attach(NULL);
		*detached = true;
	} else {
		vconsole_type(vm, byte);
	}
	return true;
}

/* The guest called @name, with a message when there is none. */
static struct guest *guest_find(const char *name)
{
	unsigned i;

	for (i = 0; i < state.count; i++)
		if (!strcmp(state.guest[i].config.name, name))
			return &state.guest[i];
	shell_print("there is no guest \"%s\"\n", name);
	return NULL;
}

/* The same, running. */
static struct guest *guest_running(const char *name)
{
	struct guest *g = guest_find(name);

	if (g && !g->vm) {
		shell_print("%s is not running\n", name);
		return NULL;
	}
	return g;
}

void guests_list(void)
{
	unsigned i;

	if (!state.count)
		shell_print("no guests: the boot loader gave no bundle\n");
	for (i = 0; i < state.count; i++) {
		const struct guest *g = &state.guest[i];

		shell_print("%-16s %-8s %2u vcpus %6" PRIu64 " MiB%s\n",
			    g->config.name, g->vm ? "running" : "stopped",
			    g->config.vcpus, g->config.memory / MIB(1),
			    g->vm && vconsole_attached() == g->vm
				    ? ", has the console"
				    : "");
	}
}

void guests_start(const char *name)
{
	struct guest *g = guest_find(name);

	if (!g)
		return;
	if (!arch_guest_info()->gstage)
		shell_print("this machine has no hypervisor extension\n");
	else if (g->vm)
		shell_print("%s is running\n", name);
	else
		guest_start(g, false);
}

void guests_stop(const char *name)
{
	struct guest *g = guest_running(name);

	if (!g)
		return;
	vm_end(g->vm, VM_END_STOP, "by the operator");
	/* It may be down and wait for its reboot. */
	reboot_due(&g->reboot);
}

void guests_handover(const char *name)
{
	const struct guest *g = guest_find(name);

	if (g)
		guest_handover(g);
}

void guests_reset(const char *name)
{
	struct guest *g = guest_running(name);

	if (g)
		vm_end(g->vm, VM_END_REBOOT, "reset by the operator");
}

void guests_console(const char *name)
{
	struct guest *g = guest_running(name);

	if (g)
		console_give(g);
}

/* "on", "off"; with a message if it is neither, or cannot be. */
static void measure(struct guest *g, const char *word)
{
	bool on = !strcmp(word, "on");

	if (!on && strcmp(word, "off")) {
		shell_print("measure is \"on\" or \"off\"\n");
		return;
	}
	if (on && boot_info()->instret == UINT64_MAX) {
		shell_print("this hart does not count instructions\n");
		return;
	}
	g->measured = on;
	if (g->vm)
		vm_measure(g->vm, on);
}

void guests_stat(const char *argument)
{
	char name[GUEST_NAME_MAX + 1];
	size_t len = strcspn(argument, " ");
	const char *rest = argument + len + strspn(argument + len, " ");
	struct guest *g;

	snprintf(name, sizeof(name), "%.*s", (int)len, argument);
	g = guest_find(name);
	if (!g)
		return;
	if (!strncmp(rest, "measure ", 8))
		measure(g, rest + 8);
	else if (*rest)
		shell_print("stat <guest>, or stat <guest> measure on|off\n");
	else if (guest_running(name))
		stat_show(g->vm);
}
