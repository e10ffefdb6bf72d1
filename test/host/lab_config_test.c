/*
 * The configuration: defaults, what is refused and where it says so.
 *
 * Sources: tools/lab/config.c
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/lab/config.h"

static struct config config;
static char error[256];

static int parse(const char *text)
{
	error[0] = '\0';
	return config_parse(text, strlen(text), &config, error, sizeof(error));
}

static void virtual_board_needs_one_line(void **state)
{
	const struct config_board *b;

	(void)state;
	assert_int_equal(parse("[board virt]\n"), 0);
	assert_string_equal(config.listen, "127.0.0.1:8437");
	assert_int_equal(config.log_max, 64 << 20);
	assert_int_equal(config.heartbeat, 15000000);
	assert_false(config.tokens);
	b = config_board_find(&config, "virt");
	assert_non_null(b);
	assert_int_equal(b->power, POWER_QEMU);
	assert_int_equal(b->memory, 1 << 30);
	assert_null(config_board_find(&config, "vir"));
	config_free(&config);
}

static void real_board_is_read(void **state)
{
	const struct config_board *b;

	(void)state;
	assert_int_equal(parse("# a lab\n[network lab]\ninterface = eth1\n"
			       "address = 10.5.0.1/24\r\n"
			       "[lab]\n  user_jobs=7\n[board vf2]\n"
			       "power = relay\nrelay = /dev/r\n"
			       "relay_dialect = d0\nconsole = tty\n"
			       "tty = /dev/t\nbaud = 1500000\ndwell = 2.5\n"
			       "netboot = dnsmasq\nnetwork = lab\n"
			       "mac = 02:00:00:00:00:01\n"
			       "address = 10.5.0.2\nboot_timeout = 2m\n"),
			 0);
	b = &config.boards[0];
	assert_int_equal(config.user_jobs, 7);
	assert_int_equal(b->relay_dialect, DIALECT_D0);
	assert_int_equal(b->baud, 1500000);
	assert_int_equal(b->dwell, 2500000);
	assert_int_equal(b->boot_timeout, 120000000);
	config_free(&config);
}

#define REAL                                          \
	"[board a]\nconsole = tcp\ntcp = 1.2.3.4:1\n" \
	"netboot = external\ntftp_root = /x\n"

/* Where the console's silence is the proof, there has to be some. */
static void dwell_is_long_enough_to_prove_off(void **state)
{
	static const struct {
		const char *text;
		int64_t dwell; /* -1: refused */
	} cases[] = {
		{"[board a]\n", 0},
		{REAL "power = command\npower_on = x\npower_off = x\n",
		 5000000},
		{REAL "power = relay\nrelay = /r\n", 5000000},
		{REAL "power = relay\nrelay = /r\nrelay_readback = yes\n",
		 5000000},
		{REAL "power = relay\nrelay = /r\nrelay_readback = yes\n"
		      "dwell = 0\n",
		 0},
		{REAL "power = relay\nrelay = /r\ndwell = 0.201\n", 201000},
		{REAL "power = relay\nrelay = /r\ndwell = 0.2\n", -1},
		{REAL "power = relay\nrelay = /r\ndwell = 0\n", -1},
		{REAL "power = command\npower_on = x\npower_off = x\n"
		      "settle = 5\n",
		 -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int err = parse(cases[i].text);

		if ((cases[i].dwell < 0) != (err == -EINVAL))
			fail_msg("case %zu gives %d: %s", i, err, error);
		if (err) {
			assert_non_null(strstr(error, "board a: dwell is not"));
			continue;
		}
		assert_int_equal(config.boards[0].dwell, cases[i].dwell);
		config_free(&config);
	}
}

static void mistakes_are_refused_with_their_place(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"", "no [board"},
		{"x = 1\n", "line 1: a key before"},
		{"[board a]\nfoo = 1\n", "line 2: unknown key foo"},
		{"[board a]\nfoo\n", "line 2: neither"},
		{"[board a\n", "line 1: a section"},
		{"[bored a]\n", "unknown section"},
		{"[board a b]\n", "unknown section"},
		{"[board ../a]\n", "unknown section"},
		{"[board -a]\n", "unknown section"},
		{"[board a]\n[board a]\n", "twice"},
		{"[board a]\ndwell = 1\ndwell = 2\n", "dwell is there twice"},
		{"[board a]\ndwell = -1\n", "dwell: bad value"},
		{"[board a]\ndwell = 0x10\n", "dwell: bad value"},
		{"[board a]\ndwell = 1e9\n", "dwell: bad value"},
		{"[board a]\ndwell = 99999999999999999d\n", "dwell: bad"},
		{"[board a]\nmemory = 128M\n", "board a: memory is under"},
		{"[board a]\nmemory = 1T\n", "memory: bad value"},
		{"[board a]\nharts = 0\n", "harts"},
		{"[board a]\npower = relay\n", "go together"},
		{"[board a]\npower = relay\nconsole = tty\ntty = /t\n"
		 "netboot = external\ntftp_root = /x\n",
		 "relay = <tty> is missing"},
		{"[board a]\npower = relay\nrelay = /r\n"
		 "relay_dialect = d0\nrelay_channel = 2\nconsole = tty\n"
		 "tty = /t\nnetboot = external\ntftp_root = /x\n",
		 "one channel"},
		{"[board a]\npower = relay\nrelay = /r\n"
		 "relay_dialect = d0\nrelay_readback = yes\nconsole = tty\n"
		 "tty = /t\nnetboot = external\ntftp_root = /x\n",
		 "no read-back"},
		{"[board a]\npower = command\npower_on = a\nconsole = tcp\n"
		 "tcp = h:1\nnetboot = external\ntftp_root = /x\n",
		 "power_off"},
		{"[board a]\nnetboot = dnsmasq\n", "netboot is user or tap"},
		{"[board a]\nmac = 1:2\n", "mac"},
		{"[lab]\nlisten = 1.2.3.4:80\n[board a]\n", "tokens = yes"},
		{"[lab]\nlisten = 1.2.3.4:80\ntokens = yes\n[board a]\n",
		 "tls_cert"},
		{"[lab]\nbehind_proxy = yes\n[board a]\n",
		 "behind_proxy = yes: tokens = yes is needed"},
		{"[lab]\nlisten = 127.0.0.1\n[board a]\n", "address:port"},
		{"[lab]\nlisten = 127.0.0.1:99999\n[board a]\n", "address"},
		{"[lab]\ntls_cert = a\n[board a]\n", "go together"},
		{"[lab]\ntokens = maybe\n[board a]\n", "tokens: bad value"},
		{"[lab]\ntimeout = 0\n[board a]\n", "timeout"},
		{"[lab]\nstate =\n[board a]\n", "state is missing"},
		{"[lab]\nname\x01 = 1\n[board a]\n", "control character"},
		{"[network n]\ninterface = ../x\naddress = 1.2.3.4/24\n"
		 "[board a]\n",
		 "network n"},
		{"[network n]\ninterface = e\naddress = 1.2.3.4/240\n"
		 "[board a]\n",
		 "network n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].text), -EINVAL);
		if (!strstr(error, cases[i].says))
			fail_msg("case %zu says: %s", i, error);
	}
	assert_int_equal(config_parse("[board a]\n\0", 11, &config, error,
				      sizeof(error)),
			 -EINVAL);
}

#define NETWORK "[network n]\ninterface = e\naddress = 10.5.0.1/24\n"
#define RELAY	"power = relay\nnetboot = external\n"
#define COMMAND                                          \
	"power = command\npower_on = x\npower_off = x\n" \
	"console = tcp\n"

/* A and B differ where the case does not say otherwise. */
static void boards_that_claim_the_same_are_refused(void **state)
{
	static const struct {
		const char *a, *b, *says; /* NULL: they may */
	} cases[] = {
		{RELAY "relay = /r\nconsole = tty\ntty = /t\n"
		       "tftp_root = /x\n",
		 RELAY "relay = /r\nconsole = tty\ntty = /u\n"
		       "tftp_root = /y\n",
		 "boards a and b have the same relay and relay_channel"},
		{RELAY "relay = /r\nconsole = tty\ntty = /t\n"
		       "tftp_root = /x\n",
		 RELAY "relay = /r\nrelay_channel = 2\nconsole = tty\n"
		       "tty = /u\ntftp_root = /y\n",
		 NULL},
		{RELAY "relay = /r\nconsole = tty\ntty = /t\n"
		       "tftp_root = /x\n",
		 RELAY "relay = /s\nconsole = tty\ntty = /t\n"
		       "tftp_root = /y\n",
		 "boards a and b have the same tty"},
		{RELAY "relay = /r\nconsole = tty\ntty = /t\n"
		       "tftp_root = /x\n",
		 RELAY "relay = /t\nconsole = tty\ntty = /u\n"
		       "tftp_root = /y\n",
		 "boards a and b have the same line"},
		{RELAY "relay = /r\nconsole = tty\ntty = /t\n"
		       "tftp_root = /x\n",
		 RELAY "relay = /s\nconsole = tty\ntty = /s\n"
		       "tftp_root = /y\n",
		 "board b: relay and tty are the same"},
		{RELAY "relay = /r\nconsole = tty\ntty = /t\n"
		       "tftp_root = /x\n",
		 RELAY "relay = /s\nconsole = tty\ntty = /u\n"
		       "tftp_root = /x\n",
		 "boards a and b have the same tftp_root"},
		{COMMAND "tcp = 1.2.3.4:1\nnetboot = external\n"
			 "tftp_root = /x\n",
		 COMMAND "tcp = 1.2.3.4:1\nnetboot = external\n"
			 "tftp_root = /y\n",
		 "boards a and b have the same tcp"},
		{COMMAND "tcp = 1.2.3.4:1\nnetboot = dnsmasq\n"
			 "network = n\nmac = 02:00:00:00:00:0a\n"
			 "address = 10.5.0.2\n",
		 COMMAND "tcp = 1.2.3.4:2\nnetboot = dnsmasq\n"
			 "network = n\nmac = 02:00:00:00:00:0A\n"
			 "address = 10.5.0.3\n",
		 "boards a and b have the same mac"},
		{COMMAND "tcp = 1.2.3.4:1\nnetboot = dnsmasq\n"
			 "network = n\nmac = 02:00:00:00:00:0a\n"
			 "address = 10.5.0.2\n",
		 COMMAND "tcp = 1.2.3.4:2\nnetboot = dnsmasq\n"
			 "network = n\nmac = 02:00:00:00:00:0b\n"
			 "address = 10.5.0.2\n",
		 "boards a and b have the same address"},
		/* What is not in use is nobody's. */
		{"tty = /t\ntftp_root = /x\n", "tty = /t\ntftp_root = /x\n",
		 NULL},
	};
	char text[2048];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int err;

		snprintf(text, sizeof(text),
			 NETWORK "[board a]\n%s[board b]\n%s", cases[i].a,
			 cases[i].b);
		err = parse(text);
		if (!cases[i].says && !err) {
			config_free(&config);
			continue;
		}
		if (!cases[i].says || !err || !strstr(error, cases[i].says))
			fail_msg("case %zu gives %d: %s", i, err, error);
	}
}

static void too_long_values_are_refused(void **state)
{
	char text[CONFIG_TEXT_MAX + 64];
	int n = snprintf(text, sizeof(text), "[board a]\ndtb = ");

	(void)state;
	memset(text + n, 'x', CONFIG_TEXT_MAX);
	text[n + CONFIG_TEXT_MAX] = '\0';
	assert_int_equal(parse(text), -EINVAL);
	text[n + CONFIG_TEXT_MAX - 1] = '\0';
	assert_int_equal(parse(text), 0);
	config_free(&config);
}

static void more_boards_than_fit_are_refused(void **state)
{
	char text[CONFIG_BOARDS_MAX * 16 + 64];
	int n = 0;

	(void)state;
	for (int i = 0; i <= CONFIG_BOARDS_MAX; i++)
		n += snprintf(text + n, sizeof(text) - n, "[board b%d]\n", i);
	assert_int_equal(parse(text), -EINVAL);
	assert_non_null(strstr(error, "more than 64"));
}

static void numbers_take_suffixes(void **state)
{
	int64_t v;

	(void)state;
	assert_int_equal(config_size_parse("1.5K", &v), 0);
	assert_int_equal(v, 1536);
	assert_int_equal(config_size_parse("2G", &v), 0);
	assert_int_equal(v, 2ll << 30);
	assert_int_equal(config_size_parse("1KB", &v), -EINVAL);
	assert_int_equal(config_size_parse("", &v), -EINVAL);
	assert_int_equal(config_size_parse("99999999999G", &v), -ERANGE);
	assert_int_equal(config_time_parse("0.02", &v), 0);
	assert_int_equal(v, 20000);
	assert_int_equal(config_time_parse("1.5h", &v), 0);
	assert_int_equal(v, 5400000000);
	assert_int_equal(config_time_parse("nan", &v), -EINVAL);
}

static void options_cannot_get_around_tokens(void **state)
{
	(void)state;
	assert_int_equal(parse("[lab]\nlisten = [::1]:0\n[board a]\n"), 0);
	assert_true(config_is_loopback(&config));
	assert_null(config_listen_problem(&config));
	strcpy(config.listen, "0.0.0.0:80");
	assert_false(config_is_loopback(&config));
	assert_non_null(config_listen_problem(&config));
	config.tokens = true;
	assert_string_equal(config_listen_problem(&config),
			    "listen is not the loopback: tls_cert and tls_key "
			    "(or behind_proxy = yes) are needed");
	config.behind_proxy = true;
	assert_null(config_listen_problem(&config));
	strcpy(config.listen, "0.0.0.0:80x");
	assert_non_null(config_listen_problem(&config));
	config_free(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(virtual_board_needs_one_line),
		cmocka_unit_test(real_board_is_read),
		cmocka_unit_test(dwell_is_long_enough_to_prove_off),
		cmocka_unit_test(mistakes_are_refused_with_their_place),
		cmocka_unit_test(boards_that_claim_the_same_are_refused),
		cmocka_unit_test(too_long_values_are_refused),
		cmocka_unit_test(more_boards_than_fit_are_refused),
		cmocka_unit_test(numbers_take_suffixes),
		cmocka_unit_test(options_cannot_get_around_tokens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
