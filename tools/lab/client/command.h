#pragma once

#include "tools/lab/client/http.h"

/** Exit codes of the `lab` command (contract). */
enum command_exit {
	EXIT_PASS = 0,
	EXIT_FAILED = 1,
	EXIT_INFRA = 2,
	EXIT_REFUSED = 3,
	EXIT_BAD_USAGE = 64,
};

/** What every command works with. */
struct command {
	struct http http;
	unsigned int patience; /* seconds to try to get a connection back */
};

/*
 * The commands; @argv[0] is the command's own name, options and operands may
 * be mixed. Each returns an exit code; EXIT_BAD_USAGE makes main() point to
 * the usage.
 */
int run_command(struct command *command, int argc, char **argv);
int attach_command(struct command *command, int argc, char **argv);
int list_command(struct command *command, int argc, char **argv);
int log_command(struct command *command, int argc, char **argv);
int cancel_command(struct command *command, int argc, char **argv);

/**
 * command_report() - say why @request did not succeed; its exit code.
 *
 * 3 for 4xx, 2 for everything else; @doing starts the sentence.
 */
int command_report(const struct http_request *request, const char *doing);

/**
 * command_job_argument() - the one operand of @argv, a job's id.
 *
 * To be called after the options were read. Returns NULL, having said why,
 * when there is none, more than one, or no valid one.
 */
const char *command_job_argument(int argc, char **argv);
