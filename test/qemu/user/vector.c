/*
 * A user program for Linux, without a libc: vector_hold SEED ROUNDS fills all
 * vector registers, vl, vtype and vxrm, and the rounding mode of floating
 * point, spins long enough to be preempted, and looks at them again. SEED and
 * the process id decide the values, so that no two that run hold the same.
 */
#include <stddef.h>
#include <stdint.h>

#define VLENB_MAX 128
#define SPIN	  200000

enum {
	SYS_WRITE = 64,
	SYS_EXIT = 93,
	SYS_GETPID = 172
};

static uint64_t want[32 * VLENB_MAX / 8], found[32 * VLENB_MAX / 8];

static long system_call(long number, long a, long b, long c)
{
	register long a0 __asm__("a0") = a;
	register long a1 __asm__("a1") = b;
	register long a2 __asm__("a2") = c;
	register long a7 __asm__("a7") = number;

	__asm__ volatile("ecall"
			 : "+r"(a0)
			 : "r"(a1), "r"(a2), "r"(a7)
			 : "memory");
	return a0;
}

static void finish(const char *text, int status)
{
	size_t n = 0;

	while (text[n])
		n++;
	system_call(SYS_WRITE, 1, (long)text, (long)n);
	system_call(SYS_EXIT, status, 0, 0);
}

static uint64_t number(const char *text)
{
	uint64_t n = 0;

	while (*text)
		n = n * 10 + (uint64_t)(*text++ - '0');
	return n;
}

/* Fill, spin, take out again: one piece, for the ABI lets calls clobber. */
static void hold(uint64_t avl, uint64_t mode, uint64_t state[4])
{
	uint64_t block, spin = SPIN;
	void *in = want, *out = found;

	__asm__ volatile(
		".option push\n.option arch, +v\n"
		"csrr	%[block], vlenb\n"
		"slli	%[block], %[block], 3\n"
		"vl8re8.v v0, (%[in])\nadd %[in], %[in], %[block]\n"
		"vl8re8.v v8, (%[in])\nadd %[in], %[in], %[block]\n"
		"vl8re8.v v16, (%[in])\nadd %[in], %[in], %[block]\n"
		"vl8re8.v v24, (%[in])\n"
		"vsetvli zero, %[avl], e16, m2, tu, mu\n"
		"csrw	vxrm, %[mode]\n"
		"csrw	frm, %[mode]\n"
		"1: addi %[spin], %[spin], -1\n"
		"bnez	%[spin], 1b\n"
		"csrr	%[avl], vl\n"
		"sd	%[avl], 0(%[state])\n"
		"csrr	%[avl], vtype\n"
		"sd	%[avl], 8(%[state])\n"
		"csrr	%[avl], vxrm\n"
		"sd	%[avl], 16(%[state])\n"
		"csrr	%[avl], frm\n"
		"sd	%[avl], 24(%[state])\n"
		"vs8r.v	v0, (%[out])\nadd %[out], %[out], %[block]\n"
		"vs8r.v	v8, (%[out])\nadd %[out], %[out], %[block]\n"
		"vs8r.v	v16, (%[out])\nadd %[out], %[out], %[block]\n"
		"vs8r.v	v24, (%[out])\n"
		".option pop"
		: [block] "=&r"(block), [spin] "+r"(spin), [in] "+r"(in),
		  [out] "+r"(out), [avl] "+r"(avl)
		: [mode] "r"(mode), [state] "r"(state)
		: "memory");
}

static void look(uint64_t n, uint64_t avl, uint64_t mode,
		 const uint64_t state[4])
{
	for (uint64_t i = 0; i < n; i++)
		if (found[i] != want[i])
			finish("vector: another's register\n", 1);
	/* e16, m2, tu, mu */
	if (state[0] != avl || state[1] != 9)
		finish("vector: another's vl or vtype\n", 1);
	if (state[2] != mode)
		finish("vector: another's vxrm\n", 1);
	if (state[3] != mode)
		finish("vector: another's frm\n", 1);
}

void run(const long *stack);
void run(const long *stack)
{
	uint64_t seed, rounds, n, mode, state[4];

	if (stack[0] != 3)
		finish("usage: vector SEED ROUNDS\n", 64);
	seed = number((const char *)stack[2]);
	rounds = number((const char *)stack[3]);
	seed = seed << 32 | (uint64_t)system_call(SYS_GETPID, 0, 0, 0);
	__asm__("csrr %0, 0xc22" : "=r"(n)); /* vlenb */
	if (n > VLENB_MAX)
		finish("vector: registers too long\n", 1);
	n = 32 * n / 8;
	for (; rounds; rounds--) {
		mode = (seed + rounds) & 3;
		for (uint64_t i = 0; i < n; i++)
			want[i] = seed * 0x9e3779b97f4a7c15 + i * rounds;
		hold(1 + seed % 8, mode, state);
		look(n, 1 + seed % 8, mode, state);
	}
	finish("vector: all held\n", 0);
}

__asm__(".globl _start\n"
	"_start: mv a0, sp\n"
	"andi	sp, sp, -16\n"
	"call	run");
