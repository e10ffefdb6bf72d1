/*
 * DBCN: the guest's console by memory. Buffers are guest-physical and must be
 * RAM as a whole; of a long one a part is done, as the specification allows,
 * so that one call cannot keep the hart for long.
 */
#include "kernel/guest/sbi_priv.h"

#define CALL_MAX  4096u /* bytes done for one call */
#define CHUNK_MAX 128u	/* bytes on the stack at a time */

static uint64_t write_chunk(struct vm *vm, gpa_t from, uint64_t len)
{
	uint8_t buf[CHUNK_MAX];

	return vm_read(vm, from, buf, len) ? 0 : vm_console_write(vm, buf, len);
}

static uint64_t read_chunk(struct vm *vm, gpa_t to, uint64_t len)
{
	uint8_t buf[CHUNK_MAX];
	uint64_t got = vm_console_read(vm, buf, len);

	return got && vm_write(vm, to, buf, got) ? 0 : got;
}

/* By @chunk until the buffer or the console is done. */
static struct sbi_answer console_transfer(struct vcpu *vcpu,
					  uint64_t (*chunk)(struct vm *, gpa_t,
							    uint64_t))
{
	uint64_t done = 0, part, got, len = sbi_arg(vcpu, 0);
	gpa_t start = sbi_arg(vcpu, 1);
	struct vm *vm = vcpu->vm;

	if (sbi_arg(vcpu, 2) || (len && !vm_is_ram(vm, start, len)))
		return sbi_error(SBI_ERR_INVALID_PARAM);
	len = min_u64(len, CALL_MAX);
	do {
		part = min_u64(len - done, CHUNK_MAX);
		got = part ? chunk(vm, start + done, part) : 0;
		done += got;
	} while (got && got == part);
	return sbi_value(done);
}

struct sbi_answer sbi_console_putchar(struct vcpu *vcpu)
{
	uint8_t byte = sbi_arg(vcpu, 0);

	return sbi_error(vm_console_write(vcpu->vm, &byte, 1) ? SBI_SUCCESS
							      : SBI_AGAIN);
}

static struct sbi_answer dbcn_handle(struct vcpu *vcpu)
{
	switch (sbi_fid(vcpu)) {
	case SBI_DBCN_WRITE:
		return console_transfer(vcpu, write_chunk);
	case SBI_DBCN_READ:
		return console_transfer(vcpu, read_chunk);
	case SBI_DBCN_WRITE_BYTE:
		return sbi_console_putchar(vcpu);
	default:
		return sbi_error(SBI_ERR_NOT_SUPPORTED);
	}
}

const struct sbi_extension sbi_dbcn = {
	.first = SBI_EXT_DBCN, .last = SBI_EXT_DBCN, .handle = dbcn_handle};
