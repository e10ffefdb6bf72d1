/*
 * Interrupts and timers between many harts on few: a token that goes round by
 * software interrupts with every hart asleep till it comes, timers that each
 * hart sets and counts, and how evenly the harts are served.
 */
#include "test/qemu/guests/guest.h"

#define MILLISECOND 10000ul /* of virt's clock */
#define LAPS	    200u
#define TIMERS	    100u

static uint64_t harts_used, share_ms, exact;

static volatile struct {
	uint64_t tokens;  /* how often the token came by */
	uint64_t fired;	  /* timers */
	uint64_t early;	  /* timers before their time: never */
	uint64_t counted; /* work done */
	uint64_t ready;
	uint64_t room[3];
} hart_of[HARTS];

static volatile uint64_t token_at, phase, began;

static uint64_t now(void)
{
	return csr_get("time");
}

static bool pends(unsigned irq)
{
	return csr_get("sip") >> irq & 1;
}

/* Sleep until a software interrupt comes, and take it: the hart is free for
 * others meanwhile. */
static void take_soft(void)
{
	csr_set_to("sie", 1ul << IRQ_SOFT);
	while (!pends(IRQ_SOFT))
		__asm__ volatile("wfi");
	csr_set_to("sie", 0);
	__asm__ volatile("csrc sip, %0" ::"r"(1ul << IRQ_SOFT));
}

static void send(uint64_t hart)
{
	sbi(SBI_IPI, 0, 1, hart, 0);
}

/* Pass the token on LAPS times; a lost interrupt ends it all. */
static void ring(uint64_t hart)
{
	uint64_t next;

	while (hart_of[hart].tokens < LAPS) {
		while (token_at != hart)
			take_soft();
		hart_of[hart].tokens++;
		next = (hart + 1) % harts_used;
		token_at = next;
		__sync_synchronize();
		send(next);
	}
}

static void timers(uint64_t hart)
{
	uint64_t state = hart + 1, at;

	while (hart_of[hart].fired < TIMERS) {
		at = now() + random_next(&state) % (2 * MILLISECOND);
		sbi(SBI_TIME, 0, at, 0, 0);
		/* Sstc on some emulators does not show in sip. */
		csr_set_to("sie", 1ul << IRQ_TIMER);
		while (now() < at && !pends(IRQ_TIMER))
			__asm__ volatile("wfi");
		csr_set_to("sie", 0);
		hart_of[hart].early += now() < at;
		hart_of[hart].fired++;
	}
	sbi(SBI_TIME, 0, -1ul, 0, 0);
}

/* Work alone, all the time, all at the same time. */
static void share(uint64_t hart)
{
	uint64_t until = began + share_ms * MILLISECOND;

	while (now() < until)
		hart_of[hart].counted++;
}

/* Each phase begins when all are there, asleep till then. */
static void meet(uint64_t hart, uint64_t next)
{
	unsigned i;

	if (hart) {
		hart_of[hart].ready = next;
		while (phase < next)
			take_soft();
		return;
	}
	for (i = 1; i < harts_used; i++)
		while (hart_of[i].ready < next) {
			sbi(SBI_TIME, 0, now() + MILLISECOND, 0, 0);
			csr_set_to("sie", 1ul << IRQ_TIMER);
			__asm__ volatile("wfi");
		}
	csr_set_to("sie", 0);
	sbi(SBI_TIME, 0, -1ul, 0, 0);
	began = now();
	phase = next;
	__sync_synchronize();
	sbi(SBI_IPI, 0, -1ul, -1ul, 0);
	take_soft();
}

static void work(uint64_t hart)
{
	meet(hart, 1);
	ring(hart);
	meet(hart, 2);
	timers(hart);
	meet(hart, 3);
	share(hart);
	meet(hart, 4);
}

static void result(void)
{
	uint64_t i, least = -1ul, most = 0, tokens = 0, fired = 0, early = 0;

	for (i = 0; i < harts_used; i++) {
		tokens += hart_of[i].tokens;
		fired += hart_of[i].fired;
		early += hart_of[i].early;
		if (hart_of[i].counted < least)
			least = hart_of[i].counted;
		if (hart_of[i].counted > most)
			most = hart_of[i].counted;
	}
	report_equal("tokens", tokens, LAPS * harts_used);
	report_equal("timers", fired, TIMERS * harts_used);
	/* Where QEMU's harts are threads, a timer that it has begun to fire can
	 * set VSTIP behind the write that moved it: nobody's early interrupt.
	 */
	if (exact)
		report_equal("early", early, 0);
	print("share least ");
	print_number(least);
	print(" most ");
	print_number(most);
	print("\n");
}

void payload(uint64_t hart, const void *arg)
{
	if (hart) {
		work(hart);
		sbi(SBI_HSM, 1, 0, 0, 0);
		return;
	}
	harts_used = bootarg(arg, "harts=", 1);
	share_ms = bootarg(arg, "share=", 100);
	exact = bootarg(arg, "exact=", 0);
	for (hart = 1; hart < harts_used; hart++)
		sbi(SBI_HSM, 0, hart, (uint64_t)_start, 0);
	work(0);
	result();
	report_end();
}
