/* Sources: kernel/guest/vplic.c test/host/fake/lock.c */
/*
 * The guest's PLIC against a model written from the sentences of the
 * specification, one flag at a time, over random schedules; and the properties
 * that guests rely on, by name.
 */
#include "kernel/guest/vplic.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "test/host/random.h"

#define CONTEXTS     3u
#define SOURCES	     (GUEST_PLIC_SOURCES + 1)
#define STEPS	     400000
#define PENDING	     0x1000u
#define ENABLE(c)    (0x2000u + 0x80u * (c))
#define PRIORITY(s)  (4u * (s))
#define THRESHOLD(c) (0x200000u + 0x1000u * (c))
#define CLAIM(c)     (THRESHOLD(c) + 4u)

static struct vplic plic;
static bool output[GUEST_VCPUS_MAX];
static unsigned output_changes;

static void output_set(void *arg, unsigned context, bool level)
{
	assert_ptr_equal(arg, &plic);
	assert_true(plic.lock.word);
	assert_true(context < plic.context_count);
	assert_true(output[context] != level);
	output[context] = level;
	output_changes++;
}

static uint32_t reg_read(uint64_t offset)
{
	struct vcpu_mmio m = {.width = 4, .value = 0xdeadbeef};

	assert_int_equal(vplic_access(&plic, offset, &m), 0);
	assert_int_equal(m.value >> 32, 0);
	return m.value;
}

static void reg_write(uint64_t offset, uint32_t value)
{
	struct vcpu_mmio m = {.width = 4, .write = true, .value = value};

	assert_int_equal(vplic_access(&plic, offset, &m), 0);
}

/* ---- the model ---- */

static struct model {
	bool wire[SOURCES];
	bool ip[SOURCES];
	bool blocked[SOURCES]; /* gateway waits for a completion */
	unsigned priority[SOURCES];
	bool enable[CONTEXTS][SOURCES];
	unsigned threshold[CONTEXTS];
} model;

/* "When asserted and not waiting for a completion, convert to a request." */
static void model_gateways(void)
{
	for (unsigned s = 1; s < SOURCES; s++) {
		if (!model.wire[s] || model.blocked[s])
			continue;
		model.ip[s] = true;
		model.blocked[s] = true;
	}
}

/* "ID of the highest priority pending interrupt"; the lowest ID of equals. */
static unsigned model_best(unsigned c, unsigned above)
{
	for (unsigned prio = VPLIC_PRIORITY_MAX; prio > above; prio--)
		for (unsigned s = 1; s < SOURCES; s++)
			if (model.ip[s] && model.enable[c][s] &&
			    model.priority[s] == prio)
				return s;
	return 0;
}

static unsigned model_claim(unsigned c)
{
	unsigned s = model_best(c, 0);

	model.ip[s] = false;
	return s;
}

static void model_complete(unsigned c, uint32_t s)
{
	if (!s || s >= SOURCES || !model.enable[c][s] || model.ip[s])
		return;
	model.blocked[s] = false;
	model_gateways();
}

static void model_compare(void)
{
	uint32_t pending = 0, enable;

	for (unsigned s = 1; s < SOURCES; s++) {
		pending |= (uint32_t)model.ip[s] << s;
		assert_int_equal(reg_read(PRIORITY(s)), model.priority[s]);
	}
	assert_int_equal(reg_read(PENDING), pending);
	for (unsigned c = 0; c < CONTEXTS; c++) {
		enable = 0;
		for (unsigned s = 1; s < SOURCES; s++)
			enable |= (uint32_t)model.enable[c][s] << s;
		assert_int_equal(reg_read(ENABLE(c)), enable);
		assert_int_equal(reg_read(THRESHOLD(c)), model.threshold[c]);
	}
}

static void start(unsigned contexts)
{
	memset(&model, 0, sizeof(model));
	memset(output, 0, sizeof(output));
	output_changes = 0;
	vplic_init(&plic, contexts, output_set, &plic);
}

static void step_wire(uint64_t *seed)
{
	unsigned s = 1 + random_below(seed, GUEST_PLIC_SOURCES);

	model.wire[s] = random_next(seed) & 1;
	vplic_source_set(&plic, s, model.wire[s]);
	model_gateways();
}

static void step_program(uint64_t *seed, unsigned c)
{
	uint32_t value = random_next(seed);
	unsigned s = random_below(seed, SOURCES + 2);

	switch (random_below(seed, 4)) {
	case 0:
		reg_write(ENABLE(c), value);
		for (s = 1; s < SOURCES; s++)
			model.enable[c][s] = value >> s & 1;
		break;
	case 1:
		reg_write(THRESHOLD(c), value);
		model.threshold[c] = value % 8;
		break;
	default:
		reg_write(PRIORITY(s), value);
		if (s && s < SOURCES)
			model.priority[s] = value % 8;
		break;
	}
}

static void step(uint64_t *seed)
{
	unsigned c = random_below(seed, CONTEXTS);
	uint32_t s;

	switch (random_below(seed, 8)) {
	case 0:
		step_program(seed, c);
		break;
	case 1:
	case 2:
	case 3:
		step_wire(seed);
		break;
	case 4:
	case 5:
		assert_int_equal(reg_read(CLAIM(c)), model_claim(c));
		break;
	default:
		s = random_below(seed, 50) ? random_below(seed, SOURCES + 2)
					   : random_next(seed);
		reg_write(CLAIM(c), s);
		model_complete(c, s);
		break;
	}
}

static void random_schedules_match_the_specification(void **state)
{
	uint64_t seed = random_seed();

	(void)state;
	start(CONTEXTS);
	for (unsigned i = 0; i < STEPS; i++) {
		step(&seed);
		for (unsigned c = 0; c < CONTEXTS; c++)
			assert_int_equal(output[c],
					 model_best(c, model.threshold[c]) !=
						 0);
		if (i % 16 == 0)
			model_compare();
	}
	assert_true(output_changes > STEPS / 100);
}

/* ---- what guests rely on ---- */

/* All sources on for context @c at priority 1. */
static void open_context(unsigned c)
{
	for (unsigned s = 1; s < SOURCES; s++)
		reg_write(PRIORITY(s), 1);
	reg_write(ENABLE(c), ~0u);
}

static void completing_one_loses_no_other(void **state)
{
	(void)state;
	start(2);
	open_context(1);
	vplic_source_set(&plic, 3, true);
	assert_int_equal(reg_read(CLAIM(1)), 3);
	vplic_source_set(&plic, 4, true);
	vplic_source_set(&plic, 3, false);
	assert_true(output[1]);
	reg_write(CLAIM(1), 3);
	assert_true(output[1]);
	assert_int_equal(reg_read(CLAIM(1)), 4);
	/* Claimed together, completed in the other order. */
	vplic_source_set(&plic, 3, true);
	assert_int_equal(reg_read(CLAIM(1)), 3);
	reg_write(CLAIM(1), 4);
	assert_int_equal(reg_read(CLAIM(1)), 4);
	vplic_source_set(&plic, 4, false);
	reg_write(CLAIM(1), 4);
	reg_write(CLAIM(1), 3);
	assert_int_equal(reg_read(CLAIM(1)), 3);
}

/*
 * A handler that serves its device, at any moment beside devices that raise
 * requests: at the end each request was served after it was raised.
 */
static void every_request_is_served(void **state)
{
	uint64_t seed = random_seed();
	bool asked[SOURCES] = {false};
	unsigned s, served = 0;

	(void)state;
	start(2);
	open_context(0);
	open_context(1);
	for (unsigned i = 0; i < 100000; i++) {
		s = 1 + random_below(&seed, GUEST_PLIC_SOURCES);
		asked[s] = true;
		vplic_source_set(&plic, s, true);
		while (random_below(&seed, 3) && (s = reg_read(CLAIM(i % 2)))) {
			served += asked[s];
			asked[s] = false;
			vplic_source_set(&plic, s, false);
			reg_write(CLAIM(i % 2), s);
		}
	}
	while ((s = reg_read(CLAIM(0)))) {
		asked[s] = false;
		vplic_source_set(&plic, s, false);
		reg_write(CLAIM(0), s);
	}
	for (s = 1; s < SOURCES; s++)
		assert_false(asked[s]);
	assert_true(served > 10000);
	assert_false(output[0] || output[1]);
}

static void level_still_high_comes_again(void **state)
{
	(void)state;
	start(1);
	open_context(0);
	vplic_source_set(&plic, 10, true);
	assert_int_equal(reg_read(CLAIM(0)), 10);
	assert_false(output[0]);
	assert_int_equal(reg_read(CLAIM(0)), 0);
	reg_write(CLAIM(0), 10);
	assert_true(output[0]);
	assert_int_equal(reg_read(CLAIM(0)), 10);
	vplic_source_set(&plic, 10, false);
	reg_write(CLAIM(0), 10);
	assert_false(output[0]);
	assert_int_equal(reg_read(CLAIM(0)), 0);
}

static void threshold_masks_the_line_but_no_claim(void **state)
{
	(void)state;
	start(1);
	open_context(0);
	reg_write(THRESHOLD(0), 1);
	vplic_source_set(&plic, 31, true);
	assert_false(output[0]);
	assert_int_equal(reg_read(CLAIM(0)), 31);
	reg_write(CLAIM(0), 31);
	reg_write(THRESHOLD(0), 0);
	assert_true(output[0]);
	reg_write(PRIORITY(31), 0);
	assert_false(output[0]);
	assert_int_equal(reg_read(CLAIM(0)), 0);
}

static void completion_of_a_disabled_source_is_ignored(void **state)
{
	(void)state;
	start(2);
	open_context(0);
	vplic_source_set(&plic, 7, true);
	assert_int_equal(reg_read(CLAIM(0)), 7);
	reg_write(CLAIM(1), 7);
	reg_write(ENABLE(0), 0);
	reg_write(CLAIM(0), 7);
	reg_write(ENABLE(0), ~0u);
	assert_false(output[0]);
	reg_write(CLAIM(0), 7);
	assert_true(output[0]);
}

static void one_context_takes_it_from_all(void **state)
{
	(void)state;
	start(GUEST_VCPUS_MAX);
	for (unsigned c = 0; c < GUEST_VCPUS_MAX; c++)
		open_context(c);
	vplic_source_set(&plic, 1, true);
	for (unsigned c = 0; c < GUEST_VCPUS_MAX; c++)
		assert_true(output[c]);
	assert_int_equal(reg_read(CLAIM(63)), 1);
	for (unsigned c = 0; c < GUEST_VCPUS_MAX; c++)
		assert_false(output[c]);
	assert_int_equal(reg_read(CLAIM(0)), 0);
}

static void reset_forgets_all_but_the_inputs(void **state)
{
	(void)state;
	start(2);
	open_context(0);
	open_context(1);
	vplic_source_set(&plic, 5, true);
	vplic_source_set(&plic, 6, true);
	assert_int_equal(reg_read(CLAIM(0)), 5);
	vplic_source_set(&plic, 6, false);
	vplic_reset(&plic);
	assert_false(output[0] || output[1]);
	assert_int_equal(reg_read(PENDING), 1u << 5);
	assert_int_equal(reg_read(ENABLE(0)), 0);
	assert_int_equal(reg_read(PRIORITY(5)), 0);
	open_context(1);
	assert_int_equal(reg_read(CLAIM(1)), 5);
	assert_int_equal(reg_read(CLAIM(1)), 0);
}

static void registers_of_nothing_read_zero(void **state)
{
	uint64_t seed = random_seed(), offset;

	(void)state;
	start(CONTEXTS);
	reg_write(PRIORITY(0), 7);
	assert_int_equal(reg_read(PRIORITY(0)), 0);
	reg_write(ENABLE(0), 1);
	assert_int_equal(reg_read(ENABLE(0)), 0);
	reg_write(PENDING, ~0u);
	assert_int_equal(reg_read(PENDING), 0);
	open_context(0);
	vplic_source_set(&plic, 9, true);
	for (unsigned i = 0; i < 300000; i++) {
		offset = random_below(&seed, GUEST_PLIC_SIZE / 4) * 4;
		if (offset <= PRIORITY(GUEST_PLIC_SOURCES) ||
		    offset == PENDING ||
		    (offset >= ENABLE(0) && offset < ENABLE(CONTEXTS)) ||
		    (offset >= THRESHOLD(0) && offset < THRESHOLD(CONTEXTS)))
			continue;
		reg_write(offset, ~0u);
		assert_int_equal(reg_read(offset), 0);
	}
	/* The context behind the last. */
	reg_write(ENABLE(CONTEXTS), ~0u);
	assert_int_equal(reg_read(ENABLE(CONTEXTS)), 0);
	reg_write(THRESHOLD(CONTEXTS), 7);
	assert_int_equal(reg_read(THRESHOLD(CONTEXTS)), 0);
	assert_int_equal(reg_read(CLAIM(CONTEXTS)), 0);
	assert_int_equal(reg_read(ENABLE(0) + 4), 0);
	assert_int_equal(reg_read(CLAIM(0)), 9);
}

static void only_words_are_accepted(void **state)
{
	struct vcpu_mmio m = {.width = 8};

	(void)state;
	start(1);
	assert_int_equal(vplic_access(&plic, 0, &m), -EINVAL);
	m.width = 1;
	assert_int_equal(vplic_access(&plic, CLAIM(0), &m), -EINVAL);
	m.width = 4;
	assert_int_equal(vplic_access(&plic, GUEST_PLIC_SIZE, &m), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_schedules_match_the_specification),
		cmocka_unit_test(completing_one_loses_no_other),
		cmocka_unit_test(every_request_is_served),
		cmocka_unit_test(level_still_high_comes_again),
		cmocka_unit_test(threshold_masks_the_line_but_no_claim),
		cmocka_unit_test(completion_of_a_disabled_source_is_ignored),
		cmocka_unit_test(one_context_takes_it_from_all),
		cmocka_unit_test(reset_forgets_all_but_the_inputs),
		cmocka_unit_test(registers_of_nothing_read_zero),
		cmocka_unit_test(only_words_are_accepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
