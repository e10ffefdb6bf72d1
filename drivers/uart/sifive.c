/*
 * The SiFive UART: 32-bit registers, FIFOs of 8 bytes each way, whose states
 * are bit 31 of the data registers. The divisor stays as the boot loader left
 * it. Register names are those of the FU540-C000 manual.
 */
#include "drivers/uart/sifive.h"

#include <errno.h>
#include <stdbool.h>

#include "arch/io.h"
#include "kernel/uart.h"

#define TXDATA 0x00u
#define RXDATA 0x04u
#define TXCTRL 0x08u
#define RXCTRL 0x0cu
#define IE     0x10u
#define IP     0x14u
#define SIZE   0x1cu /* to the end of div */

#define TXDATA_FULL  0x80000000u
#define RXDATA_EMPTY 0x80000000u
#define TXCTRL_NSTOP 0x2u
/* Transmit on; txcnt 1: the watermark interrupt comes with an empty FIFO. */
#define TXCTRL_TXEN 0x10001u
/* Receive on; rxcnt 0: the watermark interrupt comes with the first byte. */
#define RXCTRL_RXEN 0x1u
#define IE_TXWM	    0x1u
#define IE_RXWM	    0x2u
#define NOTHING	    0xffffffffu /* a bus that nobody drives */

#define FIFO_DEPTH 8u

static int uart_regs_read(const void *fdt, const struct dt_node *node,
			  struct uart_regs *out)
{
	struct range range;
	int err = dt_reg(fdt, node, 0, &range);

	if (err)
		return err;
	if (range.size < SIZE || range.start % 4)
		return -EINVAL;
	out->base = range.start;
	out->size = range.size;
	out->shift = 2;
	out->width = 4;
	return 0;
}

static int uart_start(struct uart *u)
{
	uint32_t txctrl = arch_read32(u->base + TXCTRL);

	if (txctrl == NOTHING)
		return -ENODEV;
	arch_write32(u->base + IE, 0);
	arch_write32(u->base + TXCTRL, (txctrl & TXCTRL_NSTOP) | TXCTRL_TXEN);
	arch_write32(u->base + RXCTRL, RXCTRL_RXEN);
	u->depth = FIFO_DEPTH;
	return 0;
}

/* A FIFO that empties as fast as it is filled would keep us here. */
static int uart_send(struct uart *u, const char *buf, size_t len)
{
	unsigned i;

	for (i = 0; i < len && i < u->depth; i++) {
		if (arch_read32(u->base + TXDATA) & TXDATA_FULL)
			break;
		arch_write32(u->base + TXDATA, (uint8_t)buf[i]);
	}
	return (int)i;
}

static int uart_read(struct uart *u)
{
	uint32_t rxdata = arch_read32(u->base + RXDATA);

	return rxdata & RXDATA_EMPTY ? -1 : (int)(rxdata & 0xff);
}

static void uart_interrupts_set(struct uart *u, bool received, bool room)
{
	arch_write32(u->base + IE,
		     (received ? IE_RXWM : 0) | (room ? IE_TXWM : 0));
}

static void uart_stop(struct uart *u)
{
	unsigned polls;

	arch_write32(u->base + IE, 0);
	/* Until the FIFO is empty; nothing tells when the shifter is. */
	for (polls = 0; polls < UART_POLLS_MAX; polls++)
		if (arch_read32(u->base + IP) & IE_TXWM)
			break;
}

static const struct uart_ops ops = {
	.tty = "ttySIF",
	.regs_read = uart_regs_read,
	.start = uart_start,
	.send = uart_send,
	.read = uart_read,
	.interrupts_set = uart_interrupts_set,
	.stop = uart_stop,
};

static const struct driver_match match[] = {
	{"sifive,uart0", 0},
	{NULL, 0},
};

const struct driver uart_sifive_driver = {
	.name = "sifive",
	.cls = DRIVER_UART,
	.match = match,
	.ops = &ops,
};
DRIVER(uart_sifive_driver);
