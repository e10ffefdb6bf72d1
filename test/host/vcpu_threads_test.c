/* Sources: kernel/guest/vcpu.c kernel/guest/vm.c kernel/guest/sched.c
 * kernel/timer.c lib/runtime.c test/host/fake/vcpu.c */
/*
 * Guests on threads as harts, fewer than their vcpus: tokens go from vcpu to
 * vcpu by IPI, and who has none waits in WFI, so that one wake-up lost would
 * end it all. Meanwhile the vcpus fence each other, stop, start each other and
 * sleep by timers, and VMs end and are freed beside others that run.
 */
#include "kernel/guest/vcpu.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "arch/irq.h"
#include "arch/lock.h"
#include "arch/smp.h"
#include "arch/timer.h"
#include "kernel/guest/run.h"
#include "kernel/guest/sched.h"
#include "kernel/guest/vm.h"
#include "kernel/mm/heap.h"
#include "kernel/smp.h"
#include "test/host/fake/vcpu.h"
#include "test/host/random.h"

#define HARTS	3u
#define RAM	GUEST_RAM_BASE
#define VMS	2u     /* at most */
#define VCPUS	4u     /* of a VM, at most */
#define HOPS	20000u /* of tokens, in a VM's life */
#define LIVES	8u     /* of each VM */
#define PATIENT 20u    /* seconds without a hop: it hangs */

/* Read and written by several harts. */
#define GET(x)	  __atomic_load_n(&(x), __ATOMIC_SEQ_CST)
#define SET(x, y) __atomic_store_n(&(x), (y), __ATOMIC_SEQ_CST)

/* ---- harts ---- */

static _Thread_local unsigned me;
static _Thread_local bool interrupts;
static struct {
	bool signalled;
	bool called; /* by smp_call_all() */
	uint64_t deadline;
} hart[HARTS];
static bool over;

unsigned arch_cpu_index(void)
{
	return me;
}

unsigned arch_cpu_count(void)
{
	return HARTS;
}

uint64_t arch_time_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t arch_timebase(void)
{
	return 1000000;
}

void arch_timer_set(uint64_t deadline)
{
	hart[me].deadline = deadline;
}

int arch_ipi_send(unsigned cpu)
{
	assert_true(cpu < HARTS);
	SET(hart[cpu].signalled, true);
	return 0;
}

static bool interrupt_waits(void)
{
	return GET(hart[me].signalled) || hart[me].deadline <= arch_time_now();
}

static void interrupts_take(void)
{
	SET(hart[me].signalled, false);
	SET(hart[me].called, false);
	if (hart[me].deadline <= arch_time_now())
		timer_interrupt();
}

unsigned long arch_irq_save(void)
{
	bool was = interrupts;

	interrupts = false;
	return was;
}

void arch_irq_restore(unsigned long flags)
{
	if (flags && interrupt_waits())
		interrupts_take();
	interrupts = flags;
}

unsigned long spin_lock_irqsave(struct spinlock *lock)
{
	unsigned long flags = arch_irq_save();

	while (__atomic_exchange_n(&lock->word, 1, __ATOMIC_ACQUIRE))
		sched_yield();
	return flags;
}

void spin_unlock_irqrestore(struct spinlock *lock, unsigned long flags)
{
	__atomic_store_n(&lock->word, 0, __ATOMIC_RELEASE);
	arch_irq_restore(flags);
}

void smp_call_all(void (*fn)(void *arg), void *arg)
{
	unsigned i;

	for (i = 0; i < HARTS; i++) {
		if (i == me)
			continue;
		SET(hart[i].called, true);
		arch_ipi_send(i);
		while (GET(hart[i].called) && !GET(over))
			sched_yield();
	}
	fn(arg);
}

void *heap_alloc(size_t size)
{
	return calloc(1, size);
}

void *heap_alloc_array(size_t count, size_t size)
{
	return calloc(count, size);
}

void heap_free(void *p)
{
	free(p);
}

/* An idle hart, once around. */
static void hart_once(void)
{
	unsigned long flags = arch_irq_save();

	if (!run_next())
		while (!interrupt_waits() && !GET(over))
			sched_yield();
	arch_irq_restore(flags);
}

/* ---- the guests ---- */

/* A guest's memory, as its vcpus see it. */
struct guest {
	struct vm *vm;
	bool ended;
	unsigned lives;
	uint64_t hops;
	uint64_t stop_at; /* hops at which the operator stops it */
	/* Page tables: which version there is, and is fenced everywhere. */
	uint64_t version, fenced;
	struct {
		uint64_t seed;
		unsigned tokens;
		bool stopping;
		unsigned resets; /* of the life that stopping was cleared in */
		uint64_t cached, flushes; /* version, as of which flush */
	} vcpu[VCPUS];
};

static struct guest guest[VMS];
static unsigned vms, vcpus;
static bool timers;	  /* the guests use them */
static uint64_t progress; /* hops of all */

static struct guest *guest_of(const struct vm *vm)
{
	return &guest[vm->name[0] - '0'];
}

/* An access to memory: never by tables that everybody was fenced from. */
static void guest_access(struct guest *g, struct vcpu *v)
{
	uint64_t fenced = GET(g->fenced), flushes = v->arch->flushes;

	if (g->vcpu[v->id].flushes != flushes) {
		g->vcpu[v->id].flushes = flushes;
		g->vcpu[v->id].cached = GET(g->version);
	}
	if (g->vcpu[v->id].cached < fenced)
		abort(); /* stale */
}

static void guest_fence(struct guest *g, struct vcpu *v)
{
	uint64_t version = __atomic_add_fetch(&g->version, 1, __ATOMIC_SEQ_CST);
	uint64_t fenced = GET(g->fenced);

	vcpu_fence(v, (1u << vcpus) - 1, VCPU_FENCE_VMA, 0, UINT64_MAX);
	while (fenced < version &&
	       !__atomic_compare_exchange_n(&g->fenced, &fenced, version, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
}

/* Pass a token on; back to itself where the other one is about to stop. */
static void guest_pass(struct guest *g, struct vcpu *v)
{
	unsigned to = random_below(&g->vcpu[v->id].seed, vcpus), n = 1;

	__atomic_fetch_add(&g->vcpu[to].tokens, 1, __ATOMIC_SEQ_CST);
	if (GET(g->vcpu[to].stopping)) {
		n = __atomic_exchange_n(&g->vcpu[to].tokens, 0,
					__ATOMIC_SEQ_CST);
		to = v->id;
		__atomic_fetch_add(&g->vcpu[to].tokens, n, __ATOMIC_SEQ_CST);
	}
	if (n)
		vcpu_irq_set(&g->vm->vcpu[to], VCPU_IRQ_SOFT, true);
	__atomic_fetch_add(&progress, 1, __ATOMIC_RELAXED);
	if (__atomic_add_fetch(&g->hops, 1, __ATOMIC_SEQ_CST) == HOPS)
		vm_end(g->vm, VM_END_POWEROFF, "powered off");
}

static void guest_stop(struct guest *g, struct vcpu *v)
{
	SET(g->vcpu[v->id].stopping, true);
	if (GET(g->vcpu[v->id].tokens))
		SET(g->vcpu[v->id].stopping, false);
	else
		vcpu_stop(v);
}

/* One SBI call of some kind. */
static void guest_call(struct guest *g, struct vcpu *v)
{
	uint64_t *seed = &g->vcpu[v->id].seed;
	unsigned n;

	switch (random_below(seed, 8)) {
	case 0:
		guest_fence(g, v);
		break;
	case 1:
		if (v->id)
			guest_stop(g, v);
		break;
	case 2:
	case 3:
		n = random_below(seed, vcpus);
		if (GET(g->vcpu[n].stopping))
			(void)vcpu_start(&g->vm->vcpu[n], RAM, 0);
		break;
	case 4:
		vcpu_suspend(v, random_below(seed, 2), RAM, 0);
		break;
	default:
		for (n = __atomic_exchange_n(&g->vcpu[v->id].tokens, 0,
					     __ATOMIC_SEQ_CST);
		     n; n--)
			guest_pass(g, v);
		break;
	}
}

/* After a call, as the way out of one has it: may the guest go on at once? */
static bool goes_on(struct vcpu *v)
{
	if (v->leave != VCPU_STAY)
		return false;
	fake_vcpu_requests(v);
	return true;
}

/* A started hart looks at once whether there is something for it. */
static void guest_begin(struct guest *g, struct vcpu *v)
{
	v->arch->enabled = VCPU_IRQ_SOFT | VCPU_IRQ_TIMER;
	if (g->vcpu[v->id].resets == v->arch->resets)
		return;
	g->vcpu[v->id].resets = v->arch->resets;
	SET(g->vcpu[v->id].stopping, false);
	v->arch->hvip |= VCPU_IRQ_SOFT;
}

static enum vcpu_exit_kind guest_run(struct vcpu *v)
{
	struct guest *g = guest_of(v->vm);
	uint64_t *seed = &g->vcpu[v->id].seed;

	guest_begin(g, v);
	for (;;) {
		guest_access(g, v);
		if (interrupt_waits())
			return VCPU_EXIT_INTERRUPT;
		if (v->arch->deadline <= arch_time_now()) {
			v->arch->deadline = UINT64_MAX;
			v->arch->hvip |= VCPU_IRQ_SOFT;
		}
		if (v->arch->hvip & VCPU_IRQ_SOFT) {
			/* Cleared before the look at the tokens. */
			if (!random_below(seed, 3))
				v->arch->hvip = 0;
			guest_call(g, v);
			if (GET(g->vcpu[v->id].tokens))
				v->arch->hvip |= VCPU_IRQ_SOFT;
			if (!goes_on(v))
				return VCPU_EXIT_ANSWERED;
			continue;
		}
		if (timers && v->arch->deadline == UINT64_MAX &&
		    !random_below(seed, 4))
			v->arch->deadline =
				arch_time_now() + random_below(seed, 500);
		if (!v->arch->own)
			return VCPU_EXIT_WFI;
		sched_yield();
	}
}

static void vm_ended(struct vm *vm)
{
	SET(guest_of(vm)->ended, true);
	arch_ipi_send(0);
}

/* ---- the boot hart ---- */

static void guest_start(unsigned n, uint64_t *seed)
{
	struct guest *g = &guest[n];
	char name[] = {(char)('0' + n), 0};
	struct vm_config config = {name, PAGE_SIZE, vcpus, vm_ended};
	unsigned lives = g->lives, i;

	memset(g, 0, sizeof(*g));
	g->lives = lives + 1;
	/* Now and then the operator stops it, but for the last time. */
	g->stop_at = g->lives < LIVES && random_below(seed, 2)
		? random_below(seed, HOPS)
		: UINT64_MAX;
	assert_int_equal(vm_create(&config, &g->vm), 0);
	for (i = 0; i < vcpus; i++) {
		g->vcpu[i].seed = random_next(seed);
		g->vcpu[i].stopping = i != 0;
	}
	g->vcpu[0].tokens = 2;
	assert_int_equal(vm_start(g->vm, RAM, 0), 0);
}

/* End of a life; false: there is no next one. */
static bool guest_next(unsigned n, uint64_t *seed)
{
	struct guest *g = &guest[n];

	if (g->vm && GET(g->hops) >= g->stop_at)
		vm_end(g->vm, VM_END_STOP, "by the operator");
	if (!g->vm || !GET(g->ended))
		return g->vm != NULL;
	assert_int_equal(g->vm->state, VM_DOWN);
	sched_withdraw();
	vm_destroy(g->vm);
	g->vm = NULL;
	if (g->lives == LIVES)
		return false;
	guest_start(n, seed);
	return true;
}

static bool somebody_ended(void)
{
	return GET(guest[0].ended) || GET(guest[1].ended);
}

static void watch(void)
{
	static uint64_t last, since;
	uint64_t now = arch_time_now(), at = GET(progress);

	if (at != last || !since)
		since = now;
	last = at;
	if (now - since > PATIENT * 1000000ull) {
		fprintf(stderr, "hangs after %llu hops\n",
			(unsigned long long)at);
		abort();
	}
}

static void *hart_main(void *arg)
{
	me = (unsigned)(uintptr_t)arg;
	interrupts = true;
	while (!GET(over))
		hart_once();
	return NULL;
}

/* The boot hart's wait must not outlast a hang. */
static void boot_once(void)
{
	unsigned long flags = arch_irq_save();

	if (!run_next() && !interrupt_waits())
		sched_yield();
	arch_irq_restore(flags);
	watch();
}

/* @n VMs of @each vcpus, all of their lives. */
static void live(unsigned n, unsigned each)
{
	uint64_t seed = random_seed();
	pthread_t thread[HARTS];
	bool lives = true;
	unsigned i;

	vms = n;
	vcpus = each;
	timers = n > 1;
	memset(guest, 0, sizeof(guest));
	progress = 0;
	over = false;
	fake_vcpu = (struct fake_vcpu){.sstc = true,
				       .guest = guest_run,
				       .interrupts = interrupts_take};
	run_attention_set(somebody_ended);
	sched_init();
	for (i = 0; i < HARTS; i++)
		hart[i].deadline = UINT64_MAX;
	interrupts = true;
	for (i = 0; i < vms; i++)
		guest_start(i, &seed);
	for (i = 1; i < HARTS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, hart_main,
						(void *)(uintptr_t)i),
				 0);
	while (lives) {
		boot_once();
		for (i = 0, lives = false; i < vms; i++)
			lives |= guest_next(i, &seed);
	}
	SET(over, true);
	for (i = 1; i < HARTS; i++)
		pthread_join(thread[i], NULL);
	assert_true(progress >= HOPS);
	assert_int_equal(fake_vcpu.pages, 0);
}

static void nobody_is_lost_where_all_share(void **state)
{
	(void)state;
	live(2, 4);
}

/* No slice and no timer brings them out: all depends on the signals. */
static void nobody_is_lost_with_a_hart_each(void **state)
{
	(void)state;
	live(1, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_lost_where_all_share),
		cmocka_unit_test(nobody_is_lost_with_a_hart_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
