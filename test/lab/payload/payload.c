/*
 * The test kernel's behaviours. It prints by SBI's legacy console (every
 * OpenSBI has it) and reads QEMU virt's UART directly.
 */
#include "test/lab/payload/payload.h"

#define UART	      ((volatile uint8_t *)0x10000000)
#define UART_LSR      5
#define LSR_READY     1
#define SBI_PUTCHAR   1
#define SBI_SRST      0x53525354
#define SRST_SHUTDOWN 0
#define SRST_REBOOT   1
#define FLOOD_BYTES   (2ul << 20)

extern const char command[];
void payload_main(void);

static void sbi_call(unsigned long eid, unsigned long arg)
{
	register unsigned long a0 __asm__("a0") = arg;
	register unsigned long a1 __asm__("a1") = 0;
	register unsigned long a6 __asm__("a6") = 0;
	register unsigned long a7 __asm__("a7") = eid;

	__asm__ volatile("ecall"
			 : "+r"(a0), "+r"(a1)
			 : "r"(a6), "r"(a7)
			 : "memory");
}

unsigned long now_us(void)
{
	unsigned long t;

	__asm__ volatile("rdtime %0" : "=r"(t));
	return t / 10;
}

void put_text(const char *s)
{
	for (; *s; s++) {
		if (*s == '\n')
			sbi_call(SBI_PUTCHAR, '\r');
		sbi_call(SBI_PUTCHAR, *s);
	}
}

void put_number(unsigned long n)
{
	char digits[24];
	int i = sizeof(digits) - 1;

	digits[i] = '\0';
	do {
		digits[--i] = '0' + n % 10;
		n /= 10;
	} while (n);
	put_text(digits + i);
}

static void do_pass(const char *arguments)
{
	(void)arguments;
	put_text("[00000.000001] TEST first PASS\n"
		 "TEST second PASS in 3 us\n"
		 "TEST end 2 passed, 0 failed\n"
		 "TEST end 2 passed, 0 failed\n");
	sbi_call(SBI_SRST, SRST_SHUTDOWN);
}

static void do_fail(const char *arguments)
{
	(void)arguments;
	put_text("TEST first PASS\nTEST second FAIL want 1, got 2\n"
		 "TEST end 1 passed, 1 failed\nTEST end 1 passed, 1 failed\n");
	sbi_call(SBI_SRST, SRST_SHUTDOWN);
}

static void do_panic(const char *arguments)
{
	(void)arguments;
	put_text("[00000.000002] panic: out of everything\n"
		 "[00000.000003] backtrace: somewhere\n");
}

static void do_loop(const char *arguments)
{
	(void)arguments;
	for (unsigned long n = 0;; n++) {
		unsigned long then = now_us() + 100000;

		put_text("round ");
		put_number(n);
		put_text("\n");
		while (now_us() < then)
			;
	}
}

static void do_silent(const char *arguments)
{
	(void)arguments;
}

static void do_off(const char *arguments)
{
	(void)arguments;
	put_text("going off\n");
	sbi_call(SBI_SRST, SRST_SHUTDOWN);
}

static void do_reset(const char *arguments)
{
	(void)arguments;
	put_text("resetting\n");
	sbi_call(SBI_SRST, SRST_REBOOT);
}

/* An illegal instruction, with U-Boot's trap vector still in place. */
static void do_crash(const char *arguments)
{
	(void)arguments;
	put_text("crashing\n");
	__asm__ volatile("unimp");
}

static void do_flood(const char *arguments)
{
	static const char line[] = "0123456789abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ\n";

	(void)arguments;
	for (unsigned long n = 0; n < FLOOD_BYTES; n += sizeof(line))
		for (int i = 0; line[i]; i++)
			UART[0] = line[i];
	do_pass("");
}

/* Echoes what is typed; the line "exit" ends with a pass. */
static void do_echo(const char *arguments)
{
	const char *want = "exit";
	int matched = 0;

	(void)arguments;
	put_text("ready> ");
	for (;;) {
		char c[2] = {0, 0};

		while (!(UART[UART_LSR] & LSR_READY))
			;
		c[0] = UART[0];
		put_text(c[0] == '\r' ? "\n" : c);
		matched = c[0] == want[matched] ? matched + 1 : 0;
		if (matched == 4) {
			put_text("\n");
			do_pass("");
		}
	}
}

int key_typed(void)
{
	if (!(UART[UART_LSR] & LSR_READY))
		return 0;
	(void)UART[0];
	return 1;
}

static const char *after_word(const char *text, const char *word)
{
	while (*word && *text == *word) {
		text++;
		word++;
	}
	if (*word || (*text && *text != ' '))
		return 0;
	return *text ? text + 1 : text;
}

/* Addresses are taken in code: a table of them would need relocating. */
static void run_if(const char *word, void (*run)(const char *arguments))
{
	const char *arguments = after_word(command, word);

	if (arguments)
		run(arguments);
}

void payload_main(void)
{
	run_if("pass", do_pass);
	run_if("fail", do_fail);
	run_if("panic", do_panic);
	run_if("loop", do_loop);
	run_if("silent", do_silent);
	run_if("off", do_off);
	run_if("reset", do_reset);
	run_if("crash", do_crash);
	run_if("flood", do_flood);
	run_if("echo", do_echo);
	run_if("net", net_probe);
	run_if("hear", net_hear);
}
