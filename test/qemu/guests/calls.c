/*
 * The SBI from the side of a caller who means no good: what must be refused is
 * refused with the right error. Any id with any arguments is fuzz.c's.
 */
#include "test/qemu/guests/guest.h"

#define LEGACY_CLEAR_IPI 3
#define LEGACY_IPI	 4

static uint64_t memory;

static void refused(const char *name, struct sbi r, long error)
{
	report_equal(name, r.error, error);
}

static void test_console(void)
{
	refused("dbcn-huge", sbi(SBI_DBCN, 0, -1ul, RAM, 0), SBI_INVALID_PARAM);
	refused("dbcn-past-end", sbi(SBI_DBCN, 0, 2, RAM + memory - 1, 0),
		SBI_INVALID_PARAM);
	refused("dbcn-all-but-one", sbi(SBI_DBCN, 0, memory + 1, RAM, 0),
		SBI_INVALID_PARAM);
	refused("dbcn-wrap", sbi(SBI_DBCN, 0, -RAM, RAM, 0), SBI_INVALID_PARAM);
	refused("dbcn-wrap-to-ram",
		sbi(SBI_DBCN, 0, 1ul << 63, -(1ul << 62), 0),
		SBI_INVALID_PARAM);
	refused("dbcn-hole", sbi(SBI_DBCN, 0, 16, NOWHERE, 0),
		SBI_INVALID_PARAM);
	refused("dbcn-uart", sbi(SBI_DBCN, 0, 1, UART, 0), SBI_INVALID_PARAM);
	refused("dbcn-plic", sbi(SBI_DBCN, 0, 4, PLIC, 0), SBI_INVALID_PARAM);
	refused("dbcn-high", sbi(SBI_DBCN, 0, 16, RAM, 1), SBI_INVALID_PARAM);
	refused("dbcn-negative", sbi(SBI_DBCN, 0, 16, -4096ul, -1ul),
		SBI_INVALID_PARAM);
	refused("dbcn-below", sbi(SBI_DBCN, 0, 16, RAM - 8, 0),
		SBI_INVALID_PARAM);
	refused("dbcn-read-huge", sbi(SBI_DBCN, 1, -1ul, RAM, 0),
		SBI_INVALID_PARAM);
	refused("dbcn-read-hole", sbi(SBI_DBCN, 1, 16, NOWHERE, 0),
		SBI_INVALID_PARAM);
	refused("dbcn-read-uart", sbi(SBI_DBCN, 1, 1, UART, 0),
		SBI_INVALID_PARAM);
	refused("dbcn-nothing", sbi(SBI_DBCN, 0, 0, RAM, 0), 0);
}

static void test_unknown(void)
{
	static const unsigned long known[] = {SBI_BASE,	  SBI_TIME, SBI_IPI,
					      SBI_RFENCE, SBI_HSM,  SBI_SRST,
					      SBI_DBCN,	  SBI_SUSP};
	/* PMU, CPPC, NACL, STA, SSE, FWFT, DBTR, MPXY, a vendor's, a
	 * firmware's, experimental ones, and some that are nobody's. */
	static const unsigned long unknown[] = {
		0x504d55,   0x43505043, 0x4e41434c,
		0x535441,   0x535345,	0x46574654,
		0x44425452, 0x4d505859, 0x09000000,
		0x0a000000, 0x08000000, 9,
		0xf,	    0x11,	-1ul,
		-2ul,	    1ul << 63,	SBI_TIME | 1ul << 32};
	bool ids = true, functions = true, probes = true;
	unsigned i;

	for (i = 0; i < COUNT_OF(unknown); i++) {
		ids &= sbi(unknown[i], 0, 0, 0, 0).error == SBI_NOT_SUPPORTED;
		probes &= !sbi(SBI_BASE, 3, unknown[i], 0, 0).value;
	}
	for (i = 0; i < COUNT_OF(known); i++) {
		functions &=
			sbi(known[i], 100, 0, 0, 0).error == SBI_NOT_SUPPORTED;
		functions &=
			sbi(known[i], -1ul, 0, 0, 0).error == SBI_NOT_SUPPORTED;
	}
	report("unknown-extensions", ids);
	report("unknown-probed", probes);
	report("unknown-functions", functions);
}

static void test_harts(void)
{
	refused("ipi-nobody", sbi(SBI_IPI, 0, 2, 0, 0), SBI_INVALID_PARAM);
	refused("ipi-far", sbi(SBI_IPI, 0, 1, 64, 0), SBI_INVALID_PARAM);
	refused("ipi-farther", sbi(SBI_IPI, 0, 1, -2ul, 0), SBI_INVALID_PARAM);
	refused("ipi-none", sbi(SBI_IPI, 0, 0, 77, 0), 0);
	refused("ipi-all", sbi(SBI_IPI, 0, 0, -1ul, 0), 0);
	refused("fence-nobody", sbi(SBI_RFENCE, 1, -1ul, 0, 0),
		SBI_INVALID_PARAM);
	refused("fence-hypervisor", sbi(SBI_RFENCE, 4, 1, 0, 0),
		SBI_NOT_SUPPORTED);
	/* Up to the last byte there is, but for one. */
	report_equal("fence-top",
		     sbi6(SBI_RFENCE, 1,
			  (const unsigned long[6]){1, 0, -8192ul, 8191})
			     .error,
		     0);
	refused("start-nobody", sbi(SBI_HSM, 0, 1, RAM, 0), SBI_INVALID_PARAM);
	refused("start-self", sbi(SBI_HSM, 0, 0, RAM, 0),
		SBI_ALREADY_AVAILABLE);
	refused("start-hole", sbi(SBI_HSM, 0, 0, NOWHERE, 0),
		SBI_INVALID_ADDRESS);
	refused("status-nobody", sbi(SBI_HSM, 2, -1ul, 0, 0),
		SBI_INVALID_PARAM);
	refused("suspend-type", sbi(SBI_HSM, 3, 7, RAM, 0), SBI_INVALID_PARAM);
	refused("suspend-hole", sbi(SBI_HSM, 3, 0x80000000, NOWHERE, 0),
		SBI_INVALID_ADDRESS);
	refused("suspend-past-end",
		sbi(SBI_HSM, 3, 0x80000000, RAM + memory, 0),
		SBI_INVALID_ADDRESS);
	refused("system-suspend-type", sbi(SBI_SUSP, 0, 1, RAM, 0),
		SBI_INVALID_PARAM);
	refused("system-suspend-uart", sbi(SBI_SUSP, 0, 0, UART, 0),
		SBI_INVALID_ADDRESS);
	refused("reset-type", sbi(SBI_SRST, 0, 3, 0, 0), SBI_INVALID_PARAM);
	refused("reset-reason", sbi(SBI_SRST, 0, 1, 2, 0), SBI_INVALID_PARAM);
}

/* The masks of the legacy calls are pointers, which may point anywhere. */
static void test_pointers(void)
{
	static const uint64_t bad[] = {NOWHERE, UART, PLIC, -8ul, 1ul << 62};
	bool good = true;
	uint64_t before;
	unsigned i;

	for (i = 0; i < COUNT_OF(bad); i++) {
		before = saved.count;
		sbi(LEGACY_IPI, 0, bad[i], 0, 0);
		good &= saved.count == before + 1 &&
			trap_was(LOAD_ACCESS, bad[i]);
	}
	report("legacy-mask", good);
}

static bool soft_waits(void)
{
	return csr_get("sip") >> IRQ_SOFT & 1;
}

/* The legacy call says whether there was one to clear. */
static void test_soft(void)
{
	__asm__ volatile("csrc sip, %0" ::"r"(1ul << IRQ_SOFT));
	report("clear-ipi-none", sbi(LEGACY_CLEAR_IPI, 0, 0, 0, 0).error == 0);
	sbi(SBI_IPI, 0, 1, 0, 0);
	report("ipi-waits", soft_waits());
	report("clear-ipi",
	       sbi(LEGACY_CLEAR_IPI, 0, 0, 0, 0).error == 1 && !soft_waits());
	report("clear-ipi-again", sbi(LEGACY_CLEAR_IPI, 0, 0, 0, 0).error == 0);
	sbi(SBI_IPI, 0, 1, 0, 0);
	__asm__ volatile("csrc sip, %0" ::"r"(1ul << IRQ_SOFT));
	report("clear-ipi-cleared",
	       sbi(LEGACY_CLEAR_IPI, 0, 0, 0, 0).error == 0);
}

/* A while in which an interrupt may come; then a breakpoint. */
__asm__(".pushsection .text\n"
	"a_while: li t0, 100000\n"
	"1: addi t0, t0, -1\n"
	"bnez t0, 1b\n"
	"ebreak\n"
	".popsection");
extern const char a_while[];

/* Does the timer's interrupt come? */
static bool timer_comes(void)
{
	const struct guarded g = {.pc = (uint64_t)a_while,
				  .status = IN_VS | SSTATUS_SPIE,
				  .sie = 1ul << IRQ_TIMER};

	guarded(&g);
	return saved.cause == (INTERRUPT | IRQ_TIMER);
}

/* Times so far off that they wrap on the way to the host's clock. */
static void test_timer(void)
{
	static const uint64_t never[] = {-1ul, -2ul, -1000000ul, 1ul << 63,
					 (1ul << 63) - 1};
	bool comes = false;
	unsigned i;

	for (i = 0; i < COUNT_OF(never); i++) {
		sbi(SBI_TIME, 0, never[i], 0, 0);
		comes |= timer_comes();
	}
	report("timer-far", !comes);
	sbi(SBI_TIME, 0, 0, 0, 0);
	report("timer-past", timer_comes());
	sbi(SBI_TIME, 0, -1ul, 0, 0);
	report("timer-cancelled", !timer_comes());
}

void payload(uint64_t hart, const void *tree)
{
	(void)hart;
	memory = bootarg(tree, "memory=", 0);
	test_console();
	test_unknown();
	test_harts();
	test_pointers();
	test_soft();
	test_timer();
	report_end();
}
