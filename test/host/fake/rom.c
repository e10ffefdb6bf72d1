/*
 * Fakes read-only memory: a store to the page faults; the handler lets that one
 * instruction run with the page writable, and traps after it to put the old
 * bytes back. Single steps come from the trap flag of x86.
 */
#define _GNU_SOURCE
#include "test/host/fake/rom.h"

#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#define PAGE 4096u

static struct {
	void *page;
	uint8_t kept[PAGE];
	struct sigaction old_segv;
	struct sigaction old_trap;
} rom;

#if defined(__x86_64__)
static bool step_set(ucontext_t *context, bool on)
{
	greg_t *flags = &context->uc_mcontext.gregs[REG_EFL];

	*flags = on ? *flags | 0x100 : *flags & ~(greg_t)0x100;
	return true;
}
#else
static bool step_set(ucontext_t *context, bool on)
{
	(void)context;
	(void)on;
	return false;
}
#endif

static void on_store(int number, siginfo_t *info, void *context)
{
	uintptr_t at = (uintptr_t)info->si_addr;

	if (at - (uintptr_t)rom.page >= PAGE) {
		/* Not ours: the next try ends the program as it should. */
		signal(number, SIG_DFL);
		return;
	}
	mprotect(rom.page, PAGE, PROT_READ | PROT_WRITE);
	step_set(context, true);
}

static void after_store(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)info;
	memcpy(rom.page, rom.kept, PAGE);
	mprotect(rom.page, PAGE, PROT_READ);
	step_set(context, false);
}

bool rom_page_make(void *page)
{
	struct sigaction store = {.sa_sigaction = on_store,
				  .sa_flags = SA_SIGINFO};
	struct sigaction step = {.sa_sigaction = after_store,
				 .sa_flags = SA_SIGINFO};
	ucontext_t probe;

	memset(&probe, 0, sizeof(probe));
	if (!step_set(&probe, false))
		return false;
	rom.page = page;
	memcpy(rom.kept, page, PAGE);
	sigaction(SIGSEGV, &store, &rom.old_segv);
	sigaction(SIGTRAP, &step, &rom.old_trap);
	return mprotect(page, PAGE, PROT_READ) == 0;
}

void rom_page_undo(void)
{
	mprotect(rom.page, PAGE, PROT_READ | PROT_WRITE);
	sigaction(SIGSEGV, &rom.old_segv, NULL);
	sigaction(SIGTRAP, &rom.old_trap, NULL);
}
