/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints one record of every kind, a line each, for checks by programs that
 * know OCSF and not zt.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sample_attempt.h"
#include "zt/auto.h"

static uint64_t sequence;

static void
print_line(enum zt_err err, char *line)
{
	if (err != ZT_OK) {
		(void)fprintf(stderr, "zt-records: %s\n", zt_strerror(err));
		exit(1);
	}
	(void)puts(line);
	free(line);
	sequence++;
}

static void
print_attempt(const struct zt_attempt *attempt,
    const struct zt_outcome *outcome)
{
	char *line = NULL;
	size_t len;
	enum zt_err err;

	err = zt_record_attempt(attempt, outcome, sequence, &line, &len);
	print_line(err, line);
}

/* Every stage and verdict of one action, with and without a certificate. */
static void
print_action(enum zt_action action, const char *service)
{
	struct zt_attempt attempt = sample_login;
	struct zt_outcome outcome = sample_permit;
	zt_auto_free char *name = strdup(service);

	attempt.action = action;
	attempt.service = name;
	for (int stage = ZT_STAGE_CREDENTIAL; stage <= ZT_STAGE_SESSION_CLOSE;
	     stage++)
		for (int verdict = ZT_VERDICT_DENY;
		     verdict <= ZT_VERDICT_UNAVAIL; verdict++)
			for (int with = 0; with < 2; with++) {
				attempt.stage = (enum zt_stage)stage;
				attempt.cert = with ? &sample_cert : NULL;
				outcome.verdict = (enum zt_verdict)verdict;
				outcome.answer = with ? &sample_answer : NULL;
				print_attempt(&attempt, &outcome);
			}
}

static void
print_reasons(void)
{
	struct zt_outcome outcome = { .verdict = ZT_VERDICT_DENY };

	for (int i = 1; zt_reason_code((enum zt_reason)i)[0] != '\0'; i++) {
		outcome.reason = (enum zt_reason)i;
		print_attempt(&sample_login, &outcome);
	}
}

static void
print_lifecycle(enum zt_lifecycle what, const char *detail)
{
	char *line = NULL;
	size_t len;
	enum zt_err err;

	err = zt_record_lifecycle(what, &sample_host, detail, sequence, &line,
	    &len);
	print_line(err, line);
}

static void
print_lifecycles(void)
{
	for (int i = ZT_LIFECYCLE_START; i <= ZT_LIFECYCLE_SUPPRESSED; i++) {
		print_lifecycle((enum zt_lifecycle)i, NULL);
		print_lifecycle((enum zt_lifecycle)i,
		    "ztd.conf:3: \x1b[2J\xff");
	}
}

/* All that can be absent is absent. */
static void
print_sparse(void)
{
	const struct zt_attempt attempt = {
		.id = "0d0e4a5c-1111-4222-8333-444455556666",
		.action = ZT_ACTION_LOGIN,
		.stage = ZT_STAGE_ACCOUNT,
		.service = SAMPLE_TEXT("cron"),
		.account = SAMPLE_TEXT("hunter2"),
		.time_ms = 0,
		.host = &sample_host,
	};
	const struct zt_outcome outcome = { ZT_VERDICT_UNAVAIL,
		ZT_REASON_PDP_TIMEOUT, NULL, 0 };

	print_attempt(&attempt, &outcome);
}

/* The same text wherever a text from outside can stand. */
static void
print_everywhere(char *text)
{
	char *principals[ZT_CERT_PRINCIPALS_MAX];
	struct zt_cert cert = sample_cert;
	struct zt_answer answer = sample_answer;
	struct zt_attempt attempt = sample_login;
	struct zt_outcome outcome = sample_permit;

	for (size_t i = 0; i < ZT_CERT_PRINCIPALS_MAX; i++)
		principals[i] = text;
	cert.key_id = text;
	cert.principals = principals;
	cert.n_principals = ZT_CERT_PRINCIPALS_MAX;
	cert.valid_after = UINT64_MAX - 1;
	cert.valid_before = UINT64_MAX;
	answer.reason_user = answer.reason_admin = answer.notice = text;
	answer.policy = answer.endpoint = text;
	attempt.cert = &cert;
	attempt.service = attempt.account = attempt.unix_user = text;
	attempt.source_ip = attempt.server_ip = text;
	attempt.tty = attempt.rhost = text;
	attempt.session_id = attempt.session_account = text;
	outcome.answer = &answer;
	print_attempt(&attempt, &outcome);
}

static void
print_hostile(void)
{
	static char bytes[256], overlong[45001], quotes[45001];

	for (int i = 1; i < 256; i++)
		bytes[i - 1] = (char)i;
	(void)memset(overlong, 'a', sizeof(overlong) - 1);
	(void)memset(quotes, '"', sizeof(quotes) - 1);
	print_everywhere(bytes);
	print_everywhere(overlong);
	print_everywhere(quotes);
	print_everywhere(SAMPLE_TEXT(""));
	print_everywhere(SAMPLE_TEXT("\xe2\x80\xae\xc2\x9b"
				     "31m\xed\xa0\x80\xf0\x9f\x98\x80"));
}

static void
print_addresses(void)
{
	char *const ips[] = { SAMPLE_TEXT("::1"), SAMPLE_TEXT("2001:db8::7"),
		SAMPLE_TEXT("::ffff:198.51.100.7"), SAMPLE_TEXT("fe80::1%eth0"),
		SAMPLE_TEXT("fe80:1111:2222:3333:4444:5555:6666:7777"),
		SAMPLE_TEXT("UNKNOWN"), SAMPLE_TEXT("1.2.3"),
		SAMPLE_TEXT("1.2.3.4%x"), SAMPLE_TEXT("::1 ; drop") };
	struct zt_attempt attempt = sample_login;

	for (size_t i = 0; i < sizeof(ips) / sizeof(ips[0]); i++) {
		attempt.source_ip = attempt.server_ip = ips[i];
		print_attempt(&attempt, &sample_permit);
	}
}

int
main(void)
{
	print_action(ZT_ACTION_SSH_LOGIN, "sshd");
	print_action(ZT_ACTION_SUDO, "sudo-i");
	print_action(ZT_ACTION_SU, "su");
	print_action(ZT_ACTION_LOGIN, "login");
	print_reasons();
	print_lifecycles();
	print_sparse();
	print_hostile();
	print_addresses();
	return fflush(stdout) == 0 ? 0 : 1;
}
