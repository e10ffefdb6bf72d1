/* Child processes: spawned with few rights, watched, gone with the daemon. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "tools/lab/loop.h"

#define CHILD_PASS_MAX 4

/* What to run. All but argv may be zero. */
struct child_spec {
	const char *const *argv;  /* argv[0] is looked up on PATH */
	int pass[CHILD_PASS_MAX]; /* descriptors the child gets as 3, 4, ... */
	int pass_count;
	int output; /* its stdout and stderr; 0 = the daemon's stderr */
	const char *pid_file; /* written with pid and start time, or NULL */
	bool anyway;	      /* runs also if that cannot be written */
	bool outlives;	      /* goes on when the daemon dies */
	bool no_network;      /* in an empty network namespace, if allowed */
	/*
	 * Run in the child before rights are dropped; descriptors above 2 are
	 * those of the daemon still. Returns 0, or the child exits with 126.
	 */
	int (*prepare)(void *arg);
	void *prepare_arg;
	bool network_caps; /* keeps CAP_NET_* across the change of user */
};

struct child {
	pid_t pid; /* 0 = not running */
	struct loop_watch watch;
	/* status as waitpid(2) gives it; c is free for a new spawn by then */
	void (*exited)(void *arg, int status);
	void *arg;
	const char *pid_file;
};

/*
 * When the daemon is root, children run as this user (by name) from now on.
 * Returns 0, -ENOENT: no such user.
 */
int child_user_set(const char *name);
/* The ids children run with; the daemon's own unless child_user_set(). */
uid_t child_uid(void);
gid_t child_gid(void);

/* Starts spec; c->exited is called once. Returns 0 or -errno. */
int child_spawn(struct child *c, const struct child_spec *spec);
/*
 * SIGKILL to it and all it started; c->exited comes later from the loop.
 * Nothing if not running.
 */
void child_kill(struct child *c);
/* Kills it, waits for its end, calls nobody; for the daemon's own end. */
void child_reap(struct child *c);
/*
 * Waits for its end until then (loop_now()'s clock), or kills it; calls
 * nobody. Returns its status as waitpid(2) gives it, -1: it was killed.
 */
int child_wait(struct child *c, int64_t until);

/*
 * Kills the process that pid_file names, and its group, if it is still the
 * same one (start time compared) and waits until it is gone, at most 2 s.
 * Removes the file. Returns 0, also if there was none; -ETIMEDOUT.
 */
int child_orphan_kill(const char *pid_file);
