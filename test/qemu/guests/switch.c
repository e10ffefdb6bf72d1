/*
 * The world switch seen from inside: calls, devices, exceptions given back,
 * timer and IPI; and what a round trip costs in instructions.
 */
#include "test/qemu/guests/guest.h"

static void test_calls(void)
{
	struct sbi r = sbi(SBI_BASE, 0, 7, 7, 7);

	report("sbi-version", !r.error && r.value >> 24 >= 2);
	r = sbi(SBI_BASE, 3, SBI_TIME, 0, 0);
	report("sbi-probe", !r.error && r.value == 1);
	report("sbi-unknown", sbi(0x123456, 0, 0, 0, 0).error == -2);
}

/* Registers that C may not change must survive every kind of exit. */
static bool registers_survive(void)
{
	unsigned long bad;

	__asm__ volatile("li s2, 0x1234\n"
			 "li s3, 0x5678\n"
			 "li s11, -99\n"
			 "li t3, 0x777\n"
			 "li t6, 0x666\n"
			 "mv t4, gp\n"
			 "li gp, 0x555\n"
			 "li a7, 0x10\n"
			 "li a6, 0\n"
			 "ecall\n"
			 "lbu t5, 5(%1)\n" /* an MMIO exit */
			 "addi s2, s2, -0x234\n"
			 "addi s2, s2, -0x400\n"
			 "li %0, 0xc00\n"
			 "xor %0, %0, s2\n"
			 "li t5, 0x5678\n"
			 "xor t5, t5, s3\n"
			 "or %0, %0, t5\n"
			 "addi t5, s11, 99\n"
			 "or %0, %0, t5\n"
			 "addi t5, t3, -0x777\n"
			 "or %0, %0, t5\n"
			 "addi t5, t6, -0x666\n"
			 "or %0, %0, t5\n"
			 "addi t5, gp, -0x555\n"
			 "or %0, %0, t5\n"
			 "mv gp, t4\n"
			 : "=&r"(bad)
			 : "r"(UART)
			 : "s2", "s3", "s11", "t3", "t4", "t5", "t6", "a0",
			   "a1", "a6", "a7", "memory");
	return !bad;
}

static void test_mmio(void)
{
	volatile uint8_t *uart = (volatile uint8_t *)UART;
	volatile int8_t *sign = (volatile int8_t *)UART;
	volatile uint32_t *plic = (volatile uint32_t *)PLIC;

	uart[7] = 0xa5;
	report("mmio-byte", uart[7] == 0xa5);
	report("mmio-sign", sign[7] == (int8_t)0xa5);
	plic[10] = 3;
	report("mmio-word", plic[10] == 3);
	plic[10] = 0;
	report("registers", registers_survive());
}

static void test_faults(void)
{
	unsigned long v;

	report("load-nowhere",
	       traps("ld %0, 0(%1)",
		     : "=r"(v)
		     : "r"(NOWHERE)) &&
		       trap_was(5, NOWHERE));
	report("store-nowhere",
	       traps("sd zero, 0(%0)", ::"r"(NOWHERE)) && trap_was(7, NOWHERE));
	report("jump-nowhere",
	       traps("jalr ra, 0(%0)", ::"r"(NOWHERE)
		     : "ra") &&
		       trap_was(1, NOWHERE));
	report("amo-to-device",
	       traps("amoadd.w %0, zero, (%1)",
		     : "=r"(v)
		     : "r"(UART)) &&
		       saved.cause == 7);
	report("wide-to-device",
	       traps("ld %0, 0(%1)",
		     : "=r"(v)
		     : "r"(UART)) &&
		       trap_was(5, UART));
	report("misaligned-device",
	       traps("lw %0, 2(%1)",
		     : "=r"(v)
		     : "r"(PLIC)) &&
		       (saved.cause == 5 || saved.cause == 4));
	report("hypervisor-csr",
	       traps("csrr %0, 0x600",
		     : "=r"(v)) &&
		       saved.cause == 2);
	report("machine-csr",
	       traps("csrr %0, 0x300",
		     : "=r"(v)) &&
		       saved.cause == 2);
	report("illegal", traps(".word 0xffffffff") && saved.cause == 2);
	report("hlv", traps(".word 0x6c054573") && saved.cause == 2);
	report("breakpoint", traps("ebreak") && saved.cause == 3);
}

/* Interrupts on until @irq has come; false: another came, or none. */
static bool interrupted(unsigned irq)
{
	unsigned long n = saved.count, wait;

	__asm__ volatile("csrw sie, %0" ::"r"(1ul << irq) : "memory");
	__asm__ volatile("wfi" ::: "memory");
	__asm__ volatile("csrsi sstatus, 2" ::: "memory");
	for (wait = 0; wait < 10000000 && saved.count == n; wait++)
		;
	__asm__ volatile("csrci sstatus, 2" ::: "memory");
	return saved.count == n + 1 && saved.cause == (INTERRUPT | irq);
}

static void test_interrupts(void)
{
	uint64_t at = csr_get("time") + 50000;
	bool pending;

	sbi(SBI_TIME, 0, at, 0, 0);
	pending = csr_get("sip") >> 5 & 1;
	/* A slow emulator may be past it already; never before it. */
	report("timer-not-yet", !pending || csr_get("time") >= at);
	report("timer", interrupted(5));
	sbi(SBI_TIME, 0, -1ul, 0, 0);
	report("timer-off", !(csr_get("sip") >> 5 & 1));
	sbi(SBI_IPI, 0, 1, 0, 0);
	report("ipi-pending", csr_get("sip") >> 1 & 1);
	report("ipi", interrupted(1));
	__asm__ volatile("csrc sip, %0" ::"r"(1ul << 1));
	sbi(SBI_BASE, 0, 0, 0, 0);
	report("ipi-cleared", !(csr_get("sip") >> 1 & 1));
}

/* Sleep in the middle of a vector instruction: suspended, so that the vcpu
 * leaves its hart and comes back to it. */
static uint64_t vstart_after_sleep(void)
{
	register unsigned long a0 __asm__("a0") = 0; /* retentive */
	register unsigned long a6 __asm__("a6") = 3;
	register unsigned long a7 __asm__("a7") = SBI_HSM;
	uint64_t vstart;

	__asm__ volatile(".option push\n"
			 ".option arch, +f, +d, +v\n"
			 "vsetivli zero, 4, e8, m1, ta, ma\n"
			 "vmv.v.i v1, 1\n"
			 "csrwi vstart, 3\n"
			 "ecall\n"
			 "csrr %0, vstart\n"
			 "csrw vstart, zero\n"
			 ".option pop"
			 : "=r"(vstart), "+r"(a0)
			 : "r"(a6), "r"(a7)
			 : "a1", "memory");
	return vstart;
}

static void test_vector(void)
{
	uint64_t vstart;

	csr_set_to("sstatus", SSTATUS_PLAIN);
	if (traps("csrr zero, 0xc22")) /* vlenb: there is no V */
		return;
	csr_set_to("sie", 1ul << 5);
	sbi(SBI_TIME, 0, csr_get("time") + 20000, 0, 0);
	vstart = vstart_after_sleep();
	csr_set_to("sie", 0);
	sbi(SBI_TIME, 0, -1ul, 0, 0);
	report_equal("vstart", vstart, 3);
}

#define ROUNDS 1000ul

/* Instructions from before @insn to behind it: itself and all that it causes;
 * the mean of ROUNDS, to the nearest. */
#define FIGURE(name, insn, ...)                                                \
	do {                                                                   \
		unsigned long from_, to_, sum_ = 0, i_;                        \
                                                                               \
		for (i_ = 0; i_ < ROUNDS; i_++) {                              \
			__asm__ volatile(                                      \
				"csrr %0, instret\n" insn "\ncsrr %1, instret" \
				: "=&r"(from_), "=&r"(to_)__VA_ARGS__);        \
			sum_ += to_ - from_ - 1;                               \
		}                                                              \
		print("bench: " name " ");                                     \
		print_number((sum_ + ROUNDS / 2) / ROUNDS);                    \
		print("\n");                                                   \
	} while (0)

static void figures(void)
{
	register unsigned long a0 __asm__("a0") = -1ul;
	register unsigned long a1 __asm__("a1") = 0;
	register unsigned long a6 __asm__("a6") = 0;
	register unsigned long a7 __asm__("a7") = SBI_BASE;

	FIGURE("guest-sbi-base", "ecall", , "+r"(a0), "+r"(a1)
	       : "r"(a6), "r"(a7));
	a0 = -1ul;
	a7 = SBI_TIME;
	FIGURE("guest-set-timer", "ecall", , "+r"(a0), "+r"(a1)
	       : "r"(a6), "r"(a7));
	FIGURE("guest-uart-lsr", "lbu a4, 5(%2)", : "r"(UART) : "a4");
	FIGURE("guest-plic-priority", "lw t0, 40(%2)", : "r"(PLIC) : "t0");
	/* Nobody has been in these pages yet. */
	FIGURE("guest-first-touch", "sd zero, 0(%2)",
	       : "r"(0x84000000ul + i_ * 4096)
	       : "memory");
	/* What is written appears. */
	FIGURE("guest-uart-thr", "sb %3, 0(%2)", : "r"(UART), "r"('.'));
	print("\n");
}

void payload(uint64_t hart, const void *tree)
{
	(void)hart;
	(void)tree;
	print("switch payload\n");
	test_calls();
	test_mmio();
	test_faults();
	test_interrupts();
	test_vector();
	figures();
	report_end();
}
