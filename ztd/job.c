/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "job.h"
#include "say.h"
#include "stamp.h"
#include "zt/auto.h"
#include "zt/text.h"

#define REPLY_MAX 4096 /* an encoded PAM_REPLY, bytes */

struct job *
job_new(struct broker *broker, struct conn *conn, enum zt_phase phase)
{
	struct job *job = calloc(1, sizeof(*job));

	if (job == NULL)
		return NULL;
	job->broker = broker;
	job->conn = conn;
	job->phase = phase;
	job->begun_us = stamp_monotonic_us();
	broker->in_flight++;
	return job;
}

void
job_free(struct job *job)
{
	job->broker->in_flight--;
	zt_attempt_clear(&job->attempt);
	zt_answer_clear(&job->answer);
	free(job);
}

/*
 * What the user is told: one line, without the id that the module adds.  All
 * it is made of is escaped (see struct zt_answer) or constant.
 */
static void
user_text(const struct job *job, enum zt_verdict verdict, enum zt_reason reason,
    char text[ZT_TEXT_MAX])
{
	const char *said = job->answer.reason_user;
	const char *own = zt_reason_text(reason);

	if (verdict == ZT_VERDICT_PERMIT)
		(void)snprintf(text, ZT_TEXT_MAX, "%s",
		    job->answer.notice == NULL ? "" : job->answer.notice);
	else if (verdict == ZT_VERDICT_IGNORE)
		text[0] = '\0';
	else if (reason == ZT_REASON_POLICY_DENY && said != NULL)
		(void)snprintf(text, ZT_TEXT_MAX, "%s: %s", own, said);
	else
		(void)snprintf(text, ZT_TEXT_MAX, "%s", own);
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
	if (job->phase == ZT_PHASE_ACCOUNT)
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
void
job_finish(struct job *job, enum zt_verdict verdict, enum zt_reason reason)
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

void
job_deny(struct job *job, enum zt_reason reason)
{
	job_finish(job, ZT_VERDICT_DENY, reason);
}

void
job_unavailable(struct job *job, enum zt_reason reason)
{
	job_finish(job, ZT_VERDICT_UNAVAIL, reason);
}

void
job_broken(struct job *job, const char *what)
{
	say(LOG_ERR, "decision %s: %s", job->attempt.id, what);
	job_unavailable(job, ZT_REASON_INTERNAL);
}

void
job_ignore(struct job *job, enum zt_reason reason)
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
			job_unavailable(job, ZT_REASON_ABANDONED);
		else
			job_finish(job, ZT_VERDICT_PERMIT,
			    ZT_REASON_POLICY_PERMIT);
		return;
	case ZT_ANSWER_DENY:
		job_deny(job, job->answer.reason);
		return;
	case ZT_ANSWER_NONE:
		break;
	}
	job_unavailable(job, job->answer.reason);
}

void
job_ask(struct job *job)
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
		job_broken(job, "the endpoint could not be asked");
}
