/*
 * Power by commands of the site (a PDU, a GPIO, a script): exit status 0 means
 * switched. labd does not know whether it is true, so off is not proof.
 */
#include "tools/lab/power.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "tools/lab/child.h"

struct command {
	struct power power;
	const struct config_board *board;
	struct child child;
	struct loop_timer timer;
	bool timed_out;
	char problem[64];
};

static void command_done(struct command *c, const char *problem)
{
	loop_timer_cancel(&c->timer);
	c->power.done(c->power.arg, problem);
}

static void on_exited(void *arg, int status)
{
	struct command *c = arg;

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		command_done(c, NULL);
		return;
	}
	if (c->timed_out)
		snprintf(c->problem, sizeof(c->problem),
			 "power command timed out");
	else
		snprintf(c->problem, sizeof(c->problem),
			 "power command failed (%s %d)",
			 WIFEXITED(status) ? "exit" : "signal",
			 WIFEXITED(status) ? WEXITSTATUS(status)
					   : WTERMSIG(status));
	command_done(c, c->problem);
}

/* No child runs: the timer tells of a failed start, else ends a slow one. */
static void on_timer(void *arg)
{
	struct command *c = arg;

	if (c->child.pid == 0) {
		command_done(c, "power command cannot be started");
		return;
	}
	c->timed_out = true;
	child_kill(&c->child);
}

static int command_start(struct command *c, bool on)
{
	const char *argv[] = {"/bin/sh", "-c",
			      on ? c->board->power_on : c->board->power_off,
			      NULL};
	struct child_spec spec = {.argv = argv};

	return child_spawn(&c->child, &spec);
}

static void command_set(struct power *p, bool on)
{
	struct command *c = (struct command *)p;
	int err = command_start(c, on);

	c->timed_out = false;
	loop_timer_set(&c->timer, err ? 0 : c->board->power_timeout);
}

static void command_stop(struct power *p)
{
	struct command *c = (struct command *)p;

	child_reap(&c->child);
	if (command_start(c, false) == 0)
		waitpid(c->child.pid, NULL, 0);
}

static const struct power_ops command_ops = {command_set, command_stop};

struct power *power_command_new(const struct config_board *b)
{
	struct command *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->power.ops = &command_ops;
	c->board = b;
	c->child.exited = on_exited;
	c->child.arg = c;
	c->timer.fire = on_timer;
	c->timer.arg = c;
	return &c->power;
}
