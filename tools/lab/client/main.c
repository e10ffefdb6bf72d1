/*
 * lab: uploads kernels to the board lab's daemon and watches them boot. This
 * file picks the command; where the daemon is comes from the environment.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/lab/client/command.h"
#include "tools/lab/client/interrupt.h"
#include "tools/lab/client/job.h"

static const char main_usage[] =
	"usage: lab run Image [option]...   upload, watch, wait for the "
	"verdict\n"
	"  --board B      the board, or kind of board, to run on\n"
	"  --timeout S    seconds from power-on\n"
	"  --silence S    seconds from the last console byte\n"
	"  --initrd F     load F as the initrd\n"
	"  --dtb F        boot with the device tree F\n"
	"  --bootargs S   the kernel's command line\n"
	"  --expect RE    pass when a line matches (POSIX ERE; of several, "
	"all)\n"
	"  --fail RE      fail when a line matches (of several, any)\n"
	"  --name N       what lists call the job\n"
	"  --priority N   0 to 9, higher is earlier\n"
	"  --user U       whose job it is, where the daemon has no tokens\n"
	"  --junit F      write a JUnit report to F (\"-\": standard output)\n"
	"  --tap          write TAP to standard output, the console to "
	"standard error\n"
	"  --detach       do not wait: print the job's id\n"
	"  --quiet        only the console\n"
	"  --raw          every console byte, also to a terminal\n"
	"       lab list [--json] [--all]     the jobs\n"
	"       lab log Job [--follow] [--from N] [--raw]\n"
	"       lab attach Job [--take] [--raw]   watch and type; ~? for help\n"
	"       lab cancel Job\n"
	"environment: LAB_URL (http://127.0.0.1:8437), LAB_TOKEN,\n"
	"  LAB_CACERT (file of certificates to trust),\n"
	"  LAB_RETRY (seconds to try to get a lost connection back, 60)\n"
	"exit: 0 pass; 1 fail, panic, timeout, cancelled; 2 infra or no "
	"connection;\n"
	"  3 refused; 64 usage\n";

static const struct {
	const char *name;
	int (*run)(struct command *command, int argc, char **argv);
} main_commands[] = {
	{"run", run_command},	    {"list", list_command},
	{"log", log_command},	    {"attach", attach_command},
	{"cancel", cancel_command},
};

int command_report(const struct http_request *request, const char *doing)
{
	struct buf text = {0};

	http_problem(request, &text);
	fprintf(stderr, "lab: %s: %s\n", doing, text.len ? text.data : "");
	buf_free(&text);
	return request->status / 100 == 4 ? EXIT_REFUSED : EXIT_INFRA;
}

const char *command_job_argument(int argc, char **argv)
{
	if (argc - optind != 1) {
		fprintf(stderr, "lab: one job is wanted\n");
		return NULL;
	}
	if (job_id_valid(argv[optind]))
		return argv[optind];
	fprintf(stderr, "lab: this is no job's id\n");
	return NULL;
}

static int main_usage_exit(FILE *out, int code)
{
	fputs(main_usage, out);
	return code;
}

static const char *main_env(const char *name, const char *fallback)
{
	const char *value = getenv(name);

	return value && *value ? value : fallback;
}

static int main_open(struct command *command)
{
	struct http_config config = {
		.url = main_env("LAB_URL", "http://127.0.0.1:8437"),
		.token = main_env("LAB_TOKEN", NULL),
		.ca_file = main_env("LAB_CACERT", NULL),
	};
	int err = interrupt_init();

	command->patience =
		(unsigned int)strtoul(main_env("LAB_RETRY", "60"), NULL, 10);
	if (!err)
		err = http_open(&command->http, &config);
	if (err == -EINVAL) {
		fprintf(stderr, "lab: LAB_URL is not an http or https URL\n");
		return EXIT_BAD_USAGE;
	}
	if (err) {
		fprintf(stderr, "lab: %s\n", strerror(-err));
		return EXIT_INFRA;
	}
	if (config.token && !strncmp(config.url, "http:", 5) &&
	    !http_is_loopback(config.url))
		fprintf(stderr,
			"lab: warning: LAB_TOKEN goes over the network "
			"unencrypted\n");
	return 0;
}

int main(int argc, char **argv)
{
	struct command command = {0};
	size_t i = 0;
	int code;

	if (argc >= 2 &&
	    (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
	     !strcmp(argv[1], "help")))
		return main_usage_exit(stdout, 0);
	while (argc >= 2 && i < 5 && strcmp(main_commands[i].name, argv[1]))
		i++;
	if (argc < 2 || i == 5)
		return main_usage_exit(stderr, EXIT_BAD_USAGE);
	code = main_open(&command);
	if (code)
		return code;
	code = main_commands[i].run(&command, argc - 1, argv + 1);
	if (code == EXIT_BAD_USAGE)
		fprintf(stderr, "lab: `lab help` tells the usage\n");
	http_close(&command.http);
	return code;
}
