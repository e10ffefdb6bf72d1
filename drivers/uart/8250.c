/*
 * The 8250 family. The divisor and the line format stay as the boot loader
 * left them, for nothing here knows the clock (VisionFive 2 states none), and
 * LCR is not written either: a busy DW_apb_uart ignores that and raises its
 * busy interrupt instead. Register names are those of the PC16550D data sheet.
 */
#include "drivers/uart/8250.h"

#include <errno.h>
#include <stdbool.h>

#include "arch/io.h"
#include "kernel/uart.h"

/* Register numbers. */
#define RBR 0u /* receive buffer, read */
#define THR 0u /* transmitter holding, write */
#define IER 1u
#define IIR 2u /* read */
#define FCR 2u /* write */
#define LCR 3u
#define MCR 4u
#define LSR 5u
#define USR 31u /* DW_apb_uart only */

#define IER_RECEIVED   0x01u
#define IER_EMPTY      0x02u
#define IIR_ID	       0x0fu
#define IIR_BUSY       0x07u /* DW_apb_uart: LCR was written while busy */
#define IIR_TIMEOUT    0x0cu
#define IIR_FIFO_WORKS 0xc0u
#define FCR_ENABLE     0x01u
#define LCR_DLAB       0x80u
#define MCR_READY      0x0bu /* DTR, RTS, and OUT2: the PC's interrupt gate */
#define LSR_READY      0x01u
#define LSR_BREAK      0x10u
#define LSR_EMPTY      0x20u /* THRE: room for a whole FIFO */
#define LSR_IDLE       0x40u /* TEMT: and the shifter is empty too */
#define LSR_NOTHING    0xffu /* a bus that nobody drives */

#define FIFO_DEPTH 16u

#define DATA_DESIGNWARE 1u

static volatile void *reg_address(const struct uart *u, unsigned reg)
{
	return u->base + (reg << u->regs.shift);
}

static unsigned reg_read(const struct uart *u, unsigned reg)
{
	const volatile void *at = reg_address(u, reg);

	switch (u->regs.width) {
	case 4:
		return arch_read32(at) & 0xff;
	case 2:
		return arch_read16(at) & 0xff;
	default:
		return arch_read8(at);
	}
}

static void reg_write(const struct uart *u, unsigned reg, uint8_t value)
{
	volatile void *at = reg_address(u, reg);

	switch (u->regs.width) {
	case 4:
		arch_write32(at, value);
		break;
	case 2:
		arch_write16(at, value);
		break;
	default:
		arch_write8(at, value);
	}
}

static int uart_regs_read(const void *fdt, const struct dt_node *node,
			  struct uart_regs *out)
{
	uint32_t offset = 0, shift = 0, width = 1;
	struct range range;
	int err = dt_reg(fdt, node, 0, &range);

	if (err)
		return err;
	dt_u32(fdt, node, "reg-offset", &offset);
	dt_u32(fdt, node, "reg-shift", &shift);
	dt_u32(fdt, node, "reg-io-width", &width);
	if (shift > 3 || (width != 1 && width != 2 && width != 4))
		return -EINVAL;
	if (width > 1u << shift || (range.start + offset) % width)
		return -EINVAL;
	if (range.size < offset || range.size - offset < (LSR << shift) + width)
		return -EINVAL;
	out->base = range.start + offset;
	out->size = range.size - offset;
	out->shift = shift;
	out->width = width;
	return 0;
}

/* Wait until all is sent; false when that takes for ever. */
static bool idle_wait(const struct uart *u)
{
	unsigned polls, lsr;

	for (polls = 0; polls < UART_POLLS_MAX; polls++) {
		lsr = reg_read(u, LSR);
		if (lsr == LSR_NOTHING)
			return false;
		if (lsr & LSR_IDLE)
			return true;
	}
	return false;
}

static int uart_start(struct uart *u)
{
	/* Turning the FIFO on drops what is in it: let the loader's last words
	 * out first. */
	if (!idle_wait(u))
		return -ENODEV;
	/* Left set, it would turn THR and IER into the divisor. */
	if (reg_read(u, LCR) & LCR_DLAB)
		reg_write(u, LCR, reg_read(u, LCR) & ~LCR_DLAB);
	reg_write(u, IER, 0);
	reg_write(u, FCR, FCR_ENABLE);
	reg_write(u, MCR, MCR_READY);
	/* 16450s have no FIFO, and 16550s (without A) one that is broken. */
	u->room = 0;
	u->depth = 1;
	if ((reg_read(u, IIR) & IIR_FIFO_WORKS) == IIR_FIFO_WORKS)
		u->depth = FIFO_DEPTH;
	return 0;
}

/* Fill the FIFO, which has room. The width is looked at once: this is where
 * the time goes. */
static void fifo_fill(const struct uart *u, const char *buf, size_t len)
{
	volatile void *thr = reg_address(u, THR);
	const char *end = buf + len;

	if (u->regs.width == 1) {
		while (buf < end)
			arch_write8(thr, *buf++);
		return;
	}
	while (buf < end)
		reg_write(u, THR, *buf++);
}

/* THRE tells of an empty FIFO only: what is left of one is remembered. */
static int uart_send(struct uart *u, const char *buf, size_t len)
{
	unsigned lsr;

	if (!u->room) {
		lsr = reg_read(u, LSR);
		if (lsr == LSR_NOTHING)
			return -ENODEV;
		if (!(lsr & LSR_EMPTY))
			return 0;
		u->room = u->depth;
	}
	if (len > u->room)
		len = u->room;
	fifo_fill(u, buf, len);
	u->room -= len;
	return (int)len;
}

/* Nothing to read: take back interrupts of a DW_apb_uart that would stay up,
 * busy detect (cleared by reading USR) and a time-out with an empty FIFO
 * (cleared by reading RBR). */
static void spurious_clear(const struct uart *u)
{
	unsigned id;

	/* Of others reading IIR would only take back the transmitter's. */
	if (u->data != DATA_DESIGNWARE)
		return;
	id = reg_read(u, IIR) & IIR_ID;
	if (id == IIR_BUSY && u->regs.size > USR << u->regs.shift)
		reg_read(u, USR);
	if (id == IIR_TIMEOUT && !(reg_read(u, LSR) & LSR_READY))
		reg_read(u, RBR);
}

static int uart_read(struct uart *u)
{
	unsigned byte, lsr;

	for (;;) {
		lsr = reg_read(u, LSR);
		if (!(lsr & LSR_READY) || lsr == LSR_NOTHING)
			break;
		byte = reg_read(u, RBR);
		/* A break comes with a zero byte that nobody typed. */
		if (!(lsr & LSR_BREAK))
			return byte;
	}
	spurious_clear(u);
	return -1;
}

static void uart_interrupts_set(struct uart *u, bool received, bool room)
{
	reg_write(u, IER,
		  (received ? IER_RECEIVED : 0) | (room ? IER_EMPTY : 0));
}

static void uart_stop(struct uart *u)
{
	idle_wait(u);
	reg_write(u, IER, 0);
}

static const struct uart_ops ops = {
	.tty = "ttyS",
	.regs_read = uart_regs_read,
	.start = uart_start,
	.send = uart_send,
	.read = uart_read,
	.interrupts_set = uart_interrupts_set,
	.stop = uart_stop,
};

static const struct driver_match match[] = {
	{"ns16550a", 0},
	{"ns16550", 0},
	{"snps,dw-apb-uart", DATA_DESIGNWARE},
	{"starfive,jh7110-uart", DATA_DESIGNWARE},
	{NULL, 0},
};

const struct driver uart_8250_driver = {
	.name = "8250",
	.cls = DRIVER_UART,
	.match = match,
	.ops = &ops,
};
DRIVER(uart_8250_driver);
