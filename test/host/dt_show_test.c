/* Sources: kernel/fdt/show.c kernel/fdt/dt.c test/host/fake/dts.c libfdt */
/* Nodes as text for the operator. */
#include "kernel/fdt/show.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "test/host/fake/dts.h"

static char shown[4096];

static void keep(void *arg, const char *text)
{
	assert_ptr_equal(arg, shown);
	assert_true(strlen(text) <= 96);
	strcat(shown, text);
	strcat(shown, "\n");
}

static void *board(void)
{
	char name[8];
	const char *why;
	void *fdt;

	dts_begin();
	dts_node("soc");
	dts_strings("compatible", "a,b\0simple-bus");
	dts_cells("reg", 1, 0x80000000);
	dts_bytes("mac", "\1\2\3", 3);
	dts_empty("ranges");
	dts_bytes("esc\x1b[2J", "\x1b\0\0\0", 4);
	for (int i = 0; i < 2; i++) {
		memcpy(name, i ? "uart@1" : "uart@0", 7);
		dts_node(name);
		dts_end();
	}
	dts_end();
	dts_node("long");
	dts_cells("cells", 0x11111111, 0x22222222, 0x33333333, 0x44444444,
		  0x55555555, 0x66666666, 0x77777777, 0x88888888, 0x99999999,
		  0xaaaaaaaa);
	dts_end();
	fdt = dts_finish();
	assert_int_equal(dt_check(fdt, DTS_SIZE, &why), 0);
	return fdt;
}

static void show(const char *path)
{
	void *fdt = board();
	struct dt_node n;

	shown[0] = '\0';
	assert_int_equal(dt_find_path(fdt, path, &n), 0);
	dt_show(fdt, &n, keep, shown);
}

static void node_with_properties_and_children(void **state)
{
	(void)state;
	show("/soc");
	assert_string_equal(shown,
			    "/soc\n"
			    "  compatible = \"a,b\", \"simple-bus\"\n"
			    "  reg = <0x1 0x80000000>\n"
			    "  mac = [01 02 03]\n"
			    "  ranges\n"
			    "  esc?[2J = <0x1b000000>\n"
			    "  uart@0 { ... }\n"
			    "  uart@1 { ... }\n");
	show("/");
	assert_string_equal(shown, "/\n  soc { ... }\n  long { ... }\n");
}

static void long_lines_are_cut(void **state)
{
	(void)state;
	show("/long");
	assert_non_null(strstr(shown, "0x77777777"));
	assert_non_null(strstr(shown, "...\n"));
	assert_null(strstr(shown, "0xaaaaaaaa"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(node_with_properties_and_children),
		cmocka_unit_test(long_lines_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
