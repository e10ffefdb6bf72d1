/*
 * What a guest may do wrong by one instruction, in supervisor and user mode,
 * with paging and without: each must come back as the exception that the
 * architecture has for it.
 */
#include "test/qemu/guests/guest.h"

#define SNIPPET(name, ...)                                        \
	__asm__(".pushsection .text\n"                            \
		".option push\n"                                  \
		".option arch, +a, +f, +d, +c, +v\n"              \
		".balign 4\n"                                     \
		".globl " #name "\n" #name ":\n" __VA_ARGS__ "\n" \
		".option norvc\n"                                 \
		"ebreak\n"                                        \
		".option pop\n"                                   \
		".popsection");                                   \
	extern const char name[]

#define NORVC ".option norvc\n"

SNIPPET(do_nothing, "");
SNIPPET(do_ebreak, NORVC "ebreak");
SNIPPET(do_c_ebreak, "c.ebreak");
SNIPPET(do_unimp, NORVC "unimp");
SNIPPET(do_c_unimp, ".half 0");
SNIPPET(do_ones, ".word 0xffffffff");
SNIPPET(do_ecall, "ecall");
SNIPPET(do_jump, NORVC "jr a0");
SNIPPET(do_lb, "lb a1, 0(a0)");
SNIPPET(do_lhu, "lhu a1, 0(a0)");
SNIPPET(do_lw, NORVC "lw a1, 0(a0)");
SNIPPET(do_ld, NORVC "ld a1, 0(a0)");
SNIPPET(do_sb, "sb a1, 0(a0)");
SNIPPET(do_sh, "sh a1, 0(a0)");
SNIPPET(do_sw, NORVC "sw a1, 0(a0)");
SNIPPET(do_sd, NORVC "sd a1, 0(a0)");
SNIPPET(do_c_lw, "c.lw a1, 0(a0)");
SNIPPET(do_c_ld, "c.ld a1, 0(a0)");
SNIPPET(do_c_sw, "c.sw a1, 0(a0)");
SNIPPET(do_c_sd, "c.sd a1, 0(a0)");
SNIPPET(do_c_lwsp, "c.lwsp a1, 0(sp)");
SNIPPET(do_c_ldsp, "c.ldsp a1, 0(sp)");
SNIPPET(do_c_swsp, "c.swsp a1, 0(sp)");
SNIPPET(do_c_sdsp, "c.sdsp a1, 0(sp)");
SNIPPET(do_c_fld, "c.fld fa1, 0(a0)");
SNIPPET(do_c_fsd, "c.fsd fa1, 0(a0)");
SNIPPET(do_c_fldsp, "c.fldsp fa1, 0(sp)");
SNIPPET(do_c_fsdsp, "c.fsdsp fa1, 0(sp)");
SNIPPET(do_flw, "flw fa1, 0(a0)");
SNIPPET(do_fsw, "fsw fa1, 0(a0)");
SNIPPET(do_fld, NORVC "fld fa1, 0(a0)");
SNIPPET(do_fsd, NORVC "fsd fa1, 0(a0)");
SNIPPET(do_amoadd_w, "amoadd.w a1, a1, (a0)");
SNIPPET(do_amoswap_d, "amoswap.d a1, a1, (a0)");
SNIPPET(do_lr_w, "lr.w a1, (a0)");
SNIPPET(do_sc_w, "sc.w a1, a1, (a0)");
SNIPPET(do_vle8, "vsetivli x0, 4, e8, m1, ta, ma\nvle8.v v1, (a0)");
SNIPPET(do_vse8, "vsetivli x0, 4, e8, m1, ta, ma\nvse8.v v1, (a0)");
SNIPPET(do_vlse64, "vsetivli x0, 2, e64, m1, ta, ma\nvlse64.v v1, (a0), a1");
SNIPPET(do_cbo_zero, ".word 0x0045200f");
SNIPPET(do_cbo_flush, ".word 0x0025200f");
SNIPPET(do_hfence_v, ".word 0x22000073");
SNIPPET(do_hfence_g, ".word 0x62000073");
SNIPPET(do_hlv_d, ".word 0x6c0545f3");
SNIPPET(do_hlvx_wu, ".word 0x683545f3");
SNIPPET(do_hsv_d, ".word 0x6eb54073");
SNIPPET(do_mret, "mret");
SNIPPET(do_sret, "sret");
SNIPPET(do_wfi, "wfi");
SNIPPET(do_sfence, "sfence.vma");

#define BIT(n)	    (1u << (n))
#define SENVCFG_LPE (1ul << 2)

/* A cause that is right, and whether stval must be a0 (else: anything). */
struct fault {
	const char *name;
	const char *code;
	uint32_t causes; /* bits: where more than one is allowed */
	bool address;
};

/* The same for every place where there is nothing, or nothing that answers. */
static const struct fault nowhere[] = {
	{"jump", do_jump, BIT(FETCH_ACCESS), true},
	{"ld", do_ld, BIT(LOAD_ACCESS), true},
	{"sd", do_sd, BIT(STORE_ACCESS), true},
	{"c.ld", do_c_ld, BIT(LOAD_ACCESS), true},
	{"c.sd", do_c_sd, BIT(STORE_ACCESS), true},
	{"c.ldsp", do_c_ldsp, BIT(LOAD_ACCESS), true},
	{"c.sdsp", do_c_sdsp, BIT(STORE_ACCESS), true},
	{"c.fld", do_c_fld, BIT(LOAD_ACCESS), true},
	{"c.fsd", do_c_fsd, BIT(STORE_ACCESS), true},
	{"c.fldsp", do_c_fldsp, BIT(LOAD_ACCESS), true},
	{"c.fsdsp", do_c_fsdsp, BIT(STORE_ACCESS), true},
	{"flw", do_flw, BIT(LOAD_ACCESS), true},
	{"fsw", do_fsw, BIT(STORE_ACCESS), true},
	{"fld", do_fld, BIT(LOAD_ACCESS), true},
	{"fsd", do_fsd, BIT(STORE_ACCESS), true},
	{"amoadd.w", do_amoadd_w, BIT(STORE_ACCESS), true},
	{"amoswap.d", do_amoswap_d, BIT(STORE_ACCESS), true},
	{"lr.w", do_lr_w, BIT(LOAD_ACCESS), true},
	/* Without a reservation it may fail before it looks. */
	{"sc.w", do_sc_w, BIT(STORE_ACCESS) | BIT(BREAKPOINT), false},
	{"vle8", do_vle8, BIT(LOAD_ACCESS) | BIT(ILLEGAL), false},
	{"vse8", do_vse8, BIT(STORE_ACCESS) | BIT(ILLEGAL), false},
	{"vlse64", do_vlse64, BIT(LOAD_ACCESS) | BIT(ILLEGAL), false},
	{"cbo.zero", do_cbo_zero, BIT(STORE_ACCESS) | BIT(ILLEGAL), false},
	{"cbo.flush", do_cbo_flush, BIT(STORE_ACCESS) | BIT(ILLEGAL), false},
};

/* Widths that neither device has. */
static const struct fault uart_refuses[] = {
	{"lhu", do_lhu, BIT(LOAD_ACCESS), true},
	{"lw", do_lw, BIT(LOAD_ACCESS), true},
	{"c.lw", do_c_lw, BIT(LOAD_ACCESS), true},
	{"c.lwsp", do_c_lwsp, BIT(LOAD_ACCESS), true},
	{"sh", do_sh, BIT(STORE_ACCESS), true},
	{"sw", do_sw, BIT(STORE_ACCESS), true},
	{"c.sw", do_c_sw, BIT(STORE_ACCESS), true},
	{"c.swsp", do_c_swsp, BIT(STORE_ACCESS), true},
};

static const struct fault plic_refuses[] = {
	{"lb", do_lb, BIT(LOAD_ACCESS), true},
	{"lhu", do_lhu, BIT(LOAD_ACCESS), true},
	{"sb", do_sb, BIT(STORE_ACCESS), true},
	{"sh", do_sh, BIT(STORE_ACCESS), true},
};

static const struct fault plic_answers[] = {
	{"lw", do_lw, BIT(BREAKPOINT), false},
	{"c.lw", do_c_lw, BIT(BREAKPOINT), false},
	{"c.lwsp", do_c_lwsp, BIT(BREAKPOINT), false},
	{"sw", do_sw, BIT(BREAKPOINT), false},
	{"c.sw", do_c_sw, BIT(BREAKPOINT), false},
	{"c.swsp", do_c_swsp, BIT(BREAKPOINT), false},
};

#define MISALIGNED_LOAD	 (BIT(LOAD_MISALIGNED) | BIT(LOAD_ACCESS))
#define MISALIGNED_STORE (BIT(STORE_MISALIGNED) | BIT(STORE_ACCESS))

static const struct fault misaligned[] = {
	{"lhu", do_lhu, MISALIGNED_LOAD, true},
	{"lw", do_lw, MISALIGNED_LOAD, true},
	{"ld", do_ld, MISALIGNED_LOAD, true},
	{"sh", do_sh, MISALIGNED_STORE, true},
	{"sw", do_sw, MISALIGNED_STORE, true},
	{"sd", do_sd, MISALIGNED_STORE, true},
	/* QEMU tells of the reading half of these. */
	{"amoadd.w", do_amoadd_w, MISALIGNED_STORE | MISALIGNED_LOAD, true},
	{"amoswap.d", do_amoswap_d, MISALIGNED_STORE | MISALIGNED_LOAD, true},
	{"lr.w", do_lr_w, MISALIGNED_LOAD, true},
};

/* a0 is the last word of RAM: the upper half is not there. */
static const struct fault across[] = {
	{"ld", do_ld, MISALIGNED_LOAD, false},
	{"sd", do_sd, MISALIGNED_STORE, false},
	{"fld", do_fld, MISALIGNED_LOAD, false},
};

static const struct fault anywhere[] = {
	{"nothing", do_nothing, BIT(BREAKPOINT), false},
	{"ebreak", do_ebreak, BIT(BREAKPOINT), false},
	{"c.ebreak", do_c_ebreak, BIT(BREAKPOINT), false},
	{"unimp", do_unimp, BIT(ILLEGAL), false},
	{"c.unimp", do_c_unimp, BIT(ILLEGAL), false},
	{"ones", do_ones, BIT(ILLEGAL), false},
	{"hfence.vvma", do_hfence_v, BIT(ILLEGAL), false},
	{"hfence.gvma", do_hfence_g, BIT(ILLEGAL), false},
	{"hlv.d", do_hlv_d, BIT(ILLEGAL), false},
	{"hlvx.wu", do_hlvx_wu, BIT(ILLEGAL), false},
	{"hsv.d", do_hsv_d, BIT(ILLEGAL), false},
	{"mret", do_mret, BIT(ILLEGAL), false},
};

static const struct fault user_only[] = {
	{"ecall", do_ecall, BIT(ECALL_U), false},
	{"sret", do_sret, BIT(ILLEGAL), false},
	{"wfi", do_wfi, BIT(ILLEGAL), false},
	{"sfence.vma", do_sfence, BIT(ILLEGAL), false},
};

/* a0 is where there is code that is no landing pad. */
static const struct fault landing_wanted[] = {
	{"jump", do_jump, BIT(SOFTWARE_CHECK), false},
};

static const struct fault landing_free[] = {
	{"jump", do_jump, BIT(BREAKPOINT), false},
};

/* How a set is run. */
struct state {
	const char *name;
	uint64_t status, satp;
	uint64_t alias;	 /* code is seen this much higher */
	uint32_t causes; /* bits that are right as well */
};

/* Run @f with a0 and sp = @a0; says what was wrong. */
static bool right(const char *where, const struct fault *f,
		  const struct state *s, uint64_t a0)
{
	struct guarded g = {.pc = (uint64_t)f->code + s->alias,
			    .status = s->status,
			    .satp = s->satp};

	g.x[2] = g.x[10] = a0;
	/* The stride of the vector load, and what is stored. */
	g.x[11] = 8;
	guarded(&g);
	if (saved.cause < 32 && (f->causes | s->causes) >> saved.cause & 1 &&
	    (!f->address || saved.value == a0))
		return true;
	print("wrong: ");
	print(where);
	print(" ");
	print(f->name);
	print(" ");
	print(s->name);
	print(" cause ");
	print_hex(saved.cause);
	print(" value ");
	print_hex(saved.value);
	print(" pc ");
	print_hex(saved.pc);
	print("\n");
	return false;
}

/* One TEST line for a set of faults. */
static void check(const char *where, const struct fault *f, unsigned count,
		  const struct state *s, uint64_t a0)
{
	char name[64];
	unsigned i, n = 0;
	bool good = true;

	for (i = 0; i < count; i++)
		good &= right(where, &f[i], s, a0);
	for (i = 0; where[i]; i++)
		name[n++] = where[i];
	name[n++] = '-';
	for (i = 0; s->name[i]; i++)
		name[n++] = s->name[i];
	name[n] = 0;
	report(name, good);
}

#define CHECK(where, set, s, a0) check(where, set, COUNT_OF(set), s, a0)

/* Sets that mean the same with paging and without. */
static void test_state(const struct state *s, uint64_t memory)
{
	CHECK("anywhere", anywhere, s, 0);
	CHECK("hole", nowhere, s, NOWHERE);
	CHECK("uart", nowhere, s, UART);
	CHECK("uart-width", uart_refuses, s, UART);
	CHECK("plic-width", plic_refuses, s, PLIC);
	CHECK("plic-answers", plic_answers, s, PLIC + 40);
	CHECK("misaligned-uart", misaligned, s, UART + 1);
	CHECK("misaligned-plic", misaligned, s, PLIC + 1);
	CHECK("misaligned-hole", misaligned, s, NOWHERE + 1);
	CHECK("across-end", across, s, RAM + memory - 4);
	if (!(s->status & SSTATUS_SPP))
		CHECK("user", user_only, s, 0);
}

/*
 * Nobody can keep senvcfg.LPE from a guest. Where there is Zicfilp its users'
 * indirect jumps then need landing pads; a missing one is for the guest itself
 * to handle.
 */
static void test_landing(const struct state *s)
{
	uint64_t got = 0, at = (uint64_t)do_nothing + s->alias;

	if (traps("csrs senvcfg, %0", ::"r"(SENVCFG_LPE)) ||
	    traps("csrrc %0, senvcfg, %1",
		  : "=r"(got)
		  : "r"(SENVCFG_LPE)))
		got = 0;
	CHECK("landing-off", landing_free, s, at);
	if (!(got & SENVCFG_LPE))
		return;
	traps("csrs senvcfg, %0", ::"r"(SENVCFG_LPE));
	if (s->status & SSTATUS_SPP)
		CHECK("landing-on", landing_free, s, at);
	else
		CHECK("landing-on", landing_wanted, s, at);
	traps("csrc senvcfg, %0", ::"r"(SENVCFG_LPE));
}

/* ---- paging: Sv39 ---- */

#define SV39 (8ul << 60)

enum {
	V = 1,
	R = 2,
	W = 4,
	X = 8,
	U = 16,
	A = 64,
	D = 128
};

#define LEAF (V | R | W | X | A | D)
#define G1   (1ul << 30)

static uint64_t root[512] __attribute__((aligned(4096)));

static uint64_t entry(uint64_t address, uint64_t flags)
{
	return address >> 12 << 10 | flags;
}

/*
 * The first 3 GiB as they are, what is in the second of them and the devices
 * for user or supervisor; RAM once more for the user, whose pages a supervisor
 * does not execute; then a gigabyte each that is wrong in a way of its own.
 */
static uint64_t tables_make(uint64_t user)
{
	root[0] = entry(0, LEAF | user);
	root[1] = entry(G1, LEAF | user);
	root[2] = entry(2 * G1, LEAF);
	root[3] = entry(2 * G1, LEAF | U);
	root[4] = entry(NOWHERE, V); /* table in a hole */
	root[5] = entry(UART, V);    /* table in a device */
	root[6] = entry(PLIC, V);
	root[7] = entry((1ul << 56) - G1, LEAF | user); /* no such memory */
	root[8] = entry((1ul << 56) - 4096, V);
	root[9] = 0;
	return SV39 | (uint64_t)root >> 12;
}

static const struct fault unmapped[] = {
	{"jump", do_jump, BIT(FETCH_PAGE), true},
	{"ld", do_ld, BIT(LOAD_PAGE), true},
	{"sd", do_sd, BIT(STORE_PAGE), true},
	{"c.ldsp", do_c_ldsp, BIT(LOAD_PAGE), true},
	{"fld", do_fld, BIT(LOAD_PAGE), true},
	{"amoadd.w", do_amoadd_w, BIT(STORE_PAGE), true},
	{"lr.w", do_lr_w, BIT(LOAD_PAGE), true},
};

/* Before version 8 QEMU calls every fault of a walk, and those of AMOs, a
 * load's; the bootarg says that we are on such a one. */
static void test_tables(struct state *s, bool walk_loads)
{
	s->causes = walk_loads ? BIT(LOAD_ACCESS) | BIT(LOAD_PAGE) : 0;
	CHECK("table-in-hole", nowhere, s, 4 * G1);
	CHECK("table-in-uart", nowhere, s, 5 * G1 + 8);
	CHECK("table-in-plic", nowhere, s, 6 * G1 + 8);
	CHECK("leaf-beyond", nowhere, s, 7 * G1 + 8);
	CHECK("table-beyond", nowhere, s, 8 * G1 + 8);
	CHECK("unmapped", unmapped, s, 9 * G1 + 8);
	CHECK("no-address", unmapped, s, 1ul << 45);
}

void payload(uint64_t hart, const void *tree)
{
	uint64_t memory = bootarg(tree, "memory=", 0);
	bool walk_loads = bootarg(tree, "walk-loads=", 0);
	struct state s = {"vs", IN_VS, 0, 0, 0};

	(void)hart;
	/* The cache-block instructions are the user's too. */
	traps("csrs senvcfg, %0", ::"r"(0xf0ul));
	test_state(&s, memory);
	test_landing(&s);
	s = (struct state){"vu", IN_VU, 0, 0, 0};
	test_state(&s, memory);
	test_landing(&s);
	s = (struct state){"vs-sv39", IN_VS, tables_make(0), 0, 0};
	test_state(&s, memory);
	test_landing(&s);
	test_tables(&s, walk_loads);
	s = (struct state){"vu-sv39", IN_VU, tables_make(U), G1, 0};
	/* The end of RAM, a supervisor's: its alias. */
	test_state(&s, memory + G1);
	test_landing(&s);
	test_tables(&s, walk_loads);
	report_end();
}
