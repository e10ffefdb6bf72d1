/*
 * Power by commands of the site (a PDU, a GPIO, a script): exit status 0 means
 * switched. labd does not know whether it is true, so off is not proof. A
 * command may outlive the daemon, or half of it would; the next daemon ends it
 * first, since a late "on" would undo its own "off".
 */
#include "tools/lab/power.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "tools/lab/child.h"

struct command {
	struct power power;
	const struct config_board *board;
	struct child child;
	struct loop_timer timer;
	bool orphans_checked;
	bool timed_out;
	int64_t stop_by;
	const char *not_started;
	char problem[64];
	char pid_file[PATH_MAX];
};

static void command_done(struct command *c, const char *problem)
{
	loop_timer_cancel(&c->timer);
	c->power.done(c->power.arg, problem);
}

/* NULL, or what a command that ended so did wrong. */
static const char *status_problem(struct command *c, int status)
{
	if (c->timed_out)
		return "power command timed out";
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return NULL;
	snprintf(c->problem, sizeof(c->problem), "power command failed (%s %d)",
		 WIFEXITED(status) ? "exit" : "signal",
		 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	return c->problem;
}

static void on_exited(void *arg, int status)
{
	struct command *c = arg;

	command_done(c, status_problem(c, status));
}

/* No child runs: the timer tells of a failed start, else ends a slow one. */
static void on_timer(void *arg)
{
	struct command *c = arg;

	if (c->child.pid == 0) {
		command_done(c, c->not_started);
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
	/* A full disk is no reason to leave a board on. */
	struct child_spec spec = {.argv = argv,
				  .pid_file = c->pid_file,
				  .anyway = !on,
				  .outlives = true};

	c->timed_out = false;
	c->not_started = "a power command of the daemon before this one does "
			 "not end";
	if (!c->orphans_checked && child_orphan_kill(c->pid_file))
		return -EBUSY;
	c->orphans_checked = true;
	c->not_started = "power command cannot be started";
	return child_spawn(&c->child, &spec);
}

static void command_set(struct power *p, bool on)
{
	struct command *c = (struct command *)p;
	int err = command_start(c, on);

	loop_timer_set(&c->timer, err ? 0 : c->board->power_timeout);
}

static void command_stop(struct power *p)
{
	struct command *c = (struct command *)p;

	child_reap(&c->child);
	c->stop_by = loop_now() + c->board->power_timeout;
	if (command_start(c, false) == 0)
		c->not_started = NULL;
}

static const char *command_stopped(struct power *p)
{
	struct command *c = (struct command *)p;
	int status;

	if (c->not_started)
		return c->not_started;
	status = child_wait(&c->child, c->stop_by);
	c->timed_out = status == -1;
	return status_problem(c, status);
}

static const struct power_ops command_ops = {command_set, command_stop,
					     command_stopped};

struct power *power_command_new(const struct config_board *b,
				const char *run_dir)
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
	snprintf(c->pid_file, sizeof(c->pid_file), "%s/%s.pid", run_dir,
		 b->name);
	return &c->power;
}
