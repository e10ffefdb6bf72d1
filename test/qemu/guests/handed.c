/*
 * The machine as a kernel finds it that was handed it: harts, timers, interrupt
 * controllers, the UART and, where there is one, the hypervisor extension.
 */
#include "test/qemu/guests/guest.h"

#define UART_IER 0x10000001ul
#define PLIC	 0x0c000000ul
#define APLIC	 0x0d000000ul /* of the supervisor level */
#define SOURCES	 95u
#define NUMBERS	 8u /* of harts that are tried */

#define HSM_STARTED 0
#define HSM_STOPPED 1

#define CSR_SET(name, value) __asm__ volatile("csrw " name ", %0" ::"r"(value))

/* The value of a CSR, or what a register that is not there is to read as. */
#define csr_or(name, absent)                                                 \
	({                                                                   \
		unsigned long found_ = (absent);                             \
		traps("csrr %0, " name, : "+r"(found_)) ? (absent) : found_; \
	})

static uint32_t reg32(unsigned long at)
{
	return *(volatile uint32_t *)at;
}

static bool tree_names(const void *tree, const char *word)
{
	const uint8_t *p = tree;
	uint32_t i, n, size = p[4] << 24 | p[5] << 16 | p[6] << 8 | p[7];

	for (i = 0; i < size; i++) {
		for (n = 0; word[n] && p[i + n] == word[n]; n++)
			;
		if (!word[n])
			return true;
	}
	return false;
}

static void test_hart(uint64_t hart)
{
	uint64_t i, stopped = 0, others = 0;

	report("satp", csr_get("satp") == 0);
	report("sie", csr_get("sie") == 0);
	report("sstatus", !(csr_get("sstatus") & (1 << 1 | 1 << 18)));
	report("scounteren", csr_get("scounteren") == 0);
	report("stimecmp", csr_or("0x14d", -1ul) == -1ul);
	for (i = 0; i < NUMBERS; i++) {
		struct sbi r = sbi(SBI_HSM, 2, i, 0, 0);

		if (i == hart)
			report("own-hart", !r.error && r.value == HSM_STARTED);
		else if (!r.error)
			others++, stopped += r.value == HSM_STOPPED;
	}
	report("other-harts", stopped == others);
}

/* Other harts' thresholds are the firmware's. */
static void test_plic(uint64_t hart)
{
	uint32_t bits = 0, i, context;

	for (i = 1; i <= SOURCES; i++)
		bits |= reg32(PLIC + 4 * i);
	report("plic-priority", !bits);
	/* Machine and supervisor level of each hart by turns. */
	for (context = 1; context < 2 * NUMBERS; context += 2) {
		for (i = 0; i <= SOURCES / 32; i++)
			bits |= reg32(PLIC + 0x2000 + 0x80 * context + 4 * i);
		bits |= reg32(PLIC + 0x200004 + 0x1000 * context);
	}
	bits |= reg32(PLIC + 0x200000 + 0x1000 * (2 * hart + 1));
	report("plic-contexts", !bits);
}

/* Other harts' thresholds are the firmware's. */
static void test_aplic(uint64_t hart, bool direct)
{
	uint32_t bits = 0, i;

	/* The delivery mode is hard-wired: only "enabled" counts. */
	report("aplic-domaincfg", !(reg32(APLIC) & 0x100));
	for (i = 1; i <= SOURCES; i++)
		bits |= reg32(APLIC + 4 * i);
	report("aplic-sourcecfg", !bits);
	for (i = 0; i <= SOURCES / 32; i++)
		bits |= reg32(APLIC + 0x1c00 + 4 * i) |
			reg32(APLIC + 0x1e00 + 4 * i);
	report("aplic-pending-enabled", !bits);
	if (!direct)
		return;
	bits |= reg32(APLIC + 0x4008 + 32 * hart);
	for (i = 0; i < NUMBERS; i++)
		bits |= reg32(APLIC + 0x4000 + 32 * i);
	report("aplic-delivery", !bits);
}

static uint64_t imsic(unsigned long select)
{
	CSR_SET("0x150", select);
	return csr_get("0x151");
}

static void test_imsic(void)
{
	uint64_t bits = 0, i;

	report("imsic-delivery", !imsic(0x70));
	report("imsic-threshold", !imsic(0x72));
	for (i = 0; i < 8; i += 2)
		bits |= imsic(0x80 + i) | imsic(0xc0 + i);
	report("imsic-pending-enabled", !bits);
	report("imsic-top", !csr_get("0x15c"));
}

static void test_hypervisor(void)
{
	if (traps("csrr zero, 0x680"))
		return;
	report("hgatp", !csr_get("0x680"));
	report("hedeleg", !csr_get("0x602"));
	report("hideleg", !(csr_get("0x603") & 0x444));
	report("hcounteren", !csr_get("0x606"));
	report("hvip", !csr_get("0x645"));
	report("hstatus", !(csr_get("0x600") & 0x7fffff));
	report("htimedelta", !csr_get("0x605"));
	report("henvcfg", !csr_or("0x60a", 0ul));
	report("hstateen0", !csr_or("0x60c", 0ul));
	report("vsie", !csr_get("0x204"));
	report("vsatp", !csr_get("0x280"));
	report("vstimecmp", csr_or("0x24d", -1ul) == -1ul);
}

void payload(uint64_t hart, const void *tree)
{
	bool messages = tree_names(tree, "riscv,imsics");

	test_hart(hart);
	report("uart-ier", !*(volatile uint8_t *)UART_IER);
	if (tree_names(tree, "sifive,plic-1.0.0"))
		test_plic(hart);
	if (tree_names(tree, "riscv,aplic"))
		test_aplic(hart, !messages);
	if (messages)
		test_imsic();
	test_hypervisor();
	report_end();
}
