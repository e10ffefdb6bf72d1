/*
 * The 16550A, register for register as its data sheet (PC16550D) has them. The
 * interrupt line is a function of the state, worked out after each change.
 */
#include "kernel/guest/vuart.h"

#include <errno.h>
#include <string.h>

/* Register offsets; DLL and DLM while LCR.DLAB is set. */
enum {
	RBR_THR = 0,
	IER = 1,
	IIR_FCR = 2,
	LCR = 3,
	MCR = 4,
	LSR = 5,
	MSR = 6,
	SCR = 7
};

#define IER_RDI	 0x01u
#define IER_THRI 0x02u
#define IER_RLSI 0x04u
#define IER_MSI	 0x08u
#define IER_ALL	 0x0fu

#define IIR_NONE    0x01u
#define IIR_MSI	    0x00u
#define IIR_THRI    0x02u
#define IIR_RDI	    0x04u
#define IIR_RLSI    0x06u
#define IIR_TIMEOUT 0x0cu
#define IIR_FIFO    0xc0u

#define FCR_ENABLE   0x01u
#define FCR_RX_RESET 0x02u
#define FCR_TX_RESET 0x04u
#define FCR_KEPT     0xc9u /* enable, DMA mode, trigger level */

#define LCR_DLAB 0x80u

#define MCR_DTR	 0x01u
#define MCR_RTS	 0x02u
#define MCR_OUT1 0x04u
#define MCR_OUT2 0x08u
#define MCR_LOOP 0x10u
#define MCR_ALL	 0x1fu

#define LSR_DR	 0x01u
#define LSR_OE	 0x02u
#define LSR_THRE 0x20u
#define LSR_TEMT 0x40u

#define MSR_DCTS 0x01u
#define MSR_DDSR 0x02u
#define MSR_TERI 0x04u
#define MSR_DDCD 0x08u
#define MSR_CTS	 0x10u
#define MSR_DSR	 0x20u
#define MSR_RI	 0x40u
#define MSR_DCD	 0x80u

static void fifo_put(struct vuart_fifo *f, uint8_t byte)
{
	f->byte[(f->first + f->used++) % VUART_FIFO] = byte;
}

static uint8_t fifo_take(struct vuart_fifo *f)
{
	uint8_t byte = f->byte[f->first];

	f->first = (f->first + 1) % VUART_FIFO;
	f->used--;
	return byte;
}

/* How many bytes a FIFO holds; without FIFOs there is one register. */
static unsigned fifo_depth(const struct vuart *u)
{
	return u->fcr & FCR_ENABLE ? VUART_FIFO : 1;
}

static unsigned rx_trigger(const struct vuart *u)
{
	static const uint8_t level[] = {1, 4, 8, 14};

	return u->fcr & FCR_ENABLE ? level[u->fcr >> 6] : 1;
}

static uint8_t iir_cause(const struct vuart *u)
{
	if (u->ier & IER_RLSI && u->overrun)
		return IIR_RLSI;
	if (u->ier & IER_RDI && u->rx.used)
		return u->rx.used >= rx_trigger(u) ? IIR_RDI : IIR_TIMEOUT;
	if (u->ier & IER_THRI && u->thre_pending)
		return IIR_THRI;
	if (u->ier & IER_MSI && u->msr_changed)
		return IIR_MSI;
	return IIR_NONE;
}

static uint8_t lsr_value(const struct vuart *u)
{
	return (u->tx.used ? 0 : LSR_THRE | LSR_TEMT) |
		(u->rx.used ? LSR_DR : 0);
}

/* After each change: what depends on the state. */
static void state_settle(struct vuart *u)
{
	bool line = iir_cause(u) != IIR_NONE;

	__atomic_store_n(&u->polled,
			 lsr_value(u) | (u->overrun ? VUART_POLL_NOT : 0),
			 __ATOMIC_RELAXED);
	/* With THRI off what is not yet told matters to nobody: it is told anew
	 * when THRI comes on, or when what waits has been sent. */
	u->straight = u->outlet && !u->tx.used && !(u->lcr & LCR_DLAB) &&
		!(u->mcr & MCR_LOOP) && !(u->ier & IER_THRI);
	if (line == u->line)
		return;
	u->line = line;
	u->ops->line(u->arg, line);
}

/* The modem lines: those of a terminal that is there, or MCR looped back. */
static uint8_t msr_lines(const struct vuart *u)
{
	uint8_t mcr = u->mcr;

	if (!(mcr & MCR_LOOP))
		return MSR_CTS | MSR_DSR | MSR_DCD;
	return (mcr & MCR_RTS ? MSR_CTS : 0) | (mcr & MCR_DTR ? MSR_DSR : 0) |
		(mcr & MCR_OUT1 ? MSR_RI : 0) | (mcr & MCR_OUT2 ? MSR_DCD : 0);
}

/* A looped port is cut off from its terminal. */
static bool rx_is_open(const struct vuart *u)
{
	return u->rx.used < fifo_depth(u) && !(u->mcr & MCR_LOOP);
}

/* Is there room again for who found none? Told once. Lock held. */
static bool room_made(struct vuart *u)
{
	if (!u->input_refused || !rx_is_open(u))
		return false;
	u->input_refused = false;
	return true;
}

static void mcr_write(struct vuart *u, uint8_t value)
{
	uint8_t before = msr_lines(u), changed;

	u->mcr = value & MCR_ALL;
	changed = before ^ msr_lines(u);
	/* Of RI only its end counts. */
	if (!(before & MSR_RI))
		changed &= ~MSR_RI;
	u->msr_changed |= changed >> 4;
}

static void rx_loop(struct vuart *u, uint8_t byte)
{
	if (u->rx.used < fifo_depth(u))
		fifo_put(&u->rx, byte);
	else
		u->overrun = true;
}

/* Send what waits in the FIFO. */
static void tx_drain(struct vuart *u)
{
	if (!u->tx.used)
		return;
	while (u->tx.used && u->ops->output(u->arg, u->tx.byte[u->tx.first]))
		fifo_take(&u->tx);
	if (!u->tx.used)
		u->thre_pending = true;
}

static void thr_write(struct vuart *u, uint8_t byte)
{
	u->thre_pending = false;
	if (u->mcr & MCR_LOOP) {
		/* Passes by what waits for the console, which is not lost. */
		rx_loop(u, byte);
		u->thre_pending = !u->tx.used;
		return;
	}
	if (!u->tx.used && u->ops->output(u->arg, byte)) {
		u->thre_pending = true;
		return;
	}
	/* Who writes without asking LSR loses the byte, as with a real one. */
	if (u->tx.used < fifo_depth(u))
		fifo_put(&u->tx, byte);
}

static uint8_t rbr_read(struct vuart *u)
{
	return u->rx.used ? fifo_take(&u->rx) : 0;
}

static void rx_reset(struct vuart *u)
{
	u->rx.used = 0;
	u->overrun = false;
}

static void tx_reset(struct vuart *u)
{
	if (u->tx.used)
		u->thre_pending = true;
	u->tx.used = 0;
}

static void fcr_write(struct vuart *u, uint8_t value)
{
	bool toggled = (u->fcr ^ value) & FCR_ENABLE;

	/* Without bit 0 the others are not programmed. */
	u->fcr = value & FCR_ENABLE ? value & FCR_KEPT : 0;
	if (toggled || value & FCR_RX_RESET)
		rx_reset(u);
	if (toggled || value & FCR_TX_RESET)
		tx_reset(u);
}

static void ier_write(struct vuart *u, uint8_t value)
{
	/* Turning THRI on tells of an empty THR that was told before. */
	if (value & IER_THRI && !(u->ier & IER_THRI) && !u->tx.used)
		u->thre_pending = true;
	u->ier = value & IER_ALL;
}

static uint8_t iir_read(struct vuart *u)
{
	uint8_t cause = iir_cause(u);

	if (cause == IIR_THRI)
		u->thre_pending = false;
	return cause | (u->fcr & FCR_ENABLE ? IIR_FIFO : 0);
}

static uint8_t lsr_read(struct vuart *u)
{
	uint8_t value = lsr_value(u) | (u->overrun ? LSR_OE : 0);

	u->overrun = false;
	return value;
}

static uint8_t msr_read(struct vuart *u)
{
	uint8_t value = msr_lines(u) | u->msr_changed;

	u->msr_changed = 0;
	return value;
}

static uint8_t reg_read(struct vuart *u, unsigned reg)
{
	bool dlab = u->lcr & LCR_DLAB;

	switch (reg) {
	case RBR_THR:
		return dlab ? u->dll : rbr_read(u);
	case IER:
		return dlab ? u->dlm : u->ier;
	case IIR_FCR:
		return iir_read(u);
	case LCR:
		return u->lcr;
	case MCR:
		return u->mcr;
	case LSR:
		return lsr_read(u);
	case MSR:
		return msr_read(u);
	default:
		return u->scr;
	}
}

static void divisor_write(struct vuart *u, unsigned reg, uint8_t value)
{
	if (reg == RBR_THR)
		u->dll = value;
	else
		u->dlm = value;
}

static void reg_write(struct vuart *u, unsigned reg, uint8_t value)
{
	if (u->lcr & LCR_DLAB && reg <= IER) {
		divisor_write(u, reg, value);
		return;
	}
	switch (reg) {
	case RBR_THR:
		thr_write(u, value);
		break;
	case IER:
		ier_write(u, value);
		break;
	case IIR_FCR:
		fcr_write(u, value);
		break;
	case LCR:
		u->lcr = value;
		break;
	case MCR:
		mcr_write(u, value);
		break;
	case SCR:
		u->scr = value;
		break;
	default: /* LSR, MSR: read only */
		break;
	}
}

static int access_locked(struct vuart *u, unsigned reg, struct vcpu_mmio *mmio)
{
	bool room;

	spin_lock(&u->lock);
	if (mmio->write)
		reg_write(u, reg, mmio->value);
	else
		mmio->value = reg_read(u, reg);
	state_settle(u);
	room = room_made(u);
	spin_unlock(&u->lock);
	if (room)
		u->ops->input_room(u->arg);
	return 0;
}

int vuart_access(void *dev, uint64_t offset, struct vcpu_mmio *mmio)
{
	struct vuart *u = dev;

	if (mmio->width != 1 || offset >= VUART_SIZE)
		return -EINVAL;
	if (mmio->write || offset != LSR || u->polled & VUART_POLL_NOT)
		return access_locked(u, offset, mmio);
	/* Changes nothing: no lock. */
	mmio->value = u->polled;
	return 0;
}

bool vuart_input(struct vuart *u, uint8_t byte)
{
	unsigned long flags = spin_lock_irqsave(&u->lock);
	bool room = rx_is_open(u);

	if (room)
		fifo_put(&u->rx, byte);
	else
		u->input_refused = true;
	state_settle(u);
	spin_unlock_irqrestore(&u->lock, flags);
	return room;
}

int vuart_unread(struct vuart *u)
{
	unsigned long flags = spin_lock_irqsave(&u->lock);
	int byte = -1;

	if (u->rx.used && !(u->mcr & MCR_LOOP))
		byte = fifo_take(&u->rx);
	state_settle(u);
	spin_unlock_irqrestore(&u->lock, flags);
	return byte;
}

void vuart_drain(struct vuart *u)
{
	unsigned long flags = spin_lock_irqsave(&u->lock);

	tx_drain(u);
	state_settle(u);
	spin_unlock_irqrestore(&u->lock, flags);
}

size_t vuart_write(struct vuart *u, const uint8_t *buf, size_t len)
{
	unsigned long flags = spin_lock_irqsave(&u->lock);
	size_t n = 0;

	tx_drain(u);
	while (n < len && !u->tx.used && u->ops->output(u->arg, buf[n]))
		n++;
	state_settle(u);
	spin_unlock_irqrestore(&u->lock, flags);
	return n;
}

void vuart_outlet_set(struct vuart *u, struct ring *outlet,
		      const uint32_t *listened)
{
	u->outlet = outlet;
	u->listened = listened;
	state_settle(u);
}

void vuart_settled(struct vuart *u)
{
	unsigned long flags = spin_lock_irqsave(&u->lock);

	spin_unlock_irqrestore(&u->lock, flags);
}

static void state_reset(struct vuart *u)
{
	bool refused = u->input_refused;

	memset(&u->rx, 0, sizeof(u->rx));
	memset(&u->tx, 0, sizeof(u->tx));
	u->ier = u->fcr = u->lcr = u->mcr = u->scr = u->dll = u->dlm = 0;
	u->msr_changed = 0;
	u->overrun = u->thre_pending = false;
	u->input_refused = refused;
}

void vuart_reset(struct vuart *u)
{
	unsigned long flags = spin_lock_irqsave(&u->lock);
	bool room;

	state_reset(u);
	state_settle(u);
	room = room_made(u);
	spin_unlock_irqrestore(&u->lock, flags);
	if (room)
		u->ops->input_room(u->arg);
}

void vuart_init(struct vuart *u, const struct vuart_ops *ops, void *arg)
{
	*u = (struct vuart){.ops = ops, .arg = arg};
	state_settle(u);
}
