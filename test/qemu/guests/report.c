/* Result lines as the kernel's own selftests print them; and bootargs. */
#include "test/qemu/guests/guest.h"

#define LINE_MAX 240

static struct {
	char line[LINE_MAX];
	unsigned long used;
	unsigned long passed, failed;
} state;

static void flush(void)
{
	unsigned long done = 0;

	while (done < state.used) {
		struct sbi r = sbi(SBI_DBCN, 0, state.used - done,
				   (unsigned long)state.line + done, 0);

		if (r.error)
			break;
		done += r.value;
	}
	state.used = 0;
}

void print(const char *text)
{
	for (; *text; text++) {
		state.line[state.used++] = *text;
		if (*text == '\n' || state.used == LINE_MAX)
			flush();
	}
}

static void print_based(unsigned long n, unsigned base)
{
	char text[24];
	unsigned at = sizeof(text) - 1;

	text[at] = 0;
	do
		text[--at] = "0123456789abcdef"[n % base];
	while (n /= base);
	print(text + at);
}

void print_number(unsigned long n)
{
	print_based(n, 10);
}

void print_hex(unsigned long n)
{
	print_based(n, 16);
}

static void verdict(const char *name, bool good)
{
	print("TEST ");
	print(name);
	print(good ? " PASS" : " FAIL");
	state.passed += good;
	state.failed += !good;
}

void report(const char *name, bool good)
{
	verdict(name, good);
	if (!good) {
		print(" cause ");
		print_hex(saved.cause);
		print(" value ");
		print_hex(saved.value);
	}
	print("\n");
}

void report_equal(const char *name, unsigned long got, unsigned long want)
{
	verdict(name, got == want);
	if (got != want) {
		print(" got ");
		print_hex(got);
		print(" want ");
		print_hex(want);
	}
	print("\n");
}

void report_end(void)
{
	print("TEST end ");
	print_number(state.passed);
	print(" passed, ");
	print_number(state.failed);
	print(" failed\n");
	sbi(SBI_SRST, 0, 0, 0, 0);
}

/* Bytes of the tree, by its header's totalsize (big-endian). */
static uint32_t tree_size(const uint8_t *tree)
{
	return (uint32_t)tree[4] << 24 | tree[5] << 16 | tree[6] << 8 | tree[7];
}

unsigned long bootarg(const void *tree, const char *key, unsigned long missing)
{
	const char *at = tree, *end = at + tree_size(tree);
	unsigned long n = 0;
	unsigned i;

	for (; at < end; at++) {
		for (i = 0; key[i] && at + i < end && at[i] == key[i]; i++)
			;
		if (!key[i])
			break;
	}
	if (at == end)
		return missing;
	for (at += i; *at >= '0' && *at <= '9'; at++)
		n = 10 * n + *at - '0';
	return n;
}

/* What gcc calls for struct copies. */
void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int value, size_t n);

void *memcpy(void *to, const void *from, size_t n)
{
	char *t = to;
	const char *f = from;

	while (n--)
		*t++ = *f++;
	return to;
}

void *memset(void *to, int value, size_t n)
{
	char *t = to;

	while (n--)
		*t++ = (char)value;
	return to;
}
