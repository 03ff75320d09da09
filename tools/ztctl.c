/* SPDX-License-Identifier: Apache-2.0 */
/* ztctl: what the administrator asks the broker and the decision log. */
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zt/client.h"
#include "zt/snapshot.h"
#include "ztctl.h"
#include "ztctl_bundle.h"
#include "ztctl_print.h"

static const char usage_text[] =
    "usage: ztctl status [--json]    what the broker is doing\n"
    "       ztctl sessions [--json]  open sessions\n"
    "       ztctl explain ID [--json]  why an attempt was allowed or refused\n"
    "       ztctl check [--json]     whether zt is set up and works\n"
    "       ztctl doctor nss [--json]  what is wrong around users and groups\n"
    "       ztctl identity list [--groups] [--json]  who exists\n"
    "       ztctl identity show USER [--json]  one user, and the groups\n"
    "       ztctl identity why USER [--json]   why a user exists or not\n"
    "       ztctl identity sources [--json]    where users come from\n"
    "       ztctl identity sync [NAME] [--timeout S] [--json]  ask them now\n"
    "       ztctl identity check [--json]      snapshot, sources, refusals\n"
    "       ztctl identity apply [--force] [--json]  what is held back\n"
    "       ztctl identity bundle make|sign|check ...  users as a document\n"
    "\n"
    "  --json              print JSON\n"
    "  --socket PATH       control socket (" ZT_SOCKET_CTL ")\n"
    "  --log FILE          explain: decision log\n"
    "                      (" ZTCTL_LOG_FILE ")\n"
    "  --sshd-config FILE  check: sshd's configuration\n"
    "  --etc DIR           where pam.d, nsswitch.conf, passwd are (/etc)\n"
    "  --snapshot FILE     users and groups\n"
    "                      (" ZT_SNAPSHOT_FILE ")\n"
    "  --root DIR          doctor: look at the host below DIR\n"
    "  --groups            list: groups, not users\n"
    "  --timeout S         sync: wait as long at most (600)\n"
    "  --force             apply: although users are lost\n"
    "  --version           print the version\n"
    "  --help              print this\n"
    "\n"
    "ID is a decision id, or at least its first 8 characters.\n"
    "Exit status: 0 ok, 1 a check failed or nothing was found, 2 usage,\n"
    "3 broker unreachable, 4 its answer is of no use, 5 system error.\n";

struct command {
	const char *name;
	const char *sub; /* the second word; NULL if there is none */
	int arguments_min, arguments_max;
	enum ztctl_status (*run)(const struct ztctl_options *options);
};

static const struct command commands[] = {
	{ "status", NULL, 0, 0, ztctl_show_status },
	{ "sessions", NULL, 0, 0, ztctl_show_sessions },
	{ "explain", NULL, 1, 1, ztctl_explain },
	{ "check", NULL, 0, 0, ztctl_check },
	{ "doctor", "nss", 0, 0, ztctl_doctor_nss },
	{ "identity", "list", 0, 0, ztctl_identity_list },
	{ "identity", "show", 1, 1, ztctl_identity_show },
	{ "identity", "why", 1, 1, ztctl_identity_why },
	{ "identity", "sources", 0, 0, ztctl_identity_sources },
	{ "identity", "sync", 0, 1, ztctl_identity_sync },
	{ "identity", "check", 0, 0, ztctl_identity_check },
	{ "identity", "apply", 0, 0, ztctl_identity_apply },
};

#define SECONDS_MAX 86400 /* of --timeout */
#define N_COMMANDS  (sizeof(commands) / sizeof(commands[0]))

static enum ztctl_status
usage(void)
{
	(void)fputs(usage_text, stderr);
	return ZTCTL_USAGE;
}

/* A number of seconds, at least 1; false if text is none. */
static bool
seconds_read(const char *text, unsigned *out)
{
	unsigned long s;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	s = strtoul(text, &end, 10);
	if (*end != '\0' || s == 0 || s > SECONDS_MAX)
		return false;
	*out = (unsigned)s;
	return true;
}

static const struct option longs[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "socket", required_argument, NULL, 's' },
	{ "log", required_argument, NULL, 'l' },
	{ "sshd-config", required_argument, NULL, 'f' },
	{ "etc", required_argument, NULL, 'e' },
	{ "snapshot", required_argument, NULL, 'S' },
	{ "root", required_argument, NULL, 'r' },
	{ "groups", no_argument, NULL, 'g' },
	{ "timeout", required_argument, NULL, 't' },
	{ "force", no_argument, NULL, 'F' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* An option with a text; false if c is none of them. */
static bool
option_text(int c, struct ztctl_options *out)
{
	switch (c) {
	case 's':
		out->socket = optarg;
		return true;
	case 'l':
		out->log = optarg;
		return true;
	case 'f':
		out->sshd_config = optarg;
		return true;
	case 'e':
		out->etc = optarg;
		return true;
	case 'S':
		out->snapshot = optarg;
		return true;
	case 'r':
		out->root = optarg;
		return true;
	default:
		return false;
	}
}

/* An option that is a switch or a number; false if c is none of them. */
static bool
option_value(int c, struct ztctl_options *out)
{
	switch (c) {
	case 'j':
		out->json = true;
		return true;
	case 'g':
		out->groups = true;
		return true;
	case 'F':
		out->force = true;
		return true;
	case 't':
		return seconds_read(optarg, &out->timeout_s);
	default:
		return false;
	}
}

/* Returns -1 to go on, else the exit status. */
static int
options_read(int argc, char **argv, struct ztctl_options *out)
{
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (c == 'V') {
			(void)puts("ztctl " ZT_VERSION);
			return ZTCTL_OK;
		}
		if (c == 'h') {
			(void)fputs(usage_text, stdout);
			return ZTCTL_OK;
		}
		if (!option_text(c, out) && !option_value(c, out))
			return (int)usage();
	}
	return -1;
}

/* The command that the words name and whose arguments they are, or NULL. */
static const struct command *
command_find(int argc, char **argv, struct ztctl_options *options)
{
	for (size_t i = 0; argc > 0 && i < N_COMMANDS; i++) {
		const struct command *c = &commands[i];
		const int words = c->sub == NULL ? 1 : 2;

		if (strcmp(c->name, argv[0]) != 0 || argc < words ||
		    (c->sub != NULL && strcmp(c->sub, argv[1]) != 0))
			continue;
		if (argc < words + c->arguments_min ||
		    argc > words + c->arguments_max)
			return NULL;
		if (argc > words)
			options->argument = argv[words];
		return c;
	}
	return NULL;
}

/* A bundle has options of its own; the word must stand where it belongs. */
static bool
is_bundle(int argc, char **argv)
{
	return argc > 2 && strcmp(argv[1], "identity") == 0 &&
	    strcmp(argv[2], "bundle") == 0;
}

/* Below another root are its own files, where they are not named. */
static enum zt_err
options_complete(struct ztctl_options *options)
{
	static char etc[PATH_MAX], snapshot[PATH_MAX];
	const size_t len = strlen(options->root);

	if (len + sizeof(ZT_SNAPSHOT_FILE) > sizeof(snapshot))
		return ZT_ERR_TOOBIG;
	(void)snprintf(etc, sizeof(etc), "%s/etc", options->root);
	(void)snprintf(snapshot, sizeof(snapshot), "%s" ZT_SNAPSHOT_FILE,
	    options->root);
	if (options->etc == NULL)
		options->etc = etc;
	if (options->snapshot == NULL)
		options->snapshot = snapshot;
	return ZT_OK;
}

static enum ztctl_status
run(int argc, char **argv)
{
	struct ztctl_options options = {
		.socket = ZT_SOCKET_CTL,
		.log = ZTCTL_LOG_FILE,
		.sshd_config = "",
		.root = "",
		.argument = "",
		.timeout_s = 600,
	};
	const struct command *command;
	int rc;

	if (is_bundle(argc, argv))
		return ztctl_bundle(argc - 3, argv + 3);
	if ((rc = options_read(argc, argv, &options)) >= 0)
		return (enum ztctl_status)rc;
	command = command_find(argc - optind, argv + optind, &options);
	if (command == NULL || options_complete(&options) != ZT_OK)
		return usage();
	return command->run(&options);
}

int
main(int argc, char **argv)
{
	const enum ztctl_status status = run(argc, argv);

	/* a full disk or a closed pipe: what was printed is not all */
	if (fflush(stdout) != 0 || ferror(stdout)) {
		print_failure("standard output: %m");
		return ZTCTL_SYSTEM;
	}
	return (int)status;
}
