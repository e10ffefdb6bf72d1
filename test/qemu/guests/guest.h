/* What payloads share: SBI calls, output, the last trap. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Filled in by the vector of head.S. */
struct trap {
	uint64_t scratch[2];
	uint64_t cause, pc, value;
	uint64_t count; /* traps so far */
};

extern volatile struct trap saved;

/* Never returns; called by head.S. */
void payload(uint64_t hart, const void *tree);

struct sbi {
	long error;
	unsigned long value;
};

static inline struct sbi sbi(unsigned long ext, unsigned long fn,
			     unsigned long arg0, unsigned long arg1,
			     unsigned long arg2)
{
	register unsigned long a0 __asm__("a0") = arg0;
	register unsigned long a1 __asm__("a1") = arg1;
	register unsigned long a2 __asm__("a2") = arg2;
	register unsigned long a6 __asm__("a6") = fn;
	register unsigned long a7 __asm__("a7") = ext;

	__asm__ volatile(".option push\n.option norvc\n"
			 "ecall\n"
			 ".option pop"
			 : "+r"(a0), "+r"(a1)
			 : "r"(a2), "r"(a6), "r"(a7)
			 : "memory");
	return (struct sbi){(long)a0, a1};
}

#define SBI_BASE 0x10
#define SBI_TIME 0x54494d45
#define SBI_IPI	 0x735049
#define SBI_SRST 0x53525354
#define SBI_DBCN 0x4442434e

static inline void print(const char *text)
{
	unsigned long n = 0;

	while (text[n])
		n++;
	while (n) {
		struct sbi r = sbi(SBI_DBCN, 0, n, (unsigned long)text, 0);

		if (r.error)
			return;
		text += r.value;
		n -= r.value;
	}
}

static inline void print_number(unsigned long n)
{
	char text[24];
	unsigned at = sizeof(text) - 1;

	text[at] = 0;
	do
		text[--at] = '0' + n % 10;
	while (n /= 10);
	print(text + at);
}

/* The line of one test; adds to the counts of report_end(). */
void report(const char *name, bool good);

/* "TEST end ..." and power off. */
void report_end(void);

#define csr_get(name)                                              \
	({                                                         \
		unsigned long value_;                              \
		__asm__ volatile("csrr %0, " name : "=r"(value_)); \
		value_;                                            \
	})

/* One instruction of 4 bytes that may trap; true and saved if it did. */
#define traps(insn, ...)                                     \
	({                                                   \
		uint64_t before_ = saved.count;              \
		__asm__ volatile(".option push\n"            \
				 ".option norvc\n" insn "\n" \
				 ".option pop" __VA_ARGS__); \
		saved.count != before_;                      \
	})
