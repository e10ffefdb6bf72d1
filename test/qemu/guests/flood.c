/*
 * Lines as fast as the console takes them, numbered from 1, each with the time
 * (ms of the guest's clock) at which it was begun. By bootargs:
 * mode=0: by the UART, polling LSR; 1: by its interrupt, asleep in between;
 * 2: by DBCN. lines=N: power off after so many. every=N: a line each N ms and
 * the microseconds that the last one took, in place of a flood.
 */
#include "test/qemu/guests/guest.h"

#define TICKS_PER_MS 10000ul /* virt's clock */

enum {
	BY_POLLING,
	BY_INTERRUPT,
	BY_SBI
};

#define THR 0
#define IER 1
#define IIR 2
#define FCR 2
#define LSR 5

#define FIFO	 16u
#define LSR_THRE 0x20
#define UART_IRQ 10u

/* Letters of a line, so that one that lost some is seen. */
#define FILL "abcdefghijklmnopqrstuvwxyz"

static volatile uint8_t *const uart = (volatile uint8_t *)UART;

static struct {
	char text[128];
	unsigned len;
} line;

static uint32_t volatile *plic(unsigned long offset)
{
	return (uint32_t volatile *)(PLIC + offset);
}

static void add(const char *text)
{
	while (*text)
		line.text[line.len++] = *text++;
}

static void add_number(unsigned long n)
{
	char text[24];
	unsigned at = sizeof(text) - 1;

	text[at] = 0;
	do
		text[--at] = (char)('0' + n % 10);
	while (n /= 10);
	add(text + at);
}

static void line_make(unsigned long number, unsigned long took)
{
	line.len = 0;
	add("line ");
	add_number(number);
	add(" at ");
	add_number(csr_get("time") / TICKS_PER_MS);
	add(" took ");
	add_number(took);
	/* Of many lengths. */
	add(" ");
	add(FILL + number % 26);
	add(".\n");
}

/* Until THRE, which the interrupt tells of: enabled at the hart but not in
 * sstatus, it ends wfi and no more. */
static void room_sleep(void)
{
	while (!(uart[LSR] & LSR_THRE)) {
		__asm__ volatile("wfi");
		(void)uart[IIR];
		*plic(0x200004) = *plic(0x200004);
	}
}

static void uart_put(unsigned long mode)
{
	unsigned i, n;

	for (i = 0; i < line.len; i += n) {
		if (mode == BY_INTERRUPT)
			room_sleep();
		while (!(uart[LSR] & LSR_THRE))
			;
		for (n = 0; n < FIFO && i + n < line.len; n++)
			uart[THR] = (uint8_t)line.text[i + n];
	}
}

static void sbi_put(void)
{
	const char *text = line.text;
	unsigned long left = line.len;

	while (left) {
		struct sbi r = sbi(SBI_DBCN, 0, left, (unsigned long)text, 0);

		if (r.error || r.value > left)
			sbi(SBI_SRST, 0, 0, 1, 0);
		text += r.value;
		left -= r.value;
	}
}

static void interrupts_start(void)
{
	*plic(4 * UART_IRQ) = 1;
	*plic(0x2000) = 1u << UART_IRQ;
	*plic(0x200000) = 0;
	uart[IER] = 2;
	csr_set_to("sie", 1ul << IRQ_EXTERN);
}

void payload(uint64_t hart, const void *tree)
{
	unsigned long mode = bootarg(tree, "mode=", BY_POLLING);
	unsigned long lines = bootarg(tree, "lines=", ~0ul);
	unsigned long every = bootarg(tree, "every=", 0) * TICKS_PER_MS;
	unsigned long number, took = 0, start, due = csr_get("time");

	(void)hart;
	uart[FCR] = 1;
	if (mode == BY_INTERRUPT)
		interrupts_start();
	for (number = 1; number <= lines; number++) {
		while (every && csr_get("time") < due)
			;
		due += every;
		start = csr_get("time");
		line_make(number, took);
		if (mode == BY_SBI)
			sbi_put();
		else
			uart_put(mode);
		took = every ? (csr_get("time") - start) / 10 : 0;
	}
	sbi(SBI_SRST, 0, 0, 0, 0);
}
