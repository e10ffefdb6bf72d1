/*
 * Storms on several harts of one guest: interrupts, fences, starts and stops,
 * device registers, all as fast as they go and half of them nonsense. What can
 * be counted is: a software interrupt sent is one received, a hart started is
 * one that ran, and a timer set is one that fires.
 */
#include "test/qemu/guests/guest.h"

#define OTHERS 3u      /* harts 1 to 3 */
#define TICKS  10000ul /* a millisecond of virt's clock */
#define STORM  (100 * TICKS)

static uint64_t row, memory;

/* Of each hart, written by that hart alone. */
static volatile struct {
	uint64_t ran, rounds, lost;
} hart_of[OTHERS + 1];

/* What the others do when they are started next. */
static void (*volatile job)(uint64_t hart);

static uint64_t now(void)
{
	return csr_get("time");
}

/* Wait with interrupts off until @irq is pending, at most a second. */
static bool pends_soon(unsigned irq)
{
	uint64_t until = now() + 1000 * TICKS;

	while (!(csr_get("sip") >> irq & 1))
		if (now() > until)
			return false;
	return true;
}

static long state_of(unsigned hart)
{
	return (long)sbi(SBI_HSM, 2, hart, 0, 0).value;
}

#define STOPPED 1

/* Start every other hart at @what; false: one could not be. */
static bool others_start(void (*what)(uint64_t hart))
{
	unsigned i;

	job = what;
	__sync_synchronize();
	for (i = 1; i <= OTHERS; i++)
		if (sbi(SBI_HSM, 0, i, (uint64_t)_start, i).error)
			return false;
	return true;
}

/* All stopped within five seconds? */
static bool others_stop(void)
{
	uint64_t until = now() + 5000 * TICKS;
	unsigned i;

	for (i = 1; i <= OTHERS; i++)
		while (state_of(i) != STOPPED)
			if (now() > until)
				return false;
	return true;
}

/* ---- jobs: each for the length of a storm ---- */

static void ipi_storm(uint64_t hart)
{
	uint64_t until = now() + STORM;

	for (; now() < until; hart_of[hart].rounds++) {
		sbi(SBI_IPI, 0, -1ul, -1ul, 0);
		/* One's own comes for sure. */
		if (!pends_soon(IRQ_SOFT))
			hart_of[hart].lost++;
		__asm__ volatile("csrc sip, %0" ::"r"(1ul << IRQ_SOFT));
	}
}

static uint64_t any_of(uint64_t *state)
{
	uint64_t r = random_next(state);

	return r & 1 ? r >> 1 : (r & 2 ? RAM : 0) + (r >> 8 & 0xffffff);
}

static void fence_storm(uint64_t hart)
{
	uint64_t state = row + hart, until = now() + STORM, r;

	for (; now() < until; hart_of[hart].rounds++) {
		const unsigned long arg[6] = {random_next(&state) & 15, 0,
					      any_of(&state), any_of(&state),
					      any_of(&state)};

		r = random_next(&state);
		sbi6(SBI_RFENCE, r & 3, arg);
		if (!(r >> 8 & 15))
			sbi(SBI_RFENCE, 1, -1ul, -1ul, 0);
		if (!(r >> 12 & 15))
			sbi6(6, 0, (const unsigned long[6]){0, 0, -1ul});
	}
}

static void timer_storm(uint64_t hart)
{
	uint64_t until = now() + STORM;

	for (; now() < until; hart_of[hart].rounds++) {
		sbi(SBI_TIME, 0, now() + hart * 7, 0, 0);
		csr_set_to("sie", 1ul << IRQ_TIMER);
		__asm__ volatile("wfi");
		csr_set_to("sie", 0);
	}
}

static void wfi_storm(uint64_t hart)
{
	uint64_t until = now() + STORM;

	sbi(SBI_TIME, 0, 0, 0, 0);
	csr_set_to("sie", 1ul << IRQ_TIMER);
	for (; now() < until; hart_of[hart].rounds++)
		__asm__ volatile("wfi");
	csr_set_to("sie", 0);
}

static void suspend_storm(uint64_t hart)
{
	uint64_t until = now() + STORM;

	csr_set_to("sie", 1ul << IRQ_TIMER);
	for (; now() < until; hart_of[hart].rounds++) {
		sbi(SBI_TIME, 0, now() + 50, 0, 0);
		if (sbi(SBI_HSM, 3, 0, 0, 0).error)
			hart_of[hart].lost++;
	}
	csr_set_to("sie", 0);
}

/* Every width at any place: 4 bytes aligned the PLIC takes, or it faults. */
static void plic_storm(uint64_t hart)
{
	uint64_t state = row + hart, until = now() + STORM, r, before;
	volatile void *at;

	for (; now() < until; hart_of[hart].rounds++) {
		r = random_next(&state);
		at = (void *)(PLIC + (r >> 8 & (r & 128 ? 0x3fff : 0x7fffff)));
		before = saved.count;
		switch (r & 7) {
		case 0:
			(void)*(volatile uint8_t *)at;
			break;
		case 1:
			*(volatile uint16_t *)((uint64_t)at & ~1ul) = r >> 32;
			break;
		case 2:
			(void)*(volatile uint64_t *)((uint64_t)at & ~7ul);
			break;
		case 3:
		case 4:
			(void)*(volatile uint32_t *)((uint64_t)at & ~3ul);
			break;
		default:
			*(volatile uint32_t *)((uint64_t)at & ~3ul) = r >> 32;
			break;
		}
		if ((r & 7) < 3 && saved.count != before + 1)
			hart_of[hart].lost++;
	}
}

static void uart_storm(uint64_t hart)
{
	volatile uint8_t *uart = (volatile uint8_t *)UART;
	uint64_t state = row + hart, until = now() + STORM, r;

	for (; now() < until; hart_of[hart].rounds++) {
		r = random_next(&state);
		/* Anything to any register; output is another storm's. */
		if (r & 1)
			(void)uart[r >> 8 & 7];
		else
			uart[1 + (r >> 8) % 7] = r >> 16;
	}
	uart[3] = 0;
	uart[4] = 0;
	uart[1] = 0;
}

static void uart_flood(uint64_t hart)
{
	volatile uint8_t *uart = (volatile uint8_t *)UART;
	uint64_t until = now() + STORM;

	for (; now() < until; hart_of[hart].rounds++)
		uart[0] = hart_of[hart].rounds % 64 ? 'x' : '\n';
}

static void dbcn_flood(uint64_t hart)
{
	static const char text[64] = "................................"
				     "..............................\n";
	uint64_t until = now() + STORM;

	for (; now() < until; hart_of[hart].rounds++)
		sbi(SBI_DBCN, 0, sizeof(text) - 1, (uint64_t)text, 0);
}

static void nothing(uint64_t hart)
{
	hart_of[hart].rounds++;
}

/* ---- hart 0 ---- */

/* All harts at it, this one too; every one got somewhere and lost nothing. */
static void storm(const char *name, void (*what)(uint64_t hart))
{
	bool good = others_start(what);
	unsigned i;

	what(0);
	good &= others_stop();
	for (i = 0; i <= OTHERS; i++) {
		good &= hart_of[i].rounds && !hart_of[i].lost;
		hart_of[i].rounds = hart_of[i].lost = 0;
	}
	/* What the storm left of itself, a line begun among it. */
	print("\n");
	sbi(SBI_TIME, 0, -1ul, 0, 0);
	__asm__ volatile("csrc sip, %0" ::"r"(1ul << IRQ_SOFT));
	report(name, good);
}

/* Starts with nonsense between them; each that succeeds is one run. */
static void start_storm(void)
{
	uint64_t until = now() + 3 * STORM, started[OTHERS + 1] = {0}, i;
	bool good = true;

	for (i = 0; i <= OTHERS; i++)
		hart_of[i].ran = 0;
	job = nothing;
	while (now() < until) {
		i = random_next(&row) % 6;
		if (i <= OTHERS && i)
			started[i] +=
				!sbi(SBI_HSM, 0, i, (uint64_t)_start, i).error;
		good &= sbi(SBI_HSM, 0, i, NOWHERE, 0).error != 0;
		good &= sbi(SBI_HSM, 0, i, RAM + memory, 0).error != 0;
		sbi(SBI_HSM, 3, random_next(&row) | 1ul << 30, 0, 0);
	}
	good &= others_stop();
	for (i = 1; i <= OTHERS; i++)
		good &= started[i] && hart_of[i].ran == started[i];
	report("start-storm", good);
}

static void test_suspend_denied(void)
{
	bool good = others_start(wfi_storm);

	good &= sbi(SBI_SUSP, 0, 0, (uint64_t)_start, 0).error == SBI_DENIED;
	good &= others_stop();
	report("system-suspend-denied", good);
}

void payload(uint64_t hart, const void *arg)
{
	if (hart) {
		job(hart);
		hart_of[hart].ran++;
		__sync_synchronize();
		sbi(SBI_HSM, 1, 0, 0, 0);
		return;
	}
	row = bootarg(arg, "seed=", 1);
	memory = bootarg(arg, "memory=", 0);
	storm("ipi-storm", ipi_storm);
	storm("fence-storm", fence_storm);
	storm("timer-storm", timer_storm);
	storm("wfi-storm", wfi_storm);
	storm("suspend-storm", suspend_storm);
	storm("plic-storm", plic_storm);
	storm("uart-storm", uart_storm);
	start_storm();
	test_suspend_denied();
	storm("uart-flood", uart_flood);
	storm("dbcn-flood", dbcn_flood);
	report_end();
}
