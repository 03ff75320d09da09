/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sshd's AuthorizedPrincipalsCommand: hand the offered certificate to the
 * broker and print the principals that may log in as the account.
 *
 * It parses nothing: the broker verifies.  sshd runs it before every
 * signature check, so it stays small: libc only, one request, one write.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "zt/client.h"
#include "zt/text.h"
#include "zt/wire.h"

#define PROGRAM    "zt-principals"
#define TIMEOUT_MS 2000
#define LIFETIME_S 5 /* of the process, whatever it hangs in */
#define WHERE_MAX  512

/* Stand in zt-principals(8); sshd logs the status when it is not 0. */
enum status {
	STATUS_ANSWERED = 0,
	STATUS_SYSTEM = 1,
	STATUS_USAGE = 2,
	STATUS_UNREACHABLE = 3,
	STATUS_PROTOCOL = 4,
};

struct query {
	const char *socket;
	const char *account;
	const char *credential;
};

static uint8_t request[ZT_WIRE_MAX];
static uint8_t reply[ZT_WIRE_MAX];
static char output[ZT_PRINCIPALS_MAX * (ZT_PRINCIPAL_MAX + 1)];

static enum status
status_of(enum zt_err err)
{
	switch (err) {
	case ZT_OK:
		return STATUS_ANSWERED;
	case ZT_ERR_UNAVAIL:
	case ZT_ERR_TIMEOUT:
	case ZT_ERR_IMPOSTOR:
		return STATUS_UNREACHABLE;
	case ZT_ERR_TRUNCATED:
	case ZT_ERR_MALFORMED:
	case ZT_ERR_TRAILING:
	case ZT_ERR_TOOBIG:
	case ZT_ERR_VERSION:
		return STATUS_PROTOCOL;
	case ZT_ERR_NOMEM:
	case ZT_ERR_SYS:
	case ZT_ERR_INVAL:
	case ZT_ERR_NOTFOUND:
	case ZT_ERR_DENIED:
		break;
	}
	return STATUS_SYSTEM;
}

/* sshd throws standard error away; the line is for syslog and for people. */
static void
complain(enum zt_err err, const char *path)
{
	char where[WHERE_MAX];

	(void)zt_escape(where, sizeof(where), zt_str(path));
	(void)dprintf(STDERR_FILENO, PROGRAM ": %s: %s\n", where,
	    zt_strerror(err));
	openlog(PROGRAM, LOG_PID, LOG_AUTHPRIV);
	syslog(LOG_ERR, "%s: %s", where, zt_strerror(err));
}

static enum zt_err
ask(const struct query *query, struct zt_principals_reply *out)
{
	const struct zt_principals_request m = {
		.account = zt_str(query->account),
		.credential = zt_str(query->credential),
	};
	enum zt_err err;
	size_t len;

	err = zt_principals_request_encode(&m, request, sizeof(request), &len);
	if (err != ZT_OK)
		return err;
	err = zt_client_call(query->socket, TIMEOUT_MS, request, len, reply,
	    sizeof(reply), &len);
	if (err != ZT_OK)
		return err;
	return zt_principals_reply_decode(reply, len, out);
}

/*
 * sshd reads the output as an AuthorizedPrincipals file, where a blank ends
 * key options and '#' begins a comment: such a principal would become
 * another one.
 */
static bool
is_one_line(struct zt_str s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = (uint8_t)s.p[i];

		if (c <= ' ' || c == 0x7f || c == '#')
			return false;
	}
	return s.len > 0;
}

/* All principals, one per line, in output; nothing if one is unprintable. */
static enum zt_err
format(const struct zt_principals_reply *m, size_t *len_out)
{
	size_t len = 0;

	for (uint16_t i = 0; i < m->n; i++) {
		if (!is_one_line(m->principals[i]))
			return ZT_ERR_MALFORMED;
		memcpy(output + len, m->principals[i].p, m->principals[i].len);
		len += m->principals[i].len;
		output[len++] = '\n';
	}
	*len_out = len;
	return ZT_OK;
}

static enum zt_err
write_all(const char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDOUT_FILENO, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return ZT_ERR_SYS;
		p += n;
		len -= (size_t)n;
	}
	return ZT_OK;
}

static enum zt_err
answer(const struct query *query)
{
	struct zt_principals_reply m;
	enum zt_err err;
	size_t len;

	if ((err = ask(query, &m)) != ZT_OK)
		return err;
	if ((err = format(&m, &len)) != ZT_OK)
		return err;
	return write_all(output, len);
}

static void
usage(int fd)
{
	(void)dprintf(fd,
	    "usage: " PROGRAM " [--socket PATH] ACCOUNT CERTIFICATE\n"
	    "       " PROGRAM " --help | --version\n"
	    "\n"
	    "Print the principals of CERTIFICATE (base64) that may log in as\n"
	    "ACCOUNT, one per line, as the zt broker says.  For sshd_config:\n"
	    "  AuthorizedPrincipalsCommand /usr/libexec/zt/" PROGRAM
	    " %%u %%k\n"
	    "  AuthorizedPrincipalsCommandUser ztd\n"
	    "\n"
	    "Exit status: 0 the broker answered, 1 system error, 2 usage,\n"
	    "3 broker unreachable, 4 a message against the protocol.\n");
}

/* Options count only where sshd's %u and %k cannot stand. */
static enum status
about(const char *option)
{
	if (strcmp(option, "--help") == 0 || strcmp(option, "-h") == 0) {
		usage(STDOUT_FILENO);
		return STATUS_ANSWERED;
	}
	if (strcmp(option, "--version") == 0) {
		(void)dprintf(STDOUT_FILENO, PROGRAM " " ZT_VERSION "\n");
		return STATUS_ANSWERED;
	}
	usage(STDERR_FILENO);
	return STATUS_USAGE;
}

int
main(int argc, char **argv)
{
	struct query query = { .socket = ZT_SOCKET_PRINCIPALS };
	enum zt_err err;

	if (argc == 2)
		return (int)about(argv[1]);
	if (argc == 5 && strcmp(argv[1], "--socket") == 0) {
		query.socket = argv[2];
	} else if (argc != 3) {
		usage(STDERR_FILENO);
		return STATUS_USAGE;
	}
	query.account = argv[argc - 2];
	query.credential = argv[argc - 1];
	(void)signal(SIGALRM, SIG_DFL);
	(void)alarm(LIFETIME_S);
	if ((err = answer(&query)) != ZT_OK)
		complain(err, query.socket);
	return (int)status_of(err);
}
