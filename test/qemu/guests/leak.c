/*
 * Two of these run on one hart and hand it over all the time. Each fills what
 * has no copy for guests in the hardware with patterns of its own (floating
 * point, vector, scounteren, senvcfg, sstateen0 to 3), and every other CSR
 * that takes a value, and must find them again: what differs is the other's.
 * Before that its memory must hold nothing but what was loaded.
 */
#include "test/qemu/guests/guest.h"

#define ROUNDS	 100u
#define CSRS_MAX 64u
#define VECTOR	 8192 /* bytes of 32 registers at VLEN 2048 */

struct fp {
	uint64_t f[32];
	uint64_t fcsr;
};

static struct fp fp_mine, fp_found;
static uint8_t vector_mine[VECTOR], vector_found[VECTOR];
static uint64_t vlenb;
static bool has_fp;

/* CSRs that keep a value, and which. */
static struct {
	uint16_t csr;
	uint64_t value;
} kept[CSRS_MAX];
static unsigned kept_count;

static uint32_t code[1024] __attribute__((aligned(4096)));
extern char _end[];

/* ---- floating point ---- */

__asm__(".pushsection .text\n"
	".option push\n.option arch, +f, +d, +v\n"
	"fp_put:\n"
	".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22\n"
	"fld f\\n, 8*\\n(a0)\n"
	".endr\n"
	".irp n, 23,24,25,26,27,28,29,30,31\n"
	"fld f\\n, 8*\\n(a0)\n"
	".endr\n"
	"ld t0, 256(a0)\n"
	"fscsr t0\n"
	"ret\n"
	"fp_get:\n"
	".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22\n"
	"fsd f\\n, 8*\\n(a0)\n"
	".endr\n"
	".irp n, 23,24,25,26,27,28,29,30,31\n"
	"fsd f\\n, 8*\\n(a0)\n"
	".endr\n"
	"frcsr t0\n"
	"sd t0, 256(a0)\n"
	"ret\n"
	/* Whole registers, then a type, a length and a start of one's own. */
	"vector_put:\n"
	"mv t0, a0\n"
	"csrr t1, vlenb\n"
	"slli t1, t1, 3\n"
	".irp n, 0,8,16,24\n"
	"vl8re8.v v\\n, (t0)\n"
	"add t0, t0, t1\n"
	".endr\n"
	"vsetvl x0, a1, a2\n"
	"csrw vxrm, a3\n"
	"ret\n"
	"vector_get:\n"
	"mv t0, a0\n"
	"csrr t1, vlenb\n"
	"slli t1, t1, 3\n"
	".irp n, 0,8,16,24\n"
	"vs8r.v v\\n, (t0)\n"
	"add t0, t0, t1\n"
	".endr\n"
	"csrr t0, vl\n"
	"sd t0, 0(a1)\n"
	"csrr t0, vtype\n"
	"sd t0, 8(a1)\n"
	"csrr t0, vcsr\n"
	"sd t0, 16(a1)\n"
	"ret\n"
	".option pop\n"
	".popsection");

void fp_put(const struct fp *fp);
void fp_get(struct fp *fp);
void vector_put(const void *v, uint64_t length, uint64_t type, uint64_t xrm);
void vector_get(void *v, uint64_t csrs[3]);

static bool same(const void *a, const void *b, unsigned long n)
{
	const uint8_t *p = a, *q = b;

	while (n && *p == *q) {
		p++;
		q++;
		n--;
	}
	return !n;
}

/* ---- memory ---- */

static bool memory_is_clean(const void *tree, uint64_t memory)
{
	const uint64_t *at =
		(const uint64_t *)(((uint64_t)_end + 4095) & -4096ul);
	const uint64_t *below = (const uint64_t *)RAM;
	bool clean = true;

	/* The tree is the last thing in it. */
	for (; at < (const uint64_t *)tree; at++)
		clean &= !*at;
	for (; below < (const uint64_t *)(RAM + 0x200000); below++)
		clean &= !*below;
	return clean && (uint64_t)tree < RAM + memory;
}

static void memory_fill(const void *tree, uint64_t pattern)
{
	uint64_t *at = (uint64_t *)(((uint64_t)_end + 4095) & -4096ul);
	uint64_t *below = (uint64_t *)RAM;

	for (; at < (const uint64_t *)tree; at++)
		*at = pattern;
	for (; below < (uint64_t *)(RAM + 0x200000); below++)
		*below = pattern;
}

/* ---- CSRs ---- */

#define CSRRW(csr, rd, rs1) \
	((csr) << 20 | (rs1) << 15 | 1u << 12 | (rd) << 7 | 0x73u)
#define CSRRS(csr, rd) ((csr) << 20 | 2u << 12 | (rd) << 7 | 0x73u)
#define EBREAK	       0x00100073u

/* Read @csr, or write @value first; false: it is not there. */
static bool csr_do(unsigned csr, bool write, uint64_t value, uint64_t *out)
{
	struct guarded g = {.pc = (uint64_t)code, .status = IN_VS};

	code[0] = write ? CSRRW(csr, 0, 10) : CSRRS(csr, 12);
	code[1] = CSRRS(csr, 12);
	code[2] = EBREAK;
	g.x[10] = value;
	guarded(&g);
	*out = saved.x[12];
	return saved.cause == BREAKPOINT;
}

/* What would cut us off or changes by itself. */
static bool is_left_out(unsigned csr)
{
	static const uint16_t left[] = {0x100, 0x104, 0x105, 0x140, 0x141,
					0x142, 0x143, 0x144, 0x180, 0x001,
					0x002, 0x003, 0x14d, 0x14f};
	unsigned i;

	for (i = 0; i < COUNT_OF(left); i++)
		if (csr == left[i])
			return true;
	/* Vector state has a test of its own. */
	return csr >> 10 == 3 || (csr >= 8 && csr <= 15) || csr == 0x15;
}

/* Every CSR that takes a value of mine; the lowest bits of its own choice. */
static void csrs_put(uint64_t pattern)
{
	uint64_t was, value;
	unsigned csr;

	for (csr = 0; csr < 0xc00 && kept_count < CSRS_MAX; csr++) {
		if (is_left_out(csr) || !csr_do(csr, false, 0, &was) ||
		    !csr_do(csr, true, pattern, &value))
			continue;
		kept[kept_count].csr = csr;
		kept[kept_count++].value = value;
	}
}

static bool is_equal(unsigned which, uint64_t value, uint64_t want)
{
	if (value == want)
		return true;
	print("wrong: csr ");
	print_hex(which);
	print(" ");
	print_hex(value);
	print(" not ");
	print_hex(want);
	print("\n");
	return false;
}

static bool csrs_are_mine(void)
{
	bool good = true;
	uint64_t value;
	unsigned i;

	for (i = 0; i < kept_count; i++)
		good &= csr_do(kept[i].csr, false, 0, &value) &&
			is_equal(kept[i].csr, value, kept[i].value);
	return good;
}

/* ---- records of control transfers (Ssctr) ---- */

#define SISELECT   0x150u
#define SIREG	   0x151u
#define SCTRCTL	   0x14eu
#define SCTRSTATUS 0x14fu /* low bits: which record is next */
#define RECORD_0   0x200u /* in siselect: where a transfer came from */
#define RECORDS	   256u
#define RECORDS_ON 3u /* in supervisor and in user mode */

static void hand_over(void);

static void records_clear(void)
{
	const struct guarded g = {.pc = (uint64_t)code, .status = IN_VS};

	code[0] = 0x10400073; /* sctrclr */
	code[1] = EBREAK;
	guarded(&g);
}

/* The other guest records what it does: nothing of that is here. */
static bool records_are_gone(uint64_t next)
{
	uint64_t control, value, select, status;
	bool good = true;
	unsigned i;

	if (!csr_do(SCTRCTL, false, 0, &control) ||
	    !csr_do(SISELECT, false, 0, &select))
		return true;
	csr_do(SCTRCTL, true, 0, &value);
	records_clear();
	csr_do(SCTRSTATUS, true, next, &status);
	hand_over();
	good &= csr_do(SCTRSTATUS, false, 0, &value) &&
		is_equal(SCTRSTATUS, value, status);
	for (i = 0; i < RECORDS; i++) {
		csr_do(SISELECT, true, RECORD_0 + i, &value);
		if (csr_do(SIREG, false, 0, &value))
			good &= is_equal(RECORD_0 + i, value, 0);
	}
	csr_do(SISELECT, true, select, &value);
	csr_do(SCTRCTL, true, control | RECORDS_ON, &value);
	hand_over();
	csr_do(SCTRCTL, true, control, &value);
	return good;
}

/* ---- the hart goes to the other and comes back ---- */

static void hand_over(void)
{
	uint64_t until = csr_get("time") + 20000;

	sbi(SBI_TIME, 0, until, 0, 0);
	csr_set_to("sie", 1ul << IRQ_TIMER);
	__asm__ volatile("wfi");
	csr_set_to("sie", 0);
}

static void fill(uint64_t pattern)
{
	uint64_t state = pattern;
	unsigned i;

	for (i = 0; i < 32; i++)
		fp_mine.f[i] = random_next(&state);
	fp_mine.fcsr = pattern & 0x5f;
	for (i = 0; i < VECTOR; i++)
		vector_mine[i] = random_next(&state);
}

static void test_registers(uint64_t pattern)
{
	/* e8 or e16, and lengths that differ */
	uint64_t csrs[3],
		mine[3] = {4 + (pattern & 3), (pattern & 1) << 3,
			   (pattern & 3) << 1};
	bool fp = true, vector = true, kept_all = true, gone = true;
	unsigned round;

	for (round = 0; round < ROUNDS; round++) {
		if (has_fp)
			fp_put(&fp_mine);
		if (vlenb)
			vector_put(vector_mine, mine[0], mine[1], mine[2] >> 1);
		hand_over();
		if (has_fp) {
			fp_get(&fp_found);
			fp &= same(&fp_mine, &fp_found, sizeof(fp_mine));
		}
		if (vlenb) {
			vector_get(vector_found, csrs);
			vector &= same(vector_mine, vector_found, 32 * vlenb) &&
				same(csrs, mine, sizeof(mine));
		}
		if (round % 16 == 0) {
			kept_all &= csrs_are_mine();
			gone &= records_are_gone(pattern & 15);
		}
	}
	report("floating-point", fp);
	report("vector", vector);
	report("csrs", kept_all && kept_count);
	report("records", gone);
	print("csrs ");
	print_number(kept_count);
	print(" vlenb ");
	print_number(vlenb);
	print("\n");
}

/* Before anything of mine is there: registers are 0. */
static void test_fresh(void)
{
	static const struct fp zero;

	if (!has_fp)
		return;
	fp_get(&fp_found);
	report("fresh-floating-point", same(&fp_found, &zero, sizeof(zero)));
}

void payload(uint64_t hart, const void *tree)
{
	uint64_t pattern = bootarg(tree, "pattern=", 1);
	uint64_t memory = bootarg(tree, "memory=", 0), value;

	(void)hart;
	csr_set_to("sstatus", SSTATUS_PLAIN);
	report("memory", memory_is_clean(tree, memory));
	has_fp = csr_do(0x003, false, 0, &value);
	csr_set_to("sstatus", SSTATUS_PLAIN);
	test_fresh();
	memory_fill(tree, pattern * 0x0101010101010101ul);
	if (csr_do(0xc22, false, 0, &value))
		vlenb = value;
	csr_set_to("sstatus", SSTATUS_PLAIN);
	fill(pattern);
	csrs_put(pattern * 0x0123456789abcdeful);
	test_registers(pattern);
	report_end();
}
