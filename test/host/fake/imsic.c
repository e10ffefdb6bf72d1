/* arch/imsic.h for host tests. */
#include "test/host/fake/imsic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "arch/imsic.h"

struct fake_imsic fake_imsic;

void fake_imsic_reset(bool junk)
{
	memset(&fake_imsic, 0, sizeof(fake_imsic));
	if (junk) {
		memset(fake_imsic.enabled, 0xff, sizeof(fake_imsic.enabled));
		fake_imsic.threshold = 9;
	}
}

/* Odd EIP and EIE registers do not exist on RV64. */
static uint64_t *file_register(unsigned select)
{
	fake_imsic.accesses++;
	if (select == IMSIC_EIDELIVERY)
		return &fake_imsic.delivery;
	if (select == IMSIC_EITHRESHOLD)
		return &fake_imsic.threshold;
	if (select % 2 == 0 && select >= IMSIC_EIP0 && select < IMSIC_EIP0 + 8)
		return &fake_imsic.pending[(select - IMSIC_EIP0) / 2];
	if (select % 2 == 0 && select >= IMSIC_EIE0 && select < IMSIC_EIE0 + 8)
		return &fake_imsic.enabled[(select - IMSIC_EIE0) / 2];
	fail_msg("no register %#x", select);
	return NULL;
}

uint64_t arch_imsic_read(unsigned select)
{
	return *file_register(select);
}

void arch_imsic_write(unsigned select, uint64_t value)
{
	*file_register(select) = value;
}

void arch_imsic_set(unsigned select, uint64_t bits)
{
	*file_register(select) |= bits;
}

void arch_imsic_clear(unsigned select, uint64_t bits)
{
	*file_register(select) &= ~bits;
}

static unsigned top(void)
{
	unsigned i;

	for (i = 1; i < 256; i++)
		if (fake_imsic.pending[i / 64] & fake_imsic.enabled[i / 64] &
		    1ull << i % 64)
			break;
	if (i == 256 || (fake_imsic.threshold && i >= fake_imsic.threshold))
		return 0;
	return i;
}

unsigned arch_imsic_claim(void)
{
	unsigned identity = top();

	if (identity)
		fake_imsic.pending[identity / 64] &= ~(1ull << identity % 64);
	return identity;
}

void fake_imsic_message(unsigned identity)
{
	assert_true(identity > 0 && identity < 256);
	fake_imsic.pending[identity / 64] |= 1ull << identity % 64;
}

bool fake_imsic_interrupt(void)
{
	return fake_imsic.delivery == 1 && top();
}
