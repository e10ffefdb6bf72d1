/*
 * Supervision of child processes. A child leads a process group, which is
 * killed as a whole, and dies with the daemon (PR_SET_PDEATHSIG). One that is
 * to outlive it, and one whose death is worth a second look, writes a pid file
 * with its start time before it does anything: the next daemon finds it, and
 * never kills a stranger that got the same pid.
 */
#include "tools/lab/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PASS_BASE  3
#define EXIT_SETUP 126

static struct {
	bool drop; /* change to uid, gid in the child */
	uid_t uid;
	gid_t gid;
} who;

int child_user_set(const char *name)
{
	struct passwd *p = getpwnam(name);

	if (!p)
		return -ENOENT;
	who.drop = true;
	who.uid = p->pw_uid;
	who.gid = p->pw_gid;
	return 0;
}

uid_t child_uid(void)
{
	return who.drop ? who.uid : getuid();
}

gid_t child_gid(void)
{
	return who.drop ? who.gid : getgid();
}

/* CAP_NET_* as ambient, so that they survive exec as an ordinary user. */
static int keep_network_caps(void)
{
	static const int caps[] = {CAP_NET_BIND_SERVICE, CAP_NET_ADMIN,
				   CAP_NET_RAW};
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++)
		data[0].permitted |= 1u << caps[i];
	data[0].effective = data[0].inheritable = data[0].permitted;
	if (syscall(SYS_capset, &head, data))
		return -errno;
	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++)
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, caps[i], 0, 0))
			return -errno;
	return 0;
}

static int drop_rights(bool network_caps)
{
	if (network_caps && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0))
		return -errno;
	if (who.drop &&
	    (setgroups(0, NULL) || setgid(who.gid) || setuid(who.uid)))
		return -errno;
	if (network_caps && keep_network_caps())
		return -EPERM;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return 0;
}

/* Descriptors 0-2 and 3... as the spec wants them, everything else closed. */
static int arrange_fds(const struct child_spec *spec)
{
	int high[CHILD_PASS_MAX];
	int null = open("/dev/null", O_RDWR);
	int out = spec->output ? spec->output : STDERR_FILENO;

	/* First out of the way: a source may be another's destination. */
	for (int i = 0; i < spec->pass_count; i++) {
		high[i] = fcntl(spec->pass[i], F_DUPFD, 64);
		if (high[i] < 0)
			return -errno;
	}
	if (dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		return -errno;
	for (int i = 0; i < spec->pass_count; i++)
		if (dup2(high[i], PASS_BASE + i) < 0)
			return -errno;
	return syscall(SYS_close_range, PASS_BASE + spec->pass_count, ~0u, 0)
		? -errno
		: 0;
}

/* Field 22 of /proc/pid/stat: start time in ticks since the boot. */
static unsigned long long start_time(pid_t pid)
{
	char path[64], text[1024], *p;
	unsigned long long ticks = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	/* The name, field 2, may hold blanks and parentheses. */
	p = strrchr(text, ')');
	if (!p || p[1] != ' ' || p[2] == 'Z' || p[2] == 'X')
		return 0;
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (p)
		ticks = strtoull(p, NULL, 10);
	return ticks;
}

/* Our own, whole or not at all; 0 or -1. */
static int write_pid_file(const char *path)
{
	char part[PATH_MAX];
	FILE *f;

	snprintf(part, sizeof(part), "%s.part", path);
	f = fopen(part, "we");
	if (!f)
		return -1;
	fprintf(f, "%d %llu\n", (int)getpid(), start_time(getpid()));
	return fclose(f) || rename(part, path) ? -1 : 0;
}

/* The child and what it started, also before it made its group. */
static void kill_group(pid_t pid)
{
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
}

static void child_main(const struct child_spec *spec, pid_t parent)
{
	struct rlimit no_core = {0, 0};
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setrlimit(RLIMIT_CORE, &no_core);
	setsid();
	if (spec->pid_file && write_pid_file(spec->pid_file) && !spec->anyway)
		_exit(EXIT_SETUP);
	/* Not fatal: the emulator's network is restricted by itself too. */
	if (spec->no_network && unshare(CLONE_NEWNET))
		(void)unshare(CLONE_NEWUSER | CLONE_NEWNET);
	if (spec->prepare && spec->prepare(spec->prepare_arg))
		_exit(EXIT_SETUP);
	if (arrange_fds(spec) || drop_rights(spec->network_caps))
		_exit(EXIT_SETUP);
	/* After the change of user, which would clear it. */
	if (!spec->outlives && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
		_exit(EXIT_SETUP);
	/* If it died before that, the next one may have looked already. */
	if (getppid() != parent)
		_exit(EXIT_SETUP);
	execvp(spec->argv[0], (char *const *)spec->argv);
	_exit(127);
}

/* It was waited for. */
static void forget(struct child *c)
{
	if (c->watch.fd > 0) {
		loop_watch_remove(&c->watch);
		close(c->watch.fd);
	}
	if (c->pid_file)
		unlink(c->pid_file);
	c->pid = 0;
}

static void on_exit_ready(void *arg, uint32_t events)
{
	struct child *c = arg;
	int status;

	(void)events;
	if (waitpid(c->pid, &status, WNOHANG) != c->pid)
		return;
	forget(c);
	c->exited(c->arg, status);
}

int child_spawn(struct child *c, const struct child_spec *spec)
{
	pid_t parent = getpid();
	int err;

	c->pid = fork();
	if (c->pid < 0) {
		c->pid = 0;
		return -errno;
	}
	if (c->pid == 0)
		child_main(spec, parent);
	c->pid_file = spec->pid_file;
	c->watch.fd = syscall(SYS_pidfd_open, c->pid, 0);
	c->watch.ready = on_exit_ready;
	c->watch.arg = c;
	err = c->watch.fd < 0 ? -errno : loop_watch_add(&c->watch, EPOLLIN);
	if (err) {
		child_reap(c);
		return err;
	}
	return 0;
}

void child_kill(struct child *c)
{
	if (c->pid > 0)
		kill_group(c->pid);
}

void child_reap(struct child *c)
{
	if (c->pid <= 0)
		return;
	kill_group(c->pid);
	waitpid(c->pid, NULL, 0);
	forget(c);
}

int child_wait(struct child *c, int64_t until)
{
	struct pollfd p = {.fd = c->watch.fd, .events = POLLIN};
	int64_t left = until - loop_now();
	int status;

	if (c->pid > 0 && poll(&p, 1, left > 0 ? left / 1000 + 1 : 0) == 1 &&
	    waitpid(c->pid, &status, WNOHANG) == c->pid) {
		forget(c);
		return status;
	}
	child_reap(c);
	return -1;
}

int child_orphan_kill(const char *pid_file)
{
	unsigned long long started = 0;
	FILE *f = fopen(pid_file, "re");
	int pid = 0, fields;

	if (!f)
		return 0;
	fields = fscanf(f, "%d %llu", &pid, &started);
	fclose(f);
	if (fields == 2 && pid > 1 && started != 0) {
		for (int i = 0; start_time(pid) == started; i++) {
			if (i == 200)
				return -ETIMEDOUT;
			kill_group(pid);
			usleep(10000);
		}
	}
	unlink(pid_file);
	return 0;
}
