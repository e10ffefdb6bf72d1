/*
 * The event stream parser and base64: whole events out of pieces of any size,
 * and refusal of what is not well formed.
 */
/* Sources: tools/lab/client/sse.c tools/lab/client/base64.c
 * tools/lab/client/buf.c */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/lab/client/base64.h"
#include "tools/lab/client/sse.h"

struct seen {
	struct buf text;
	int stop_after;
	int events;
};

static int on_event(void *arg, const struct sse_event *event)
{
	struct seen *seen = arg;

	assert_int_equal(event->data[event->len], 0);
	buf_append(&seen->text, event->type, strlen(event->type));
	buf_append(&seen->text, "|", 1);
	buf_append(&seen->text, event->id, strlen(event->id));
	buf_append(&seen->text, "|", 1);
	buf_append(&seen->text, event->data, event->len);
	buf_append(&seen->text, ";", 1);
	seen->events++;
	return seen->events == seen->stop_after ? -7 : 0;
}

/* Feeds @stream in pieces of @piece bytes and compares what came out. */
static void expect_events(const char *stream, size_t piece, const char *events)
{
	struct seen seen = {0};
	struct sse sse = {.event = on_event, .arg = &seen};
	size_t len = strlen(stream);

	buf_append(&seen.text, "", 0);
	for (size_t i = 0; i < len; i += piece) {
		size_t n = len - i < piece ? len - i : piece;
		char *copy = malloc(n);

		memcpy(copy, stream + i, n);
		assert_int_equal(sse_feed(&sse, copy, n), 0);
		free(copy);
	}
	assert_string_equal(seen.text.data, events);
	buf_free(&seen.text);
	sse_free(&sse);
}

static void events_come_whole_from_any_pieces(void **state)
{
	static const char stream[] =
		"\xef\xbb\xbf: heartbeat\n\nid: 5\ndata: aGVsbG8=\n\n"
		"event: state\r\ndata:{\"a\":1}\r\n\r\n"
		"data: one\rdata:  two\rdata\r\r"
		"event: end\ndata: {}\n\n";

	(void)state;
	for (size_t piece = 1; piece < sizeof(stream); piece++)
		expect_events(stream, piece,
			      "message|5|aGVsbG8=;state|5|{\"a\":1};"
			      "message|5|one\n two\n;end|5|{};");
}

static void events_without_data_are_dropped(void **state)
{
	(void)state;
	expect_events("event: state\nid: 9\n\ndata: x\n\n", 3, "message|9|x;");
	expect_events("data: cut off in the middle\n", 100, "");
	expect_events("unknown: x\nretry: 5\nDATA: no\n\n", 4, "");
}

static void an_id_with_a_zero_byte_is_ignored(void **state)
{
	static const char stream[] = "id: 1\ndata: a\n\nid: 2\0"
				     "3\ndata: b\n\n";
	struct seen seen = {0};
	struct sse sse = {.event = on_event, .arg = &seen};

	(void)state;
	assert_int_equal(sse_feed(&sse, stream, sizeof(stream) - 1), 0);
	assert_string_equal(seen.text.data, "message|1|a;message|1|b;");
	buf_free(&seen.text);
	sse_free(&sse);
}

static void the_consumers_error_stops_the_parser(void **state)
{
	static const char stream[] = "data: a\n\ndata: b\n\ndata: c\n\n";
	struct seen seen = {.stop_after = 2};
	struct sse sse = {.event = on_event, .arg = &seen};

	(void)state;
	assert_int_equal(sse_feed(&sse, stream, sizeof(stream) - 1), -7);
	assert_int_equal(seen.events, 2);
	buf_free(&seen.text);
	sse_free(&sse);
}

static void an_endless_line_is_refused(void **state)
{
	struct seen seen = {0};
	struct sse sse = {.event = on_event, .arg = &seen};
	char *block = malloc(1 << 16);
	size_t fed = 0;
	int err = 0;

	(void)state;
	memset(block, 'x', 1 << 16);
	while (!err && fed < 4 * (size_t)SSE_LIMIT) {
		err = sse_feed(&sse, block, 1 << 16);
		fed += 1 << 16;
	}
	assert_int_equal(err, -EMSGSIZE);
	assert_true(fed <= SSE_LIMIT + (1 << 16));
	free(block);
	sse_free(&sse);
}

static void an_endless_event_is_refused(void **state)
{
	static const char line[] = "data: 0123456789abcdef0123456789abcdef\n";
	struct seen seen = {0};
	struct sse sse = {.event = on_event, .arg = &seen};
	int err = 0;

	(void)state;
	for (size_t i = 0; !err && i < SSE_LIMIT; i += 32)
		err = sse_feed(&sse, line, sizeof(line) - 1);
	assert_int_equal(err, -EMSGSIZE);
	sse_free(&sse);
}

static void a_reset_forgets_the_half_event_and_keeps_the_id(void **state)
{
	struct seen seen = {0};
	struct sse sse = {.event = on_event, .arg = &seen};

	(void)state;
	assert_int_equal(sse_feed(&sse, "id: 3\ndata: a\n\ndata: ha", 23), 0);
	sse_reset(&sse);
	assert_int_equal(sse_feed(&sse, "data: new\n\n", 11), 0);
	assert_string_equal(seen.text.data, "message|3|a;message|3|new;");
	buf_free(&seen.text);
	sse_free(&sse);
}

static void base64_every_length_and_value(void **state)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghij"
				       "klmnopqrstuvwxyz0123456789+/";
	char text[5] = "";
	uint8_t bytes[3];

	(void)state;
	assert_int_equal(base64_decode("", 0, bytes), 0);
	for (unsigned int value = 0; value < 1 << 24; value += 997) {
		for (int i = 0; i < 4; i++)
			text[i] = alphabet[value >> (18 - 6 * i) & 63];
		assert_int_equal(base64_decode(text, 4, bytes), 3);
		assert_int_equal(bytes[0] << 16 | bytes[1] << 8 | bytes[2],
				 value);
	}
	assert_int_equal(base64_decode("/w==", 4, bytes), 1);
	assert_int_equal(bytes[0], 0xff);
	assert_int_equal(base64_decode("//8=", 4, bytes), 2);
	assert_int_equal(bytes[1], 0xff);
}

static void base64_in_place(void **state)
{
	char text[] = "aGVsbG8sIHdvcmxk";

	(void)state;
	assert_int_equal(base64_decode(text, 16, (uint8_t *)text), 12);
	assert_memory_equal(text, "hello, world", 12);
}

static void base64_refuses_what_is_not_exact(void **state)
{
	static const char *const bad[] = {
		"a",	"ab",	"abc",	"a===", "====",	 "ab=c",    "=abc",
		"YR==", "YWF=", "a-b_", "a b=", "\nabc", "YQ==YQ=="};
	uint8_t bytes[8];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(base64_decode(bad[i], strlen(bad[i]), bytes),
				 -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_come_whole_from_any_pieces),
		cmocka_unit_test(events_without_data_are_dropped),
		cmocka_unit_test(an_id_with_a_zero_byte_is_ignored),
		cmocka_unit_test(the_consumers_error_stops_the_parser),
		cmocka_unit_test(an_endless_line_is_refused),
		cmocka_unit_test(an_endless_event_is_refused),
		cmocka_unit_test(
			a_reset_forgets_the_half_event_and_keeps_the_id),
		cmocka_unit_test(base64_every_length_and_value),
		cmocka_unit_test(base64_in_place),
		cmocka_unit_test(base64_refuses_what_is_not_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
