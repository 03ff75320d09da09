/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "authinfo.h"
#include "facts.h"
#include "job.h"
#include "pam.h"
#include "say.h"
#include "scope.h"
#include "zt/auto.h"
#include "zt/text.h"

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
		return zt_action_switches_user(attempt->action)
		    ? ZT_REASON_SESSION_NONE
		    : ZT_REASON_CREDENTIAL_NONE;
	return attempt->account_known ? ZT_REASON_NONE
				      : ZT_REASON_ACCOUNT_INVALID;
}

/* For a record of an attempt that ends before its account was looked at. */
static void
look_at_account(struct job *job)
{
	bool locked_out;

	if (facts_account(job->broker, &job->attempt, job->ruid, &locked_out) !=
	    ZT_OK)
		say(LOG_WARNING, "decision %s: recorded without its account",
		    job->attempt.id);
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
		look_at_account(job);
		job_unavailable(job, reason);
		return;
	}
	source = credential_source(job);
	if (facts_account(job->broker, attempt, job->ruid, &locked_out) !=
	    ZT_OK) {
		job_broken(job, "users cannot be looked up");
		return;
	}
	if (source != NULL && facts_login(attempt, source) != ZT_OK) {
		job_broken(job, "out of memory");
		return;
	}
	reason = check_local(job, source, locked_out);
	if (reason != ZT_REASON_NONE)
		job_deny(job, reason);
	else
		job_ask(job);
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
		look_at_account(job);
		job_deny(job, ZT_REASON_SESSION_UNDECIDED);
		return;
	}
	attempt->account_known = true;
	(void)logins_audit_session(login); /* pam_loginuid has set it */
	if (facts_login(attempt, login) != ZT_OK) {
		job_broken(job, "out of memory");
		return;
	}
	if (!same_attempt(login, attempt) ||
	    !same_credential(login, auth_info)) {
		job_deny(job, ZT_REASON_CREDENTIAL_MISMATCH);
		return;
	}
	if (logins_open(login) != ZT_OK) {
		job_broken(job, "the session cannot be kept on disk");
		return;
	}
	job_finish(job, ZT_VERDICT_PERMIT, ZT_REASON_SESSION_OPENED);
}

static void
serve_session_close(struct job *job)
{
	struct zt_attempt *attempt = &job->attempt;
	struct login *login = login_of(job);

	if (login == NULL || login->state != LOGIN_OPEN) {
		look_at_account(job);
		job_deny(job, ZT_REASON_SESSION_UNDECIDED);
		return;
	}
	attempt->account_known = true;
	if (facts_login(attempt, login) != ZT_OK) {
		job_broken(job, "out of memory");
		return;
	}
	logins_remove(login);
	job_finish(job, ZT_VERDICT_PERMIT, ZT_REASON_SESSION_CLOSED);
}

static void
serve_auth(struct job *job)
{
	if (!job->broker->conf->pam.auth_refuse) {
		job_ignore(job, ZT_REASON_SCOPE_AUTH);
		return;
	}
	look_at_account(job);
	job_deny(job, ZT_REASON_AUTH_REFUSED);
}

/* An attempt that zt leaves alone; recorded once, where it is decided. */
static void
serve_exempt(struct job *job, enum zt_reason reason)
{
	if (reason == ZT_REASON_SCOPE_SERVICE ||
	    job->phase != ZT_PHASE_ACCOUNT) {
		job_ignore(job, reason);
		return;
	}
	look_at_account(job);
	job_finish(job, ZT_VERDICT_IGNORE, reason);
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
		look_at_account(job);
		job_unavailable(job, ZT_REASON_PROC_FAILED);
		return;
	}
	if (broker->in_flight > broker->conf->broker.max_requests) {
		look_at_account(job);
		job_unavailable(job, ZT_REASON_OVERLOAD);
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
	job_broken(job, "unknown phase");
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
	job = job_new(broker, conn, request.phase);
	if (job == NULL) {
		conn_error(conn, ZT_WIRE_ERROR_BUSY);
		return;
	}
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
	    (job = job_new(broker, NULL, ZT_PHASE_SESSION_CLOSE)) == NULL)
		return;
	if (facts_begin(broker, zt_str(login->service), zt_str(login->account),
		ZT_STAGE_SESSION_CLOSE, &job->attempt) != ZT_OK) {
		job_free(job);
		return;
	}
	job->attempt.account_known = true;
	job->attempt.pid = login->proc.pid;
	if (facts_login(&job->attempt, login) != ZT_OK)
		say(LOG_WARNING, "session %s: facts lost", login->id);
	job_finish(job, ZT_VERDICT_PERMIT, ZT_REASON_SESSION_CLOSED);
}
