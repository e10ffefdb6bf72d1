/*
 * A dnsmasq per board network, told everything on its command line and read by
 * its log on stderr. For a tap board it lives in a network namespace of its
 * own, in which there is the tap and nothing else: the board reaches DHCP and
 * TFTP, no port of the host, no other board and no outside. As an ordinary
 * user the namespace sits in a user namespace.
 */
#include "tools/lab/dnsmasq.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/lab/child.h"
#include "tools/lab/netboot.h"

#define TAP_NAME      "lab0"
#define TAP_HOST      "10.77.0.1"
#define TAP_BOARD     "10.77.0.2"
#define TAP_MASK      "255.255.255.0"
#define RESTART_DELAY LOOP_SECOND
#define ARGS_MAX      (24 + CONFIG_BOARDS_MAX)
#define LINE_MAX_LEN  512

struct dnsmasq {
	struct dnsmasq_spec spec;
	struct child child;
	struct loop_watch log;	/* its stderr */
	struct loop_watch taps; /* where the child sends the tap from */
	struct loop_timer restart;
	int tap;
	int tap_out; /* the child's end */
	bool serving;
	const char *problem;
	int64_t down_since; /* loop_wall(); counts while it does not serve */
	char line[LINE_MAX_LEN];
	size_t len;
};

const char *dnsmasq_address(const struct config_board *b)
{
	return b->netboot == NETBOOT_TAP ? TAP_BOARD : b->address;
}

/* In the child: the maps that make the new user namespace usable. */
static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return n < 0 ? -errno : 0;
}

static int enter_namespace(void)
{
	uid_t uid = getuid();
	gid_t gid = getgid();
	char map[64];

	if (unshare(CLONE_NEWNET) == 0)
		return 0;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return -errno;
	write_text("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "%u %u 1", uid, uid);
	if (write_text("/proc/self/uid_map", map))
		return -EPERM;
	snprintf(map, sizeof(map), "%u %u 1", gid, gid);
	return write_text("/proc/self/gid_map", map);
}

static int interface_address_set(int sock, unsigned long request,
				 const char *address)
{
	struct ifreq r = {.ifr_name = TAP_NAME};
	struct sockaddr_in *a = (struct sockaddr_in *)&r.ifr_addr;

	a->sin_family = AF_INET;
	inet_pton(AF_INET, address, &a->sin_addr);
	return ioctl(sock, request, &r) ? -errno : 0;
}

static int tap_open(void)
{
	struct ifreq r = {.ifr_name = TAP_NAME};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err = fd < 0 || sock < 0 ? -errno : 0;

	r.ifr_flags = IFF_TAP | IFF_NO_PI;
	if (!err && ioctl(fd, TUNSETIFF, &r))
		err = -errno;
	if (!err)
		err = interface_address_set(sock, SIOCSIFADDR, TAP_HOST);
	if (!err)
		err = interface_address_set(sock, SIOCSIFNETMASK, TAP_MASK);
	r.ifr_flags = IFF_UP | IFF_RUNNING;
	if (!err && ioctl(sock, SIOCSIFFLAGS, &r))
		err = -errno;
	if (sock >= 0)
		close(sock);
	if (err && fd >= 0)
		close(fd);
	return err ? err : fd;
}

static int fd_send(int sock, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {0}, byte = 0;
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return sendmsg(sock, &m, 0) < 0 ? -errno : 0;
}

static int fd_receive(int sock)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	struct cmsghdr *c;
	int fd;

	if (recvmsg(sock, &m, MSG_CMSG_CLOEXEC) != 1)
		return -EIO;
	c = CMSG_FIRSTHDR(&m);
	if (!c || c->cmsg_type != SCM_RIGHTS)
		return -EIO;
	memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return fd;
}

/* In the child, before exec: says on stderr (labd's log) what is missing. */
static int tap_prepare(void *arg)
{
	struct dnsmasq *d = arg;
	int err = enter_namespace(), tap;
	const char *what = "network namespace";

	if (!err) {
		tap = tap_open();
		what = "tap device";
		err = tap < 0 ? tap : fd_send(d->tap_out, tap);
	}
	if (err)
		dprintf(STDERR_FILENO, "labd: board %s: %s: %s\n",
			d->spec.boards->name, what, strerror(-err));
	return err;
}

static void fill_args(const struct dnsmasq *d, const char **v,
		      char (*text)[160])
{
	const struct dnsmasq_spec *s = &d->spec;
	int n = 0, t = 0;
	const char *fixed[] = {
		s->program,
		"--keep-in-foreground",
		"--conf-file=/dev/null",
		"--log-facility=-",
		"--log-dhcp",
		"--port=0",
		"--no-resolv",
		"--no-hosts",
		"--pid-file=",
		"--leasefile-ro",
		"--no-ping",
		"--dhcp-authoritative",
		"--bind-interfaces",
		"--except-interface=lo",
		"--dhcp-boot=boot.scr.uimg",
		/* No router and no name server: there is nowhere to go. */
		"--dhcp-option=3",
		"--dhcp-option=6",
		"--enable-tftp",
	};

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		v[n++] = fixed[i];
	snprintf(text[t], 160, "--interface=%s",
		 s->tap ? TAP_NAME : s->network->interface);
	v[n++] = text[t++];
	snprintf(text[t], 160, "--dhcp-range=%.*s,static",
		 s->tap ? (int)sizeof(TAP_HOST)
			: (int)strcspn(s->network->address, "/"),
		 s->tap ? TAP_HOST : s->network->address);
	v[n++] = text[t++];
	if (!s->tap)
		v[n++] = "--tftp-unique-root=mac";
	for (size_t i = 0; i < s->board_count; i++) {
		const struct config_board *b = &s->boards[i];

		if (!s->tap &&
		    (b->netboot != NETBOOT_DNSMASQ ||
		     strcmp(b->network, s->network->name)))
			continue;
		snprintf(text[t], 160, "--dhcp-host=%s,%s", netboot_mac(b),
			 dnsmasq_address(b));
		v[n++] = text[t++];
	}
	v[n] = NULL;
}

/*
 * A log line of interest:
 * "dnsmasq-dhcp: 123 DHCPACK(lab0) 10.77.0.2 52:54:00:..."
 * "dnsmasq-tftp: sent /path/Image to 10.77.0.2"
 * "dnsmasq: started, version ..."
 */
static void log_line(struct dnsmasq *d, char *line)
{
	char *ack = strstr(line, "DHCPACK("), *to = strstr(line, " to ");

	if (strstr(line, "started, version") ||
	    strstr(line, "started, DNS disabled")) {
		d->serving = true;
		d->problem = NULL;
	} else if (ack && (ack = strchr(ack, ' '))) {
		ack[1 + strcspn(ack + 1, " ")] = '\0';
		d->spec.event(d, ack + 1, STAGE_DHCP);
	} else if (strstr(line, "sent /") && to) {
		d->spec.event(d, to + 4, STAGE_TFTP);
	} else if (strstr(line, "failed") || strstr(line, "cannot") ||
		   strstr(line, "labd: ")) {
		fprintf(stderr, "labd: dnsmasq: %s\n", line);
	}
}

static void on_log(void *arg, uint32_t events)
{
	struct dnsmasq *d = arg;
	ssize_t n =
		read(d->log.fd, d->line + d->len, sizeof(d->line) - 1 - d->len);
	char *end;

	(void)events;
	if (n <= 0) {
		if (n == 0)
			loop_watch_remove(&d->log);
		return;
	}
	d->len += n;
	d->line[d->len] = '\0';
	while ((end = strchr(d->line, '\n'))) {
		*end++ = '\0';
		log_line(d, d->line);
		d->len -= end - d->line;
		memmove(d->line, end, d->len + 1);
	}
	/* An overlong line is none of those looked for. */
	if (d->len == sizeof(d->line) - 1)
		d->len = 0;
}

static void on_tap(void *arg, uint32_t events)
{
	struct dnsmasq *d = arg;

	(void)events;
	d->tap = fd_receive(d->taps.fd);
	loop_watch_remove(&d->taps);
}

static void close_all(struct dnsmasq *d)
{
	loop_watch_remove(&d->log);
	close(d->log.fd);
	if (d->spec.tap) {
		loop_watch_remove(&d->taps);
		close(d->taps.fd);
		if (d->tap >= 0)
			close(d->tap);
	}
	d->tap = -1;
	d->len = 0;
	d->serving = false;
}

static int spawn(struct dnsmasq *d)
{
	static char text[3 + CONFIG_BOARDS_MAX][160];
	static char root[PATH_MAX];
	const char *argv[ARGS_MAX + 8];
	struct child_spec spec = {.argv = argv, .network_caps = true};
	int out[2], taps[2] = {-1, -1}, err, n = 0;

	fill_args(d, argv, text);
	while (argv[n])
		n++;
	snprintf(root, sizeof(root), "--tftp-root=%s", d->spec.root);
	argv[n++] = root;
	argv[n] = NULL;
	if (pipe2(out, O_CLOEXEC))
		return -errno;
	if (d->spec.tap) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, taps)) {
			close(out[0]);
			close(out[1]);
			return -errno;
		}
		d->taps.fd = taps[0];
		d->tap_out = taps[1];
		loop_watch_add(&d->taps, EPOLLIN);
		spec.prepare = tap_prepare;
		spec.prepare_arg = d;
	}
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	d->log.fd = out[0];
	loop_watch_add(&d->log, EPOLLIN);
	spec.output = out[1];
	err = child_spawn(&d->child, &spec);
	close(out[1]);
	if (d->spec.tap)
		close(taps[1]);
	if (err)
		close_all(d);
	return err;
}

static void start_again(void *arg)
{
	struct dnsmasq *d = arg;
	int err = spawn(d);

	if (err) {
		fprintf(stderr, "labd: dnsmasq: %s\n", strerror(-err));
		loop_timer_set(&d->restart, RESTART_DELAY);
	}
}

static void on_exited(void *arg, int status)
{
	struct dnsmasq *d = arg;

	on_log(d, EPOLLIN);
	if (d->serving)
		d->down_since = loop_wall();
	else
		fprintf(stderr, "labd: dnsmasq ended at its start (%#x)\n",
			status);
	close_all(d);
	d->problem = "dnsmasq ended, starting it again";
	d->spec.event(d, NULL, STAGE_QUEUED);
	loop_timer_set(&d->restart, RESTART_DELAY);
}

struct dnsmasq *dnsmasq_start(const struct dnsmasq_spec *spec)
{
	struct dnsmasq *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->spec = *spec;
	d->tap = -1;
	d->problem = "dnsmasq is starting";
	d->down_since = loop_wall();
	d->child.exited = on_exited;
	d->child.arg = d;
	d->log.ready = on_log;
	d->log.arg = d;
	d->taps.ready = on_tap;
	d->taps.arg = d;
	d->restart.fire = start_again;
	d->restart.arg = d;
	start_again(d);
	return d;
}

void dnsmasq_stop(struct dnsmasq *d)
{
	loop_timer_cancel(&d->restart);
	child_reap(&d->child);
}

const char *dnsmasq_problem(const struct dnsmasq *d)
{
	if (d->spec.tap && d->tap < 0 && d->serving)
		return "no tap device";
	return d->serving ? NULL : d->problem;
}

int64_t dnsmasq_down_since(const struct dnsmasq *d)
{
	return dnsmasq_problem(d) ? d->down_since : 0;
}

int dnsmasq_tap(const struct dnsmasq *d)
{
	return d->tap;
}
