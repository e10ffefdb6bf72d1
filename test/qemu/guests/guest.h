/* What payloads share: SBI calls, output, traps, guarded code, bootargs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "test/qemu/guests/harts.h"

/* The last trap of a hart; the vector of head.S fills it in. tp points here. */
struct trap {
	uint64_t x[32]; /* as they were; x[0] is 0 */
	uint64_t cause, pc, value;
	uint64_t count;	 /* traps so far */
	uint64_t status; /* sstatus after a trap that left guarded() */
	uint64_t back;	 /* guarded()'s stack; 0: not in it */
	uint64_t room[26];
};

_Static_assert(sizeof(struct trap) == TRAP_SIZE, "harts.h");
_Static_assert(offsetof(struct trap, cause) == TRAP_CAUSE, "harts.h");
_Static_assert(offsetof(struct trap, back) == TRAP_BACK, "harts.h");

extern volatile struct trap harts[HARTS];

#define saved (*(volatile struct trap *)__builtin_thread_pointer())

/* Code to run until it traps, and in what state. */
struct guarded {
	uint64_t x[32]; /* x[0] is not used */
	uint64_t pc;
	uint64_t status; /* sstatus before sret: SPP, SPIE, FS ... */
	uint64_t satp;
	uint64_t sie;
};

_Static_assert(offsetof(struct guarded, pc) == GUARDED_PC, "harts.h");
_Static_assert(offsetof(struct guarded, sie) == GUARDED_SIE, "harts.h");

/*
 * Run @what until the first trap or interrupt, which `saved` then holds.
 * Paging is off afterwards. The code must leave stvec, sscratch and the
 * memory of the payload alone, and with paging @what must be mapped at its
 * own address, as must be the vector.
 */
void guarded(const struct guarded *what);

#define SSTATUS_SIE    (1ul << 1)
#define SSTATUS_SPIE   (1ul << 5)
#define SSTATUS_SPP    (1ul << 8)
#define SSTATUS_SUM    (1ul << 18)
#define SSTATUS_UXL_32 (1ul << 32)
#define SSTATUS_UXL_64 (2ul << 32)

/* sstatus for guarded code in supervisor and in user mode. */
#define IN_VS (SSTATUS_PLAIN | SSTATUS_SPP)
#define IN_VU (SSTATUS_PLAIN & ~SSTATUS_SPP)

#define INTERRUPT  (1ul << 63)
#define IRQ_SOFT   1
#define IRQ_TIMER  5
#define IRQ_EXTERN 9

/* Causes (Privileged Architecture, table of scause). */
enum {
	FETCH_ACCESS = 1,
	ILLEGAL = 2,
	BREAKPOINT = 3,
	LOAD_MISALIGNED = 4,
	LOAD_ACCESS = 5,
	STORE_MISALIGNED = 6,
	STORE_ACCESS = 7,
	ECALL_U = 8,
	FETCH_PAGE = 12,
	LOAD_PAGE = 13,
	STORE_PAGE = 15,
	SOFTWARE_CHECK = 18
};

/* The guest's machine (docs/guest.md). */
#define RAM	0x80000000ul
#define UART	0x10000000ul
#define PLIC	0x0c000000ul
#define NOWHERE 0x40000000ul /* no RAM, no device */

/* Never returns; called by head.S on each hart, @arg as the SBI passed it:
 * the tree for the first one. */
void payload(uint64_t hart, const void *arg);

/* The entry for further harts: _start, which ends in payload(). */
void _start(void);

struct sbi {
	long error;
	unsigned long value;
};

/* Any call, with all six arguments. */
static inline struct sbi sbi6(unsigned long ext, unsigned long fn,
			      const unsigned long arg[6])
{
	register unsigned long a0 __asm__("a0") = arg[0];
	register unsigned long a1 __asm__("a1") = arg[1];
	register unsigned long a2 __asm__("a2") = arg[2];
	register unsigned long a3 __asm__("a3") = arg[3];
	register unsigned long a4 __asm__("a4") = arg[4];
	register unsigned long a5 __asm__("a5") = arg[5];
	register unsigned long a6 __asm__("a6") = fn;
	register unsigned long a7 __asm__("a7") = ext;

	__asm__ volatile("ecall"
			 : "+r"(a0), "+r"(a1)
			 : "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a6), "r"(a7)
			 : "memory");
	return (struct sbi){(long)a0, a1};
}

static inline struct sbi sbi(unsigned long ext, unsigned long fn,
			     unsigned long arg0, unsigned long arg1,
			     unsigned long arg2)
{
	const unsigned long arg[6] = {arg0, arg1, arg2};

	return sbi6(ext, fn, arg);
}

#define SBI_BASE   0x10
#define SBI_TIME   0x54494d45
#define SBI_IPI	   0x735049
#define SBI_RFENCE 0x52464e43
#define SBI_HSM	   0x48534d
#define SBI_SRST   0x53525354
#define SBI_DBCN   0x4442434e
#define SBI_SUSP   0x53555350

#define SBI_NOT_SUPPORTED     (-2)
#define SBI_INVALID_PARAM     (-3)
#define SBI_DENIED	      (-4)
#define SBI_INVALID_ADDRESS   (-5)
#define SBI_ALREADY_AVAILABLE (-6)

/* Text is kept until the end of its line, which then goes out in one call, so
 * that lines of several guests do not mix. By one hart at a time. */
void print(const char *text);
void print_number(unsigned long n);
void print_hex(unsigned long n);

/* The line of one test, with the last trap if it is not @good; adds to the
 * counts of report_end(). */
void report(const char *name, bool good);

/* The same with @got and @want in the line of a failure. */
void report_equal(const char *name, unsigned long got, unsigned long want);

/* "TEST end ..." and power off. */
void report_end(void);

/* The number behind @key (such as "seed=") in the bootargs of @tree, decimal;
 * @missing when there is none. */
unsigned long bootarg(const void *tree, const char *key, unsigned long missing);

/* Splitmix64 (Steele, Lea, Flood 2014): the next of the row that *@state is
 * in. */
static inline uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define csr_get(name)                                              \
	({                                                         \
		unsigned long value_;                              \
		__asm__ volatile("csrr %0, " name : "=r"(value_)); \
		value_;                                            \
	})

#define csr_set_to(name, value) \
	__asm__ volatile("csrw " name ", %0" ::"r"((unsigned long)(value)))

/* One instruction that may trap; true and `saved` if it did. */
#define traps(insn, ...)                                     \
	({                                                   \
		uint64_t before_ = saved.count;              \
		__asm__ volatile(".option push\n"            \
				 ".option norvc\n" insn "\n" \
				 ".option pop" __VA_ARGS__); \
		saved.count != before_;                      \
	})

/* Was the last trap @cause with @value? */
static inline bool trap_was(uint64_t cause, uint64_t value)
{
	return saved.cause == cause && saved.value == value;
}
