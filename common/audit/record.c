/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ocsf.h"
#include "zt/auto.h"
#include "zt/record.h"

#define NAME_UNKNOWN   "(unknown)" /* of an account that does not exist */
#define EVENT_CODE_MAX 128         /* longer than any, with NUL */

/* The arguments of zt_record_attempt(), for zt_ocsf_format(). */
struct attempt_event {
	const struct zt_attempt *attempt;
	const struct zt_outcome *outcome;
	uint64_t sequence;
};

static const char *
action_word(enum zt_action action)
{
	switch (action) {
	case ZT_ACTION_SSH_LOGIN:
		return "ssh";
	case ZT_ACTION_SUDO:
		return "sudo";
	case ZT_ACTION_SU:
		return "su";
	case ZT_ACTION_LOGIN:
		return "login";
	}
	return "unknown";
}

static const char *
stage_word(enum zt_stage stage)
{
	switch (stage) {
	case ZT_STAGE_CREDENTIAL:
		return "credential";
	case ZT_STAGE_AUTH:
		return "auth";
	case ZT_STAGE_ACCOUNT:
		return "login";
	case ZT_STAGE_SESSION_OPEN:
		return "open";
	case ZT_STAGE_SESSION_CLOSE:
		return "close";
	}
	return "unknown";
}

static const char *
verdict_word(enum zt_verdict verdict)
{
	switch (verdict) {
	case ZT_VERDICT_DENY:
		return "deny";
	case ZT_VERDICT_PERMIT:
		return "allow";
	case ZT_VERDICT_IGNORE:
		return "exempt";
	case ZT_VERDICT_UNAVAIL:
		return "error";
	}
	return "error";
}

void
zt_record_event_code(const struct zt_attempt *attempt,
    const struct zt_outcome *outcome, char *buf, size_t cap)
{
	(void)snprintf(buf, cap, "%s.%s.%s.%s", action_word(attempt->action),
	    stage_word(attempt->stage), verdict_word(outcome->verdict),
	    zt_reason_code(outcome->reason));
}

static bool
is_switch(const struct zt_attempt *attempt)
{
	return attempt->action == ZT_ACTION_SUDO ||
	    attempt->action == ZT_ACTION_SU;
}

static struct zt_ocsf_enum
activity(const struct zt_attempt *attempt)
{
	if (attempt->stage == ZT_STAGE_SESSION_CLOSE)
		return (struct zt_ocsf_enum){ 2, "Logoff" };
	if (is_switch(attempt))
		return (struct zt_ocsf_enum){ 7, "Account Switch" };
	return (struct zt_ocsf_enum){ 1, "Logon" };
}

/* The verdict in OCSF's three ways: outcome, what the control did, how. */
static void
put_verdict(struct zt_ocsf *event, enum zt_verdict verdict)
{
	static const struct {
		struct zt_ocsf_enum severity, status, action, disposition;
	} rows[] = {
		[ZT_VERDICT_DENY] = { { 3, "Medium" }, { 2, "Failure" },
		    { 2, "Denied" }, { 2, "Blocked" } },
		[ZT_VERDICT_PERMIT] = { { 1, "Informational" },
		    { 1, "Success" }, { 1, "Allowed" }, { 1, "Allowed" } },
		/* zt had no say: whether it succeeded is for others to know */
		[ZT_VERDICT_IGNORE] = { { 1, "Informational" },
		    { 99, "Exempt" }, { 3, "Observed" }, { 17, "Logged" } },
		[ZT_VERDICT_UNAVAIL] = { { 4, "High" }, { 2, "Failure" },
		    { 2, "Denied" }, { 27, "Error" } },
	};
	size_t i = verdict >= ZT_VERDICT_DENY && verdict <= ZT_VERDICT_UNAVAIL
	    ? verdict
	    : ZT_VERDICT_UNAVAIL;

	zt_ocsf_enum(event, event->root, "severity", rows[i].severity);
	zt_ocsf_enum(event, event->root, "status", rows[i].status);
	zt_ocsf_enum(event, event->root, "action", rows[i].action);
	zt_ocsf_enum(event, event->root, "disposition", rows[i].disposition);
}

/* The text for the user: the endpoint's where its word was the last. */
static void
put_reason(struct zt_ocsf *event, const struct zt_outcome *outcome)
{
	const char *text = zt_reason_text(outcome->reason);

	if ((outcome->reason == ZT_REASON_POLICY_DENY ||
		outcome->reason == ZT_REASON_POLICY_PERMIT) &&
	    outcome->answer != NULL && outcome->answer->reason_user != NULL)
		text = outcome->answer->reason_user;
	zt_ocsf_word(event, event->root, "status_code",
	    zt_reason_code(outcome->reason));
	zt_ocsf_escaped(event, event->root, "status_detail", text);
}

/*
 * A name to record: one that did not resolve is often a password typed at the
 * wrong prompt, and it stands in several members of the attempt.
 */
static const char *
known_name(const struct zt_attempt *attempt, const char *name)
{
	if (name != NULL && !attempt->account_known &&
	    strcmp(name, attempt->account) == 0)
		return NAME_UNKNOWN;
	return name;
}

static void
put_uid(struct zt_ocsf *event, json_t *obj, uint32_t uid)
{
	char text[sizeof("4294967295")];

	(void)snprintf(text, sizeof(text), "%" PRIu32, uid);
	zt_ocsf_word(event, obj, "uid", text);
}

/* The account asked for; its uid only where it is the asking user's own. */
static void
put_user(struct zt_ocsf *event, const struct zt_attempt *attempt)
{
	json_t *user = zt_ocsf_object(event, event->root, "user");

	zt_ocsf_text(event, user, "name",
	    known_name(attempt, attempt->account));
	if (attempt->has_uid && attempt->account_known &&
	    attempt->unix_user != NULL &&
	    strcmp(attempt->unix_user, attempt->account) == 0)
		put_uid(event, user, attempt->uid);
}

/* Who asks: the subject of the decision, its Unix account, its process. */
static void
put_actor(struct zt_ocsf *event, const struct zt_attempt *attempt)
{
	static const struct zt_ocsf_enum linux_account = { 9, "Linux Account" };
	json_t *actor = zt_ocsf_object(event, event->root, "actor");
	json_t *user = zt_ocsf_object(event, actor, "user");
	const char *subject = zt_attempt_subject(attempt);
	json_t *account, *process;

	if (attempt->cert == NULL)
		subject = known_name(attempt, subject);
	zt_ocsf_text(event, user, "name", subject);
	if (attempt->cert != NULL)
		zt_ocsf_text(event, user, "credential_uid",
		    attempt->cert->fingerprint);
	if (attempt->unix_user != NULL) {
		account = zt_ocsf_object(event, user, "account");
		zt_ocsf_enum(event, account, "type", linux_account);
		zt_ocsf_text(event, account, "name",
		    known_name(attempt, attempt->unix_user));
		if (attempt->has_uid)
			put_uid(event, account, attempt->uid);
	}
	if (attempt->pid > 0) {
		process = zt_ocsf_object(event, actor, "process");
		zt_ocsf_int(event, process, "pid", attempt->pid);
	}
}

/* A numeric address, without its zone, or false. */
static bool
ip_parse(const char *text, char ip[INET6_ADDRSTRLEN])
{
	unsigned char addr[sizeof(struct in6_addr)];
	size_t len = strcspn(text, "%");

	if (len >= INET6_ADDRSTRLEN)
		return false;
	memcpy(ip, text, len);
	ip[len] = '\0';
	return inet_pton(AF_INET6, ip, addr) == 1 ||
	    (text[len] == '\0' && inet_pton(AF_INET, ip, addr) == 1);
}

static void
put_endpoint(struct zt_ocsf *event, const char *key, const char *hostname,
    const char *address, uint16_t port)
{
	json_t *endpoint = zt_ocsf_object(event, event->root, key);
	char ip[INET6_ADDRSTRLEN];

	zt_ocsf_text(event, endpoint, "hostname", hostname);
	if (address == NULL)
		return;
	if (ip_parse(address, ip))
		zt_ocsf_word(event, endpoint, "ip", ip);
	else
		zt_ocsf_text(event, endpoint, "name", address);
	if (port != 0)
		zt_ocsf_int(event, endpoint, "port", port);
}

static void
put_endpoints(struct zt_ocsf *event, const struct zt_attempt *attempt)
{
	if (attempt->source_ip != NULL)
		put_endpoint(event, "src_endpoint", NULL, attempt->source_ip,
		    attempt->source_port);
	put_endpoint(event, "dst_endpoint", attempt->host->hostname,
	    attempt->server_ip, attempt->server_port);
}

static void
put_logon(struct zt_ocsf *event, const struct zt_attempt *attempt)
{
	static const struct zt_ocsf_enum ssh = { 99, "SSH" };
	static const struct zt_ocsf_enum network = { 3, "Network" };
	static const struct zt_ocsf_enum interactive = { 2, "Interactive" };
	static const struct zt_ocsf_enum substitute = { 1, "Substitute User" };
	json_t *root = event->root;

	if (is_switch(attempt)) {
		zt_ocsf_enum(event, root, "account_switch_type", substitute);
	} else if (attempt->action == ZT_ACTION_SSH_LOGIN) {
		zt_ocsf_enum(event, root, "auth_protocol", ssh);
		zt_ocsf_enum(event, root, "logon_type", network);
	} else if (strcmp(attempt->service, "login") == 0) {
		zt_ocsf_enum(event, root, "logon_type", interactive);
	}
	zt_ocsf_bool(event, root, "is_remote",
	    attempt->action == ZT_ACTION_SSH_LOGIN ||
		attempt->source_ip != NULL);
}

/*
 * The session is named after the decision that permitted its login; so that
 * one search finds them all, that decision's own record names it too.
 */
static const char *
session_uid(const struct zt_attempt *attempt, const struct zt_outcome *outcome)
{
	if (attempt->session_id != NULL)
		return attempt->session_id;
	if (!is_switch(attempt) && attempt->stage == ZT_STAGE_ACCOUNT &&
	    outcome->verdict == ZT_VERDICT_PERMIT)
		return attempt->id;
	return NULL;
}

static void
put_session(struct zt_ocsf *event, const struct zt_attempt *attempt,
    const struct zt_outcome *outcome)
{
	json_t *session = json_object();
	char audit[sizeof("4294967295")];

	zt_ocsf_text(event, session, "uid", session_uid(attempt, outcome));
	if (attempt->has_audit_session) {
		(void)snprintf(audit, sizeof(audit), "%" PRIu32,
		    attempt->audit_session);
		zt_ocsf_word(event, session, "uid_alt", audit);
	}
	zt_ocsf_put_filled(event, event->root, "session", session);
}

/* A certificate's time in ms, or -1 for one that no date can express. */
static int64_t
cert_time_ms(uint64_t s)
{
	return s > INT64_MAX / 1000 ? -1 : (int64_t)s * 1000;
}

static void
put_certificate(struct zt_ocsf *event, const struct zt_cert *cert)
{
	static const struct zt_ocsf_enum sha256 = { 3, "SHA-256" };
	json_t *obj = zt_ocsf_object(event, event->root, "certificate");
	json_t *fingerprint = json_object();
	char serial[sizeof("18446744073709551615")];

	(void)snprintf(serial, sizeof(serial), "%" PRIu64, cert->serial);
	zt_ocsf_text(event, obj, "subject", cert->key_id);
	zt_ocsf_word(event, obj, "serial_number", serial);
	zt_ocsf_text(event, obj, "issuer", cert->ca_fingerprint);
	zt_ocsf_time(event, obj, "created_time",
	    cert_time_ms(cert->valid_after));
	zt_ocsf_time(event, obj, "expiration_time",
	    cert_time_ms(cert->valid_before));
	zt_ocsf_enum(event, fingerprint, "algorithm", sha256);
	zt_ocsf_text(event, fingerprint, "value", cert->fingerprint);
	zt_ocsf_put(event, obj, "fingerprints", json_pack("[o]", fingerprint));
}

static void
put_policy(struct zt_ocsf *event, const struct zt_answer *answer)
{
	json_t *policy;

	if (answer == NULL || answer->policy == NULL)
		return;
	policy = zt_ocsf_object(event, event->root, "policy");
	zt_ocsf_escaped(event, policy, "uid", answer->policy);
	zt_ocsf_bool(event, policy, "is_applied", true);
}

/* The part of a URL that names the endpoint: no user info, no query. */
static char *
url_public(const char *url)
{
	const char *scheme_end = strstr(url, "://");
	size_t start = scheme_end == NULL ? 0 : (size_t)(scheme_end - url) + 3;
	size_t authority = strcspn(url + start, "/?#");
	const char *at = memrchr(url + start, '@', authority);
	const char *rest = at == NULL ? url + start : at + 1;
	char *out;

	if (asprintf(&out, "%.*s%.*s", (int)start, url,
		(int)strcspn(rest, "?#"), rest) < 0)
		return NULL;
	return out;
}

static void
put_pdp(struct zt_ocsf *event, json_t *unmapped, const struct zt_answer *answer)
{
	zt_auto_free char *endpoint = NULL;
	json_t *pdp;

	if (answer == NULL)
		return;
	pdp = zt_ocsf_object(event, unmapped, "pdp");
	if (answer->endpoint != NULL) {
		endpoint = url_public(answer->endpoint);
		event->failed = event->failed || endpoint == NULL;
	}
	zt_ocsf_text(event, pdp, "endpoint", endpoint);
	if (answer->http_status != 0)
		zt_ocsf_int(event, pdp, "http_status", answer->http_status);
	zt_ocsf_int(event, pdp, "attempts", answer->attempts);
	zt_ocsf_int(event, pdp, "latency_ms", answer->latency_ms);
	zt_ocsf_escaped(event, pdp, "reason_admin", answer->reason_admin);
	zt_ocsf_escaped(event, pdp, "notice", answer->notice);
}

static void
put_credential(struct zt_ocsf *event, json_t *unmapped,
    const struct zt_attempt *attempt)
{
	const struct zt_cert *cert = attempt->cert;
	int64_t after_ms;
	json_t *obj;

	if (cert == NULL)
		return;
	obj = zt_ocsf_object(event, unmapped, "credential");
	zt_ocsf_word(event, obj, "key_type", cert->key_type);
	zt_ocsf_bool(event, obj, "hardware_key", cert->hardware_key);
	after_ms = cert_time_ms(cert->valid_after);
	if (after_ms >= 0 && after_ms <= attempt->time_ms)
		zt_ocsf_int(event, obj, "age_s",
		    (attempt->time_ms - after_ms) / 1000);
	zt_ocsf_texts(event, obj, "principals", cert->principals,
	    cert->n_principals);
}

static void
put_claims(struct zt_ocsf *event, json_t *unmapped,
    const struct zt_attempt *attempt)
{
	json_t *claims = json_object();

	zt_ocsf_text(event, claims, "tty", attempt->tty);
	zt_ocsf_text(event, claims, "rhost", attempt->rhost);
	zt_ocsf_put_filled(event, unmapped, "claims", claims);
}

/* Which source vouched for the user, and how long ago it was heard of. */
static void
put_identity(struct zt_ocsf *event, json_t *obj,
    const struct zt_attempt *attempt)
{
	if (attempt->identity_source == NULL)
		return;
	zt_ocsf_text(event, obj, "identity_source", attempt->identity_source);
	if (attempt->identity_age_s >= 0)
		zt_ocsf_int(event, obj, "identity_age_s",
		    attempt->identity_age_s);
	zt_ocsf_bool(event, obj, "identity_stale", attempt->identity_stale);
}

static void
put_unmapped(struct zt_ocsf *event, const struct zt_attempt *attempt,
    const struct zt_outcome *outcome)
{
	json_t *obj = zt_ocsf_object(event, event->root, "unmapped");

	zt_ocsf_word(event, obj, "action", zt_action_name(attempt->action));
	zt_ocsf_word(event, obj, "stage", stage_word(attempt->stage));
	zt_ocsf_word(event, obj, "subject_type",
	    zt_attempt_subject_type(attempt));
	zt_ocsf_bool(event, obj, "account_known", attempt->account_known);
	zt_ocsf_text(event, obj, "session_account", attempt->session_account);
	put_credential(event, obj, attempt);
	put_pdp(event, obj, outcome->answer);
	put_claims(event, obj, attempt);
	put_identity(event, obj, attempt);
	zt_ocsf_int(event, obj, "recent_denials", attempt->recent_denials);
	zt_ocsf_int(event, obj, "duration_us", outcome->duration_us);
	zt_ocsf_int(event, obj, "boottime_ms", attempt->boottime_ms);
	zt_ocsf_bool(event, obj, "clock_synchronized",
	    attempt->clock_synchronized);
}

static void
build_attempt(struct zt_ocsf *event, const void *arg)
{
	static const struct zt_ocsf_class class = { 3, 3002, "Authentication" };
	const struct attempt_event *in = arg;
	const struct zt_attempt *attempt = in->attempt;
	const struct zt_outcome *outcome = in->outcome;
	char event_code[EVENT_CODE_MAX];
	json_t *service;

	zt_record_event_code(attempt, outcome, event_code, sizeof(event_code));
	zt_ocsf_time(event, event->root, "time", attempt->time_ms);
	zt_ocsf_metadata(event, attempt->id, event_code, in->sequence);
	zt_ocsf_class(event, &class, activity(attempt));
	put_verdict(event, outcome->verdict);
	put_reason(event, outcome);
	put_user(event, attempt);
	put_actor(event, attempt);
	put_endpoints(event, attempt);
	zt_ocsf_device(event, attempt->host);
	service = zt_ocsf_object(event, event->root, "service");
	zt_ocsf_text(event, service, "name", attempt->service);
	put_logon(event, attempt);
	put_session(event, attempt, outcome);
	if (attempt->cert != NULL)
		put_certificate(event, attempt->cert);
	put_policy(event, outcome->answer);
	zt_ocsf_int(event, event->root, "duration",
	    outcome->duration_us / 1000);
	put_unmapped(event, attempt, outcome);
}

enum zt_err
zt_record_attempt(const struct zt_attempt *attempt,
    const struct zt_outcome *outcome, uint64_t sequence, char **line_out,
    size_t *len_out)
{
	const struct attempt_event in = { attempt, outcome, sequence };

	return zt_ocsf_format(build_attempt, &in, ZT_RECORD_MAX, line_out,
	    len_out);
}
