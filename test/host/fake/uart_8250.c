/* A model of an 8250-family UART. */
#include "test/host/fake/uart_8250.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "test/host/fake/mmio.h"

enum {
	DATA,
	IER,
	IIR_FCR,
	LCR,
	MCR,
	LSR,
	MSR,
	SCR,
	USR = 31
};

#define DLAB 0x80u

/* The register that an access means; fails unless it is exactly one. */
static unsigned reg_number(const struct uart_8250 *u, uint64_t offset,
			   unsigned width)
{
	uint64_t reg = offset >> u->shift;

	assert_int_equal(width, u->width);
	assert_int_equal(offset, reg << u->shift);
	assert_true(reg <= SCR || (u->designware && reg == USR));
	return reg;
}

void uart_8250_pass(struct uart_8250 *u, unsigned n)
{
	while (n-- && u->waiting && !u->dead)
		u->empty_told |= !--u->waiting;
}

/* Time passes with every look at LSR. */
static unsigned lsr_read(struct uart_8250 *u)
{
	unsigned lsr = 0;

	u->lsr_reads++;
	if (u->looked)
		u->looked();
	if (u->waiting && !u->throttled && ++u->polls >= u->slowness) {
		u->polls = 0;
		uart_8250_pass(u, 1);
	}
	if (!u->waiting && !u->dead)
		lsr |= 0x60;
	if (u->received_len)
		lsr |= 0x01;
	if (u->received_len && u->received_len == u->break_at)
		lsr |= 0x10;
	return lsr;
}

static unsigned data_read(struct uart_8250 *u)
{
	u->timeout_stuck = false;
	if (!u->received_len)
		return 0;
	u->received_len--;
	return (uint8_t)*u->received++;
}

static unsigned iir_read(struct uart_8250 *u)
{
	unsigned fifo = u->fifo && u->depth > 1 ? 0xc0 : 0;

	if (u->busy_detect)
		return fifo | 0x07;
	if (u->timeout_stuck)
		return fifo | 0x0c;
	if (u->received_len && (u->ier & 1))
		return fifo | 0x04;
	if (!u->empty_told || !(u->ier & 2))
		return fifo | 0x01;
	u->empty_told = false;
	return fifo | 0x02;
}

static uint64_t device_read(void *ctx, uint64_t offset, unsigned width)
{
	struct uart_8250 *u = ctx;
	unsigned reg = reg_number(u, offset, width);

	if (u->absent)
		return ~0ull;
	switch (reg) {
	case DATA:
		assert_false(u->lcr & DLAB);
		return data_read(u);
	case IER:
		return u->ier;
	case IIR_FCR:
		return iir_read(u);
	case LCR:
		return u->lcr;
	case MCR:
		return u->mcr;
	case LSR:
		return lsr_read(u);
	case USR:
		u->usr_reads++;
		u->busy_detect = false;
		return u->waiting != 0;
	default:
		return 0;
	}
}

static void data_write(struct uart_8250 *u, uint8_t value)
{
	if (u->lcr & DLAB) {
		u->divisor_writes++;
		return;
	}
	if (u->waiting >= (u->fifo ? u->depth : 1))
		fail_msg("transmitter overrun after %zu bytes", u->sent_len);
	u->waiting++;
	u->empty_told = false;
	assert_true(u->sent_len < sizeof(u->sent));
	u->sent[u->sent_len++] = value;
	if (u->instant)
		uart_8250_pass(u, 1);
}

static void ier_write(struct uart_8250 *u, uint8_t value)
{
	if (u->lcr & DLAB) {
		u->divisor_writes++;
		return;
	}
	if (value & ~u->ier & 2)
		u->empty_told = !u->waiting;
	u->ier = value;
}

static void fcr_write(struct uart_8250 *u, uint8_t value)
{
	bool on = value & 1;

	if (on != u->fifo || value & 4) {
		u->lost += u->waiting;
		u->waiting = 0;
	}
	u->fifo = on;
}

static void lcr_write(struct uart_8250 *u, uint8_t value)
{
	u->lcr_writes++;
	if (u->designware && u->waiting)
		u->busy_detect = true;
	else
		u->lcr = value;
}

static void device_write(void *ctx, uint64_t offset, unsigned width,
			 uint64_t value)
{
	struct uart_8250 *u = ctx;

	switch (reg_number(u, offset, width)) {
	case DATA:
		data_write(u, value);
		break;
	case IER:
		ier_write(u, value);
		break;
	case IIR_FCR:
		fcr_write(u, value);
		break;
	case LCR:
		lcr_write(u, value);
		break;
	case MCR:
		u->mcr = value;
		break;
	default:
		fail_msg("write to register %llu",
			 (unsigned long long)offset >> u->shift);
	}
}

void uart_8250_add(struct uart_8250 *u, pa_t device, uint64_t size)
{
	struct mmio_device d = {.base = u->base,
				.size = size - (u->base - device),
				.ctx = u,
				.read = device_read,
				.write = device_write};

	u->lcr = 3;
	u->depth = u->depth ? u->depth : 16;
	mmio_add(&d);
}

bool uart_8250_interrupt(const struct uart_8250 *u)
{
	return u->busy_detect || u->timeout_stuck ||
		(u->received_len && (u->ier & 1)) ||
		(u->empty_told && (u->ier & 2));
}
