/* SPDX-License-Identifier: Apache-2.0 */
/* ztctl: what the administrator asks the broker and the decision log. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "zt/client.h"
#include "ztctl.h"
#include "ztctl_print.h"

static const char usage_text[] =
    "usage: ztctl status [--json]    what the broker is doing\n"
    "       ztctl sessions [--json]  open sessions\n"
    "       ztctl explain ID [--json]  why an attempt was allowed or refused\n"
    "       ztctl check [--json]     whether zt is set up and works\n"
    "\n"
    "  --json              print JSON\n"
    "  --socket PATH       control socket (" ZT_SOCKET_CTL ")\n"
    "  --log FILE          explain: decision log\n"
    "                      (" ZTCTL_LOG_FILE ")\n"
    "  --sshd-config FILE  check: sshd's configuration\n"
    "  --etc DIR           check: where pam.d and nsswitch.conf are (/etc)\n"
    "  --version           print the version\n"
    "  --help              print this\n"
    "\n"
    "ID is a decision id, or at least its first 8 characters.\n"
    "Exit status: 0 ok, 1 a check failed or nothing was found, 2 usage,\n"
    "3 broker unreachable, 4 its answer is of no use, 5 system error.\n";

struct command {
	const char *name;
	int n_arguments;
	enum ztctl_status (*run)(const struct ztctl_options *options);
};

static const struct command commands[] = {
	{ "status", 0, ztctl_show_status },
	{ "sessions", 0, ztctl_show_sessions },
	{ "explain", 1, ztctl_explain },
	{ "check", 0, ztctl_check },
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static enum ztctl_status
usage(void)
{
	(void)fputs(usage_text, stderr);
	return ZTCTL_USAGE;
}

/* Returns -1 to go on, else the exit status. */
static int
options_read(int argc, char **argv, struct ztctl_options *out)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "socket", required_argument, NULL, 's' },
		{ "log", required_argument, NULL, 'l' },
		{ "sshd-config", required_argument, NULL, 'f' },
		{ "etc", required_argument, NULL, 'e' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case 'j':
			out->json = true;
			break;
		case 's':
			out->socket = optarg;
			break;
		case 'l':
			out->log = optarg;
			break;
		case 'f':
			out->sshd_config = optarg;
			break;
		case 'e':
			out->etc = optarg;
			break;
		case 'V':
			(void)puts("ztctl " ZT_VERSION);
			return ZTCTL_OK;
		case 'h':
			(void)fputs(usage_text, stdout);
			return ZTCTL_OK;
		default:
			return (int)usage();
		}
	}
	return -1;
}

static const struct command *
command_find(const char *name)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

int
main(int argc, char **argv)
{
	struct ztctl_options options = {
		.socket = ZT_SOCKET_CTL,
		.log = ZTCTL_LOG_FILE,
		.etc = "/etc",
		.sshd_config = "",
		.argument = "",
	};
	const struct command *command = NULL;
	enum ztctl_status status;
	int rc;

	if ((rc = options_read(argc, argv, &options)) >= 0)
		return rc;
	argc -= optind;
	argv += optind;
	if (argc > 0)
		command = command_find(argv[0]);
	if (command == NULL || argc != 1 + command->n_arguments)
		return (int)usage();
	if (argc > 1)
		options.argument = argv[1];
	status = command->run(&options);
	/* a full disk or a closed pipe: what was printed is not all */
	if (fflush(stdout) != 0 || ferror(stdout)) {
		print_failure("standard output: %m");
		return ZTCTL_SYSTEM;
	}
	return (int)status;
}
