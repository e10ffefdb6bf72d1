/* arch/firmware.h for host tests. */
#include "test/host/fake/firmware.h"

#include <errno.h>
#include <string.h>

#include "arch/firmware.h"

struct fake_firmware fake_firmware;

void fake_firmware_reset(void)
{
	memset(&fake_firmware, 0, sizeof(fake_firmware));
	fake_firmware.room = sizeof(fake_firmware.sent) - 1;
}

size_t arch_firmware_write(const char *buf, size_t len)
{
	struct fake_firmware *f = &fake_firmware;

	if (f->at_once && len > f->at_once)
		len = f->at_once;
	if (len > f->room - f->sent_len)
		len = f->room - f->sent_len;
	memcpy(f->sent + f->sent_len, buf, len);
	f->sent_len += len;
	f->sent[f->sent_len] = 0;
	return len;
}

int arch_firmware_getchar(void)
{
	if (!fake_firmware.typed || !*fake_firmware.typed)
		return -1;
	return (unsigned char)*fake_firmware.typed++;
}

const char *arch_firmware_console(void)
{
	return "dbcn";
}

int arch_firmware_reset(enum firmware_reset type)
{
	(void)type;
	return -ENOSYS;
}
