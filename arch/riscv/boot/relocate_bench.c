/*
 * What relocating costs, looks and all: a made-up image of 1000 entries, for
 * the real one cannot be written any more.
 */
#include <stdint.h>

#include "arch/mmu.h"
#include "arch/riscv/boot/relocate.h"
#include "arch/riscv/csr.h"
#include "kernel/mm/page.h"
#include "kernel/selftest.h"

#define ENTRIES	   1000u
#define WORDS_AT   (ENTRIES * RELOCATE_ENTRY_SIZE)
#define SIZE	   (WORDS_AT + ENTRIES * 8)
#define ORDER	   3 /* 32 KiB hold it */
#define BENCH_BASE 0x80200000ull

static const char *bench_relocate(void)
{
	struct relocate_error err;
	uint64_t start;
	uint64_t end;
	uint64_t *entry;
	pa_t pa;
	long count;

	if (page_alloc(ORDER, &pa))
		return "no page";
	entry = arch_pa_to_va(pa);
	for (unsigned i = 0; i < ENTRIES; i++) {
		entry[3 * i] = WORDS_AT + 8 * i;
		entry[3 * i + 1] = RELOCATE_RELATIVE;
		entry[3 * i + 2] = i;
	}
	start = csr_read(CSR_INSTRET);
	count = relocate((uint8_t *)entry, SIZE, 0, WORDS_AT, BENCH_BASE, &err);
	end = csr_read(CSR_INSTRET);
	page_free(pa);
	SELFTEST_CHECK(count == ENTRIES);
	selftest_figure("relocate-1000", end - start);
	return NULL;
}
SELFTEST(bench_relocate, "bench-relocate", bench_relocate);
