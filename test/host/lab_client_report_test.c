/*
 * Result lines found in a log, and the reports made of them.
 */
/* Sources: tools/lab/client/report.c tools/lab/client/testlog.c
 * tools/lab/client/job.c tools/lab/client/buf.c */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/lab/client/job.h"
#include "tools/lab/client/report.h"
#include "tools/lab/client/testlog.h"

static const char sample[] =
	"boot: ready\r\n"
	"TEST mm_alloc PASS\r\n"
	"[    1.000002] TEST fdt_reg FAIL got 3, not <4>\r\n"
	"  TEST indented PASS\r\n"
	"TEST half\r\n"
	"TEST odd MAYBE\r\n"
	"[oops] TEST no PASS\r\n"
	"TEST end 1 passed, 1 failed\r\n"
	"TEST end 1 passed, 1 failed\r\n"
	"TEST cut PA";

static void feed(struct testlog *log, uint64_t offset, const char *text,
		 size_t piece)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i += piece) {
		size_t n = len - i < piece ? len - i : piece;

		assert_int_equal(testlog_feed(log, offset + i,
					      (const uint8_t *)text + i, n),
				 0);
	}
}

static void result_lines_are_found_in_any_pieces(void **state)
{
	(void)state;
	for (size_t piece = 1; piece < sizeof(sample); piece++) {
		struct testlog log = {0};

		feed(&log, 100, sample, piece);
		assert_int_equal(log.count, 2);
		assert_string_equal(log.results[0].name, "mm_alloc");
		assert_string_equal(log.results[0].why, "");
		assert_true(log.results[0].passed);
		assert_int_equal(log.results[0].offset, 113);
		assert_string_equal(log.results[1].name, "fdt_reg");
		assert_string_equal(log.results[1].why, "got 3, not <4>");
		assert_false(log.results[1].passed);
		testlog_free(&log);
	}
}

static void endless_lines_and_zero_bytes_are_no_results(void **state)
{
	struct testlog log = {0};
	static const uint8_t zero[] = "TEST a\0b PASS\n";

	(void)state;
	feed(&log, 0, "TEST a PASS ", 12);
	for (uint64_t i = 0; i < 5000; i++)
		feed(&log, 12 + i, "x", 1);
	feed(&log, 5012, "\nTEST b PASS\n", 13);
	testlog_feed(&log, 5025, zero, sizeof(zero) - 1);
	assert_int_equal(log.count, 1);
	assert_string_equal(log.results[0].name, "b");
	assert_int_equal(log.results[0].offset, 5013);
	testlog_free(&log);
}

static void more_results_than_kept_are_counted(void **state)
{
	struct testlog log = {0};

	(void)state;
	for (int i = 0; i < TESTLOG_MAX + 5; i++)
		feed(&log, (uint64_t)i * 12, "TEST a PASS\n", 12);
	assert_int_equal(log.count, TESTLOG_MAX);
	assert_int_equal(log.dropped, 5);
	testlog_free(&log);
}

/* Writes a report with @write and compares it with @text. */
static void expect_report(int (*write)(FILE *, const struct report *),
			  const struct report *report, const char *text)
{
	char *got = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&got, &len);

	assert_int_equal(write(out, report), 0);
	fclose(out);
	assert_string_equal(got, text);
	free(got);
}

static struct report sample_report(struct testlog *log)
{
	feed(log, 0, "TEST old FAIL first attempt\n", 28);
	feed(log, 28, sample, 7);
	return (struct report){
		.job = "17",
		.name = "Image \"<&>\"",
		.board = "qemu",
		.verdict = "fail",
		.reason = "1 test failed",
		.seconds = 6.1254,
		.tests = log,
		.from = 28,
		.tail = "end <\x1b[0m\xff>\r\n",
		.tail_len = 13,
	};
}

static void junit_names_every_case_of_the_last_attempt(void **state)
{
	struct testlog log = {0};
	struct report report = sample_report(&log);

	(void)state;
	report.tail_len = strlen(report.tail);
	expect_report(
		report_junit, &report,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
		"  <testsuite name=\"Image &quot;&lt;&amp;&gt;&quot;\" "
		"tests=\"3\" failures=\"2\" errors=\"0\" time=\"6.125\">\n"
		"    <properties>\n      <property name=\"job\" "
		"value=\"17\"/>\n"
		"      <property name=\"board\" value=\"qemu\"/>\n"
		"      <property name=\"verdict\" value=\"fail\"/>\n"
		"    </properties>\n"
		"    <testcase classname=\"selftest\" name=\"mm_alloc\"/>\n"
		"    <testcase classname=\"selftest\" name=\"fdt_reg\">\n"
		"      <failure message=\"got 3, not &lt;4&gt;\"/>\n"
		"    </testcase>\n"
		"    <testcase classname=\"lab\" name=\"boot\" "
		"time=\"6.125\">\n"
		"      <failure message=\"1 test failed\"/>\n"
		"    </testcase>\n"
		"    <system-out>end &lt;\xef\xbf\xbd[0m\xef\xbf\xbd&gt;\n"
		"</system-out>\n  </testsuite>\n</testsuites>\n");
	testlog_free(&log);
}

static void junit_calls_infra_an_error(void **state)
{
	struct testlog log = {0};
	struct report report = {
		.job = "1",
		.name = "",
		.board = "",
		.verdict = "infra",
		.reason = "relay",
		.tests = &log,
		.tail = "",
	};
	char *got = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&got, &len);

	(void)state;
	assert_int_equal(report_junit(out, &report), 0);
	fclose(out);
	assert_non_null(strstr(got, "tests=\"1\" failures=\"0\" errors=\"1\""));
	assert_non_null(strstr(got, "<error message=\"relay\"/>"));
	assert_null(strstr(got, "<failure"));
	free(got);
}

static void tap_has_a_plan_and_reasons(void **state)
{
	struct testlog log = {0};
	struct report report = sample_report(&log);

	(void)state;
	feed(&log, 5000, "\nTEST hash#tag FAIL say \"no\"\n", 30);
	expect_report(report_tap, &report,
		      "TAP version 13\n1..4\nok 1 - mm_alloc\n"
		      "not ok 2 - fdt_reg\n  ---\n"
		      "  message: \"got 3, not <4>\"\n  ...\n"
		      "not ok 3 - hash\\#tag\n  ---\n"
		      "  message: \"say \\\"no\\\"\"\n  ...\n"
		      "not ok 4 - boot\n  ---\n"
		      "  message: \"1 test failed\"\n  ...\n");
	report.from = 6000;
	report.verdict = "pass";
	expect_report(report_tap, &report,
		      "TAP version 13\n1..1\nok 1 - boot\n");
	report.verdict = "infra";
	report.reason = "no\nDHCP";
	expect_report(report_tap, &report,
		      "TAP version 13\n1..1\nBail out! infra: no DHCP\n");
	testlog_free(&log);
}

static void a_full_disk_is_an_error(void **state)
{
	struct testlog log = {0};
	struct report report = sample_report(&log);
	FILE *out = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(out);
	assert_int_equal(report_junit(out, &report), -EIO);
	fclose(out);
	testlog_free(&log);
}

static void verdicts_have_the_contracts_exit_codes(void **state)
{
	(void)state;
	assert_int_equal(report_exit_code("pass"), 0);
	assert_int_equal(report_exit_code("fail"), 1);
	assert_int_equal(report_exit_code("panic"), 1);
	assert_int_equal(report_exit_code("timeout"), 1);
	assert_int_equal(report_exit_code("cancelled"), 1);
	assert_int_equal(report_exit_code("infra"), 2);
	assert_int_equal(report_exit_code("something new"), 2);
}

static void job_json_is_read_without_trust(void **state)
{
	json_t *job = json_loads("{\"id\": 12, \"verdict\": null, "
				 "\"eta\": \"x\", \"attempts\": "
				 "[{\"offset\": 0}, {\"offset\": 77}]}",
				 0, NULL);
	char id[JOB_ID_MAX];

	(void)state;
	assert_int_equal(job_id(job, id), 0);
	assert_string_equal(id, "12");
	assert_string_equal(job_verdict(job), "cancelled");
	assert_string_equal(job_text(job, "nothing"), "");
	assert_true(job_number(job, "eta", 5) == 5);
	assert_int_equal(job_last_attempt(job), 77);
	json_object_set_new(job, "id", json_string("../../etc"));
	assert_int_equal(job_id(job, id), -EINVAL);
	json_object_set_new(job, "id", json_string("k3-x_Y"));
	assert_int_equal(job_id(job, id), 0);
	json_object_set_new(job, "attempts", json_integer(-1));
	assert_int_equal(job_last_attempt(job), 0);
	assert_int_equal(job_id(NULL, id), -EINVAL);
	json_decref(job);
}

static void a_place_in_the_queue_has_an_estimate_or_none(void **state)
{
	json_t *job = json_loads("{\"position\": 2, \"eta\": 12.5}", 0, NULL);
	char words[64];

	(void)state;
	job_place(job, words, sizeof(words));
	assert_string_equal(words, "position 2, about 12 s");
	json_object_set_new(job, "eta", json_null());
	job_place(job, words, sizeof(words));
	assert_string_equal(words, "position 2");
	json_decref(job);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(result_lines_are_found_in_any_pieces),
		cmocka_unit_test(endless_lines_and_zero_bytes_are_no_results),
		cmocka_unit_test(more_results_than_kept_are_counted),
		cmocka_unit_test(junit_names_every_case_of_the_last_attempt),
		cmocka_unit_test(junit_calls_infra_an_error),
		cmocka_unit_test(tap_has_a_plan_and_reasons),
		cmocka_unit_test(a_full_disk_is_an_error),
		cmocka_unit_test(verdicts_have_the_contracts_exit_codes),
		cmocka_unit_test(job_json_is_read_without_trust),
		cmocka_unit_test(a_place_in_the_queue_has_an_estimate_or_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
