/*
 * Guests that are past help, one way each: what they loop in takes the hart
 * for ever, some of them with an exit at every turn. All that counts is that
 * nobody else notices.
 */
#include "test/qemu/guests/guest.h"

static uint64_t root[512] __attribute__((aligned(4096)));

static void interrupts_on(void)
{
	sbi(SBI_TIME, 0, 0, 0, 0);
	sbi(SBI_IPI, 0, -1ul, -1ul, 0);
	csr_set_to("sie", -1ul);
	__asm__ volatile("csrsi sstatus, 2");
}

/* A vector that faults, and a fault. */
static void vector_at(uint64_t where)
{
	csr_set_to("stvec", where);
	__asm__ volatile("unimp");
}

static void satp_at(uint64_t table)
{
	csr_set_to("satp", 8ul << 60 | table >> 12);
	__asm__ volatile("sfence.vma");
}

static void get_lost(unsigned way)
{
	switch (way) {
	case 0:
		vector_at(NOWHERE);
		break;
	case 1:
		vector_at(UART);
		break;
	case 2:
		csr_set_to("stvec", PLIC);
		interrupts_on();
		break;
	case 3: /* a vector that is not mapped */
		satp_at((uint64_t)root);
		break;
	case 4: /* a root that is not there */
		satp_at(NOWHERE);
		break;
	case 5:
		satp_at(UART);
		break;
	case 6:
		satp_at((1ul << 56) - 4096);
		break;
	case 7: /* asleep for good */
		csr_set_to("sie", 0);
		for (;;)
			__asm__ volatile("wfi");
	case 8: /* deaf */
		csr_set_to("sie", 0);
		for (;;)
			;
	case 9: /* an interrupt that nobody takes away */
		interrupts_on();
		for (;;)
			__asm__ volatile(
				"csrw sie, %0\ncsrsi sstatus, 2" ::"r"(-1ul));
	case 10: /* a call each turn */
		for (;;)
			sbi(SBI_BASE, 0, 0, 0, 0);
	case 11: /* the timer's, which does not leave assembly */
		for (;;)
			sbi(SBI_TIME, 0, 0, 0, 0);
	case 12: /* a device each turn */
		for (;;)
			(void)*(volatile uint8_t *)(UART + 5);
	case 13: /* a wait that is over at once */
		sbi(SBI_TIME, 0, 0, 0, 0);
		csr_set_to("sie", 1ul << IRQ_TIMER);
		for (;;)
			__asm__ volatile("wfi");
	default: /* fences of everything by everybody */
		for (;;)
			sbi(SBI_RFENCE, 1, -1ul, -1ul, 0);
	}
}

void payload(uint64_t hart, const void *arg)
{
	unsigned way = hart ? (uint64_t)arg : bootarg(arg, "way=", 0);

	if (!hart) {
		print("lost ");
		print_number(way);
		print("\n");
		sbi(SBI_HSM, 0, 1, (uint64_t)_start, way);
	}
	get_lost(way);
	for (;;)
		;
}
