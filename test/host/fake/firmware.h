/* arch/firmware.h for host tests: an SBI console and no reset. */
#pragma once

#include <stddef.h>

struct fake_firmware {
	char sent[4096];
	size_t sent_len;
	size_t at_once;	   /* bytes taken per call; 0 = all */
	size_t room;	   /* bytes taken in all, then none */
	const char *typed; /* to come, ends with NUL; may be NULL */
};

extern struct fake_firmware fake_firmware;

void fake_firmware_reset(void);
