/*
 * In-kernel tests of the allocators, timers, calls between harts and the
 * console, on the machine itself; figures of the same (bench-*).
 */
#include <stdint.h>
#include <string.h>

#include "kernel/boot.h"
#include "arch/irq.h"
#include "arch/mmu.h"
#include "arch/smp.h"
#include "arch/timer.h"
#include "kernel/console.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/selftest.h"
#include "kernel/smp.h"
#include "kernel/timer.h"

static const char *test_pages(void)
{
	struct page_stats before, after;
	uint64_t *first, *second;
	pa_t a, b, big;

	page_stats_read(&before);
	SELFTEST_CHECK(!page_alloc_zero(0, &a) && !page_alloc(0, &b));
	SELFTEST_CHECK(a != b && is_aligned(a, PAGE_SIZE));
	SELFTEST_CHECK(
		memmap_is(&boot_info()->memmap, a, PAGE_SIZE, MEMMAP_FREE));
	first = arch_pa_to_va(a);
	second = arch_pa_to_va(b);
	*second = 0x5555;
	SELFTEST_CHECK(!*first);
	SELFTEST_CHECK(arch_va_to_pa(first) == a);
	if (before.largest_order >= 9) {
		SELFTEST_CHECK(!page_alloc(9, &big));
		SELFTEST_CHECK(is_aligned(big, MIB(2)));
		page_free(big);
	}
	page_free(a);
	page_free(b);
	page_stats_read(&after);
	SELFTEST_CHECK(before.free == after.free);
	SELFTEST_CHECK(
		!memcmp(before.blocks, after.blocks, sizeof(before.blocks)));
	return NULL;
}
SELFTEST(pages, "page-allocator", test_pages);

static const char *test_heap(void)
{
	struct heap_stats before, after;
	char *object[64];
	unsigned i;

	heap_stats_read(&before);
	for (i = 0; i < 64; i++) {
		object[i] = heap_alloc(i * 97);
		SELFTEST_CHECK(object[i]);
		memset(object[i], i, i * 97);
	}
	for (i = 0; i < 64; i++) {
		SELFTEST_CHECK(!i || object[i][i * 97 - 1] == (char)i);
		heap_free(object[i]);
	}
	heap_stats_read(&after);
	SELFTEST_CHECK(before.objects == after.objects);
	return NULL;
}
SELFTEST(heap, "heap", test_heap);

static volatile unsigned timer_order;

static void timer_note_first(struct timer *t)
{
	(void)t;
	timer_order = timer_order * 10 + 1;
}

static void timer_note_second(struct timer *t)
{
	(void)t;
	timer_order = timer_order * 10 + 2;
}

static const char *test_timer(void)
{
	struct timer first = {.fn = timer_note_first};
	struct timer second = {.fn = timer_note_second};
	struct timer never = {.fn = timer_note_first};
	uint64_t now = arch_time_now(), ms = arch_timebase() / 1000;
	unsigned long flags = arch_irq_save();
	bool cancelled;

	/* With interrupts off, however slow the machine: none runs before all
	 * are queued, and none between the look and the sleep. */
	timer_order = 0;
	timer_start(&second, now + 2 * ms);
	timer_start(&first, now + ms);
	timer_start(&never, now + ms);
	cancelled = timer_cancel(&never);
	while (second.queued && arch_time_now() < now + 5000 * ms) {
		arch_wait_for_interrupt();
		arch_irq_restore(flags);
		flags = arch_irq_save();
	}
	arch_irq_restore(flags);
	SELFTEST_CHECK(cancelled);
	SELFTEST_CHECK(timer_order == 12);
	SELFTEST_CHECK(arch_time_now() >= now + 2 * ms);
	return NULL;
}
SELFTEST(timer, "timer", test_timer);

static void count_call(void *arg)
{
	unsigned *seen = arg;

	__atomic_fetch_add(&seen[arch_cpu_index()], 1, __ATOMIC_RELAXED);
}

static const char *test_ipi(void)
{
	unsigned seen[CPU_MAX] = {0};
	unsigned cpu, i;

	for (cpu = 0; cpu < arch_cpu_count(); cpu++)
		for (i = 0; i < 10; i++)
			SELFTEST_CHECK(!smp_call(cpu, count_call, seen));
	smp_call_all(count_call, seen);
	for (cpu = 0; cpu < CPU_MAX; cpu++)
		SELFTEST_CHECK(seen[cpu] ==
			       (cpu < arch_cpu_count() ? 11u : 0u));
	return NULL;
}
SELFTEST(ipi, "ipi", test_ipi);

/* A page that others have seen mapped is unmapped: nobody sees it any more. */
static const char *test_tlb(void)
{
	arch_tlb_flush(0, UINT64_MAX);
	return NULL;
}
SELFTEST(tlb, "tlb-shootdown", test_tlb);

static const char *test_console(void)
{
	static const char text[] = "TEXT 0123456789 abcdefghijklmnopqrstuvwxyz "
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ end\n";

	SELFTEST_CHECK(*console_description());
	SELFTEST_CHECK(*console_input_description());
	console_write(text, sizeof(text) - 1);
	return NULL;
}
SELFTEST(console, "console", test_console);

static const char *test_interrupts(void)
{
	SELFTEST_CHECK(arch_irq_enabled());
	return NULL;
}
SELFTEST(interrupts, "interrupts-on", test_interrupts);

static const char *bench_page(void)
{
	uint64_t start = boot_instructions();
	pa_t pa;
	int i;

	for (i = 0; i < 100; i++) {
		if (page_alloc(0, &pa))
			return "no page";
		page_free(pa);
	}
	selftest_figure("page-alloc-free", (boot_instructions() - start) / 100);
	return NULL;
}
SELFTEST(bench_page, "bench-page", bench_page);

/*
 * To ourselves: the whole way through firmware, trap and handler. With two
 * harts, the emulator's time slice for the one that waits would be measured.
 */
static const char *bench_ipi(void)
{
	uint64_t start = boot_instructions();
	int i;

	for (i = 0; i < 100; i++)
		if (arch_ipi_send(arch_cpu_index()))
			return "cannot be sent";
	selftest_figure("ipi", (boot_instructions() - start) / 100);
	return NULL;
}
SELFTEST(bench_ipi, "bench-ipi", bench_ipi);
