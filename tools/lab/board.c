/*
 * Boards. Whatever happens, the way back to "ready" is the same: off command
 * (three tries), dwell, proof of off. A board that does not come that far is
 * down: nobody gets it, and it is tried again for ever, since a board left on
 * after one relay error is how labs burn.
 */
#include "tools/lab/board.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/lab/console.h"
#include "tools/lab/loop.h"
#include "tools/lab/netboot.h"
#include "tools/lab/power.h"
#include "tools/lab/qemu.h"

#define OFF_TRIES   3
#define RETRY_DELAY 200000
#define DOUBT	    3  /* infra attempts in a row that make one */
#define DOUBT_TIME  10 /* after so many retry it gets a job again */

struct board {
	const struct config_board *config;
	struct power *power;
	struct console *console;
	const struct board_user *user;
	enum board_state state;
	struct db_board known; /* what the next daemon will know */
	bool starting;	       /* not settled since the daemon's start */
	bool switching;	       /* a power operation has not reported yet */
	bool off_again;	       /* switch off as soon as it has */
	int tries;
	int64_t off_at;	   /* off acknowledged, loop_now(); 0 = no */
	int64_t last_byte; /* on the console, same clock */
	int infra_row;	   /* infra attempts, one after the other */
	int64_t infra_at;  /* the last one's end, same clock */
	char doubt[DB_PROBLEM_MAX];
	struct loop_timer timer; /* dwell, retry */
};

static struct {
	struct board *list[CONFIG_BOARDS_MAX];
	size_t count;
	void (*ready)(void);
} boards;

/* The way a board in trouble is tried again does not end its being down. */
static void state_set(struct board *b, enum board_state s)
{
	struct db_board *k = &b->known;

	b->state = s;
	k->since = loop_wall();
	if (s == BOARD_READY) {
		k->problem[0] = '\0';
		k->down_at = 0;
	}
	if (s == BOARD_DOWN && !k->down_at)
		k->down_at = k->since;
	db_board_save(b->config->name, k);
}

static void user_lost(struct board *b, const char *why, bool self_off)
{
	const struct board_user *u = b->user;

	if (u)
		u->lost(u->arg, why, self_off);
}

static void off_command(struct board *b)
{
	if (b->switching) {
		b->off_again = true;
		return;
	}
	b->off_again = false;
	b->switching = true;
	b->power->ops->set(b->power, false);
}

static void off_begin(struct board *b)
{
	loop_timer_cancel(&b->timer);
	if (b->state != BOARD_STARTING && b->state != BOARD_DOWN)
		state_set(b, BOARD_OFF);
	b->tries = 0;
	off_command(b);
}

static void go_down(struct board *b, const char *why)
{
	snprintf(b->known.problem, sizeof(b->known.problem), "%s", why);
	fprintf(stderr, "labd: board %s: %s\n", b->config->name, why);
	b->starting = false;
	b->tries = OFF_TRIES;
	if (b->state != BOARD_DOWN)
		state_set(b, BOARD_DOWN);
	b->off_at = 0;
	loop_timer_set(&b->timer, b->config->retry);
	user_lost(b, b->known.problem, false);
	boards.ready();
}

static void off_failed(struct board *b, const char *why)
{
	int64_t delay =
		b->config->retry < RETRY_DELAY ? b->config->retry : RETRY_DELAY;

	if (++b->tries < OFF_TRIES)
		loop_timer_set(&b->timer, delay);
	else
		go_down(b, why);
}

/* The dwell is over: is the board off for certain? */
static void dwell_over(struct board *b)
{
	if (b->power->proves_off)
		b->known.on = 0;
	/* Blind it proves nothing, nor would a job see its kernel. */
	if (b->console->problem) {
		go_down(b, b->console->problem);
		return;
	}
	if (!b->power->proves_off &&
	    b->last_byte > b->off_at + b->config->settle) {
		b->off_at = 0;
		off_failed(b,
			   "does not go off: bytes on its console during "
			   "the dwell");
		return;
	}
	b->starting = false;
	b->known.on = 0;
	if (!b->user) {
		state_set(b, BOARD_READY);
		boards.ready();
		return;
	}
	b->console->ops->flush(b->console);
	b->user->off(b->user->arg);
}

static void on_timer(void *arg)
{
	struct board *b = arg;

	if (b->state == BOARD_DOWN && b->tries >= OFF_TRIES)
		off_begin(b);
	else if (b->off_at)
		dwell_over(b);
	else
		off_command(b);
}

static void off_done(struct board *b, const char *problem)
{
	int64_t now = loop_now();

	if (problem) {
		b->off_at = 0;
		off_failed(b, problem);
		return;
	}
	if (b->state == BOARD_DOWN)
		state_set(b, BOARD_OFF);
	/* Long off already: the dwell is behind us, unless it spoke since. */
	if (!b->off_at || b->last_byte > b->off_at + b->config->settle)
		b->off_at = now;
	loop_timer_set(&b->timer, b->off_at + b->config->dwell - now);
}

static void on_done(void *arg, const char *problem)
{
	struct board *b = arg;
	bool was_on = b->state == BOARD_ON;

	b->switching = false;
	if (b->off_again) {
		off_command(b);
		return;
	}
	if (!was_on)
		off_done(b, problem);
	else if (problem)
		user_lost(b, problem, false);
	else if (b->user)
		b->user->on(b->user->arg);
}

static void on_lost(void *arg, const char *problem)
{
	user_lost(arg, problem, true);
}

static void on_bytes(void *arg, const void *bytes, size_t len)
{
	struct board *b = arg;

	b->last_byte = loop_now();
	if (b->state == BOARD_ON && b->user) {
		b->user->bytes(b->user->arg, bytes, len);
		return;
	}
	/* Somebody or something switched it on: off with it. */
	if (b->state == BOARD_READY) {
		b->known.on = 1;
		b->off_at = 0;
		off_begin(b);
	}
}

static void on_console_lost(void *arg)
{
	struct board *b = arg;

	if (b->state == BOARD_ON)
		user_lost(b, b->console->problem, false);
	else if (b->state == BOARD_READY)
		off_begin(b); /* down, unless it comes back meanwhile */
}

/* That may have been all the trouble: no need to wait for the next try. */
static void on_console_opened(void *arg)
{
	struct board *b = arg;

	if (b->state == BOARD_DOWN && b->tries >= OFF_TRIES)
		off_begin(b);
}

static int backends_make(struct board *b, const char *run_dir)
{
	struct qemu *q;

	if (b->config->power == POWER_QEMU) {
		q = qemu_new(b->config, run_dir);
		b->power = q ? qemu_power(q) : NULL;
		b->console = q ? qemu_console(q) : NULL;
	} else {
		b->power = b->config->power == POWER_RELAY
			? power_relay_new(b->config)
			: power_command_new(b->config, run_dir);
		b->console = b->config->console == CONSOLE_TTY
			? console_tty_new(b->config)
			: console_tcp_new(b->config);
	}
	return b->power && b->console ? 0 : -ENOMEM;
}

static int board_make(const struct config_board *c, const char *run_dir)
{
	struct board *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->config = c;
	b->starting = true;
	b->state = BOARD_STARTING;
	b->known.since = loop_wall();
	b->known.on = -1;
	b->timer.fire = on_timer;
	b->timer.arg = b;
	if (backends_make(b, run_dir))
		return -ENOMEM;
	b->power->done = on_done;
	b->power->lost = on_lost;
	b->power->arg = b;
	b->console->bytes = on_bytes;
	b->console->lost = on_console_lost;
	b->console->opened = on_console_opened;
	b->console->arg = b;
	boards.list[boards.count++] = b;
	return 0;
}

int boards_init(const struct config *c, const char *run_dir)
{
	for (size_t i = 0; i < c->board_count; i++)
		if (board_make(&c->boards[i], run_dir))
			return -ENOMEM;
	return 0;
}

void boards_start(void (*ready)(void))
{
	boards.ready = ready;
	for (size_t i = 0; i < boards.count; i++) {
		struct board *b = boards.list[i];

		db_board_load(b->config->name, &b->known);
		off_begin(b);
	}
}

void boards_stop(void)
{
	for (size_t i = 0; i < boards.count; i++) {
		struct board *b = boards.list[i];

		loop_timer_cancel(&b->timer);
		b->power->ops->stop(b->power);
	}
	/* Side by side: many slow switches take as long as the slowest. */
	for (size_t i = 0; i < boards.count; i++) {
		struct board *b = boards.list[i];
		const char *why = b->power->ops->stopped(b->power);

		if (why)
			fprintf(stderr, "labd: board %s may be on: %s\n",
				b->config->name, why);
		else if (b->known.on == 1)
			b->known.on = -1; /* there is no time for proof */
	}
}

void boards_save(void)
{
	for (size_t i = 0; i < boards.count; i++)
		db_board_save(boards.list[i]->config->name,
			      &boards.list[i]->known);
}

size_t boards_count(void)
{
	return boards.count;
}

struct board *board_at(size_t i)
{
	return boards.list[i];
}

bool boards_settled(void)
{
	for (size_t i = 0; i < boards.count; i++)
		if (boards.list[i]->starting)
			return false;
	return true;
}

const struct config_board *board_config(const struct board *b)
{
	return b->config;
}

void board_status(const struct board *b, struct board_status *out)
{
	const char *net = netboot_problem(b->config);

	*out = (struct board_status){
		.config = b->config,
		.known = &b->known,
		.state = b->state,
		.problem = b->known.problem[0] ? b->known.problem : net,
		.doubt = b->infra_row >= DOUBT ? b->doubt : NULL,
		.busy = b->user != NULL,
	};
}

bool board_available(const struct board *b)
{
	return b->state == BOARD_READY && !b->user && !b->console->problem &&
		!netboot_problem(b->config);
}

bool board_up(const struct board *b)
{
	return b->state != BOARD_DOWN && !netboot_problem(b->config);
}

bool board_doubtful(const struct board *b)
{
	return b->infra_row >= DOUBT &&
		loop_now() < b->infra_at + DOUBT_TIME * b->config->retry;
}

int64_t board_down_since(const struct board *b)
{
	return b->known.down_at ? b->known.down_at
				: netboot_down_since(b->config);
}

void board_take(struct board *b, const struct board_user *user)
{
	b->user = user;
	/* A dwell that is over counts; a byte since then would not be here. */
	off_begin(b);
}

const char *board_console_problem(const struct board *b)
{
	return b->console->problem;
}

void board_power_on(struct board *b)
{
	b->known.on = 1;
	b->known.power_cycles++;
	state_set(b, BOARD_ON);
	b->off_at = 0;
	b->switching = true;
	b->power->ops->set(b->power, true);
}

int board_write(struct board *b, const void *bytes, size_t len)
{
	/* Never into a board that is off: it would be fed through the UART. */
	if (b->state != BOARD_ON)
		return -EPERM;
	return b->console->ops->write(b->console, bytes, len);
}

static void count_infra(struct board *b, const char *infra, bool to_blame)
{
	b->known.jobs++;
	b->known.infra += infra != NULL;
	/* It speaks neither for the board nor against it. */
	if (infra && !to_blame)
		return;
	b->infra_row = infra ? b->infra_row + 1 : 0;
	b->infra_at = loop_now();
	if (infra)
		snprintf(b->doubt, sizeof(b->doubt),
			 "its last %d attempts were infra: %s", b->infra_row,
			 infra);
}

void board_release(struct board *b, const char *infra, bool to_blame)
{
	b->user = NULL;
	count_infra(b, infra, to_blame);
	netboot_clear(b->config);
	if (b->state != BOARD_DOWN)
		off_begin(b);
	else
		db_board_save(b->config->name, &b->known);
}
