/* Sources: arch/riscv/guest/vmid.c */
/*
 * Harts that remember, per number, whose translations they may hold: no VM may
 * ever run by another's, and nothing is flushed before it must be.
 */
#include "arch/riscv/guest/vmid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "test/host/random.h"

#define NUMBERS 9u /* 0 to 8 at most */
#define VMS	12u

static struct vmid_hart hart;
static struct vmid vm[VMS];
static unsigned whose[NUMBERS]; /* life of a VM; 0: no translations */
static unsigned life[VMS], lives;
static unsigned flushes;

static void reset(void)
{
	memset(&hart, 0, sizeof(hart));
	memset(vm, 0, sizeof(vm));
	memset(whose, 0, sizeof(whose));
	lives = flushes = 0;
	for (unsigned i = 0; i < VMS; i++)
		life[i] = ++lives;
}

/* VM @i runs, and leaves translations. */
static enum vmid_news run(unsigned i, uint64_t max)
{
	enum vmid_news news = vmid_take(&hart, &vm[i], max);
	uint64_t number = vm[i].number;

	assert_true(number <= max);
	assert_true(number != 0 || max == 0);
	if (news == VMID_FLUSH) {
		memset(whose, 0, sizeof(whose));
		flushes++;
	}
	if (news == VMID_KNOWN)
		assert_int_equal(whose[number], life[i]);
	else
		assert_int_equal(whose[number], 0);
	whose[number] = life[i];
	return news;
}

static void no_number_meets_anothers_translations(void **state)
{
	uint64_t seed = random_seed();

	(void)state;
	for (uint64_t max = 0; max < NUMBERS; max++) {
		reset();
		for (unsigned step = 0; step < 50000; step++) {
			unsigned i = random_below(&seed, VMS);

			run(i, max);
			if (random_below(&seed, 8))
				continue;
			/* It ends, and another begins in its place. */
			i = random_below(&seed, VMS);
			memset(&vm[i], 0, sizeof(vm[i]));
			life[i] = ++lives;
		}
	}
}

static void what_fits_is_flushed_once(void **state)
{
	(void)state;
	reset();
	for (unsigned round = 0; round < 100; round++)
		for (unsigned i = 0; i < 8; i++)
			assert_int_equal(run(i, 8) == VMID_KNOWN, round > 0);
	assert_int_equal(flushes, 1);
	/* One more: all begin anew. */
	assert_int_equal(run(8, 8), VMID_FLUSH);
	assert_int_equal(run(0, 8), VMID_NEW);
	assert_int_equal(run(8, 8), VMID_KNOWN);
}

static void without_numbers_a_change_flushes(void **state)
{
	(void)state;
	reset();
	assert_int_equal(run(0, 0), VMID_FLUSH);
	assert_int_equal(run(0, 0), VMID_KNOWN);
	assert_int_equal(run(1, 0), VMID_FLUSH);
	assert_int_equal(run(0, 0), VMID_FLUSH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_number_meets_anothers_translations),
		cmocka_unit_test(what_fits_is_flushed_once),
		cmocka_unit_test(without_numbers_a_change_flushes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
