/* What a board fetches over the network, and who serves it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tools/lab/config.h"
#include "tools/lab/db.h"

/*
 * Makes the TFTP folders below state/tftp, empties them and starts a dnsmasq
 * for every tap board and network. Returns 0 or -errno.
 */
int netboot_init(const struct config *c);
/* Ends the servers. */
void netboot_exit(void);

/* NULL when the board's DHCP and TFTP are served, else why not. */
const char *netboot_problem(const struct config_board *b);
/* Since when they are not, as loop_wall(); 0: they are. */
int64_t netboot_down_since(const struct config_board *b);

/*
 * Fills the board's folder with the job's files and a boot script that prints
 * nonce. Returns NULL, or what went wrong (static text).
 */
const char *netboot_prepare(const struct config_board *b,
			    const struct db_job *job, const char *nonce);
/* Empties the folder: a board that starts by itself finds nothing. */
void netboot_clear(const struct config_board *b);

/* The board's MAC address, or one made from its name. Static buffer. */
const char *netboot_mac(const struct config_board *b);

/*
 * What QEMU gets as its network: a descriptor of the TFTP folder or of the
 * tap, to be closed by the caller; -errno.
 */
int netboot_device_open(const struct config_board *b);

/*
 * Says who wants to know that a server saw a board: DHCP answered, or a file
 * sent. Called with the board and STAGE_DHCP or STAGE_TFTP; when the server
 * died, with STAGE_QUEUED.
 */
void netboot_listen(void (*seen)(const struct config_board *b, enum stage s));
