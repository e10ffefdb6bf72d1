/*
 * Chance against the host: random code in supervisor and user mode, random
 * calls, random accesses and jumps, page tables rewritten at random. A step is
 * one call, or code run up to its trap with all registers filled anew. What
 * belongs together is a batch; the seed and its number determine it. It runs in
 * a table that shows it a playground, the devices and holes, and of this
 * program no more than the right to come back by a trap.
 *
 * Hart 1 works, hart 0 watches. Code may loop with its interrupts off, or
 * sleep: then the hart is given up for lost, goes on looping, and the next one
 * works.
 */
#include "test/qemu/guests/guest.h"

#define TICKS_STEP  1000ul     /* 100 us of virt's clock */
#define TICKS_LOST  10000000ul /* a second without a step */
#define TICKS_WATCH 50000ul
#define REPORT	    20000u /* steps */

#define PLAY	  0x80400000ul /* 2 MiB of RAM that steps may write */
#define PLAY_SIZE 0x200000ul
#define TABLES	  (PLAY + 0x100000) /* page tables that steps may write */
#define WORDS	  12u

#define G1	(1ul << 30)
#define USER	G1	 /* playground for the user is this much higher */
#define DEVICES (4 * G1) /* devices for the user are */
#define JUNGLE	(5 * G1) /* what TABLES say */
#define SV39	(8ul << 60)

enum {
	VALID = 1,
	R = 2,
	W = 4,
	X = 8,
	U = 16,
	A = 64,
	D = 128
};

enum kind {
	CODE_VS,
	CODE_VU,
	CALL,
	ACCESS,
	TABLE,
	JUMP,
	KINDS
};

static uint64_t root[512] __attribute__((aligned(4096)));
static uint64_t ram[512] __attribute__((aligned(4096)));
static uint64_t user_ram[512] __attribute__((aligned(4096)));
static uint64_t devices[512] __attribute__((aligned(4096)));
static uint64_t user_devices[512] __attribute__((aligned(4096)));

static uint64_t seed, scramble, steps, kinds, harts_used;
static volatile uint64_t step_at, batch_at, worker;
static uint64_t row;

/* How steps ended. */
static volatile uint64_t ended_by[17];
#define ENDED_INTERRUPT 16

static uint64_t next(void)
{
	return random_next(&row);
}

static uint64_t entry(uint64_t address, uint64_t flags)
{
	return address >> 12 << 10 | flags | VALID | A | D;
}

static void tables_make(void)
{
	const uint64_t all = R | W | X, table = 0;

	devices[PLIC >> 21] = entry(PLIC, all);
	devices[(PLIC >> 21) + 1] = entry(PLIC + (1 << 21), all);
	devices[UART >> 21] = entry(UART, all);
	user_devices[PLIC >> 21] = entry(PLIC, all | U);
	user_devices[UART >> 21] = entry(UART, all | U);
	ram[1] = entry(RAM + (1 << 21), R | X);
	ram[2] = entry(PLAY, all);
	user_ram[2] = entry(PLAY, all | U);
	root[0] = entry((uint64_t)devices, table);
	root[1] = entry(NOWHERE, all | U);
	root[2] = entry((uint64_t)ram, table);
	root[3] = entry((uint64_t)user_ram, table);
	root[4] = entry((uint64_t)user_devices, table);
	root[5] = entry(TABLES, table);
	/* A and D are reserved in what is no leaf. */
	root[0] &= ~(uint64_t)(A | D);
	root[2] &= ~(uint64_t)(A | D);
	root[3] &= ~(uint64_t)(A | D);
	root[4] &= ~(uint64_t)(A | D);
	root[5] &= ~(uint64_t)(A | D);
}

/* ---- what is thrown ---- */

static uint64_t any_address(bool user)
{
	uint64_t r = next(), small = r >> 16 & 0xfff;

	switch (r & 7) {
	case 0:
		return UART + (small & 15) + (user ? DEVICES : 0);
	case 1:
		return PLIC + (r >> 16 & 0x3fffff) + (user ? DEVICES : 0);
	case 2:
		return PLIC + 0x200000 + small + (user ? DEVICES : 0);
	case 3:
		return NOWHERE + small;
	case 4:
		return JUNGLE + (r >> 16 & (G1 - 1));
	case 5:
		/* About the end of the playground. */
		return PLAY + PLAY_SIZE - (small & 15) + (user ? USER : 0);
	case 6:
		return next();
	default:
		return PLAY + (r >> 16) % PLAY_SIZE + (user ? USER : 0);
	}
}

/* An address half of the times. */
static uint64_t any_value(bool user)
{
	uint64_t r = next();

	switch (r & 7) {
	case 0:
		return r >> 8 & 63;
	case 1:
		return -(r >> 8 & 63);
	case 2:
		return 1ul << (r >> 8 & 63);
	case 3:
		return r;
	default:
		return any_address(user);
	}
}

/* CSRs worth more than one look in 4096; the last three hold us up. */
static const uint16_t csr_of[] = {
	0x100, 0x104, 0x106, 0x10a, 0x10c, 0x141, 0x142, 0x143, 0x144, 0x14d,
	0x150, 0x151, 0x001, 0x002, 0x003, 0x008, 0x00f, 0x015, 0x600, 0x680,
	0x200, 0x280, 0x300, 0xc00, 0xc01, 0xc02, 0xc20, 0xda0, 0x7a0, 0x5a8};

#define CSR_STVEC    0x105u
#define CSR_SSCRATCH 0x140u
#define CSR_SATP     0x180u

/* Does @word access a CSR that the way back hangs on? */
static bool cuts_back(uint32_t word)
{
	uint32_t csr = word >> 20;

	return (word & 0x7f) == 0x73 && (word & 0x3000) &&
		(csr == CSR_STVEC || csr == CSR_SSCRATCH || csr == CSR_SATP);
}

/* A CSR instruction, but for those. */
static uint32_t any_csr(uint32_t r)
{
	uint32_t csr = r >> 20, word = (r & 0xff000) | (r & 0x1f) << 7 | 0x73;

	if (r >> 7 & 1)
		csr = csr_of[csr % COUNT_OF(csr_of)];
	word |= csr << 20;
	return cuts_back(word) ? 0x143 << 20 | (word & 0xfffff) : word;
}

/* Is @word a load or store of vectors? */
static bool is_vector_access(uint32_t word)
{
	uint32_t width = word >> 12 & 7;

	return ((word & 0x7f) == 0x07 || (word & 0x7f) == 0x27) &&
		(!width || width >= 5);
}

/*
 * @word, or if it moves vectors a double: QEMU 10 ends itself by an assertion
 * at some that cross a page (probe_access_flags()). Those that it does right
 * are in faults.c.
 */
static uint32_t without_vectors(uint32_t word)
{
	return is_vector_access(word) ? (word & ~0x7000u) | 3 << 12 : word;
}

/* SYSTEM without a CSR: calls, returns, waits, fences, HLV and HSV. */
static uint32_t any_system(uint32_t r)
{
	static const uint32_t word[] = {
		0x00000073, 0x00100073, 0x10200073, 0x10500073, 0x00d00073,
		0x01d00073, 0x12000073, 0x30200073, 0x70200073, 0x22000073,
		0x62000073, 0x60054573, 0x64354573, 0x68354573, 0x6c054573,
		0x62a54073, 0x6ea54073, 0x16000073, 0x18000073, 0x18100073};

	return r & 1 ? word[(r >> 8) % COUNT_OF(word)]
		     : (r & 0xffff8f80) | 4 << 12 | 0x73;
}

/* A word of random kind; one in four is just random. */
static uint32_t any_word(void)
{
	static const uint8_t opcode[] = {0x03, 0x23, 0x2f, 0x07,
					 0x27, 0x0f, 0x57, 0x13};
	uint64_t r = next();
	uint32_t word = (uint32_t)(r >> 32);

	switch (r & 7) {
	case 0:
		/* Two compressed ones, or the length that is in the bits. */
		break;
	case 1:
		word &= ~0x7fu;
		word |= r & 8 ? 0x63 : 0x6f;
		break;
	case 2:
		word = any_csr(word | 1 << 12);
		break;
	case 3:
		word = any_system(word);
		break;
	default:
		word = (word & ~0x7fu) | opcode[r >> 8 & 7];
		break;
	}
	/* By chance it may be what any_csr() avoids. */
	if ((word & 0x7f) == 0x73 && (word & 0x3000))
		word = any_csr(word);
	return without_vectors(word);
}

/* Calls that random code may make: none that ends this guest or starts one of
 * its harts elsewhere. */
static void registers_fill(struct guarded *g, bool user)
{
	static const uint32_t call[] = {SBI_BASE,   SBI_TIME, SBI_IPI, SBI_DBCN,
					SBI_RFENCE, SBI_SUSP, SBI_HSM, 4,
					6,	    0x504d55};
	unsigned i;

	for (i = 1; i < 32; i++)
		g->x[i] = any_value(user);
	g->x[17] = call[next() % COUNT_OF(call)];
	g->x[16] = g->x[17] == SBI_HSM ? 2 : next() & 7;
	/* Little is said. */
	if (g->x[17] == SBI_DBCN && !(next() & 15))
		g->x[10] &= 15;
}

/* ---- the kinds ---- */

static void run(struct guarded *g, bool user, uint64_t pc)
{
	uint64_t r = next();

	g->status = (user ? IN_VU : IN_VS) | SSTATUS_SPIE |
		(r & 1 ? SSTATUS_SUM : 0);
	/* At times of 32 bits, where there is that. Not of 128: QEMU ends
	 * itself by an assertion (gen_unary_per_ol()). */
	if (!(r & 14))
		g->status ^= SSTATUS_UXL_64 | SSTATUS_UXL_32;
	g->satp = SV39 | (uint64_t)root >> 12;
	g->sie = 1ul << IRQ_TIMER | 1ul << IRQ_SOFT;
	g->pc = pc;
	step_at++;
	sbi(SBI_TIME, 0, csr_get("time") + TICKS_STEP, 0, 0);
	__asm__ volatile("csrc sip, %0" ::"r"(1ul << IRQ_SOFT));
	guarded(g);
	if (saved.cause & INTERRUPT)
		ended_by[ENDED_INTERRUPT]++;
	else
		ended_by[saved.cause & 15]++;
}

#define ECALL 0x73u

/* Each word is come to: where one traps the next one goes on. */
static void code_batch(bool user, unsigned words)
{
	uint32_t *code = (uint32_t *)PLAY, word;
	uint64_t pc, at = PLAY + (user ? USER : 0), end = at + 4 * words;
	struct guarded g;
	unsigned i;

	for (i = 0; i < words; i++)
		code[i] = any_word();
	code[words] = 0; /* illegal, twice */
	/* A call is come to with the registers that registers_fill() gives it:
	 * 2 added to legacy call 6 would make it the one that powers off. */
	for (i = 1; i < words; i++)
		if (code[i] == ECALL)
			code[i - 1] = 0;
	/* Halves of neighbours are executed together, too. */
	for (i = 0; i < words; i++) {
		word = code[i] >> 16 | code[i + 1] << 16;
		if (cuts_back(word) || is_vector_access(word))
			code[i] &= 0xffff;
	}
	for (pc = at; pc < end; pc += 4) {
		registers_fill(&g, user);
		run(&g, user, pc);
		if (saved.pc > pc && saved.pc < end)
			pc = saved.pc & ~3ul;
	}
}

/* One load, store or AMO, integer or floating-point. */
static void access_batch(void)
{
	static const uint8_t opcode[] = {0x03, 0x23, 0x2f, 0x07, 0x27, 0x0f};
	uint32_t *code = (uint32_t *)PLAY, word = (uint32_t)next();
	bool user = next() & 1;
	struct guarded g;

	registers_fill(&g, user);
	/* rs1 is a0, the immediate anything. */
	code[0] = without_vectors((word & 0xfff07f80) | 10 << 15 |
				  opcode[next() % 6]);
	code[1] = 0;
	g.x[10] = any_address(user);
	run(&g, user, PLAY + (user ? USER : 0));
}

/* An entry that leads nowhere near this program. */
static uint64_t any_entry(void)
{
	static const uint64_t at[] = {PLAY, TABLES, UART, PLIC, NOWHERE};
	uint64_t r = next(), page = at[(r >> 40) % COUNT_OF(at)];

	if (page >= PLAY)
		page += (r >> 48 & 15) << 12;
	if (!(r >> 60))
		return next() | 1ul << 53;
	return page >> 12 << 10 | (r & 0xff) | (r >> 8 & 7 ? VALID : 0) |
		(r >> 11 & 1 ? A | D | U : 0);
}

static void table_batch(void)
{
	uint64_t *table = (uint64_t *)TABLES, r;
	unsigned i;

	for (i = 0; i < 8; i++) {
		r = next();
		table[(r & 15) << 9 | (r >> 8 & 511)] = any_entry();
	}
	code_batch(r >> 20 & 1, 4);
}

static void jump_batch(void)
{
	bool user = next() & 1;
	struct guarded g;

	registers_fill(&g, user);
	run(&g, user, any_address(user) & ~1ul);
}

static bool in_ram(uint64_t address)
{
	return address - RAM < (1ul << 30);
}

/* Would it end this guest, or let a hart loose in its memory? */
static bool is_fatal(unsigned long ext, unsigned long fn,
		     const unsigned long arg[6])
{
	switch (ext) {
	case 8:
		return true;
	case SBI_SRST:
		return (uint32_t)arg[0] < 3 && (uint32_t)arg[1] < 2;
	case SBI_HSM:
		return fn != 1 && in_ram(arg[1]);
	case SBI_DBCN: /* reading writes our memory */
		return fn == 1 && in_ram(arg[1]);
	case SBI_SUSP:
		return in_ram(arg[1]);
	default:
		return false;
	}
}

static void call_batch(void)
{
	static const uint32_t id[] = {
		0,	  1,	      2,       3,	 4,	   5,
		6,	  7,	      8,       9,	 SBI_BASE, SBI_TIME,
		SBI_IPI,  SBI_RFENCE, SBI_HSM, SBI_SRST, SBI_DBCN, SBI_SUSP,
		0x504d55, 0x46574654, 0x535345};
	unsigned long arg[6], ext, fn, i;
	uint64_t r = next();

	ext = r & 15 ? id[(r >> 8) % COUNT_OF(id)] : next();
	fn = r >> 16 & 15 ? r >> 20 & 7 : next();
	for (i = 0; i < 6; i++)
		arg[i] = any_value(false);
	/* Few of these: each costs a while. */
	if (ext == SBI_HSM && fn == 1 && r >> 24 & 0xff)
		fn = 2;
	/* Little is said. */
	if ((ext == SBI_DBCN && !fn && in_ram(arg[1]) && r >> 40 & 63) ||
	    ((ext == 1 || (ext == SBI_DBCN && fn == 2)) && r >> 40 & 63))
		ext = SBI_BASE;
	if (is_fatal(ext, fn, arg))
		return;
	step_at++;
	/* A suspension ends by this. */
	sbi(SBI_TIME, 0, csr_get("time"), 0, 0);
	csr_set_to("sie", 1ul << IRQ_TIMER);
	sbi6(ext, fn, arg);
	csr_set_to("sie", 0);
}

static void batch_do(void)
{
	uint64_t kind;

	row = scramble ^ batch_at << 20;
	do
		kind = next() % KINDS;
	while (!(kinds >> kind & 1));
	switch (kind) {
	case CODE_VS:
	case CODE_VU:
		code_batch(kind == CODE_VU, WORDS);
		break;
	case CALL:
		call_batch();
		break;
	case ACCESS:
		access_batch();
		break;
	case TABLE:
		table_batch();
		break;
	default:
		jump_batch();
		break;
	}
}

static void work(uint64_t hart)
{
	while (step_at < steps && worker == hart) {
		batch_do();
		batch_at++;
	}
	sbi(SBI_HSM, 1, 0, 0, 0);
}

/* ---- hart 0 ---- */

static void doze(uint64_t ticks)
{
	sbi(SBI_TIME, 0, csr_get("time") + ticks, 0, 0);
	csr_set_to("sie", 1ul << IRQ_TIMER);
	__asm__ volatile("wfi");
	csr_set_to("sie", 0);
}

/* A number behind a word. */
static void tell(const char *word, uint64_t n)
{
	print(word);
	print_number(n);
}

static void tell_state(uint64_t lost, uint64_t stopped)
{
	unsigned i;

	tell("fuzz seed ", seed);
	tell(" steps ", step_at);
	tell(" batches ", batch_at);
	tell(" lost ", lost);
	tell(" stopped ", stopped);
	print(" ended");
	for (i = 0; i < COUNT_OF(ended_by); i++)
		tell(" ", ended_by[i]);
	print("\n");
}

static bool has_stopped(uint64_t hart)
{
	return sbi(SBI_HSM, 2, hart, 0, 0).value == 1;
}

static void start(uint64_t hart)
{
	sbi(SBI_HSM, 0, hart, (uint64_t)_start, 0);
}

/* Until all steps are done or all harts are lost. */
static void watch(void)
{
	uint64_t seen = 0, told = 0, since = csr_get("time");
	uint64_t lost = 0, stopped = 0;

	while (step_at < steps && worker < harts_used) {
		doze(TICKS_WATCH);
		if (step_at != seen) {
			seen = step_at;
			since = csr_get("time");
		} else if (has_stopped(worker)) {
			/* It was that batch's wish. */
			stopped++;
			batch_at++;
			start(worker);
		} else if (csr_get("time") - since > TICKS_LOST) {
			lost++;
			batch_at++;
			start(++worker);
			since = csr_get("time");
		} else {
			sbi(SBI_IPI, 0, 1, worker, 0);
		}
		if (seen >= told + REPORT) {
			told = seen;
			tell_state(lost, stopped);
		}
	}
	tell_state(lost, stopped);
}

void payload(uint64_t hart, const void *arg)
{
	if (hart) {
		work(hart);
		return;
	}
	seed = bootarg(arg, "seed=", 1);
	steps = bootarg(arg, "steps=", 1000);
	kinds = bootarg(arg, "kinds=", (1 << KINDS) - 1);
	harts_used = bootarg(arg, "harts=", 2);
	/* The number alone would make neighbours of neighbouring seeds. */
	row = seed;
	scramble = next();
	tables_make();
	worker = 1;
	start(1);
	watch();
	print("\n");
	report("all-steps", step_at >= steps);
	report_end();
}
