/*
 * TFTP folders. Files come in as hard links: dnsmasq and QEMU follow symbolic
 * links out of the root. A board's folder holds only what its running job
 * brought, and is empty in between.
 */
#include "tools/lab/netboot.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/lab/dnsmasq.h"
#include "tools/lab/script.h"
#include "tools/lab/store.h"

#define SCRIPT_MAX 4096

static struct {
	const struct config *config;
	struct dnsmasq *of_board[CONFIG_BOARDS_MAX]; /* shared in a network */
	void (*seen)(const struct config_board *b, enum stage s);
} netboot;

static size_t index_of(const struct config_board *b)
{
	return b - netboot.config->boards;
}

const char *netboot_mac(const struct config_board *b)
{
	static char mac[18];
	uint8_t h[crypto_generichash_BYTES_MIN];

	if (b->mac[0])
		return b->mac;
	/* 52:54:00 is QEMU's; the rest is the same at every start. */
	crypto_generichash(h, sizeof(h), (const uint8_t *)b->name,
			   strlen(b->name), NULL, 0);
	snprintf(mac, sizeof(mac), "52:54:00:%02x:%02x:%02x", h[0], h[1], h[2]);
	return mac;
}

/* dnsmasq's --tftp-unique-root=mac: lower case with dashes. */
static void mac_folder(const char *mac, char *out)
{
	for (int i = 0; i < 18; i++)
		out[i] = mac[i] == ':' ? '-' : tolower((unsigned char)mac[i]);
}

static void board_folder(const struct config_board *b, char *out)
{
	char mac[18];

	if (b->netboot == NETBOOT_EXTERNAL) {
		snprintf(out, PATH_MAX, "%s", b->tftp_root);
	} else if (b->netboot == NETBOOT_DNSMASQ) {
		mac_folder(b->mac, mac);
		snprintf(out, PATH_MAX, "%s/tftp/net-%s/%s",
			 netboot.config->state, b->network, mac);
	} else {
		snprintf(out, PATH_MAX, "%s/tftp/%s", netboot.config->state,
			 b->name);
	}
}

static int make_folder(const char *path)
{
	if (mkdir(path, 0755) && errno != EEXIST)
		return -errno;
	/* The umask is strict; the servers run as somebody else. */
	return chmod(path, 0755) ? -errno : 0;
}

static const char *const file_names[] = {"Image", "initrd", "dtb",
					 "boot.scr.uimg"};

void netboot_clear(const struct config_board *b)
{
	char path[PATH_MAX];
	int dir;

	board_folder(b, path);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return;
	for (size_t i = 0; i < sizeof(file_names) / sizeof(*file_names); i++)
		unlinkat(dir, file_names[i], 0);
	close(dir);
}

static int copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	ssize_t n = in < 0 || out < 0 ? -1 : 1;
	int err;

	while (n > 0)
		n = sendfile(out, in, NULL, 1 << 20);
	err = n < 0 ? -errno : 0;
	if (in >= 0)
		close(in);
	if (out >= 0) {
		fchmod(out, 0444);
		close(out);
	}
	return err;
}

static int write_script(const char *path, const struct script_job *job)
{
	char text[SCRIPT_MAX];
	uint8_t image[SCRIPT_MAX + 128];
	int len = script_commands(job, text, sizeof(text));
	int fd, err = 0;

	if (len < 0)
		return len;
	len = script_image(text, len, image, sizeof(image));
	if (len < 0)
		return len;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	if (fd < 0)
		return -errno;
	if (write(fd, image, len) != len || fchmod(fd, 0444))
		err = -EIO;
	close(fd);
	return err;
}

/* An external root may be another file system, where links cannot go. */
static int blob_place(const char *hash, const char *path)
{
	char from[PATH_MAX];
	int err = store_blob_link(hash, path);

	if (err != -EXDEV)
		return err;
	snprintf(from, sizeof(from), "%s/images/%s", netboot.config->state,
		 hash);
	return copy_file(from, path);
}

static int dtb_place(const struct config_board *b, const struct db_job *job,
		     const char *path)
{
	if (job->dtb.hash[0])
		return blob_place(job->dtb.hash, path);
	return b->dtb[0] ? copy_file(b->dtb, path) : 0;
}

const char *netboot_prepare(const struct config_board *b,
			    const struct db_job *job, const char *nonce)
{
	struct script_job script = {
		.nonce = nonce,
		.bootargs = job->params.bootargs,
		.initrd = job->initrd.hash[0] != '\0',
		.dtb = job->dtb.hash[0] || b->dtb[0],
	};
	char folder[PATH_MAX - 16], path[PATH_MAX];

	board_folder(b, folder);
	netboot_clear(b);
	snprintf(path, sizeof(path), "%s/Image", folder);
	if (blob_place(job->image.hash, path))
		return "the image is not in the store any more";
	snprintf(path, sizeof(path), "%s/initrd", folder);
	if (script.initrd && blob_place(job->initrd.hash, path))
		return "the initrd is not in the store any more";
	snprintf(path, sizeof(path), "%s/dtb", folder);
	if (dtb_place(b, job, path))
		return "the device tree cannot be put in place";
	snprintf(path, sizeof(path), "%s/boot.scr.uimg", folder);
	if (write_script(path, &script))
		return "the boot script cannot be written";
	return NULL;
}

const char *netboot_problem(const struct config_board *b)
{
	struct dnsmasq *d = netboot.of_board[index_of(b)];

	return d ? dnsmasq_problem(d) : NULL;
}

int64_t netboot_down_since(const struct config_board *b)
{
	struct dnsmasq *d = netboot.of_board[index_of(b)];

	return d ? dnsmasq_down_since(d) : 0;
}

int netboot_device_open(const struct config_board *b)
{
	char path[PATH_MAX];
	int fd;

	if (b->netboot == NETBOOT_TAP)
		fd = fcntl(dnsmasq_tap(netboot.of_board[index_of(b)]),
			   F_DUPFD_CLOEXEC, 0);
	else {
		board_folder(b, path);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return fd < 0 ? -errno : fd;
}

static void on_event(void *arg, const char *address, enum stage s)
{
	const struct config *c = netboot.config;

	for (size_t i = 0; i < c->board_count; i++)
		if (netboot.of_board[i] == arg &&
		    (!address ||
		     strcmp(dnsmasq_address(&c->boards[i]), address) == 0))
			netboot.seen(&c->boards[i], s);
}

void netboot_listen(void (*seen)(const struct config_board *b, enum stage s))
{
	netboot.seen = seen;
}

static int tap_server_start(const struct config_board *b)
{
	struct dnsmasq_spec spec = {.program = netboot.config->dnsmasq,
				    .tap = true,
				    .event = on_event};
	char *root = malloc(PATH_MAX);

	if (!root)
		return -ENOMEM;
	board_folder(b, root);
	spec.root = root;
	spec.boards = b;
	spec.board_count = 1;
	netboot.of_board[index_of(b)] = dnsmasq_start(&spec);
	return netboot.of_board[index_of(b)] ? 0 : -ENOMEM;
}

static int network_server_start(const struct config_network *n)
{
	const struct config *c = netboot.config;
	struct dnsmasq_spec spec = {.program = c->dnsmasq,
				    .network = n,
				    .boards = c->boards,
				    .board_count = c->board_count,
				    .event = on_event};
	struct dnsmasq *d;
	char *root = malloc(PATH_MAX);

	if (!root)
		return -ENOMEM;
	snprintf(root, PATH_MAX, "%s/tftp/net-%s", c->state, n->name);
	spec.root = root;
	d = dnsmasq_start(&spec);
	for (size_t i = 0; d && i < c->board_count; i++)
		if (c->boards[i].netboot == NETBOOT_DNSMASQ &&
		    strcmp(c->boards[i].network, n->name) == 0)
			netboot.of_board[i] = d;
	return d ? 0 : -ENOMEM;
}

static int folders_make(const struct config *c)
{
	char path[PATH_MAX];
	int err = 0;

	for (size_t i = 0; !err && i < c->network_count; i++) {
		snprintf(path, sizeof(path), "%s/tftp/net-%s", c->state,
			 c->networks[i].name);
		err = make_folder(path);
	}
	for (size_t i = 0; !err && i < c->board_count; i++) {
		board_folder(&c->boards[i], path);
		err = make_folder(path);
		netboot_clear(&c->boards[i]);
	}
	return err;
}

int netboot_init(const struct config *c)
{
	int err;

	netboot.config = c;
	err = folders_make(c);
	for (size_t i = 0; !err && i < c->network_count; i++)
		err = network_server_start(&c->networks[i]);
	for (size_t i = 0; !err && i < c->board_count; i++)
		if (c->boards[i].netboot == NETBOOT_TAP)
			err = tap_server_start(&c->boards[i]);
	return err;
}

void netboot_exit(void)
{
	const struct config *c = netboot.config;

	for (size_t i = 0; i < c->board_count; i++)
		if (netboot.of_board[i])
			dnsmasq_stop(netboot.of_board[i]);
}
