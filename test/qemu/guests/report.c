/* Result lines as the kernel's own selftests print them. */
#include "test/qemu/guests/guest.h"

static unsigned long passed, failed;

void report(const char *name, bool good)
{
	print("TEST ");
	print(name);
	if (good) {
		passed++;
		print(" PASS\n");
		return;
	}
	failed++;
	print(" FAIL cause ");
	print_number(saved.cause);
	print(" value ");
	print_number(saved.value);
	print("\n");
}

void report_end(void)
{
	print("TEST end ");
	print_number(passed);
	print(" passed, ");
	print_number(failed);
	print(" failed\n");
	sbi(SBI_SRST, 0, 0, 0, 0);
}
