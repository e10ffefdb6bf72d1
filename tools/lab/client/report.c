/*
 * A finished job for CI systems: JUnit XML and TAP. Names, reasons and the
 * log come from an uploaded kernel, so everything written is escaped.
 */
#include "tools/lab/client/report.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* Length of the character at @s if XML 1.0 (2.2, Char) allows it, else 0. */
static size_t report_xml_char(const unsigned char *s, size_t n)
{
	uint32_t rune;
	size_t len = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

	if (len == 1)
		return s[0] >= 0x20 || s[0] == '\t' || s[0] == '\n';
	if (s[0] < 0xc2 || s[0] > 0xf4 || len > n)
		return 0;
	rune = s[0] & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		rune = rune << 6 | (s[i] & 0x3f);
	}
	if (rune < least[len] || rune > 0x10ffff)
		return 0;
	if ((rune >= 0xd800 && rune < 0xe000) || (rune & 0xfffe) == 0xfffe)
		return 0;
	return len;
}

static void report_xml(FILE *out, const char *text, size_t n)
{
	static const char special[] = "<>&\"'";
	static const char *const entity[] = {"&lt;", "&gt;", "&amp;", "&quot;",
					     "&apos;"};

	for (size_t i = 0; i < n;) {
		const unsigned char *s = (const unsigned char *)text + i;
		const char *at = *s ? strchr(special, *s) : NULL;
		size_t len = report_xml_char(s, n - i);

		if (at)
			fputs(entity[at - special], out);
		else if (len)
			fwrite(s, 1, len, out);
		else if (*s != '\r')
			fputs("\xef\xbf\xbd", out);
		i += len ? len : 1;
	}
}

static void report_attribute(FILE *out, const char *name, const char *value)
{
	fprintf(out, " %s=\"", name);
	report_xml(out, value, strlen(value));
	fputc('"', out);
}

static bool report_failed(const struct report *report)
{
	return report_exit_code(report->verdict) == 1;
}

static bool report_errored(const struct report *report)
{
	return report_exit_code(report->verdict) > 1;
}

/* Cases of the last attempt; how many of them failed goes to @failed. */
static size_t report_count(const struct report *report, size_t *failed)
{
	size_t count = 0;

	*failed = 0;
	for (size_t i = 0; i < report->tests->count; i++) {
		const struct testlog_result *r = &report->tests->results[i];

		if (r->offset < report->from)
			continue;
		count++;
		*failed += !r->passed;
	}
	return count;
}

static void report_junit_bad(FILE *out, const char *element,
			     const char *message)
{
	fprintf(out, ">\n      <%s", element);
	report_attribute(out, "message", message);
	fputs("/>\n    </testcase>\n", out);
}

static void report_junit_cases(FILE *out, const struct report *report)
{
	for (size_t i = 0; i < report->tests->count; i++) {
		const struct testlog_result *r = &report->tests->results[i];

		if (r->offset < report->from)
			continue;
		fputs("    <testcase classname=\"selftest\"", out);
		report_attribute(out, "name", r->name);
		if (r->passed)
			fputs("/>\n", out);
		else
			report_junit_bad(out, "failure",
					 *r->why ? r->why : "FAIL");
	}
	fprintf(out,
		"    <testcase classname=\"lab\" name=\"boot\" "
		"time=\"%.3f\"",
		report->seconds);
	if (report_failed(report) || report_errored(report))
		report_junit_bad(out,
				 report_failed(report) ? "failure" : "error",
				 report->reason);
	else
		fputs("/>\n", out);
}

int report_junit(FILE *out, const struct report *report)
{
	size_t failed;
	size_t cases = report_count(report, &failed) + 1;

	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
	      "  <testsuite",
	      out);
	report_attribute(out, "name", *report->name ? report->name : "lab job");
	fprintf(out,
		" tests=\"%zu\" failures=\"%zu\" errors=\"%d\" "
		"time=\"%.3f\">\n    <properties>\n      "
		"<property name=\"job\"",
		cases, failed + report_failed(report), report_errored(report),
		report->seconds);
	report_attribute(out, "value", report->job);
	fputs("/>\n      <property name=\"board\"", out);
	report_attribute(out, "value", report->board);
	fputs("/>\n      <property name=\"verdict\"", out);
	report_attribute(out, "value", report->verdict);
	fputs("/>\n    </properties>\n", out);
	report_junit_cases(out, report);
	fputs("    <system-out>", out);
	report_xml(out, report->tail, report->tail_len);
	fputs("</system-out>\n  </testsuite>\n</testsuites>\n", out);
	return fflush(out) || ferror(out) ? -EIO : 0;
}

/* A description ends at a line end; `#` would start a directive. */
static void report_tap_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '#' || c == '\\')
			fputc('\\', out);
		fputc(c < 0x20 || c == 0x7f ? ' ' : c, out);
	}
}

/* YAML double quotes: every control byte as an escape. */
static void report_tap_message(FILE *out, const char *text)
{
	fputs("  ---\n  message: \"", out);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			fprintf(out, "\\x%02x", c);
		else
			fputc(c, out);
	}
	fputs("\"\n  ...\n", out);
}

static void report_tap_case(FILE *out, size_t number, bool passed,
			    const char *name, const char *why)
{
	fprintf(out, "%sok %zu - ", passed ? "" : "not ", number);
	report_tap_text(out, name);
	fputc('\n', out);
	if (!passed)
		report_tap_message(out, why);
}

int report_tap(FILE *out, const struct report *report)
{
	size_t failed;
	size_t number = 0;

	fprintf(out, "TAP version 13\n1..%zu\n",
		report_count(report, &failed) + 1);
	for (size_t i = 0; i < report->tests->count; i++) {
		const struct testlog_result *r = &report->tests->results[i];

		if (r->offset >= report->from)
			report_tap_case(out, ++number, r->passed, r->name,
					*r->why ? r->why : "FAIL");
	}
	if (report_errored(report)) {
		fputs("Bail out! ", out);
		report_tap_text(out, report->verdict);
		fputs(": ", out);
		report_tap_text(out, report->reason);
		fputc('\n', out);
	} else {
		report_tap_case(out, ++number, !report_failed(report), "boot",
				report->reason);
	}
	return fflush(out) || ferror(out) ? -EIO : 0;
}

int report_exit_code(const char *verdict)
{
	static const char *const failed[] = {"fail", "panic", "timeout",
					     "cancelled"};

	if (!strcmp(verdict, "pass"))
		return 0;
	for (size_t i = 0; i < sizeof(failed) / sizeof(failed[0]); i++)
		if (!strcmp(verdict, failed[i]))
			return 1;
	return 2;
}
