/* A board: its power state machine and its health. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/lab/config.h"
#include "tools/lab/db.h"

enum board_state {
	BOARD_STARTING, /* not known to be off since the daemon's start */
	BOARD_OFF,	/* being switched off, or in the dwell */
	BOARD_READY,	/* proven off */
	BOARD_ON,	/* being switched on, or on */
	BOARD_DOWN,	/* cannot be switched off or proven off; retried */
};

/* Who uses a board: told what happens to it. */
struct board_user {
	/* Proven off and dwelled: files may be put in place now. */
	void (*off)(void *arg);
	/* Power is on. */
	void (*on)(void *arg);
	void (*bytes)(void *arg, const void *bytes, size_t len);
	/*
	 * The board cannot be used any more (relay, console). self_off: it
	 * went off by itself, with why NULL if that was orderly.
	 */
	void (*lost)(void *arg, const char *why, bool self_off);
	void *arg;
};

struct board;

/* What others show of a board. */
struct board_status {
	const struct config_board *config;
	const struct db_board *known;
	enum board_state state;
	const char *problem; /* NULL = none */
	const char *doubt;   /* works, but see board_doubtful(); else NULL */
	bool busy;	     /* has a user */
};

/*
 * Makes every board of c, so that boards_stop() can be called. It needs the
 * event loop and nothing else. Returns 0 or -ENOMEM.
 */
int boards_init(const struct config *c, const char *run_dir);
/*
 * Takes what the database knows of them and starts switching all of them off.
 * ready() is called whenever a board may take a job.
 */
void boards_start(void (*ready)(void));
/* Switches every board off, now, and waits for it, each for its own limit. */
void boards_stop(void);
/* Writes down what is known of every board then. Not when the database dies. */
void boards_save(void);
size_t boards_count(void);
struct board *board_at(size_t i);
/* Whether every board has been switched off, or is down, since the start. */
bool boards_settled(void);

const struct config_board *board_config(const struct board *b);
void board_status(const struct board *b, struct board_status *out);
/* Ready for a user, and free. */
bool board_available(const struct board *b);
/* Neither down nor without its server: free, or in use. */
bool board_up(const struct board *b);
/*
 * Its last three attempts, or more, were infra, the last one not long ago: it
 * is better not used where another board is up. Since this daemon's start.
 */
bool board_doubtful(const struct board *b);
/*
 * Since when it is out of use (loop_wall()'s clock), however often it was
 * tried again and the daemon restarted; 0 = it is not.
 */
int64_t board_down_since(const struct board *b);

/*
 * Gives a ready board to a user: off again, dwell, flush, then user->off().
 * *user is kept by pointer until board_release().
 */
void board_take(struct board *b, const struct board_user *user);
/* NULL, or why its console is not open: a job would not see its kernel. */
const char *board_console_problem(const struct board *b);
/* Switches it on; user->on() follows, or user->lost(). Only after off(). */
void board_power_on(struct board *b);
/* Types at the console; errors of console_ops.write, -EPERM when not on. */
int board_write(struct board *b, const void *bytes, size_t len);
/*
 * The user is done, however: the board is switched off, unconditionally.
 * infra: NULL, or why the attempt was infra; to_blame: if so, whether that may
 * be the board's fault.
 */
void board_release(struct board *b, const char *infra, bool to_blame);
