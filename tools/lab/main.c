/*
 * labd: the board lab's daemon. This file reads the command line, starts the
 * parts in the order of one list, and stops them in the opposite one.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include <fcntl.h>

#include "tools/lab/api.h"
#include "tools/lab/attempt.h"
#include "tools/lab/board.h"
#include "tools/lab/child.h"
#include "tools/lab/config.h"
#include "tools/lab/db.h"
#include "tools/lab/http.h"
#include "tools/lab/job.h"
#include "tools/lab/keep.h"
#include "tools/lab/loop.h"
#include "tools/lab/netboot.h"
#include "tools/lab/store.h"
#include "tools/lab/stream.h"
#include "tools/lab/upload.h"

#define EXIT_USAGE 64
#define DRAIN_TIME (LOOP_SECOND / 2)

static struct {
	struct config config;
	char run_dir[PATH_MAX];
	int lock;
	struct loop_watch signals;
	struct loop_timer drain;
} lab;

static const char usage[] =
	"usage: labd [-c FILE]                    run (default: one virtual "
	"board)\n"
	"       labd [-c FILE] --check            validate the configuration\n"
	"       labd [-c FILE] token add USER watch|run|admin\n"
	"       labd [-c FILE] token list\n"
	"       labd [-c FILE] token delete USER\n"
	"options: -s DIR  state folder    -l ADDRESS:PORT  listen\n";

/* Without a configuration: one virtual board, all defaults. */
static const char preset[] = "[board virt]\n";

/* Who is not there cannot run anything; nor shall root in his place. */
static int user_find(void)
{
	const char *name = lab.config.run_as;
	int err = name[0] ? child_user_set(name) : 0;

	if (err)
		fprintf(stderr, "labd: run_as = %s: no such user\n", name);
	return err;
}

static int user_set(void)
{
	return getuid() == 0 ? user_find() : 0;
}

/* One daemon per state folder: two would fight for the boards. */
static int state_lock(void)
{
	const char *state = lab.config.state;
	char path[PATH_MAX];
	int err;

	umask(077);
	if (mkdir(state, 0711) && errno != EEXIST) {
		err = -errno;
		fprintf(stderr, "labd: %s: %s\n", state, strerror(errno));
		return err;
	}
	snprintf(path, sizeof(path), "%s/lock", state);
	lab.lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	/* A disk in trouble: the boards are to be switched off all the same. */
	if (lab.lock < 0 && errno == EROFS)
		lab.lock = open(path, O_RDONLY | O_CLOEXEC);
	if (lab.lock < 0 || flock(lab.lock, LOCK_EX | LOCK_NB)) {
		err = -errno;
		fprintf(stderr, "labd: %s: %s\n", path,
			errno == EWOULDBLOCK ? "another labd runs here"
					     : strerror(errno));
		return err;
	}
	return 0;
}

static int address_take(void)
{
	return http_listen(&lab.config);
}

static int store_start(void)
{
	return store_init(lab.config.state, lab.config.image_max,
			  lab.config.disk_low);
}

static int database_open(void)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/lab.db", lab.config.state);
	return db_open(path, lab.config.durable);
}

static void board_seen(const struct config_board *b, enum stage s);

static int modules_start(void)
{
	const struct config *c = &lab.config;

	attempts_init(c);
	upload_init(c);
	api_init(c);
	netboot_listen(board_seen);
	return 0;
}

static int jobs_start(void)
{
	return jobs_init(&lab.config);
}

static int netboot_start(void)
{
	return netboot_init(&lab.config);
}

static int boards_make(void)
{
	snprintf(lab.run_dir, sizeof(lab.run_dir), "%s/run", lab.config.state);
	mkdir(lab.run_dir, 0700); /* the store is later, and complains */
	db_on_death(boards_stop);
	return boards_init(&lab.config, lab.run_dir);
}

static int boards_off(void)
{
	boards_start(jobs_schedule);
	return 0;
}

static int http_start(void)
{
	int err = http_init(&lab.config, api_routes);

	if (err)
		return err;
	stream_init(&lab.config);
	keep_init(&lab.config);
	return 0;
}

/* A server's sighting of a board belongs to the job that runs there. */
static void tell_attempt(void *arg, struct job *j)
{
	const struct {
		const struct config_board *board;
		enum stage stage;
	} *seen = arg;

	if (j->attempt && strcmp(j->row.board, seen->board->name) == 0)
		attempt_network_seen(j->attempt, seen->stage);
}

static void board_seen(const struct config_board *b, enum stage s)
{
	struct {
		const struct config_board *board;
		enum stage stage;
	} seen = {b, s};

	jobs_each(tell_attempt, &seen);
}

static void drained(void *arg)
{
	(void)arg;
	loop_stop();
}

/* First the jobs, so that viewers are told; then their answers may end. */
static void on_signal(void *arg, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)arg;
	(void)events;
	if (read(lab.signals.fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (lab.drain.due)
		return;
	fprintf(stderr, "labd: stopping, every board is switched off\n");
	jobs_stop();
	boards_stop();
	boards_save();
	stream_exit();
	lab.drain.fire = drained;
	loop_timer_set(&lab.drain, DRAIN_TIME);
}

static int signals_start(void)
{
	struct sigaction hup;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGQUIT);
	/* Ignored already: nohup's wish. */
	if (sigaction(SIGHUP, NULL, &hup) || hup.sa_handler != SIG_IGN)
		sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	lab.signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	lab.signals.ready = on_signal;
	return loop_watch_add(&lab.signals, EPOLLIN);
}

static int limits_raise(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
	/* Huge pages would make every idle connection's buffers resident. */
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	return 0;
}

/*
 * Boards come as early as can be: from then on, whatever fails, what a daemon
 * before this one left on is switched off. Not before the lock and the address
 * are ours, for the boards of a daemon that runs are not.
 */
static int parts_start(void)
{
	static const struct {
		const char *name;
		int (*start)(void);
	} parts[] = {
		{"user of the children", user_set},
		{"state folder", state_lock},
		{"address", address_take},
		{"event loop", loop_init},
		{"boards", boards_make},
		{"signals", signals_start},
		{"limits", limits_raise},
		{"store", store_start},
		{"database", database_open},
		{"modules", modules_start},
		{"netboot", netboot_start},
		{"power", boards_off},
		{"jobs", jobs_start},
		{"http", http_start},
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		int err = parts[i].start();

		if (err) {
			fprintf(stderr, "labd: %s: %s\n", parts[i].name,
				strerror(-err));
			return err;
		}
	}
	return 0;
}

static int run(void)
{
	if (parts_start()) {
		boards_stop();
		return EXIT_FAILURE;
	}
	printf("labd: %s://%.*s:%d/\n",
	       lab.config.tls_cert[0] ? "https" : "http",
	       (int)(strrchr(lab.config.listen, ':') - lab.config.listen),
	       lab.config.listen, http_port());
	fflush(stdout);
	loop_run(http_work);
	keep_exit();
	http_exit();
	netboot_exit();
	db_close();
	loop_exit();
	config_free(&lab.config);
	return EXIT_SUCCESS;
}

static void print_token(void *arg, const struct db_token *t)
{
	(void)arg;
	printf("%s %s\n", t->user, t->role);
}

static int token_command(int argc, char **argv)
{
	char token[AUTH_SESSION_MAX];
	enum auth_role role;
	int n;

	umask(077);
	if (mkdir(lab.config.state, 0711) && errno != EEXIST) {
		perror(lab.config.state);
		return EXIT_FAILURE;
	}
	if (database_open())
		return EXIT_FAILURE;
	if (argc == 1 && strcmp(argv[0], "list") == 0) {
		db_tokens(print_token, NULL);
		return EXIT_SUCCESS;
	}
	if (argc == 2 && strcmp(argv[0], "delete") == 0) {
		n = db_token_delete(argv[1]);
		printf("%d deleted\n", n);
		return n > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	}
	role = argc == 3 ? auth_role_from_name(argv[2]) : ROLE_NONE;
	if (argc != 3 || strcmp(argv[0], "add") || role == ROLE_NONE ||
	    !params_is_name(argv[1], PARAMS_USER_MAX)) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	if (auth_token_make(argv[1], role, token))
		return EXIT_FAILURE;
	puts(token);
	return EXIT_SUCCESS;
}

static int config_read(const char *path)
{
	char error[256];
	int err = path ? config_load(path, &lab.config, error, sizeof(error))
		       : config_parse(preset, strlen(preset), &lab.config,
				      error, sizeof(error));

	if (err)
		fprintf(stderr, "labd: %s: %s\n", path ? path : "defaults",
			error);
	return err;
}

/* The options override the file, and are checked like it. */
static int override(const char *listen, const char *state)
{
	const char *why;

	if (state)
		snprintf(lab.config.state, sizeof(lab.config.state), "%s",
			 state);
	if (listen)
		snprintf(lab.config.listen, sizeof(lab.config.listen), "%s",
			 listen);
	why = config_listen_problem(&lab.config);
	if (why)
		fprintf(stderr, "labd: -l %s: %s\n", lab.config.listen, why);
	return why ? -EINVAL : 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"check", no_argument, NULL, 'k'},
		{"state", required_argument, NULL, 's'},
		{"listen", required_argument, NULL, 'l'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	const char *path = NULL, *state = NULL, *listen = NULL;
	bool check = false;
	int c;

	while ((c = getopt_long(argc, argv, "c:s:l:h", options, NULL)) >= 0) {
		switch (c) {
		case 'c':
			path = optarg;
			break;
		case 's':
			state = optarg;
			break;
		case 'l':
			listen = optarg;
			break;
		case 'k':
			check = true;
			break;
		default:
			fputs(usage, c == 'h' ? stdout : stderr);
			return c == 'h' ? EXIT_SUCCESS : EXIT_USAGE;
		}
	}
	if (sodium_init() < 0 || config_read(path) || override(listen, state))
		return EXIT_FAILURE;
	if (check) {
		if (user_find())
			return EXIT_FAILURE;
		printf("%s: %zu boards, all well\n", path ? path : "defaults",
		       lab.config.board_count);
		return EXIT_SUCCESS;
	}
	if (optind < argc && strcmp(argv[optind], "token") == 0)
		return token_command(argc - optind - 1, argv + optind + 1);
	if (optind < argc) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	return run();
}
