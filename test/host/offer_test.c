/* Sources: arch/riscv/guest/offer.c */
/* What guests are offered on harts that differ in their optional CSRs. */
#include "arch/riscv/guest/offer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ALL_ENV 0xe0000000000000d0ull

static const char *extensions; /* " a b c " */

static bool listed(const char *extension)
{
	char word[40];

	snprintf(word, sizeof(word), " %s ", extension);
	return strstr(extensions, word) != NULL;
}

static void isa_is(const struct offer *offer, const char *expected)
{
	char buf[192];

	assert_int_equal(offer_isa(offer, listed, buf, sizeof(buf)),
			 strlen(expected));
	assert_string_equal(buf, expected);
}

/* H without henvcfg, senvcfg and Sstc; vstimecmp and sstateen trap. */
static void p550_gets_no_switched_extension(void **state)
{
	const struct offer_probe probe = {.listed = listed,
					  .fcsr = true,
					  .cbom_size = 64,
					  .cboz_size = 64};
	struct offer offer;

	(void)state;
	extensions = " i m a f d c h zba zbb ";
	offer_settle(&probe, &offer);
	assert_false(offer.has_henvcfg);
	assert_false(offer.has_senvcfg);
	assert_false(offer.has_sstateen0);
	assert_false(offer.sstc);
	assert_int_equal(offer.henvcfg, 0);
	isa_is(&offer, "rv64imafdc_zicntr_zicsr_zifencei_zba_zbb");
}

/* A tree may list what only henvcfg could switch on. */
static void without_henvcfg_the_list_does_not_help(void **state)
{
	const struct offer_probe probe = {.has_hstateen0 = true,
					  .henvcfg = ALL_ENV,
					  .vstimecmp = true,
					  .fcsr = true,
					  .vlenb = true,
					  .cbom_size = 64,
					  .cboz_size = 64,
					  .listed = listed};
	struct offer offer;

	(void)state;
	extensions = " f d v sstc svpbmt zicbom zicboz smstateen ";
	offer_settle(&probe, &offer);
	assert_false(offer.has_henvcfg || offer.has_sstateen0);
	assert_int_equal(offer.henvcfg, 0);
	isa_is(&offer, "rv64imafdcv_zicntr_zicsr_zifencei");
}

static void bare_rv64gch_gets_just_that(void **state)
{
	const struct offer_probe probe = {.has_henvcfg = true,
					  .has_senvcfg = true,
					  .fcsr = true,
					  .cbom_size = 64,
					  .cboz_size = 64,
					  .listed = listed};
	struct offer offer;

	(void)state;
	extensions = " i m a f d c h ";
	offer_settle(&probe, &offer);
	assert_true(offer.has_henvcfg);
	assert_int_equal(offer.henvcfg, 0);
	isa_is(&offer, "rv64imafdc_zicntr_zicsr_zifencei");
}

static void rva23_gets_all(void **state)
{
	const struct offer_probe probe = {.has_henvcfg = true,
					  .has_senvcfg = true,
					  .has_hstateen0 = true,
					  .has_sstateen0 = true,
					  .henvcfg = ALL_ENV,
					  .vstimecmp = true,
					  .fcsr = true,
					  .vlenb = true,
					  .cbom_size = 64,
					  .cboz_size = 64,
					  .listed = listed};
	struct offer offer;

	(void)state;
	extensions = " i m a f d c v h sstc svpbmt svinval zicbom zicboz "
		     "zicond zba zbb zbs zawrs ssaia smstateen ";
	offer_settle(&probe, &offer);
	assert_true(offer.sstc && offer.vector && offer.has_sstateen0);
	assert_int_equal(offer.henvcfg, ALL_ENV);
	isa_is(&offer,
	       "rv64imafdcv_zicntr_zicsr_zifencei_zicbom_zicboz_"
	       "zicond_zawrs_zba_zbb_zbs_svinval_sstc_svpbmt");
}

/* Each switch alone: offered only if the bit stuck and the tree lists it. */
static void a_bit_that_does_not_stick_is_not_offered(void **state)
{
	struct offer_probe probe = {.has_henvcfg = true,
				    .henvcfg = ALL_ENV,
				    .vstimecmp = true,
				    .fcsr = true,
				    .cbom_size = 64,
				    .cboz_size = 64,
				    .listed = listed};
	struct offer offer;

	(void)state;
	extensions = " f d sstc svpbmt zicbom zicboz ";
	probe.henvcfg = ALL_ENV & ~(1ull << 63);
	offer_settle(&probe, &offer);
	assert_false(offer.sstc);
	probe.henvcfg = ALL_ENV & ~(1ull << 62);
	offer_settle(&probe, &offer);
	assert_false(offer.svpbmt);
	probe.henvcfg = ALL_ENV & ~(1ull << 7);
	offer_settle(&probe, &offer);
	assert_false(offer.cboz);
	probe.henvcfg = ALL_ENV & ~(1ull << 6);
	offer_settle(&probe, &offer);
	assert_false(offer.cbom);
	extensions = " f d ";
	probe.henvcfg = ALL_ENV;
	offer_settle(&probe, &offer);
	assert_int_equal(offer.henvcfg, 1ull << 61);
}

/* cbo.inval must never really invalidate: 11 in CBIE is not taken for 01. */
static void invalidate_that_is_no_flush_is_not_offered(void **state)
{
	const struct offer_probe probe = {.has_henvcfg = true,
					  .henvcfg = ALL_ENV | 3 << 4,
					  .cbom_size = 64,
					  .cboz_size = 64,
					  .listed = listed};
	struct offer offer;

	(void)state;
	extensions = " zicbom ";
	offer_settle(&probe, &offer);
	assert_false(offer.cbom);
	assert_int_equal(offer.henvcfg & 3 << 4, 0);
}

static void cache_blocks_need_a_size(void **state)
{
	struct offer_probe probe = {.has_henvcfg = true,
				    .henvcfg = ALL_ENV,
				    .cboz_size = 64,
				    .listed = listed};
	struct offer offer;

	(void)state;
	extensions = " zicbom zicboz ";
	offer_settle(&probe, &offer);
	assert_true(offer.cboz && !offer.cbom);
	assert_int_equal(offer.henvcfg & 0x70, 0);
	probe.cboz_size = 0;
	probe.cbom_size = 64;
	offer_settle(&probe, &offer);
	assert_true(offer.cbom && !offer.cboz);
	assert_int_equal(offer.henvcfg & 0x80, 0);
}

static void vector_needs_floating_point(void **state)
{
	const struct offer_probe probe = {.vlenb = true,
					  .cbom_size = 64,
					  .cboz_size = 64,
					  .listed = listed};
	struct offer offer;

	(void)state;
	extensions = " f d v ";
	offer_settle(&probe, &offer);
	assert_false(offer.vector);
	isa_is(&offer, "rv64imac_zicntr_zicsr_zifencei");
}

static void isa_that_does_not_fit_is_refused(void **state)
{
	struct offer offer = {.fp = true};
	char buf[64];
	size_t room;

	(void)state;
	extensions = " zba ";
	for (room = 1; room < 37; room++) {
		memset(buf, 'x', sizeof(buf));
		assert_int_equal(offer_isa(&offer, listed, buf, room), -1);
		assert_int_equal(buf[room], 'x');
	}
	assert_int_equal(offer_isa(&offer, listed, buf, 37), 36);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p550_gets_no_switched_extension),
		cmocka_unit_test(without_henvcfg_the_list_does_not_help),
		cmocka_unit_test(bare_rv64gch_gets_just_that),
		cmocka_unit_test(rva23_gets_all),
		cmocka_unit_test(a_bit_that_does_not_stick_is_not_offered),
		cmocka_unit_test(invalidate_that_is_no_flush_is_not_offered),
		cmocka_unit_test(cache_blocks_need_a_size),
		cmocka_unit_test(vector_needs_floating_point),
		cmocka_unit_test(isa_that_does_not_fit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
