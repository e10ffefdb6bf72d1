/* Reboots as soon as it runs: cold or warm, by itself or on two harts at the
 * same time. */
#include "test/qemu/guests/guest.h"

void payload(uint64_t hart, const void *arg)
{
	uint64_t now = csr_get("time");

	(void)arg;
	if (!hart)
		sbi(SBI_HSM, 0, 1, (uint64_t)_start, 0);
	for (;;)
		sbi(SBI_SRST, 0, 1 + (now & 1), now >> 1 & 1, 0);
}
