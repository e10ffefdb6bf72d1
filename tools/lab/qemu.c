/*
 * QEMU as a board. Power on starts the emulator, power off kills it, and that
 * it is gone is proof. Its serial port is one end of a socket pair, so nothing
 * is lost between power-on and attach and no port is open to anyone. The TFTP
 * folder and the firmware are handed over as descriptors: the emulator's user
 * needs no way in.
 */
#include "tools/lab/qemu.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/lab/child.h"
#include "tools/lab/netboot.h"
#include "tools/lab/stream_fd.h"

#define ARGS_MAX 64

struct qemu {
	struct power power;
	struct console console;
	const struct config_board *board;
	struct child child;
	struct stream_fd stream;
	struct loop_timer report; /* tells done() from the loop */
	bool switching_off;
	bool orphans_checked;
	const char *problem;
	char text[128];
	char pid_file[PATH_MAX];
};

/* The argument vector being built; texts live until the next spawn. */
struct args {
	const char *v[ARGS_MAX];
	int n;
	char memory[24], harts[16], netdev[256], device[96];
	char extra[CONFIG_TEXT_MAX];
};

static void add(struct args *a, const char *word)
{
	if (a->n < ARGS_MAX - 1)
		a->v[a->n++] = word;
	a->v[a->n] = NULL;
}

static void add2(struct args *a, const char *option, const char *value)
{
	add(a, option);
	add(a, value);
}

/* Descriptors in the child: 3 = console, 4 = TFTP folder or tap, 5 = firmware.
 */
static void args_build(struct args *a, const struct config_board *b)
{
	char *save = NULL;

	a->n = 0;
	snprintf(a->memory, sizeof(a->memory), "%lldM",
		 (long long)(b->memory >> 20));
	snprintf(a->harts, sizeof(a->harts), "%d", (int)b->harts);
	snprintf(a->netdev, sizeof(a->netdev), "%s",
		 b->netboot == NETBOOT_TAP
			 ? "tap,id=net,fd=4"
			 : "user,id=net,restrict=on,tftp=/proc/self/fd/4,"
			   "bootfile=boot.scr.uimg");
	snprintf(a->device, sizeof(a->device),
		 "virtio-net-device,netdev=net,mac=%s", netboot_mac(b));
	snprintf(a->extra, sizeof(a->extra), "%s", b->qemu_args);
	add(a, b->qemu);
	add2(a, "-M", "virt");
	if (b->cpu[0])
		add2(a, "-cpu", b->cpu);
	add2(a, "-m", a->memory);
	add2(a, "-smp", a->harts);
	add(a, "-nodefaults");
	add(a, "-no-user-config");
	add2(a, "-display", "none");
	add2(a, "-monitor", "none");
	add2(a, "-sandbox",
	     "on,obsolete=deny,elevateprivileges=deny,"
	     "spawn=deny,resourcecontrol=deny");
	if (b->bios[0])
		add2(a, "-bios", "/proc/self/fd/5");
	add2(a, "-kernel", b->uboot);
	add2(a, "-chardev", "socket,id=console,fd=3");
	add2(a, "-serial", "chardev:console");
	add2(a, "-netdev", a->netdev);
	add2(a, "-device", a->device);
	for (char *w = strtok_r(a->extra, " ", &save); w;
	     w = strtok_r(NULL, " ", &save))
		add(a, w);
}

/* With what it gets as its network and, if not -1, as its firmware. */
static int qemu_spawn(struct qemu *q, int net, int bios)
{
	static struct args args;
	struct child_spec spec = {
		.argv = args.v,
		.pid_file = q->pid_file,
		.pass = {0, net, bios},
		.pass_count = bios < 0 ? 2 : 3,
		.no_network = true,
	};
	int pair[2], err;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -errno;
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	args_build(&args, q->board);
	spec.pass[0] = pair[1];
	err = child_spawn(&q->child, &spec);
	close(pair[1]);
	if (!err)
		err = stream_fd_open(&q->stream, pair[0]);
	if (err)
		close(pair[0]);
	return err;
}

/* NULL, or why not. */
static const char *qemu_start(struct qemu *q)
{
	const struct config_board *b = q->board;
	const char *what = b->bios;
	int bios = -1, net, err;

	if (b->bios[0] && (bios = open(b->bios, O_RDONLY | O_CLOEXEC)) < 0) {
		err = -errno;
		goto out;
	}
	what = b->qemu;
	net = netboot_device_open(b);
	err = net < 0 ? net : qemu_spawn(q, net, bios);
	if (net >= 0)
		close(net);
	if (bios >= 0)
		close(bios);
out:
	if (!err)
		return NULL;
	snprintf(q->text, sizeof(q->text), "cannot start %.80s: %s", what,
		 strerror(-err));
	return q->text;
}

static void on_report(void *arg)
{
	struct qemu *q = arg;

	q->power.done(q->power.arg, q->problem);
}

static void report_soon(struct qemu *q, const char *problem)
{
	q->problem = problem;
	loop_timer_set(&q->report, 0);
}

static void qemu_off(struct qemu *q)
{
	if (!q->orphans_checked && child_orphan_kill(q->pid_file)) {
		report_soon(q,
			    "an emulator of the daemon before this one "
			    "does not end");
		return;
	}
	q->orphans_checked = true;
	if (q->child.pid == 0) {
		report_soon(q, NULL);
		return;
	}
	q->switching_off = true;
	child_kill(&q->child);
}

static void qemu_set(struct power *p, bool on)
{
	struct qemu *q = (struct qemu *)p;

	if (!on) {
		qemu_off(q);
		return;
	}
	q->switching_off = false;
	report_soon(q, qemu_start(q));
}

static void qemu_stop(struct power *p)
{
	struct qemu *q = (struct qemu *)p;

	child_kill(&q->child);
}

static const char *qemu_stopped(struct power *p)
{
	struct qemu *q = (struct qemu *)p;

	child_reap(&q->child);
	stream_fd_close(&q->stream);
	return NULL;
}

static const struct power_ops qemu_power_ops = {qemu_set, qemu_stop,
						qemu_stopped};

/* What the emulator wrote before it ended is still in the socket. */
static void drain(struct qemu *q)
{
	static uint8_t buf[CONSOLE_READ_MAX];
	ssize_t n;

	while (q->stream.watch.fd >= 0 &&
	       (n = read(q->stream.watch.fd, buf, sizeof(buf))) > 0)
		q->console.bytes(q->console.arg, buf, n);
	stream_fd_close(&q->stream);
}

static void on_exited(void *arg, int status)
{
	struct qemu *q = arg;
	const char *problem = NULL;

	drain(q);
	if (q->switching_off) {
		q->switching_off = false;
		q->power.done(q->power.arg, NULL);
		return;
	}
	/* An end right at the start comes before on was reported. */
	if (q->report.due) {
		loop_timer_cancel(&q->report);
		q->power.done(q->power.arg, NULL);
	}
	if (WIFSIGNALED(status))
		snprintf(q->text, sizeof(q->text), "QEMU died of signal %d",
			 WTERMSIG(status));
	else
		snprintf(q->text, sizeof(q->text), "QEMU ended with status %d",
			 WEXITSTATUS(status));
	if (status != 0)
		problem = q->text;
	q->power.lost(q->power.arg, problem);
}

static void on_bytes(void *arg, const void *bytes, size_t len)
{
	struct qemu *q = arg;

	q->console.bytes(q->console.arg, bytes, len);
}

/* Its end is told by the process's end, after everything was read. */
static void on_closed(void *arg)
{
	(void)arg;
}

static struct qemu *of_console(struct console *c)
{
	return (struct qemu *)((char *)c - offsetof(struct qemu, console));
}

static int qemu_write(struct console *c, const void *bytes, size_t len)
{
	return stream_fd_write(&of_console(c)->stream, bytes, len);
}

/* A new socket pair per power-on: nothing stale can be in it. */
static void qemu_flush(struct console *c)
{
	(void)c;
}

static const struct console_ops qemu_console_ops = {qemu_write, qemu_flush};

struct qemu *qemu_new(const struct config_board *b, const char *run_dir)
{
	struct qemu *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->board = b;
	q->power.ops = &qemu_power_ops;
	q->power.proves_off = true;
	q->console.ops = &qemu_console_ops;
	q->stream.watch.fd = -1;
	q->stream.bytes = on_bytes;
	q->stream.closed = on_closed;
	q->stream.arg = q;
	q->child.exited = on_exited;
	q->child.arg = q;
	q->report.fire = on_report;
	q->report.arg = q;
	snprintf(q->pid_file, sizeof(q->pid_file), "%s/%s.pid", run_dir,
		 b->name);
	return q;
}

struct power *qemu_power(struct qemu *q)
{
	return &q->power;
}

struct console *qemu_console(struct qemu *q)
{
	return &q->console;
}
