/*
 * Bytes sent by the UART from every register, which keep all registers, and by
 * two harts at once; then asleep, so that the counters can be looked at.
 */
#include "test/qemu/guests/guest.h"

#define LSR	 5
#define LSR_THRE 0x20
#define EACH	 2000u /* bytes of a hart */

static volatile uint8_t *const uart = (volatile uint8_t *)UART;
static volatile unsigned done;

static void put(uint8_t byte)
{
	while (!(uart[LSR] & LSR_THRE))
		;
	uart[0] = byte;
}

static void put_all(const char *text)
{
	while (*text)
		put(*text++);
}

/* Only the low byte of a register is sent. */
#define SEND_FROM(reg, number)                                           \
	__asm__ volatile("mv " reg ", %0\n"                              \
			 ".option push\n.option norvc\n"                 \
			 "sb " reg ", 0(%1)\n.option pop" ::"r"(         \
				 0xfedcba9876543200ul + 'A' + (number)), \
			 "r"(uart)                                       \
			 : reg)

static void registers(void)
{
	put_all("registers ");
	SEND_FROM("ra", 0);
	SEND_FROM("t0", 1);
	SEND_FROM("t1", 2);
	SEND_FROM("t2", 3);
	SEND_FROM("s1", 4);
	SEND_FROM("a0", 5);
	SEND_FROM("a1", 6);
	SEND_FROM("a2", 7);
	SEND_FROM("a3", 8);
	SEND_FROM("a4", 9);
	SEND_FROM("a5", 10);
	SEND_FROM("a6", 11);
	SEND_FROM("a7", 12);
	SEND_FROM("s2", 13);
	SEND_FROM("s11", 14);
	SEND_FROM("t3", 15);
	SEND_FROM("t4", 16);
	SEND_FROM("t5", 17);
	SEND_FROM("t6", 18);
	put_all(".\n");
}

/* Each register is another number before and after; a1 and t1 serve to say so.
 */
static bool registers_stay(void)
{
	unsigned long wrong, before;

	__asm__ volatile(".irp n, 5,7,10,12,13,14,15,16,17,28,29,30,31\n"
			 "addi x\\n, %2, \\n\n"
			 ".endr\n"
			 ".option push\n.option norvc\n"
			 "sb a2, 0(%2)\n"
			 ".option pop\n"
			 "li %0, 0\n"
			 ".irp n, 5,7,10,12,13,14,15,16,17,28,29,30,31\n"
			 "addi %1, %2, \\n\n"
			 "sub %1, %1, x\\n\n"
			 "or %0, %0, %1\n"
			 ".endr"
			 : "=&r"(wrong), "=&r"(before)
			 : "r"(uart)
			 : "t0", "t2", "a0", "a2", "a3", "a4", "a5", "a6", "a7",
			   "t3", "t4", "t5", "t6", "memory");
	return !wrong;
}

static void both(uint8_t byte)
{
	unsigned i;

	for (i = 0; i < EACH; i++)
		put(byte);
	__atomic_fetch_add(&done, 1, __ATOMIC_SEQ_CST);
}

void payload(uint64_t hart, const void *arg)
{
	(void)arg;
	if (!hart) {
		registers();
		/* The byte is that of the UART's address and 12. */
		put_all(registers_stay() ? " they stay.\n" : " CHANGED\n");
		sbi(SBI_HSM, 0, 1, (unsigned long)_start, 0);
	}
	both('0' + (uint8_t)hart);
	if (!hart) {
		while (done < 2)
			;
		put_all("\nsent.\n");
	}
	for (;;)
		__asm__ volatile("wfi");
}
