/*
 * Last words before the image is relocated. Runs wherever it lies: no pointer
 * that a relocation would have to fix, no jump table, no stack protector, no
 * library (the build checks its relocation types). Bytes go out through DBCN,
 * else the legacy putchar; then SRST, else the legacy shutdown, else parked.
 */
#include "arch/riscv/boot/early.h"

#include "arch/riscv/boot/relocate.h"
#include "arch/riscv/csr.h"
#include "arch/riscv/sbi.h"

static void early_putc(char c)
{
	struct sbi_ret ret;

	ret = sbi_call(SBI_EXT_DBCN, SBI_DBCN_WRITE_BYTE, (uint8_t)c, 0, 0);
	if (ret.error)
		sbi_call(SBI_EXT_LEGACY_PUTCHAR, 0, (uint8_t)c, 0, 0);
}

static void early_puts(const char *s)
{
	for (; *s; s++)
		early_putc(*s);
}

static void early_hex(uint64_t value)
{
	int shift = 60;

	early_puts("0x");
	while (shift > 0 && !(value >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4) {
		unsigned digit = value >> shift & 15;

		early_putc(digit < 10 ? '0' + digit : 'a' + digit - 10);
	}
}

static _Noreturn void early_end(void)
{
	early_puts("\n");
	sbi_call(SBI_EXT_SRST, 0, SBI_SRST_SHUTDOWN, 1, 0);
	sbi_call(SBI_EXT_LEGACY_SHUTDOWN, 0, 0, 0, 0);
	for (;;)
		wait_for_interrupt();
}

void early_relocation_panic(const struct relocate_error *error)
{
	early_puts("panic: relocation ");
	early_hex(error->index);
	early_puts(" (offset ");
	early_hex(error->offset);
	early_puts(", type ");
	early_hex(error->type);
	early_puts("): ");
	early_puts(error->why);
	early_end();
}

static _Noreturn void early_trap_report(const char *what, uint64_t cause,
					uint64_t pc, uint64_t value)
{
	early_puts(what);
	early_puts(": cause ");
	early_hex(cause);
	early_puts(" at ");
	early_hex(pc);
	early_puts(", value ");
	early_hex(value);
	early_end();
}

void early_trap_panic(uint64_t cause, uint64_t pc, uint64_t value)
{
	early_trap_report("panic: trap before relocation", cause, pc, value);
}

void early_address_panic(uint64_t image)
{
	early_puts("panic: image at ");
	early_hex(image);
	early_puts(" is not aligned to 4096 bytes");
	early_end();
}

void early_again_panic(uint64_t image)
{
	early_puts("panic: image at ");
	early_hex(image);
	early_puts(" has run before, load it again");
	early_end();
}

void early_nested_panic(uint64_t cause, uint64_t pc, uint64_t value)
{
	early_trap_report("panic: trap without a usable stack", cause, pc,
			  value);
}

void early_mmu_panic(uint64_t cause, uint64_t pc, uint64_t value)
{
	early_trap_report("panic: trap while turning the MMU on", cause, pc,
			  value);
}
