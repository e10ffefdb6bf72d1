/*
 * SBI client: asks once what the firmware offers, then chooses between the
 * current extensions and the legacy calls (RISC-V SBI 3.0; chapter 5 for the
 * legacy ones). Serves the firmware part of the arch contract.
 */
#include "arch/riscv/sbi.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "arch/firmware.h"
#include "arch/lock.h"
#include "arch/mmu.h"

static struct {
	struct sbi_features features;
	struct spinlock lock; /* for the buffer */
	/* DBCN takes physical addresses; a stack is not contiguous there. */
	char buffer[256];
} sbi;

static bool sbi_probe(unsigned long ext)
{
	struct sbi_ret ret;

	ret = sbi_call(SBI_EXT_BASE, SBI_BASE_PROBE, ext, 0, 0);
	return !ret.error && ret.value;
}

static long sbi_base(unsigned long fn)
{
	struct sbi_ret ret = sbi_call(SBI_EXT_BASE, fn, 0, 0, 0);

	return ret.error ? 0 : ret.value;
}

void sbi_init(void)
{
	struct sbi_features *f = &sbi.features;

	f->version = sbi_base(SBI_BASE_SPEC_VERSION);
	if (!f->version)
		return;
	f->impl_id = sbi_base(SBI_BASE_IMPL_ID);
	f->impl_version = sbi_base(SBI_BASE_IMPL_VERSION);
	f->time = sbi_probe(SBI_EXT_TIME);
	f->ipi = sbi_probe(SBI_EXT_IPI);
	f->hsm = sbi_probe(SBI_EXT_HSM);
	f->srst = sbi_probe(SBI_EXT_SRST);
	f->dbcn = sbi_probe(SBI_EXT_DBCN);
}

const struct sbi_features *sbi_features(void)
{
	return &sbi.features;
}

const char *sbi_impl_name(void)
{
	/* SBI 3.0, table "SBI Implementation IDs". */
	static const char *const names[] = {
		"BBL",		 "OpenSBI",  "Xvisor",	"KVM",
		"RustSBI",	 "Diosix",   "Coffer",	"Xen",
		"PolarFire HSS", "coreboot", "oreboot", "bhyve",
	};

	if (!sbi.features.version)
		return "legacy";
	if (sbi.features.impl_id >= ARRAY_SIZE(names))
		return "unknown";
	return names[sbi.features.impl_id];
}

static size_t sbi_dbcn_write(const char *buf, size_t len)
{
	struct sbi_ret ret;
	unsigned long flags;
	size_t n = min_u64(len, sizeof(sbi.buffer));

	flags = spin_lock_irqsave(&sbi.lock);
	memcpy(sbi.buffer, buf, n);
	ret = sbi_call(SBI_EXT_DBCN, SBI_DBCN_WRITE, n,
		       arch_va_to_pa(sbi.buffer), 0);
	spin_unlock_irqrestore(&sbi.lock, flags);
	if (ret.error)
		sbi.features.dbcn = false; /* it probed, but does not work */
	return ret.error ? 0 : (size_t)ret.value;
}

size_t arch_firmware_write(const char *buf, size_t len)
{
	size_t i, taken;

	if (sbi.features.dbcn) {
		taken = sbi_dbcn_write(buf, len);
		if (sbi.features.dbcn)
			return taken;
	}
	for (i = 0; i < len; i++)
		sbi_call(SBI_EXT_LEGACY_PUTCHAR, 0, (uint8_t)buf[i], 0, 0);
	return len;
}

int arch_firmware_getchar(void)
{
	struct sbi_ret ret;
	unsigned long flags;
	int c = -1;

	if (!sbi.features.dbcn) {
		ret = sbi_call(SBI_EXT_LEGACY_GETCHAR, 0, 0, 0, 0);
		return ret.error < 0 ? -1 : (int)(uint8_t)ret.error;
	}
	flags = spin_lock_irqsave(&sbi.lock);
	ret = sbi_call(SBI_EXT_DBCN, SBI_DBCN_READ, 1,
		       arch_va_to_pa(sbi.buffer), 0);
	if (!ret.error && ret.value == 1)
		c = (uint8_t)sbi.buffer[0];
	spin_unlock_irqrestore(&sbi.lock, flags);
	return c;
}

void sbi_lock_break(void)
{
	spin_lock_break(&sbi.lock);
}

const char *arch_firmware_console(void)
{
	return sbi.features.dbcn ? "dbcn" : "legacy";
}

int arch_firmware_reset(enum firmware_reset type)
{
	unsigned long what = type == FIRMWARE_REBOOT ? SBI_SRST_COLD_REBOOT
						     : SBI_SRST_SHUTDOWN;

	if (sbi.features.srst)
		sbi_call(SBI_EXT_SRST, 0, what, 0, 0);
	return -ENOSYS;
}

void arch_firmware_shutdown(void)
{
	sbi_call(SBI_EXT_LEGACY_SHUTDOWN, 0, 0, 0, 0);
}

void sbi_timer_set(uint64_t deadline)
{
	if (sbi.features.time)
		sbi_call(SBI_EXT_TIME, 0, deadline, 0, 0);
	else
		sbi_call(SBI_EXT_LEGACY_SET_TIMER, 0, deadline, 0, 0);
}

int sbi_ipi_send(uint64_t hart)
{
	unsigned long mask; /* of its own: other harts send, too */
	struct sbi_ret ret;

	if (sbi.features.ipi) {
		ret = sbi_call(SBI_EXT_IPI, 0, 1, hart, 0);
		return ret.error ? -EIO : 0;
	}
	/* Legacy: a0 is the virtual address of a mask of harts 0 to 63. */
	if (hart >= 64)
		return -ENOSYS;
	mask = 1ul << hart;
	ret = sbi_call(SBI_EXT_LEGACY_SEND_IPI, 0, (unsigned long)&mask, 0, 0);
	return ret.error ? -EIO : 0;
}

/* HSM's errors as ours. */
static int hsm_error(long error)
{
	switch (error) {
	case SBI_SUCCESS:
		return 0;
	case SBI_ERR_ALREADY_AVAILABLE:
	case SBI_ERR_ALREADY_STARTED:
		return -EBUSY;
	case SBI_ERR_INVALID_PARAM:
	case SBI_ERR_INVALID_ADDRESS:
		return -EINVAL;
	default:
		return -EIO;
	}
}

int sbi_hart_check(uint64_t hart)
{
	struct sbi_ret ret;

	if (!sbi.features.hsm)
		return -ENOSYS;
	ret = sbi_call(SBI_EXT_HSM, SBI_HSM_STATUS, hart, 0, 0);
	if (ret.error)
		return hsm_error(ret.error);
	return ret.value == SBI_HSM_STOPPED ? 0 : -EBUSY;
}

int sbi_hart_start(uint64_t hart, uint64_t entry, uint64_t opaque)
{
	struct sbi_ret ret;

	if (!sbi.features.hsm)
		return -ENOSYS;
	ret = sbi_call(SBI_EXT_HSM, SBI_HSM_START, hart, entry, opaque);
	return hsm_error(ret.error);
}

void sbi_hart_stop(void)
{
	if (sbi.features.hsm)
		sbi_call(SBI_EXT_HSM, SBI_HSM_STOP, 0, 0, 0);
}
