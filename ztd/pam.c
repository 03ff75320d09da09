/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "authinfo.h"
#include "digest.h"
#include "facts.h"
#include "pam.h"
#include "say.h"
#include "scope.h"
#include "stamp.h"
#include "zt/auto.h"
#include "zt/text.h"

#define REPLY_MAX 4096 /* an encoded PAM_REPLY, bytes */

/* One attempt between its request and its answer. */
struct job {
	struct broker *broker; /* borrowed */
	struct conn *conn;     /* borrowed; NULL if nobody waits */
	enum zt_phase phase;
	uid_t ruid;                /* of who asks; PROC_NO_UID if unknown */
	struct proc_info proc;     /* who asks */
	struct proc_id login_proc; /* whose login this is: see login_of() */
	struct zt_attempt attempt;
	uint64_t cert_checked; /* see facts_cert_check() */
	struct zt_answer answer;
	enum zt_verdict verdict;
	enum zt_reason reason;
	int64_t begun_us;
};

static void
job_free(struct job *job)
{
	job->broker->in_flight--;
	zt_attempt_clear(&job->attempt);
	zt_answer_clear(&job->answer);
	free(job);
}

/* What the user is told: one line, without the id that the module adds. */
static void
user_text(const struct job *job, enum zt_verdict verdict, enum zt_reason reason,
    char text[ZT_TEXT_MAX])
{
	const char *said = job->answer.reason_user;
	const char *own = zt_reason_text(reason);
	char line[ZT_TEXT_MAX];

	if (verdict == ZT_VERDICT_PERMIT)
		(void)snprintf(line, sizeof(line), "%s",
		    job->answer.notice == NULL ? "" : job->answer.notice);
	else if (verdict == ZT_VERDICT_IGNORE)
		line[0] = '\0';
	else if (reason == ZT_REASON_POLICY_DENY && said != NULL)
		(void)snprintf(line, sizeof(line), "%s: %s", own, said);
	else
		(void)snprintf(line, sizeof(line), "%s", own);
	(void)zt_escape(text, ZT_TEXT_MAX, zt_str(line));
}

static void
reply(struct job *job, enum zt_verdict verdict, enum zt_reason reason,
    bool recorded)
{
	char text[ZT_TEXT_MAX];
	uint8_t buf[REPLY_MAX];
	size_t len;
	struct zt_pam_reply m = {
		.verdict = verdict,
		.id = zt_str(recorded ? job->attempt.id : NULL),
		.reason = zt_str(zt_reason_code(reason)),
	};

	if (job->conn == NULL)
		return;
	user_text(job, verdict, reason, text);
	m.text = zt_str(text);
	if (zt_pam_reply_encode(&m, buf, sizeof(buf), &len) == ZT_OK)
		conn_reply(job->conn, buf, len);
	else
		conn_error(job->conn, ZT_WIRE_ERROR_BUSY);
	job->conn = NULL;
}

static void
count(struct broker *broker, enum zt_verdict verdict)
{
	switch (verdict) {
	case ZT_VERDICT_PERMIT:
		broker->counters.permits++;
		return;
	case ZT_VERDICT_DENY:
		broker->counters.denies++;
		return;
	case ZT_VERDICT_IGNORE:
		broker->counters.exempt++;
		return;
	case ZT_VERDICT_UNAVAIL:
		broker->counters.unavailable++;
		return;
	}
}

/*
 * The login that a job belongs to: of the process that asks, or, where sshd
 * runs PAM in a child (keyboard-interactive), of its parent.
 */
static struct login *
login_of(struct job *job)
{
	struct logins *logins = job->broker->logins;
	struct login *login = logins_find(logins, &job->proc.id);
	struct proc_info parent;
	uid_t ruid;

	if (login == NULL && job->attempt.action == ZT_ACTION_SSH_LOGIN &&
	    proc_parent(&job->proc, &parent) == ZT_OK &&
	    proc_ruid(&parent.id, &ruid) == ZT_OK && ruid == 0)
		login = logins_find(logins, &parent.id);
	job->login_proc = login == NULL ? job->proc.id : login->proc;
	return login;
}

/*
 * Have an entry ready before the endpoint is asked, so that a permit cannot
 * fail for want of one.  What this process was permitted before is over.
 */
static enum zt_reason
reserve(struct job *job)
{
	struct login *login;
	enum zt_err err;

	err = logins_get(job->broker->logins, &job->login_proc, &login);
	if (err == ZT_ERR_TOOBIG)
		return ZT_REASON_OVERLOAD;
	if (err != ZT_OK)
		return ZT_REASON_PROC_FAILED;
	if (login->state == LOGIN_DECIDED)
		login->state = LOGIN_OFFERED;
	return ZT_REASON_NONE;
}

static void
move_text(char **to, char **from)
{
	free(*to);
	*to = zt_take(*from);
}

/* Remember a permitted account phase for the session that follows. */
static enum zt_err
remember(struct job *job)
{
	struct zt_attempt *attempt = &job->attempt;
	struct login *login =
	    logins_find(job->broker->logins, &job->login_proc);

	if (login == NULL)
		return ZT_ERR_NOTFOUND; /* the process is gone */
	if (login->state == LOGIN_OPEN)
		return ZT_OK; /* its session stays what it is */
	memcpy(login->id, attempt->id, sizeof(login->id));
	move_text(&login->service, &attempt->service);
	move_text(&login->account, &attempt->account);
	move_text(&login->source_ip, &attempt->source_ip);
	move_text(&login->server_ip, &attempt->server_ip);
	move_text(&login->session_id, &attempt->session_id);
	login->source_port = attempt->source_port;
	login->server_port = attempt->server_port;
	login->has_uid = attempt->has_uid;
	login->uid = attempt->uid;
	login->is_session = !zt_action_switches_user(attempt->action);
	/* the very certificate that was decided on, whatever came since */
	zt_cert_free(login->cert);
	login->cert = zt_take(attempt->cert);
	login->checked = job->cert_checked;
	login->state = LOGIN_DECIDED;
	return ZT_OK;
}

/* Undo what a session phase did if it cannot be recorded. */
static void
forget(struct job *job)
{
	struct login *login =
	    logins_find(job->broker->logins, &job->login_proc);

	if (login != NULL)
		logins_remove(login);
}

/*
 * Answer once the fate of the record is known.
 *
 * The only place in the broker that lets a permit out: it was decided, its
 * record is on disk, and the session that may follow is remembered.
 */
static void
on_recorded(void *arg, bool durable)
{
	struct job *job = arg;
	enum zt_verdict verdict = job->verdict;
	enum zt_reason reason = job->reason;

	if (verdict == ZT_VERDICT_PERMIT && !durable) {
		verdict = ZT_VERDICT_UNAVAIL;
		reason = ZT_REASON_LOG_FAILED;
	} else if (verdict == ZT_VERDICT_PERMIT &&
	    job->phase == ZT_PHASE_ACCOUNT && remember(job) != ZT_OK) {
		verdict = ZT_VERDICT_UNAVAIL;
		reason = ZT_REASON_INTERNAL;
	}
	if (job->phase == ZT_PHASE_SESSION_OPEN &&
	    verdict != ZT_VERDICT_PERMIT && job->verdict == ZT_VERDICT_PERMIT)
		forget(job);
	count(job->broker, verdict);
	reply(job, verdict, reason, durable);
	job_free(job);
}

/* A key id and a local account of the same name are not the same subject. */
static uint64_t
subject_digest(const struct zt_attempt *attempt)
{
	const char *subject = zt_attempt_subject(attempt);

	return digest_64(subject, strlen(subject)) + (attempt->cert != NULL);
}

/* The attempt is decided: record it, then answer. */
static void
finish(struct job *job, enum zt_verdict verdict, enum zt_reason reason)
{
	struct zt_outcome outcome = {
		.verdict = verdict,
		.reason = reason,
		.answer = job->answer.attempts > 0 ? &job->answer : NULL,
		.duration_us = stamp_monotonic_us() - job->begun_us,
	};

	job->verdict = verdict;
	job->reason = reason;
	if (verdict == ZT_VERDICT_DENY && job->phase == ZT_PHASE_ACCOUNT)
		denials_add(&job->broker->denials,
		    subject_digest(&job->attempt));
	if (feed_attempt(job->broker->feed, &job->attempt, &outcome,
		on_recorded, job) != ZT_OK)
		on_recorded(job, false);
}

static void
deny(struct job *job, enum zt_reason reason)
{
	finish(job, ZT_VERDICT_DENY, reason);
}

static void
unavailable(struct job *job, enum zt_reason reason)
{
	finish(job, ZT_VERDICT_UNAVAIL, reason);
}

/* What the administrator has to hear of besides. */
static void
broken(struct job *job, const char *what)
{
	say(LOG_ERR, "decision %s: %s", job->attempt.id, what);
	unavailable(job, ZT_REASON_INTERNAL);
}

/* zt has no say: answered at once, and without a record. */
static void
ignore(struct job *job, enum zt_reason reason)
{
	reply(job, ZT_VERDICT_IGNORE, reason, false);
	job_free(job);
}

/* The endpoint's word, or its silence. */
static void
on_answer(void *arg, struct zt_answer *answer)
{
	struct job *job = arg;

	job->answer = *answer;
	*answer = (struct zt_answer){ 0 };
	switch (job->answer.kind) {
	case ZT_ANSWER_PERMIT:
		if (conn_gone(job->conn))
			unavailable(job, ZT_REASON_ABANDONED);
		else
			finish(job, ZT_VERDICT_PERMIT, ZT_REASON_POLICY_PERMIT);
		return;
	case ZT_ANSWER_DENY:
		deny(job, job->answer.reason);
		return;
	case ZT_ANSWER_NONE:
		break;
	}
	unavailable(job, job->answer.reason);
}

static void
ask(struct job *job)
{
	struct broker *broker = job->broker;
	const struct zt_authzen_options options = {
		.mirror_context = broker->conf->pdp.mirror_context
	};
	zt_auto_free char *body = NULL;

	job->attempt.recent_denials =
	    denials_count(&broker->denials, subject_digest(&job->attempt),
		broker->conf->broker.denial_window_s);
	if (zt_authzen_request(&job->attempt, &options, &body) != ZT_OK ||
	    pdp_ask(broker->pdp, job->attempt.id, body, on_answer, job) !=
		ZT_OK)
		broken(job, "the endpoint could not be asked");
}

/*
 * Is the certificate of this attempt good now, from here and for this
 * account?  sshd has proven that the client holds its key.
 */
static enum zt_reason
credential_check(struct job *job)
{
	const struct zt_attempt *attempt = &job->attempt;
	const struct conf *conf = job->broker->conf;
	enum zt_reason reason;
	const char *principal;

	reason = facts_cert_check(job->broker, attempt->cert, job->cert_checked,
	    attempt->time_ms);
	if (reason != ZT_REASON_NONE)
		return reason;
	job->cert_checked = job->broker->generation;
	reason = zt_cert_check_source(attempt->cert,
	    attempt->source_ip == NULL ? "" : attempt->source_ip);
	if (reason != ZT_REASON_NONE || attempt->action != ZT_ACTION_SSH_LOGIN)
		return reason;
	if (facts_principals(conf, attempt->cert, attempt->account,
		attempt->groups, attempt->n_groups, &principal, 1) == 0)
		return ZT_REASON_CREDENTIAL_ACCOUNT;
	return ZT_REASON_NONE;
}

/* The login to take the credential from: own for sshd, else the session. */
static struct login *
credential_source(struct job *job)
{
	struct logins *logins = job->broker->logins;

	if (job->attempt.action == ZT_ACTION_SSH_LOGIN)
		return logins_find(logins, &job->login_proc);
	return logins_session_of(logins, &job->proc, job->ruid);
}

static enum zt_reason
credential_missing(const struct job *job)
{
	const struct zt_attempt *attempt = &job->attempt;

	if (conf_credential_required(job->broker->conf, attempt->service))
		return attempt->action == ZT_ACTION_SSH_LOGIN
		    ? ZT_REASON_CREDENTIAL_NONE
		    : ZT_REASON_SESSION_NONE;
	return attempt->account_known ? ZT_REASON_NONE
				      : ZT_REASON_ACCOUNT_INVALID;
}

/* Everything that is decided on the host itself. */
static enum zt_reason
check_local(struct job *job, const struct login *source, bool locked_out)
{
	struct zt_attempt *attempt = &job->attempt;
	enum zt_reason reason;

	if (attempt->cert != NULL) {
		job->cert_checked = source->checked;
		/* sshd vouches for the account's name */
		attempt->account_known = true;
		reason = credential_check(job);
	} else {
		reason = credential_missing(job);
	}
	if (reason == ZT_REASON_NONE && locked_out)
		reason = ZT_REASON_ACCOUNT_LOCKED;
	return reason;
}

static void
serve_account(struct job *job)
{
	struct zt_attempt *attempt = &job->attempt;
	struct login *source;
	enum zt_reason reason;
	bool locked_out;

	(void)login_of(job);
	if ((reason = reserve(job)) != ZT_REASON_NONE) {
		unavailable(job, reason);
		return;
	}
	source = credential_source(job);
	if (facts_account(job->broker, attempt, job->ruid, &locked_out) !=
	    ZT_OK) {
		broken(job, "users cannot be looked up");
		return;
	}
	if (source != NULL && facts_login(attempt, source) != ZT_OK) {
		broken(job, "out of memory");
		return;
	}
	reason = check_local(job, source, locked_out);
	if (reason != ZT_REASON_NONE)
		deny(job, reason);
	else
		ask(job);
}

/* Did sshd authenticate with the very certificate that was decided on? */
static bool
same_credential(const struct login *login, struct zt_str auth_info)
{
	if (strcmp(login->service, "sshd") != 0)
		return true;
	return authinfo_matches(auth_info, login->cert);
}

/*
 * Is this the session of the attempt that was decided?  sudo names the
 * invoking user in the account phase and the target user in the session.
 */
static bool
same_attempt(const struct login *login, const struct zt_attempt *attempt)
{
	return strcmp(login->service, attempt->service) == 0 &&
	    (attempt->action == ZT_ACTION_SUDO ||
		strcmp(login->account, attempt->account) == 0);
}

static void
serve_session_open(struct job *job, struct zt_str auth_info)
{
	struct zt_attempt *attempt = &job->attempt;
	struct login *login = login_of(job);

	if (login == NULL || login->state == LOGIN_OFFERED) {
		deny(job, ZT_REASON_SESSION_UNDECIDED);
		return;
	}
	attempt->account_known = true;
	if (facts_login(attempt, login) != ZT_OK) {
		broken(job, "out of memory");
		return;
	}
	if (!same_attempt(login, attempt) ||
	    !same_credential(login, auth_info)) {
		deny(job, ZT_REASON_CREDENTIAL_MISMATCH);
		return;
	}
	if (logins_open(login) != ZT_OK) {
		broken(job, "the session cannot be kept on disk");
		return;
	}
	finish(job, ZT_VERDICT_PERMIT, ZT_REASON_SESSION_OPENED);
}

static void
serve_session_close(struct job *job)
{
	struct zt_attempt *attempt = &job->attempt;
	struct login *login = login_of(job);

	if (login == NULL || login->state != LOGIN_OPEN) {
		deny(job, ZT_REASON_SESSION_UNDECIDED);
		return;
	}
	attempt->account_known = true;
	if (facts_login(attempt, login) != ZT_OK) {
		broken(job, "out of memory");
		return;
	}
	logins_remove(login);
	finish(job, ZT_VERDICT_PERMIT, ZT_REASON_SESSION_CLOSED);
}

static void
serve_auth(struct job *job)
{
	if (job->broker->conf->pam.auth_refuse)
		deny(job, ZT_REASON_AUTH_REFUSED);
	else
		ignore(job, ZT_REASON_SCOPE_AUTH);
}

/* An attempt that zt leaves alone; recorded once, where it is decided. */
static void
serve_exempt(struct job *job, enum zt_reason reason)
{
	bool locked_out;

	if (reason == ZT_REASON_SCOPE_SERVICE ||
	    job->phase != ZT_PHASE_ACCOUNT) {
		ignore(job, reason);
		return;
	}
	if (facts_account(job->broker, &job->attempt, job->ruid, &locked_out) !=
	    ZT_OK)
		say(LOG_WARNING, "exempt attempt recorded without its account");
	finish(job, ZT_VERDICT_IGNORE, reason);
}

static enum zt_stage
stage_of(enum zt_phase phase)
{
	switch (phase) {
	case ZT_PHASE_AUTH:
		return ZT_STAGE_AUTH;
	case ZT_PHASE_ACCOUNT:
		return ZT_STAGE_ACCOUNT;
	case ZT_PHASE_SESSION_OPEN:
		return ZT_STAGE_SESSION_OPEN;
	case ZT_PHASE_SESSION_CLOSE:
		return ZT_STAGE_SESSION_CLOSE;
	}
	return ZT_STAGE_ACCOUNT;
}

/* PAM_USER is whom su, and sudo with targetpw, switch to: not who asks. */
static enum zt_reason
scope_of(const struct job *job)
{
	const struct zt_attempt *attempt = &job->attempt;
	const struct conf *conf = job->broker->conf;
	zt_auto_free char *invoker = NULL;

	if (!zt_action_switches_user(attempt->action))
		return scope_check(conf, attempt->service, attempt->account,
		    job->ruid);
	if (users_name_of(job->broker->users, job->ruid, &invoker) != ZT_OK)
		invoker = NULL; /* not a name that could be exempt */
	return scope_check(conf, attempt->service, invoker, job->ruid);
}

static void
serve(struct job *job, const struct zt_pam_request *request)
{
	struct broker *broker = job->broker;
	const bool identified =
	    proc_read(conn_pid(job->conn), &job->proc) == ZT_OK &&
	    proc_ruid(&job->proc.id, &job->ruid) == ZT_OK;
	enum zt_reason reason;

	if (!identified)
		job->ruid = PROC_NO_UID;
	job->login_proc = job->proc.id;
	job->attempt.pid = conn_pid(job->conn);
	reason = scope_of(job);
	if (reason != ZT_REASON_NONE) {
		serve_exempt(job, reason);
		return;
	}
	if (!identified) {
		unavailable(job, ZT_REASON_PROC_FAILED);
		return;
	}
	if (broker->in_flight > broker->conf->broker.max_requests) {
		unavailable(job, ZT_REASON_OVERLOAD);
		return;
	}
	switch (job->phase) {
	case ZT_PHASE_AUTH:
		serve_auth(job);
		return;
	case ZT_PHASE_ACCOUNT:
		serve_account(job);
		return;
	case ZT_PHASE_SESSION_OPEN:
		serve_session_open(job, request->auth_info);
		return;
	case ZT_PHASE_SESSION_CLOSE:
		serve_session_close(job);
		return;
	}
	broken(job, "unknown phase");
}

void
pam_serve(void *arg, struct conn *conn, const void *msg, size_t len)
{
	struct broker *broker = arg;
	struct zt_pam_request request;
	struct job *job;

	if (zt_pam_request_decode(msg, len, &request) != ZT_OK ||
	    request.service.len == 0 || request.user.len == 0) {
		conn_error(conn, ZT_WIRE_ERROR_MALFORMED);
		return;
	}
	if ((job = calloc(1, sizeof(*job))) == NULL) {
		conn_error(conn, ZT_WIRE_ERROR_BUSY);
		return;
	}
	job->broker = broker;
	job->conn = conn;
	job->phase = request.phase;
	job->begun_us = stamp_monotonic_us();
	broker->in_flight++;
	if (facts_begin(broker, request.service, request.user,
		stage_of(request.phase), &job->attempt) != ZT_OK ||
	    facts_claims(&job->attempt, &request) != ZT_OK) {
		conn_error(conn, ZT_WIRE_ERROR_BUSY);
		job_free(job);
		return;
	}
	serve(job, &request);
}

void
pam_session_gone(void *arg, struct login *login)
{
	struct broker *broker = arg;
	struct job *job;

	if (login->state != LOGIN_OPEN ||
	    (job = calloc(1, sizeof(*job))) == NULL)
		return;
	job->broker = broker;
	job->phase = ZT_PHASE_SESSION_CLOSE;
	job->begun_us = stamp_monotonic_us();
	broker->in_flight++;
	if (facts_begin(broker, zt_str(login->service), zt_str(login->account),
		ZT_STAGE_SESSION_CLOSE, &job->attempt) != ZT_OK) {
		job_free(job);
		return;
	}
	job->attempt.account_known = true;
	job->attempt.pid = login->proc.pid;
	if (facts_login(&job->attempt, login) != ZT_OK)
		say(LOG_WARNING, "session %s: facts lost", login->id);
	finish(job, ZT_VERDICT_PERMIT, ZT_REASON_SESSION_CLOSED);
}
