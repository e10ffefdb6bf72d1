/*
 * The configuration: a table says which key of which section goes where and
 * how it reads, so that a key is described in one line. Everything is checked
 * here, once; the rest of the daemon trusts the struct.
 */
#include "tools/lab/config.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define FILE_MAX ((size_t)1 << 20)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
/* Of a real board; an emulator's supply has nothing to run down. */
#define DWELL_PRESET 5000000

enum type {
	TEXT,
	NAME,
	SIZE,
	TIME,
	NUMBER,
	BOOL,
	CHOICE
};

struct key {
	const char *name;
	enum type type;
	size_t offset;
	const char *preset; /* NULL: "" or 0 */
	const char *const *choices;
};

static const char *const power_names[] = {"qemu", "relay", "command", NULL};
static const char *const console_names[] = {"qemu", "tty", "tcp", NULL};
static const char *const netboot_names[] = {"user", "tap", "dnsmasq",
					    "external", NULL};
static const char *const dialect_names[] = {"a0", "d0", NULL};

#define LAB(type, field, preset)                                           \
	{                                                                  \
#field, type, offsetof(struct config, field), preset, NULL \
	}
static const struct key lab_keys[] = {
	LAB(TEXT, listen, "127.0.0.1:8437"),
	LAB(TEXT, hosts, NULL),
	LAB(TEXT, state, "build/lab"),
	LAB(NAME, run_as, "nobody"),
	LAB(TEXT, dnsmasq, "dnsmasq"),
	LAB(TEXT, tls_cert, NULL),
	LAB(TEXT, tls_key, NULL),
	LAB(BOOL, tokens, "no"),
	LAB(BOOL, behind_proxy, "no"),
	LAB(BOOL, durable, "yes"),
	LAB(SIZE, image_max, "256M"),
	LAB(SIZE, log_max, "64M"),
	LAB(NUMBER, queue_max, "1000"),
	LAB(NUMBER, user_jobs, "100"),
	LAB(SIZE, user_bytes, "8G"),
	LAB(NUMBER, viewers_max, "2000"),
	LAB(TIME, queue_timeout, "24h"),
	LAB(TIME, board_wait, "10m"),
	LAB(TIME, timeout, "300"),
	LAB(TIME, timeout_max, "24h"),
	LAB(TIME, silence, "120"),
	LAB(TIME, request_timeout, "20"),
	LAB(TIME, upload_timeout, "10m"),
	LAB(TIME, heartbeat, "15"),
	LAB(TIME, keep_age, "30d"),
	LAB(SIZE, keep_bytes, "20G"),
	LAB(SIZE, disk_low, "1G"),
};

#define BOARD(type, field, preset)                                          \
	{                                                                   \
#field, type, offsetof(struct config_board, field), preset, \
			NULL                                                \
	}
#define BOARD_CHOICE(field, preset, names)                                    \
	{                                                                     \
#field, CHOICE, offsetof(struct config_board, field), preset, \
			names                                                 \
	}
static const struct key board_keys[] = {
	BOARD_CHOICE(power, "qemu", power_names),
	BOARD_CHOICE(console, "qemu", console_names),
	BOARD_CHOICE(netboot, "user", netboot_names),
	BOARD_CHOICE(relay_dialect, "a0", dialect_names),
	BOARD(TIME, dwell, NULL),
	BOARD(TIME, settle, "0.2"),
	BOARD(TIME, boot_timeout, "60"),
	BOARD(TIME, power_timeout, "10"),
	BOARD(TIME, linger, "2"),
	BOARD(TIME, retry, "30"),
	BOARD(TEXT, relay, NULL),
	BOARD(NUMBER, relay_channel, "1"),
	BOARD(TIME, relay_delay, "0.05"),
	BOARD(BOOL, relay_readback, "no"),
	BOARD(TEXT, power_on, NULL),
	BOARD(TEXT, power_off, NULL),
	BOARD(TEXT, tty, NULL),
	BOARD(NUMBER, baud, "115200"),
	BOARD(TEXT, tcp, NULL),
	BOARD(NAME, network, NULL),
	BOARD(NAME, mac, NULL),
	BOARD(NAME, address, NULL),
	BOARD(TEXT, tftp_root, NULL),
	BOARD(TEXT, dtb, NULL),
	BOARD(TEXT, qemu, "qemu-system-riscv64"),
	BOARD(TEXT, qemu_args, NULL),
	BOARD(TEXT, bios, NULL),
	BOARD(TEXT, uboot, "/usr/lib/u-boot/qemu-riscv64_smode/uboot.elf"),
	BOARD(NAME, cpu, NULL),
	BOARD(SIZE, memory, "1G"),
	BOARD(NUMBER, harts, "2"),
};

#define NETWORK(type, field)                                                \
	{                                                                   \
#field, type, offsetof(struct config_network, field), NULL, \
			NULL                                                \
	}
static const struct key network_keys[] = {
	NETWORK(NAME, interface),
	NETWORK(NAME, address),
};

/* What is being parsed, and where errors go. */
struct parser {
	struct config *out;
	void *section; /* struct config, _board or _network */
	const struct key *keys;
	size_t key_count;
	char seen[64]; /* by index in keys */
	int line;
	char *error;
	size_t error_size;
};

__attribute__((format(printf, 2, 3))) static int fail(struct parser *p,
						      const char *format, ...)
{
	int n = 0;
	va_list args;

	if (p->line)
		n = snprintf(p->error, p->error_size, "line %d: ", p->line);
	va_start(args, format);
	if ((size_t)n < p->error_size)
		vsnprintf(p->error + n, p->error_size - n, format, args);
	va_end(args);
	return -EINVAL;
}

/* value × factor of the one-letter suffix; suffixes and factors in step. */
static int scaled_parse(const char *text, const char *suffixes,
			const double *factors, double *out)
{
	char *end;
	const char *s;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	/* Decimal only: strtod would take 0x and 1e9 as well. */
	if (text[strspn(text, "0123456789.")] &&
	    !strchr(suffixes, text[strspn(text, "0123456789.")]))
		return -EINVAL;
	*out = strtod(text, &end);
	if (*end) {
		s = strchr(suffixes, *end);
		if (!s || end[1])
			return -EINVAL;
		*out *= factors[s - suffixes];
	}
	return 0;
}

int config_size_parse(const char *text, int64_t *out)
{
	static const double factors[] = {1024, 1048576, 1073741824};
	double v;

	if (scaled_parse(text, "KMG", factors, &v))
		return -EINVAL;
	if (v > (double)(1ll << 62))
		return -ERANGE;
	*out = (int64_t)v;
	return 0;
}

int config_time_parse(const char *text, int64_t *out)
{
	static const double factors[] = {1, 60, 3600, 86400};
	double v;

	if (scaled_parse(text, "smhd", factors, &v))
		return -EINVAL;
	if (v * 1e6 > (double)(1ll << 62))
		return -ERANGE;
	*out = (int64_t)llround(v * 1e6);
	return 0;
}

static int number_parse(const char *text, int64_t *out)
{
	char *end;

	if (!isdigit((unsigned char)text[0]) || strlen(text) > 12)
		return -EINVAL;
	*out = strtoll(text, &end, 10);
	return *end ? -EINVAL : 0;
}

static int bool_parse(const char *text, bool *out)
{
	if (strcmp(text, "yes") && strcmp(text, "no"))
		return -EINVAL;
	*out = text[0] == 'y';
	return 0;
}

static int choice_parse(const char *text, const char *const *names, int *out)
{
	for (int i = 0; names[i]; i++) {
		if (strcmp(text, names[i]) == 0) {
			*out = i;
			return 0;
		}
	}
	return -EINVAL;
}

static int text_copy(const char *text, char *out, size_t size)
{
	if (strlen(text) >= size)
		return -ERANGE;
	strcpy(out, text);
	return 0;
}

static int key_set(const struct key *k, void *section, const char *value)
{
	void *field = (char *)section + k->offset;

	switch (k->type) {
	case TEXT:
		return text_copy(value, field, CONFIG_TEXT_MAX);
	case NAME:
		return text_copy(value, field, CONFIG_NAME_MAX);
	case SIZE:
		return config_size_parse(value, field);
	case TIME:
		return config_time_parse(value, field);
	case NUMBER:
		return number_parse(value, field);
	case BOOL:
		return bool_parse(value, field);
	case CHOICE:
		return choice_parse(value, k->choices, field);
	}
	return -EINVAL;
}

static void section_begin(struct parser *p, void *section,
			  const struct key *keys, size_t count)
{
	p->section = section;
	p->keys = keys;
	p->key_count = count;
	memset(p->seen, 0, sizeof(p->seen));
	for (size_t i = 0; i < count; i++)
		if (keys[i].preset)
			key_set(&keys[i], section, keys[i].preset);
}

/* Names become file names and metric labels. */
static bool is_name(const char *s)
{
	size_t n = strspn(s,
			  "abcdefghijklmnopqrstuvwxyz"
			  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

	return n > 0 && n < CONFIG_NAME_MAX && s[n] == '\0' && s[0] != '-';
}

static int board_begin(struct parser *p, const char *name)
{
	struct config *c = p->out;
	struct config_board *more;

	if (config_board_find(c, name))
		return fail(p, "board %s is there twice", name);
	if (c->board_count == CONFIG_BOARDS_MAX)
		return fail(p, "more than %d boards", CONFIG_BOARDS_MAX);
	more = realloc(c->boards, (c->board_count + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	c->boards = more;
	more += c->board_count++;
	memset(more, 0, sizeof(*more));
	strcpy(more->name, name);
	more->dwell = -1;
	section_begin(p, more, board_keys, COUNT(board_keys));
	return 0;
}

static int network_begin(struct parser *p, const char *name)
{
	struct config *c = p->out;
	struct config_network *n;

	for (size_t i = 0; i < c->network_count; i++)
		if (strcmp(c->networks[i].name, name) == 0)
			return fail(p, "network %s is there twice", name);
	if (c->network_count == CONFIG_NETWORK_MAX)
		return fail(p, "more than %d networks", CONFIG_NETWORK_MAX);
	n = &c->networks[c->network_count++];
	memset(n, 0, sizeof(*n));
	strcpy(n->name, name);
	section_begin(p, n, network_keys, COUNT(network_keys));
	return 0;
}

static int section_line(struct parser *p, char *line)
{
	char *end = strchr(line, ']'), *name;

	if (!end || end[1])
		return fail(p,
			    "a section reads [lab], [board NAME] or "
			    "[network NAME]");
	*end = '\0';
	line++;
	if (strcmp(line, "lab") == 0) {
		p->section = p->out;
		p->keys = lab_keys;
		p->key_count = COUNT(lab_keys);
		memset(p->seen, 0, sizeof(p->seen));
		return 0;
	}
	name = strchr(line, ' ');
	if (name)
		*name++ = '\0';
	if (!name || !is_name(name))
		return fail(p,
			    "unknown section, or a name that is not 1-%d "
			    "letters, digits, _ and -",
			    CONFIG_NAME_MAX - 1);
	if (strcmp(line, "board") == 0)
		return board_begin(p, name);
	if (strcmp(line, "network") == 0)
		return network_begin(p, name);
	return fail(p, "unknown section [%.32s]", line);
}

static char *trim(char *s)
{
	size_t n;

	while (*s == ' ' || *s == '\t')
		s++;
	n = strlen(s);
	while (n && (s[n - 1] == ' ' || s[n - 1] == '\t' || s[n - 1] == '\r'))
		s[--n] = '\0';
	return s;
}

static int value_line(struct parser *p, char *line)
{
	char *value = strchr(line, '=');

	if (!value)
		return fail(p, "neither a section nor key = value");
	if (!p->section)
		return fail(p, "a key before the first section");
	*value++ = '\0';
	line = trim(line);
	value = trim(value);
	for (size_t i = 0; i < p->key_count; i++) {
		if (strcmp(p->keys[i].name, line))
			continue;
		if (p->seen[i])
			return fail(p, "%s is there twice", line);
		p->seen[i] = 1;
		if (key_set(&p->keys[i], p->section, value))
			return fail(p, "%s: bad value", line);
		return 0;
	}
	return fail(p, "unknown key %.40s", line);
}

static int lines_parse(struct parser *p, char *text)
{
	int err = 0;
	char *next;

	for (; text && !err; text = next) {
		char *line;

		next = strchr(text, '\n');
		if (next)
			*next++ = '\0';
		p->line++;
		line = trim(text);
		if (*line == '\0' || *line == '#')
			continue;
		for (char *c = line; *c; c++)
			if ((unsigned char)*c < ' ' && *c != '\t')
				return fail(p, "a control character");
		err = *line == '[' ? section_line(p, line)
				   : value_line(p, line);
	}
	p->line = 0;
	return err;
}

static bool is_mac(const char *s)
{
	for (int i = 0; i < 17; i++)
		if (i % 3 == 2 ? s[i] != ':' : !isxdigit((unsigned char)s[i]))
			return false;
	return s[17] == '\0';
}

static bool is_ipv4(const char *s)
{
	struct in_addr a;

	return inet_pton(AF_INET, s, &a) == 1;
}

static bool is_ipv4_prefix(const char *s)
{
	char address[CONFIG_NAME_MAX];
	const char *slash = strchr(s, '/');

	if (!slash)
		return false;
	snprintf(address, sizeof(address), "%.*s", (int)(slash - s), s);
	return is_ipv4(address) && atoi(slash + 1) >= 8 &&
		atoi(slash + 1) <= 30 &&
		strspn(slash + 1, "0123456789") == strlen(slash + 1);
}

/* Whether off is proved by the console alone, silent after settle. */
static bool is_proved_by_silence(const struct config_board *b)
{
	return b->power == POWER_COMMAND ||
		(b->power == POWER_RELAY && !b->relay_readback);
}

static const char *power_check(const struct config_board *b)
{
	if ((b->power == POWER_QEMU) != (b->console == CONSOLE_QEMU))
		return "power = qemu and console = qemu go together";
	if (b->power == POWER_RELAY && !b->relay[0])
		return "relay = <tty> is missing";
	if (b->power == POWER_RELAY &&
	    (b->relay_channel < 1 || b->relay_channel > 16))
		return "relay_channel is not 1-16";
	if (b->power == POWER_RELAY && b->relay_dialect == DIALECT_D0 &&
	    (b->relay_channel != 1 || b->relay_readback))
		return "relay_dialect = d0 has one channel and no read-back";
	if (b->power == POWER_COMMAND && (!b->power_on[0] || !b->power_off[0]))
		return "power_on or power_off is missing";
	if (b->console == CONSOLE_TTY && !b->tty[0])
		return "tty is missing";
	if (b->console == CONSOLE_TTY && (b->baud < 1200 || b->baud > 12000000))
		return "baud is not 1200-12000000";
	if (b->console == CONSOLE_TCP && !strchr(b->tcp, ':'))
		return "tcp = host:port is missing";
	if (is_proved_by_silence(b) && b->dwell <= b->settle)
		return "dwell is not above settle: without read-back a silent "
		       "console proves that the board is off";
	if (b->power == POWER_QEMU && b->memory < 256ll << 20)
		return "memory is under 256M (U-Boot's script would not fit)";
	if (b->power == POWER_QEMU && (b->harts < 1 || b->harts > 64))
		return "harts is not 1-64";
	return NULL;
}

static const char *netboot_check(const struct config *c,
				 const struct config_board *b)
{
	bool emulated = b->netboot == NETBOOT_USER || b->netboot == NETBOOT_TAP;
	bool known = false;

	if (emulated != (b->power == POWER_QEMU))
		return "netboot is user or tap for qemu, dnsmasq or external "
		       "for real boards";
	if (b->netboot == NETBOOT_EXTERNAL && !b->tftp_root[0])
		return "tftp_root is missing";
	if (b->mac[0] && !is_mac(b->mac))
		return "mac is not xx:xx:xx:xx:xx:xx";
	if (b->netboot != NETBOOT_DNSMASQ)
		return NULL;
	for (size_t i = 0; i < c->network_count; i++)
		known |= strcmp(c->networks[i].name, b->network) == 0;
	if (!known)
		return "network = <name of a [network] section> is missing";
	if (!b->mac[0] || !is_ipv4(b->address))
		return "mac or address is missing";
	return NULL;
}

const char *config_listen_problem(const struct config *c)
{
	const char *colon = strrchr(c->listen, ':');

	int64_t port;

	if (!colon || number_parse(colon + 1, &port) || port > 65535)
		return "listen is not address:port";
	if (!c->tls_cert[0] != !c->tls_key[0])
		return "tls_cert and tls_key go together";
	/* All whom the proxy lets in come from the loopback. */
	if (c->behind_proxy && !c->tokens)
		return "behind_proxy = yes: tokens = yes is needed";
	if (config_is_loopback(c))
		return NULL;
	if (!c->tokens)
		return "listen is not the loopback: tokens = yes is needed";
	if (!c->tls_cert[0] && !c->behind_proxy)
		return "listen is not the loopback: tls_cert and tls_key (or "
		       "behind_proxy = yes) are needed";
	return NULL;
}

static const char *lab_check(const struct config *c)
{
	if (!c->state[0])
		return "state is missing";
	if (c->image_max < 4096 || c->log_max < 4096)
		return "image_max and log_max are at least 4K";
	if (c->queue_max < 1 || c->user_jobs < 1 || c->viewers_max < 1)
		return "queue_max, user_jobs and viewers_max are at least 1";
	if (c->timeout <= 0 || c->timeout > c->timeout_max)
		return "timeout is not between 0 and timeout_max";
	if (c->heartbeat < 100000)
		return "heartbeat is under 0.1 s";
	if (c->board_count == 0)
		return "no [board NAME] section";
	return config_listen_problem(c);
}

/* What of b is in use; "" = it is not. */
static const char *tty_of(const struct config_board *b)
{
	return b->console == CONSOLE_TTY ? b->tty : "";
}

static const char *relay_of(const struct config_board *b)
{
	return b->power == POWER_RELAY ? b->relay : "";
}

static const char *address_of(const struct config_board *b)
{
	return b->netboot == NETBOOT_DNSMASQ ? b->address : "";
}

static const char *root_of(const struct config_board *b)
{
	return b->netboot == NETBOOT_EXTERNAL ? b->tftp_root : "";
}

static const char *tcp_of(const struct config_board *b)
{
	return b->console == CONSOLE_TCP ? b->tcp : "";
}

static bool same(const char *a, const char *b)
{
	return a[0] && strcmp(a, b) == 0;
}

/* NULL, or what two boards claim that only one can have. */
static const char *claimed_twice(const struct config_board *a,
				 const struct config_board *b)
{
	if (same(relay_of(a), relay_of(b)) &&
	    a->relay_channel == b->relay_channel)
		return "relay and relay_channel";
	if (same(tty_of(a), tty_of(b)))
		return "tty";
	if (same(tty_of(a), relay_of(b)) || same(relay_of(a), tty_of(b)))
		return "line as relay and as tty";
	if (same(tcp_of(a), tcp_of(b)))
		return "tcp";
	if (a->mac[0] && strcasecmp(a->mac, b->mac) == 0)
		return "mac";
	if (same(address_of(a), address_of(b)))
		return "address";
	if (same(root_of(a), root_of(b)))
		return "tftp_root";
	return NULL;
}

static int claims_check(struct parser *p)
{
	const struct config *c = p->out;

	for (size_t i = 0; i < c->board_count; i++) {
		const struct config_board *b = &c->boards[i];

		if (same(tty_of(b), relay_of(b)))
			return fail(p, "board %s: relay and tty are the same",
				    b->name);
		for (size_t j = 0; j < i; j++) {
			const char *key = claimed_twice(&c->boards[j], b);

			if (key)
				return fail(p,
					    "boards %s and %s have the same "
					    "%s",
					    c->boards[j].name, b->name, key);
		}
	}
	return 0;
}

static int consistency_check(struct parser *p)
{
	const struct config *c = p->out;
	const char *why = lab_check(c);

	if (why)
		return fail(p, "%s", why);
	for (size_t i = 0; i < c->network_count; i++) {
		const struct config_network *n = &c->networks[i];

		if (!is_name(n->interface) || strlen(n->interface) > 15 ||
		    !is_ipv4_prefix(n->address))
			return fail(p,
				    "network %s: interface, or address with "
				    "/prefix, is missing",
				    n->name);
	}
	for (size_t i = 0; i < c->board_count; i++) {
		struct config_board *b = &c->boards[i];

		if (b->dwell < 0)
			b->dwell = b->power == POWER_QEMU ? 0 : DWELL_PRESET;
		why = power_check(b);
		if (!why)
			why = netboot_check(c, b);
		if (why)
			return fail(p, "board %s: %s", b->name, why);
	}
	return claims_check(p);
}

int config_parse(const char *text, size_t len, struct config *out, char *error,
		 size_t error_size)
{
	struct parser p = {
		.out = out, .error = error, .error_size = error_size};
	char *copy;
	int err;

	memset(out, 0, sizeof(*out));
	snprintf(error, error_size, "out of memory");
	section_begin(&p, out, lab_keys, COUNT(lab_keys));
	p.section = NULL;
	if (memchr(text, '\0', len))
		return fail(&p, "a NUL byte");
	copy = strndup(text, len);
	if (!copy)
		return -ENOMEM;
	err = lines_parse(&p, copy);
	free(copy);
	if (!err)
		err = consistency_check(&p);
	if (err)
		config_free(out);
	return err;
}

void config_free(struct config *c)
{
	free(c->boards);
	c->boards = NULL;
	c->board_count = 0;
}

int config_load(const char *path, struct config *out, char *error,
		size_t error_size)
{
	char *text = malloc(FILE_MAX);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;
	int err;

	if (text && fd >= 0)
		n = read(fd, text, FILE_MAX);
	if (n < 0) {
		err = text ? -errno : -ENOMEM;
		snprintf(error, error_size, "%s", strerror(-err));
	} else {
		err = config_parse(text, n, out, error, error_size);
	}
	if (fd >= 0)
		close(fd);
	free(text);
	return err;
}

const struct config_board *config_board_find(const struct config *c,
					     const char *name)
{
	for (size_t i = 0; i < c->board_count; i++)
		if (strcmp(c->boards[i].name, name) == 0)
			return &c->boards[i];
	return NULL;
}

bool config_is_loopback(const struct config *c)
{
	return strncmp(c->listen, "127.", 4) == 0 ||
		strncmp(c->listen, "[::1]:", 6) == 0;
}
