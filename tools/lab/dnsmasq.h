/* dnsmasq as DHCP and TFTP server of a board network, supervised. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/lab/config.h"
#include "tools/lab/verdict.h"

struct dnsmasq;

struct dnsmasq_spec {
	const char *program;
	const char *root; /* TFTP folder; kept, not copied */
	/* An own network namespace with a tap in it, for boards[0] ... */
	bool tap;
	/* ... or a real interface, for those boards that name it. */
	const struct config_network *network;
	const struct config_board *boards;
	size_t board_count;
	/*
	 * DHCP answered (STAGE_DHCP) or a file sent (STAGE_TFTP) to address;
	 * the server died (STAGE_QUEUED, address NULL). arg is the server.
	 */
	void (*event)(void *arg, const char *address, enum stage s);
};

/* Starts it, and again whenever it ends. NULL: no memory. */
struct dnsmasq *dnsmasq_start(const struct dnsmasq_spec *spec);
void dnsmasq_stop(struct dnsmasq *d);

/* NULL while it serves, else why not. */
const char *dnsmasq_problem(const struct dnsmasq *d);
/* Since when it does not serve, as loop_wall(); 0: it does. */
int64_t dnsmasq_down_since(const struct dnsmasq *d);
/* The tap of the running server, or -1. */
int dnsmasq_tap(const struct dnsmasq *d);
/* The address a board gets by DHCP. */
const char *dnsmasq_address(const struct config_board *b);
