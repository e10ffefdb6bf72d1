/*
 * The verdict engine: what decides, in which order. Recorded and mutated logs
 * are lab_verdict_corpus_test.c's.
 *
 * Sources: tools/lab/verdict.c tools/lab/pattern.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/lab/verdict.h"

#define BOOT                                                            \
	"\r\nOpenSBI v1.1\r\n   ____\r\nBoot HART ID : 0\r\n\r\n"       \
	"\r\nU-Boot 2023.01+dfsg-2 (Jan 10 2023)\r\nHit any key: 0\r\n" \
	"DHCP client bound to address 10.0.2.15 (1 ms)\r\n"             \
	"TFTP from server 10.0.2.2; our IP address is 10.0.2.15\r\n"    \
	"lab: n0 script\r\nBytes transferred = 4536 (11b8 hex)\r\n"     \
	"lab: n0 boot\r\n"
#define START  "\r\nStarting kernel ...\r\n\r\n"
#define KERNEL BOOT START
#define TESTS                                                       \
	"[00000.000001] TEST one PASS\r\nTEST two PASS in 3 us\r\n" \
	"hello\r\nTEST three PASS\r\n"
#define GOOD KERNEL TESTS "TEST end 3 passed, 0 failed\r\n"

static struct verdict_rules plain = {.nonce = "n0"};

static struct verdict_state judge_cut(const struct verdict_rules *rules,
				      const char *log, size_t len, size_t cut)
{
	struct verdict_engine *e = verdict_new(rules);
	struct verdict_state s;

	assert_non_null(e);
	for (size_t i = 0; i < len; i += cut)
		verdict_feed(e, log + i, len - i < cut ? len - i : cut);
	verdict_finish(e);
	s = *verdict_state(e);
	verdict_free(e);
	return s;
}

static enum verdict judge(const char *log)
{
	return judge_cut(&plain, log, strlen(log), 7).verdict;
}

static enum verdict judge_with(const char *pass, const char *fail,
			       const char *text)
{
	struct verdict_rules r = {.nonce = "n0"};
	char log[4096];

	if (pass)
		r.pass[r.pass_count++] = pass;
	if (fail)
		r.fail[r.fail_count++] = fail;
	snprintf(log, sizeof(log), "%s%s", KERNEL, text);
	return judge_cut(&r, log, strlen(log), 1).verdict;
}

static void stages_are_walked_in_order(void **state)
{
	static const struct {
		const char *text;
		enum stage stage;
	} steps[] = {
		{"\r\nOpenSBI v1.1\r\n", STAGE_FIRMWARE},
		{"\r\nU-Boot 2023.01\r\n", STAGE_UBOOT},
		{"DHCP client bound to address 1.2.3.4\r\n", STAGE_DHCP},
		{"TFTP from server 1.2.3.1\r\n", STAGE_TFTP},
		{"lab: n0 script\r\nlab: n0 boot\r\n", STAGE_TFTP},
		{"Starting kernel ...\r\n", STAGE_KERNEL},
	};
	struct verdict_engine *e = verdict_new(&plain);

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		verdict_feed(e, steps[i].text, strlen(steps[i].text));
		assert_int_equal(verdict_state(e)->stage, steps[i].stage);
	}
	assert_int_equal(verdict_state(e)->verdict, VERDICT_NONE);
	verdict_free(e);
}

static void selftest_end_with_matching_counts_passes(void **state)
{
	(void)state;
	assert_int_equal(judge(GOOD), VERDICT_PASS);
	assert_int_equal(judge(KERNEL "TEST end 0 passed, 0 failed\n"),
			 VERDICT_PASS);
}

static void selftest_end_that_does_not_add_up_fails(void **state)
{
	(void)state;
	assert_int_equal(judge(KERNEL TESTS "TEST end 4 passed, 0 failed\n"),
			 VERDICT_FAIL);
	assert_int_equal(judge(KERNEL TESTS "TEST end 2 passed, 1 failed\n"),
			 VERDICT_FAIL);
	assert_int_equal(judge(KERNEL TESTS
			       "TEST x FAIL no\nTEST end 3 passed, 0 failed\n"),
			 VERDICT_FAIL);
	assert_int_equal(judge(KERNEL TESTS
			       "TEST x FAIL no\nTEST end 3 passed, 1 failed\n"),
			 VERDICT_FAIL);
}

static void torn_selftest_end_is_no_result(void **state)
{
	static const char *const torn[] = {
		"TEST end 3 passed, 0 fail",
		"TEST end 3 passed, 0 failed x",
		"xTEST end 3 passed, 0 failed",
		"TEST end 3 passed,0failed",
		"TEST end -3 passed, 0 failed",
		"TEST end  passed, 0 failed",
		"guest| TEST end 3 passed, 0 failed",
	};
	char log[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(torn) / sizeof(torn[0]); i++) {
		snprintf(log, sizeof(log), "%s%s\n", KERNEL TESTS, torn[i]);
		assert_int_equal(judge(log), VERDICT_NONE);
	}
}

static void result_lines_before_the_kernel_count_for_nothing(void **state)
{
	(void)state;
	assert_int_equal(judge(TESTS "TEST end 3 passed, 0 failed\n"),
			 VERDICT_NONE);
	assert_int_equal(judge(BOOT TESTS "TEST end 3 passed, 0 failed\n"),
			 VERDICT_NONE);
}

static void another_image_than_ours_is_infra(void **state)
{
	(void)state;
	assert_int_equal(judge("U-Boot 2023.01\n" START TESTS), VERDICT_INFRA);
	assert_int_equal(judge("lab: n1 boot\n" START), VERDICT_INFRA);
	assert_int_equal(judge("lab: n boot\n" START), VERDICT_INFRA);
}

static void crashes_are_panics(void **state)
{
	static const char *const lines[] = {
		"[    1.234567] Kernel panic - not syncing: VFS: no root",
		"[    1.234567][    T1] Kernel panic - not syncing: x",
		"[    0.5] Oops [#1]",
		"Oops - illegal instruction [#1]",
		"[    2.0] Unable to handle kernel NULL pointer dereference",
		"[    2.0] kernel BUG at mm/slub.c:3!",
		"[    9.1] BUG: scheduling while atomic: swapper/0",
		"[    9.1] watchdog: BUG: soft lockup - CPU#0 stuck",
		"[00000.000002] panic: no memory",
		"panic: no memory",
		"Unhandled exception: Load access fault",
		"half a lineUnhandled exception: Illegal instruction",
		"sbi_trap_error: hart0: trap handler failed (error -2)",
		"\x1b[31mKernel panic - not syncing: in red\x1b[0m",
		"[    2.0] Kernel BUG [#1]",
		"[    2.1] ---[ end Kernel panic - not syncing: x ]---",
		/* Behind what a program left without a line's end. */
		"Loading drivers..[    3.767577] Kernel panic - not syncing: x",
		"vm login: [   12.000001][    T1] Kernel panic - not syncing: "
		"x",
		"<0>[ 1234.000001] Kernel BUG [#1]",
		"[ok] [1] [    3.1] > [    3.767577] Oops [#1]",
		"aloft> [00003.000001] panic: no memory",
	};
	char log[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		snprintf(log, sizeof(log), "%s%s\r\n", KERNEL, lines[i]);
		assert_int_equal(judge(log), VERDICT_PANIC);
	}
}

static void talk_about_panics_is_none(void **state)
{
	static const char *const lines[] = {
		"Kernel command line: panic=5",
		"Oopsie",
		"no Kernel panic",
		"linux| [    1.0] Kernel panic - not syncing: a guest's",
		"[    1.0] printk: BUG",
		"linux| login: [    1.000000] Kernel panic - not syncing: x",
		"aloft> a-1| [    1.000000] Kernel panic - not syncing: x",
		"[    1.000000] sh: Kernel panic - not syncing: x",
		"echo [1] Kernel panic - not syncing",
		"echo [    1.0] Kernel panic - not syncing",
		"echo [    1.000000]Kernel panic - not syncing",
		"Unhandled exceptions are bad",
	};
	char log[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		snprintf(log, sizeof(log), "%s%s\n", KERNEL, lines[i]);
		assert_int_equal(judge(log), VERDICT_NONE);
	}
}

static void firmware_again_is_a_reset_loop(void **state)
{
	(void)state;
	assert_int_equal(judge(KERNEL "OpenSBI v1.3\n"), VERDICT_FAIL);
	assert_int_equal(judge(KERNEL "U-Boot SPL 2021.10\n"), VERDICT_FAIL);
	assert_int_equal(judge(KERNEL "U-Boot 2021.10\n"), VERDICT_FAIL);
	assert_int_equal(judge(KERNEL "[    1.0] U-Boot 2021.10\n"),
			 VERDICT_FAIL);
	/* Before the kernel it is not the kernel's fault. */
	assert_int_equal(judge(BOOT "OpenSBI v1.3\n"), VERDICT_INFRA);
	/* SPL, OpenSBI and U-Boot once each is a VisionFive 2 as it should. */
	assert_int_equal(judge("U-Boot SPL 2021.10\nOpenSBI v1.2\n"
			       "U-Boot 2021.10\n"),
			 VERDICT_NONE);
}

static void boot_script_reports_are_heard(void **state)
{
	(void)state;
	assert_int_equal(judge("lab: n0 tftp failed\n"), VERDICT_INFRA);
	assert_int_equal(judge("lab: n0 boot\nlab: n0 refused\n"),
			 VERDICT_FAIL);
	assert_int_equal(judge("lab: n1 refused\n"), VERDICT_NONE);
}

static void the_same_line_is_judged_pass_fail_panic(void **state)
{
	const char *text = "Kernel panic - not syncing: wanted\n";

	(void)state;
	assert_int_equal(judge_with("panic", "panic", text), VERDICT_PASS);
	assert_int_equal(judge_with(NULL, "panic", text), VERDICT_FAIL);
	assert_int_equal(judge_with(NULL, NULL, text), VERDICT_PANIC);
	assert_int_equal(judge_with("^OpenSBI", NULL, "OpenSBI v1\n"),
			 VERDICT_PASS);
}

static void every_pass_pattern_must_match(void **state)
{
	struct verdict_rules r = {
		.nonce = "n0", .pass = {"one", "two"}, .pass_count = 2};
	const char *half = KERNEL "one\none\n", *all = KERNEL "two\nand one\n";

	(void)state;
	assert_int_equal(judge_cut(&r, half, strlen(half), 3).verdict,
			 VERDICT_NONE);
	assert_int_equal(judge_cut(&r, all, strlen(all), 3).verdict,
			 VERDICT_PASS);
}

static void pass_patterns_replace_the_selftest_rule(void **state)
{
	(void)state;
	assert_int_equal(
		judge_with("login:", NULL, "TEST end 0 passed, 0 failed\n"),
		VERDICT_NONE);
}

static void prompt_without_newline_passes_after_a_pause(void **state)
{
	struct verdict_rules r = {
		.nonce = "n0", .pass = {"login: $|login:"}, .pass_count = 1};
	struct verdict_rules anchored = {
		.nonce = "n0", .pass = {"ok$"}, .pass_count = 1};
	struct verdict_engine *e = verdict_new(&r);

	(void)state;
	verdict_feed(e, KERNEL "debian login:", strlen(KERNEL "debian login:"));
	assert_int_equal(verdict_state(e)->verdict, VERDICT_NONE);
	verdict_pause(e);
	assert_int_equal(verdict_state(e)->verdict, VERDICT_PASS);
	verdict_free(e);

	/* "ok" may become "okay": `$` waits for the line's end. */
	e = verdict_new(&anchored);
	verdict_feed(e, KERNEL "ok", strlen(KERNEL "ok"));
	verdict_pause(e);
	assert_int_equal(verdict_state(e)->verdict, VERDICT_NONE);
	verdict_feed(e, "ay\nok\n", 6);
	assert_int_equal(verdict_state(e)->verdict, VERDICT_PASS);
	verdict_free(e);
}

static void overlong_lines_are_judged_in_pieces(void **state)
{
	size_t len = strlen(KERNEL) + 3 * VERDICT_LINE_MAX;
	char *log = malloc(len + 8);

	(void)state;
	memset(log, 'x', len);
	memcpy(log, KERNEL, strlen(KERNEL));
	memcpy(log + len, "needle\n", 8);
	assert_int_equal(judge_cut(&(struct verdict_rules){.nonce = "n0",
							   .pass = {"needle"},
							   .pass_count = 1},
				   log, len + 7, 1000)
				 .verdict,
			 VERDICT_PASS);
	/* A piece's beginning is not a line's beginning. */
	assert_int_equal(judge_cut(&(struct verdict_rules){.nonce = "n0",
							   .pass = {"^xxx+$"},
							   .pass_count = 1},
				   log, len, 1000)
				 .verdict,
			 VERDICT_NONE);
	free(log);
}

/* "x" up to column at of a line of the kernel, then text. */
static struct verdict_state judge_behind(size_t at, const char *text)
{
	size_t len = strlen(KERNEL), end = len + at + strlen(text);
	char *log = malloc(end + 1);
	struct verdict_state s;

	assert_non_null(log);
	memset(log, 'x', end);
	memcpy(log, KERNEL, len);
	memcpy(log + len + at, text, strlen(text) + 1);
	s = judge_cut(&plain, log, end, 1000);
	free(log);
	return s;
}

static void overlong_line_begins_once(void **state)
{
	static const char *const none[] = {
		"TEST end 0 passed, 0 failed\n",
		"[00000000000000000000000000000000000000000000000000000000000]"
		" TEST end 0 passed, 0 failed\n",
		"OpenSBI v1.2, which the kernel quotes at the end of a line of "
		"some length\n",
		"panic: that is a word, which the kernel has at the end of a "
		"line of some length\n",
	};

	(void)state;
	for (size_t at = VERDICT_LINE_MAX - 70; at < VERDICT_LINE_MAX + 70;
	     at++)
		for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
			assert_int_equal(judge_behind(at, none[i]).verdict,
					 VERDICT_NONE);
}

static void crash_on_an_overlong_line_is_a_panic(void **state)
{
	struct verdict_state s;

	(void)state;
	for (size_t at = VERDICT_LINE_MAX - 70; at < VERDICT_LINE_MAX + 70;
	     at++) {
		s = judge_behind(at,
				 "Unhandled exception: Breakpoint\n"
				 "resetting ...\nU-Boot 2023.01\n");
		assert_int_equal(s.verdict, VERDICT_PANIC);
		assert_int_equal(strncmp(s.reason, "Unhandled exception: ", 21),
				 0);
	}
}

static void kernels_crash_behind_an_overlong_line_is_a_panic(void **state)
{
	const char *text = "[    3.767577][    T1] Kernel panic - not syncing: "
			   "Attempted to kill init!\n";
	char guest[VERDICT_LINE_MAX + 200];

	(void)state;
	for (size_t at = VERDICT_LINE_MAX - 100; at < VERDICT_LINE_MAX + 70;
	     at++) {
		struct verdict_state s = judge_behind(at, text);

		assert_int_equal(s.verdict, VERDICT_PANIC);
		/* A guest's is as long, and none. */
		snprintf(guest, sizeof(guest), "\nlinux| %0*d%s", (int)at, 0,
			 text);
		assert_int_equal(judge_behind(1, guest).verdict, VERDICT_NONE);
	}
}

static void overlong_result_lines(void **state)
{
	char stamp[VERDICT_LINE_MAX], log[3 * VERDICT_LINE_MAX];
	size_t n = sizeof(stamp) - strlen("TEST end 0 passed, 0 failed");

	(void)state;
	/* A first piece that ends where an end line would. */
	snprintf(log, sizeof(log),
		 "%s[%0*d] TEST end 0 passed, 0 failed or so\n", KERNEL,
		 (int)n - 3, 0);
	assert_int_equal(judge(log), VERDICT_NONE);
	/* A failed test counts, however long its reason. */
	memset(stamp, 'y', sizeof(stamp) - 1);
	stamp[sizeof(stamp) - 1] = '\0';
	snprintf(log, sizeof(log),
		 "%sTEST one PASS\nTEST two FAIL %s\n"
		 "TEST end 1 passed, 0 failed\n",
		 KERNEL, stamp);
	assert_int_equal(judge(log), VERDICT_FAIL);
}

static void crash_right_behind_the_kernels_start_is_its(void **state)
{
	(void)state;
	assert_int_equal(judge(BOOT "Starting kernel ...Unhandled exception: "
				    "Illegal instruction\n"),
			 VERDICT_PANIC);
	assert_int_equal(judge(BOOT "Unhandled exception: Breakpoint\n"),
			 VERDICT_INFRA);
}

static void terminal_sequences_are_no_text(void **state)
{
	static const char *const panics[] = {
		"\x1b[1;31mpanic: x\n",
		"\x1b[31\x1b[0mpanic: x\n",
		"\x1b\x1b[0mpanic: x\n",
		"\x1b"
		"7panic: x\n",
		"\x1b[\npanic: x\n",
		"\x1b\npanic: x\n",
		"\x1b[0\x1b"
		"8pa\x1b[Knic: x\n",
	};
	char log[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(panics) / sizeof(panics[0]); i++) {
		snprintf(log, sizeof(log), "%s%s", KERNEL, panics[i]);
		assert_int_equal(judge(log), VERDICT_PANIC);
	}
}

static void reason_is_printable(void **state)
{
	const char *log = KERNEL "panic: a\xff\x01\x7f<b>\n";
	struct verdict_state s = judge_cut(&plain, log, strlen(log), 5);

	(void)state;
	assert_int_equal(s.verdict, VERDICT_PANIC);
	for (const char *c = s.reason; *c; c++)
		assert_true(*c >= ' ' && *c <= '~');
}

static void first_verdict_stands(void **state)
{
	struct verdict_engine *e = verdict_new(&plain);

	(void)state;
	verdict_decide(e, VERDICT_TIMEOUT, "silent");
	verdict_feed(e, GOOD, strlen(GOOD));
	verdict_decide(e, VERDICT_INFRA, "no");
	assert_int_equal(verdict_state(e)->verdict, VERDICT_TIMEOUT);
	verdict_free(e);
}

/* --- random ----------------------------------------------------------- */

static uint64_t seed;

static uint32_t random32(void)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return seed >> 33;
}

static void random_bytes_never_pass(void **state)
{
	char log[2048];

	(void)state;
	for (int round = 0; round < 2000; round++) {
		size_t len = strlen(KERNEL);

		memcpy(log, KERNEL, len);
		for (; len < sizeof(log); len++)
			log[len] = random32();
		assert_int_not_equal(judge_cut(&plain, log, len, 100).verdict,
				     VERDICT_PASS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stages_are_walked_in_order),
		cmocka_unit_test(selftest_end_with_matching_counts_passes),
		cmocka_unit_test(selftest_end_that_does_not_add_up_fails),
		cmocka_unit_test(torn_selftest_end_is_no_result),
		cmocka_unit_test(
			result_lines_before_the_kernel_count_for_nothing),
		cmocka_unit_test(another_image_than_ours_is_infra),
		cmocka_unit_test(crashes_are_panics),
		cmocka_unit_test(talk_about_panics_is_none),
		cmocka_unit_test(firmware_again_is_a_reset_loop),
		cmocka_unit_test(boot_script_reports_are_heard),
		cmocka_unit_test(the_same_line_is_judged_pass_fail_panic),
		cmocka_unit_test(every_pass_pattern_must_match),
		cmocka_unit_test(pass_patterns_replace_the_selftest_rule),
		cmocka_unit_test(prompt_without_newline_passes_after_a_pause),
		cmocka_unit_test(overlong_lines_are_judged_in_pieces),
		cmocka_unit_test(overlong_line_begins_once),
		cmocka_unit_test(crash_on_an_overlong_line_is_a_panic),
		cmocka_unit_test(
			kernels_crash_behind_an_overlong_line_is_a_panic),
		cmocka_unit_test(overlong_result_lines),
		cmocka_unit_test(crash_right_behind_the_kernels_start_is_its),
		cmocka_unit_test(terminal_sequences_are_no_text),
		cmocka_unit_test(reason_is_printable),
		cmocka_unit_test(first_verdict_stands),
		cmocka_unit_test(random_bytes_never_pass),
	};
	const char *text = getenv("SEED");

	seed = text && *text ? strtoull(text, NULL, 0) : 1;
	print_message("seed %llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
