/* Sources: lib/ring.c */
/* The byte ring and the list: both small, both everywhere. */
#include "lib/ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "lib/list.h"

static void bytes_come_out_in_order(void **state)
{
	uint8_t buf[8];
	struct ring r;
	unsigned in = 0, out = 0;

	(void)state;
	ring_init(&r, buf, sizeof(buf));
	assert_int_equal(ring_get(&r), -1);
	for (unsigned round = 0; round < 1000; round++) {
		for (unsigned n = round % 9; n; n--)
			in += ring_put(&r, (uint8_t)in);
		assert_int_equal(ring_used(&r), in - out);
		assert_int_equal(ring_free(&r), 8 - (in - out));
		for (unsigned n = round % 7; n && out < in; n--)
			assert_int_equal(ring_get(&r), (uint8_t)out++);
	}
	assert_true(in > 500);
}

static void full_ring_keeps_what_it_has(void **state)
{
	uint8_t buf[4];
	struct ring r;

	(void)state;
	ring_init(&r, buf, sizeof(buf));
	for (uint8_t i = 0; i < 4; i++)
		assert_true(ring_put(&r, (uint8_t)(0xfc + i)));
	assert_false(ring_put(&r, 1));
	for (uint8_t i = 0; i < 4; i++)
		assert_int_equal(ring_get(&r), 0xfc + i);
	assert_int_equal(ring_get(&r), -1);
}

static void bytes_are_looked_at_and_then_dropped(void **state)
{
	uint8_t buf[8];
	struct ring r;
	unsigned in = 0, out = 0;

	(void)state;
	ring_init(&r, buf, sizeof(buf));
	r.head = r.tail = UINT32_MAX - 20;
	for (unsigned round = 0; round < 100; round++) {
		while (ring_put(&r, (uint8_t)in))
			in++;
		for (unsigned i = 0; i < 8; i++)
			assert_int_equal(ring_peek(&r, i), (uint8_t)(out + i));
		ring_drop(&r, round % 9);
		out += round % 9;
		assert_int_equal(ring_free(&r), round % 9);
	}
}

static void indices_may_wrap(void **state)
{
	uint8_t buf[4];
	struct ring r;

	(void)state;
	ring_init(&r, buf, sizeof(buf));
	r.head = r.tail = UINT32_MAX - 1;
	for (uint8_t i = 0; i < 4; i++)
		assert_true(ring_put(&r, i));
	assert_false(ring_put(&r, 9));
	assert_int_equal(ring_used(&r), 4);
	for (uint8_t i = 0; i < 4; i++)
		assert_int_equal(ring_get(&r), i);
	assert_int_equal(ring_free(&r), 4);
}

struct item {
	int value;
	struct list entry;
};

static int sum_in_order(const struct list *head)
{
	const struct list *pos;
	int sum = 0;

	list_for_each (pos, head)
		sum = sum * 10 + container_of(pos, struct item, entry)->value;
	return sum;
}

static void list_keeps_order(void **state)
{
	struct item a = {.value = 1}, b = {.value = 2}, c = {.value = 3};
	struct list head, *pos, *next;

	(void)state;
	list_init(&head);
	assert_true(list_empty(&head));
	assert_null(list_first(&head));
	list_add(&head, &b.entry);
	list_add(&head, &a.entry);
	list_add_tail(&head, &c.entry);
	assert_int_equal(sum_in_order(&head), 123);
	assert_ptr_equal(list_first(&head), &a.entry);
	list_remove(&b.entry);
	assert_int_equal(sum_in_order(&head), 13);
	list_remove(&b.entry);
	assert_int_equal(sum_in_order(&head), 13);
	list_for_each_safe (pos, next, &head)
		list_remove(pos);
	assert_true(list_empty(&head));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_come_out_in_order),
		cmocka_unit_test(full_ring_keeps_what_it_has),
		cmocka_unit_test(bytes_are_looked_at_and_then_dropped),
		cmocka_unit_test(indices_may_wrap),
		cmocka_unit_test(list_keeps_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
