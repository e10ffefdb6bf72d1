/* labd's configuration file: sections of `key = value` lines. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_TEXT_MAX	   512
#define CONFIG_NAME_MAX	   32
#define CONFIG_BOARDS_MAX  64
#define CONFIG_NETWORK_MAX 8

enum config_power {
	POWER_QEMU,
	POWER_RELAY,
	POWER_COMMAND
};
enum config_console {
	CONSOLE_QEMU,
	CONSOLE_TTY,
	CONSOLE_TCP
};
enum config_netboot {
	NETBOOT_USER,	  /* QEMU's built-in DHCP and TFTP, restrict=on */
	NETBOOT_TAP,	  /* a tap and dnsmasq in a network namespace */
	NETBOOT_DNSMASQ,  /* dnsmasq on the interface of a [network] */
	NETBOOT_EXTERNAL, /* somebody else serves tftp_root */
};
enum config_dialect {
	DIALECT_A0,
	DIALECT_D0
};

/* Times are microseconds, sizes bytes. Texts are "" where not given. */
struct config_board {
	char name[CONFIG_NAME_MAX];
	int power;
	int console;
	int netboot;
	int64_t dwell;	      /* off at least this long before on */
	int64_t settle;	      /* bytes sooner than this prove nothing */
	int64_t boot_timeout; /* power-on to kernel */
	int64_t power_timeout;
	int64_t linger; /* console read on after it */
	int64_t retry;	/* between tries while it is down */
	char relay[CONFIG_TEXT_MAX];
	int64_t relay_channel;
	int64_t relay_delay; /* until the contact settled */
	int relay_dialect;
	bool relay_readback;
	char power_on[CONFIG_TEXT_MAX]; /* by /bin/sh -c */
	char power_off[CONFIG_TEXT_MAX];
	char tty[CONFIG_TEXT_MAX];
	int64_t baud;
	char tcp[CONFIG_TEXT_MAX]; /* host:port, raw bytes */
	char network[CONFIG_NAME_MAX];
	char mac[CONFIG_NAME_MAX];
	char address[CONFIG_NAME_MAX];
	char tftp_root[CONFIG_TEXT_MAX];
	char dtb[CONFIG_TEXT_MAX]; /* for jobs that bring none */
	char qemu[CONFIG_TEXT_MAX];
	char qemu_args[CONFIG_TEXT_MAX]; /* further words, blank-separated */
	char bios[CONFIG_TEXT_MAX];	 /* OpenSBI's image; "" = QEMU's own */
	char uboot[CONFIG_TEXT_MAX];
	char cpu[CONFIG_NAME_MAX];
	int64_t memory;
	int64_t harts;
};

/* A real network segment with boards on it. */
struct config_network {
	char name[CONFIG_NAME_MAX];
	char interface[CONFIG_NAME_MAX];
	char address[CONFIG_NAME_MAX]; /* the host's own, with /prefix */
};

struct config {
	char listen[CONFIG_TEXT_MAX]; /* address:port */
	char hosts[CONFIG_TEXT_MAX];  /* further names for Host, blanks */
	char state[CONFIG_TEXT_MAX];  /* the state folder */
	char run_as[CONFIG_NAME_MAX]; /* user of the children when root */
	char dnsmasq[CONFIG_TEXT_MAX];
	char tls_cert[CONFIG_TEXT_MAX];
	char tls_key[CONFIG_TEXT_MAX];
	bool tokens;
	bool behind_proxy;
	bool durable; /* fsync: transitions survive a power cut */
	int64_t image_max;
	int64_t log_max;
	int64_t queue_max;
	int64_t user_jobs;
	int64_t user_bytes;
	int64_t viewers_max;
	int64_t queue_timeout;
	int64_t board_wait;
	int64_t timeout;
	int64_t timeout_max;
	int64_t silence;
	int64_t request_timeout; /* to get a request's headers */
	int64_t upload_timeout;	 /* to get its body */
	int64_t heartbeat;
	int64_t keep_age;
	int64_t keep_bytes;
	int64_t disk_low;
	struct config_board *boards;
	size_t board_count;
	struct config_network networks[CONFIG_NETWORK_MAX];
	size_t network_count;
};

/*
 * Parses text (len bytes, no NUL needed) into *out, defaults filled in, and
 * checks that it is complete and consistent. Returns 0; -EINVAL with
 * "line N: why" or "board X: why" in error (of error_size bytes); -ENOMEM.
 * On success *out is to be freed with config_free().
 */
int config_parse(const char *text, size_t len, struct config *out, char *error,
		 size_t error_size);
void config_free(struct config *c);

/* The same for a file; -errno of open or read too, with a text. */
int config_load(const char *path, struct config *out, char *error,
		size_t error_size);

/* The board of this name, or NULL. */
const struct config_board *config_board_find(const struct config *c,
					     const char *name);
/* Whether the listen address is on the loopback. */
bool config_is_loopback(const struct config *c);
/*
 * NULL, or why c must not listen where it says: not address:port, or an
 * address other than the loopback without tokens and TLS (or behind_proxy).
 */
const char *config_listen_problem(const struct config *c);

/*
 * A number with an optional suffix K, M, G (1024s) / s, m, h, d (a fraction
 * is allowed; plain = seconds; the result is in microseconds). Return 0,
 * -EINVAL, -ERANGE (above 2^62).
 */
int config_size_parse(const char *text, int64_t *out);
int config_time_parse(const char *text, int64_t *out);
