/* Sources: kernel/driver.c kernel/error.c kernel/fdt/dt.c
 * kernel/fdt/address.c lib/range.c test/host/fake/log.c
 * test/host/fake/panic.c test/host/fake/tree.c libfdt */
/*
 * Binding: which driver gets which node, in which order, and what becomes of
 * those that fail.
 */
#include "kernel/driver.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "test/host/fake/drivers.h"
#include "test/host/fake/log.h"
#include "test/host/fake/tree.h"

static struct tree tree;
static char probed[512];
static int answer; /* of driver b */
static bool a_started;

static int note(const void *fdt, const struct dt_node *node, const char *driver,
		uintptr_t data)
{
	size_t n = strlen(probed);

	snprintf(probed + n, sizeof(probed) - n, "%s:%s:%lu ", driver,
		 dt_name(fdt, node), (unsigned long)data);
	return 0;
}

static int a_probe(const void *fdt, const struct dt_node *node,
		   const struct driver_match *match)
{
	a_started = true;
	return note(fdt, node, "a", match->data);
}

static int b_probe(const void *fdt, const struct dt_node *node,
		   const struct driver_match *match)
{
	note(fdt, node, "b", match->data);
	if (answer == -EAGAIN && a_started)
		return 0;
	return answer;
}

static int c_probe(const void *fdt, const struct dt_node *node,
		   const struct driver_match *match)
{
	return note(fdt, node, "c", match->data);
}

static const struct driver_match a_match[] = {
	{"x,general", 1}, {"x,special", 2}, {NULL, 0}};
static const struct driver_match b_match[] = {{"y,b", 3}, {NULL, 0}};
static const struct driver_match c_match[] = {
	{"x,special-c", 4}, {"z,c", 5}, {NULL, 0}};

static const struct driver a = {"a", DRIVER_IRQCHIP, a_match, a_probe, NULL};
static const struct driver b = {"b", DRIVER_IRQCHIP, b_match, b_probe, NULL};
static const struct driver c = {"c", DRIVER_DEVICE, c_match, c_probe, NULL};

DRIVERS_LIST(3, &a, &b, &c);

static int setup(void **state)
{
	(void)state;
	tree_init(&tree);
	fake_log_clear();
	probed[0] = 0;
	answer = 0;
	a_started = false;
	return 0;
}

static int probe(enum driver_class cls)
{
	driver_scan(tree.blob);
	return driver_probe_class(tree.blob, cls);
}

static void compatible(const char *path, const char *list, size_t len)
{
	tree_bytes(&tree, path, "compatible", list, len);
}

#define COMPATIBLE(path, list) compatible(path, list, sizeof(list))

static void most_specific_compatible_decides(void **state)
{
	(void)state;
	COMPATIBLE("/soc/one", "x,special\0x,general");
	COMPATIBLE("/soc/two", "unknown\0x,general\0y,b");
	assert_int_equal(probe(DRIVER_IRQCHIP), 2);
	assert_string_equal(probed, "a:two:1 a:one:2 ");
}

static void only_its_class_is_probed(void **state)
{
	(void)state;
	COMPATIBLE("/soc/two", "y,b");
	COMPATIBLE("/soc/one", "z,c");
	assert_int_equal(probe(DRIVER_DEVICE), 1);
	assert_string_equal(probed, "c:one:5 ");
	assert_int_equal(probe(DRIVER_UART), 0);
}

static void each_class_has_its_turn_after_one_scan(void **state)
{
	(void)state;
	COMPATIBLE("/soc/two", "x,special-c");
	COMPATIBLE("/soc/one", "x,general");
	driver_scan(tree.blob);
	assert_int_equal(driver_probe_class(tree.blob, DRIVER_IRQCHIP), 1);
	assert_int_equal(driver_probe_class(tree.blob, DRIVER_DEVICE), 1);
	assert_string_equal(probed, "a:one:1 c:two:4 ");
	/* A device is started once. */
	assert_int_equal(driver_probe_class(tree.blob, DRIVER_DEVICE), 0);
}

static void names_are_compared_whole(void **state)
{
	(void)state;
	COMPATIBLE("/soc/one", "y,bc");
	COMPATIBLE("/soc/two", "y,");
	COMPATIBLE("/soc/three", "x,special-");
	assert_int_equal(probe(DRIVER_IRQCHIP), 0);
	assert_string_equal(probed, "");
}

static void disabled_nodes_and_children_of_such_are_left_alone(void **state)
{
	(void)state;
	COMPATIBLE("/soc/one", "y,b");
	tree_string(&tree, "/soc/one", "status", "disabled");
	COMPATIBLE("/soc/two/inner", "y,b");
	tree_string(&tree, "/soc/two", "status", "fail");
	COMPATIBLE("/soc/three", "y,b");
	tree_string(&tree, "/soc/three", "status", "okay");
	assert_int_equal(probe(DRIVER_IRQCHIP), 1);
	assert_string_equal(probed, "b:three:3 ");
}

static void failure_is_logged_and_the_rest_goes_on(void **state)
{
	(void)state;
	COMPATIBLE("/soc/z", "x,general");
	COMPATIBLE("/soc/bad", "y,b");
	answer = -EINVAL;
	assert_int_equal(probe(DRIVER_IRQCHIP), 1);
	assert_string_equal(fake_log_text,
			    "driver: /soc/bad: b not started: "
			    "malformed\n");
	assert_non_null(strstr(probed, "a:z:1"));
}

static void not_for_us_is_passed_over_in_silence(void **state)
{
	(void)state;
	COMPATIBLE("/soc/other", "y,b");
	answer = -ENODEV;
	assert_int_equal(probe(DRIVER_IRQCHIP), 0);
	assert_string_equal(fake_log_text, "");
}

static void who_needs_another_is_asked_again(void **state)
{
	(void)state;
	/* libfdt puts the node made last first. */
	COMPATIBLE("/soc/a", "x,general");
	COMPATIBLE("/soc/b", "y,b");
	answer = -EAGAIN;
	assert_int_equal(probe(DRIVER_IRQCHIP), 2);
	assert_string_equal(probed, "b:b:3 a:a:1 b:b:3 ");
	assert_string_equal(fake_log_text, "");
}

static void who_waits_for_nobody_is_reported(void **state)
{
	(void)state;
	COMPATIBLE("/soc/b", "y,b");
	answer = -EAGAIN;
	assert_int_equal(probe(DRIVER_IRQCHIP), 0);
	assert_string_equal(fake_log_text,
			    "driver: /soc/b: b not started: "
			    "what it needs is not there\n");
}

static void too_many_are_reported(void **state)
{
	char path[32];
	unsigned i;

	(void)state;
	for (i = 0; i < 34; i++) {
		snprintf(path, sizeof(path), "/soc/n%02u", i);
		COMPATIBLE(path, "y,b");
	}
	assert_int_equal(probe(DRIVER_IRQCHIP), 32);
	assert_non_null(strstr(fake_log_text,
			       "/soc/n00: b not started: too many devices"));
	assert_non_null(strstr(fake_log_text,
			       "/soc/n01: b not started: too many devices"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(most_specific_compatible_decides, setup),
		cmocka_unit_test_setup(only_its_class_is_probed, setup),
		cmocka_unit_test_setup(each_class_has_its_turn_after_one_scan,
				       setup),
		cmocka_unit_test_setup(names_are_compared_whole, setup),
		cmocka_unit_test_setup(
			disabled_nodes_and_children_of_such_are_left_alone,
			setup),
		cmocka_unit_test_setup(failure_is_logged_and_the_rest_goes_on,
				       setup),
		cmocka_unit_test_setup(not_for_us_is_passed_over_in_silence,
				       setup),
		cmocka_unit_test_setup(who_needs_another_is_asked_again, setup),
		cmocka_unit_test_setup(who_waits_for_nobody_is_reported, setup),
		cmocka_unit_test_setup(too_many_are_reported, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
