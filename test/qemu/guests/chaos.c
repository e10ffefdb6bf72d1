/*
 * Random words as code, in supervisor mode with everything mapped: what comes
 * of it does not matter to the guest, only that the host lives on. A trap or a
 * timer ends a round; every 1000 rounds a line says so.
 */
#include "test/qemu/guests/guest.h"

#define WORDS 32u

static uint32_t code[WORDS + 1] __attribute__((aligned(64)));
static uint64_t state, rounds;
static uint64_t stack[1024];

/* Splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t next(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/*
 * Half of the words are of the kinds that reach the host: SYSTEM (CSRs, ecall,
 * sret, wfi, fences), loads, stores and AMOs.
 */
static uint32_t word(void)
{
	static const uint8_t opcode[] = {0x73, 0x73, 0x03, 0x23,
					 0x2f, 0x0f, 0x07, 0x27};
	uint64_t r = next();

	if (r >> 63)
		return (uint32_t)r;
	return ((uint32_t)r & ~0x7fu) | opcode[r >> 40 & 7];
}

/* Registers that make random accesses and calls meet something. */
static uint64_t value(void)
{
	static const uint64_t base[] = {0x10000000, 0x0c000000, 0x0c200000,
					0x80300000, 0x40000000, 0};
	static const uint64_t sbi_id[] = {0x10,	      0x54494d45, 0x735049,
					  0x52464e43, 0x48534d,	  0x4442434e,
					  4,	      6};
	uint64_t r = next();

	switch (r & 3) {
	case 0:
		return base[r >> 8 & 3] + (r >> 16 & 0xfff);
	case 1:
		return sbi_id[r >> 8 & 7];
	case 2:
		return r >> 8 & 7;
	default:
		return r;
	}
}

static _Noreturn __attribute__((aligned(4))) void again(void)
{
	/* Back to supervisor mode's plain state, on a fresh stack. */
	__asm__ volatile("csrw satp, zero\n"
			 "csrw sie, zero\n"
			 "csrw stvec, %0\n"
			 "mv sp, %1\n"
			 "j chaos_round\n" ::"r"(again),
			 "r"(stack + 1024));
	__builtin_unreachable();
}

_Noreturn void chaos_round(void) __attribute__((used));

_Noreturn void chaos_round(void)
{
	uint64_t x[8];
	unsigned i;

	if (rounds++ % 1000 == 0) {
		print("chaos ");
		print_number(rounds);
		print("\n");
	}
	for (i = 0; i < WORDS; i++)
		code[i] = word();
	code[WORDS] = 0; /* illegal */
	for (i = 0; i < 8; i++)
		x[i] = value();
	sbi(SBI_TIME, 0, csr_get("time") + 2000, 0, 0);
	__asm__ volatile("fence.i\n"
			 "csrw sie, %1\n"
			 "csrsi sstatus, 2\n"
			 "mv t0, %0\n"
			 "mv t1, %2\n"
			 "ld a0, 0(t1)\n"
			 "ld a1, 8(t1)\n"
			 "ld a2, 16(t1)\n"
			 "ld a3, 24(t1)\n"
			 "ld a6, 32(t1)\n"
			 "ld a7, 40(t1)\n"
			 "ld s2, 48(t1)\n"
			 "ld s3, 56(t1)\n"
			 "jr t0\n" ::"r"(code),
			 "r"(1ul << 5), "r"(x));
	__builtin_unreachable();
}

void payload(uint64_t hart, const void *tree)
{
	(void)hart;
	(void)tree;
	state = csr_get("time") * 0x9e3779b97f4a7c15ull;
	again();
}
