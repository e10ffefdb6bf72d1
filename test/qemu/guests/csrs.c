/*
 * All 4096 CSRs, read and written from supervisor and user mode: each must
 * answer or be an illegal instruction, and those of higher modes must be the
 * latter. What is written is put back at once.
 */
#include "test/qemu/guests/guest.h"

#define CSRS 4096u
#define SATP 0x180u

/* csrrw a2, csr, a0; csrrw a3, csr, a2; or csrrs a2, csr, x0; then ebreak. */
#define CSRRW(csr, rd, rs1) \
	((csr) << 20 | (rs1) << 15 | 1u << 12 | (rd) << 7 | 0x73u)
#define CSRRS(csr, rd, rs1) \
	((csr) << 20 | (rs1) << 15 | 2u << 12 | (rd) << 7 | 0x73u)
#define EBREAK 0x00100073u

/* A page of its own: emulators are slow at data beside code. */
static uint32_t code[1024] __attribute__((aligned(4096)));

static struct {
	unsigned answered, illegal, wrong;
} count;

static bool present[CSRS];

/* The lowest mode that may have it: 0 user, 1 supervisor, 2 and 3 above. */
static unsigned level_of(unsigned csr)
{
	return csr >> 8 & 3;
}

static bool is_read_only(unsigned csr)
{
	return csr >> 10 == 3;
}

/* Execute `code` once in @status; true: it got to the ebreak. */
static bool answers(unsigned csr, uint64_t status, uint64_t pattern)
{
	struct guarded g = {.pc = (uint64_t)code, .status = status};

	g.x[10] = pattern;
	guarded(&g);
	if (saved.cause == BREAKPOINT) {
		count.answered++;
		return true;
	}
	if (saved.cause == ILLEGAL) {
		count.illegal++;
		return false;
	}
	count.wrong++;
	print("wrong: csr ");
	print_hex(csr);
	print(" cause ");
	print_hex(saved.cause);
	print("\n");
	return false;
}

static void forbidden(unsigned csr, const char *what)
{
	count.wrong++;
	print("wrong: csr ");
	print_hex(csr);
	print(what);
	print("\n");
}

static void sweep_one(unsigned csr, uint64_t status, uint64_t pattern)
{
	unsigned mode = status & SSTATUS_SPP ? 1 : 0;
	bool read, written;

	code[0] = CSRRS(csr, 12, 0);
	code[1] = EBREAK;
	read = answers(csr, status, 0);
	code[0] = CSRRW(csr, 12, 10);
	code[1] = CSRRW(csr, 13, 12);
	code[2] = EBREAK;
	written = answers(csr, status, pattern);
	if (read && mode)
		present[csr] = true;
	if ((read || written) && level_of(csr) > mode)
		forbidden(csr, " is not this mode's");
	if (written && is_read_only(csr))
		forbidden(csr, " is read-only");
}

/*
 * Every CSR, with @pattern written to it; @again: only those that answered a
 * supervisor before. satp takes no mode from these patterns but the tens.
 */
static void sweep(const char *name, uint64_t status, uint64_t pattern,
		  bool again)
{
	unsigned csr;

	count.answered = count.illegal = count.wrong = 0;
	for (csr = 0; csr < CSRS; csr++) {
		if (again && !present[csr])
			continue;
		if (csr == SATP && pattern >> 60 == 10)
			continue;
		sweep_one(csr, status, pattern);
	}
	print("csrs ");
	print_number(count.answered);
	print(" answered, ");
	print_number(count.illegal);
	print(" illegal\n");
	report(name, !count.wrong && count.answered);
}

/* Those that a supervisor always has. */
static void test_present(void)
{
	static const uint16_t csr[] = {0x100, 0x104, 0x105, 0x106, 0x140,
				       0x141, 0x142, 0x143, 0x144, 0x180};
	bool good = true;
	unsigned i;

	for (i = 0; i < COUNT_OF(csr); i++) {
		code[0] = CSRRS(csr[i], 12, 0);
		code[1] = EBREAK;
		good &= answers(csr[i], IN_VS, 0);
	}
	report("present", good);
}

/* A user's counters are the supervisor's to give. */
static void test_counters(void)
{
	unsigned csr;
	bool off = true, on = true;

	csr_set_to("scounteren", 0);
	for (csr = 0xc00; csr < 0xc20; csr++) {
		code[0] = CSRRS(csr, 12, 0);
		code[1] = EBREAK;
		off &= !answers(csr, IN_VU, 0);
	}
	csr_set_to("scounteren", 7);
	for (csr = 0xc00; csr < 0xc03; csr++) {
		code[0] = CSRRS(csr, 12, 0);
		on &= answers(csr, IN_VU, 0);
	}
	report("counters-off", off);
	report("counters-on", on);
}

void payload(uint64_t hart, const void *tree)
{
	(void)hart;
	(void)tree;
	test_present();
	test_counters();
	sweep("vs-ones", IN_VS, -1ul, false);
	sweep("vs-fives", IN_VS, 0x5555555555555555ul, true);
	sweep("vs-tens", IN_VS, 0xaaaaaaaaaaaaaaaaul, true);
	sweep("vs-zeros", IN_VS, 0, true);
	sweep("vu-ones", IN_VU, -1ul, false);
	report_end();
}
