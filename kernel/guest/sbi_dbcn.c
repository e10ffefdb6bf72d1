/*
 * DBCN: the guest's console by memory. Buffers are guest-physical and must be
 * RAM as a whole; of a long one a part is done, as the specification allows,
 * so that one call cannot keep the hart for long.
 */
#include "kernel/guest/sbi_priv.h"

#define CALL_MAX  4096u /* bytes done for one call */
#define CHUNK_MAX 128u	/* bytes on the stack at a time */

/* Is the buffer (number, address low, address high) one that can be used? */
static bool buffer_valid(const struct vm *vm, const uint64_t *arg)
{
	return !arg[2] && (!arg[0] || vm_is_ram(vm, arg[1], arg[0]));
}

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
static long console_transfer(struct sbi_call *call,
			     uint64_t (*chunk)(struct vm *, gpa_t, uint64_t))
{
	struct vm *vm = call->vcpu->vm;
	uint64_t done = 0, part, got, len;

	if (!buffer_valid(vm, call->arg))
		return SBI_ERR_INVALID_PARAM;
	len = min_u64(call->arg[0], CALL_MAX);
	do {
		part = min_u64(len - done, CHUNK_MAX);
		got = part ? chunk(vm, call->arg[1] + done, part) : 0;
		done += got;
	} while (got && got == part);
	call->value = done;
	return SBI_SUCCESS;
}

long sbi_console_putchar(struct sbi_call *call)
{
	uint8_t byte = call->arg[0];

	if (!vm_console_write(call->vcpu->vm, &byte, 1))
		call->after = SBI_AFTER_AGAIN;
	return SBI_SUCCESS;
}

static long dbcn_handle(struct sbi_call *call)
{
	switch (call->fid) {
	case SBI_DBCN_WRITE:
		return console_transfer(call, write_chunk);
	case SBI_DBCN_READ:
		return console_transfer(call, read_chunk);
	case SBI_DBCN_WRITE_BYTE:
		return sbi_console_putchar(call);
	default:
		return SBI_ERR_NOT_SUPPORTED;
	}
}

const struct sbi_extension sbi_dbcn = {
	.first = SBI_EXT_DBCN, .last = SBI_EXT_DBCN, .handle = dbcn_handle};
