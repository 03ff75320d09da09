/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "digest.h"
#include "facts.h"
#include "principals.h"
#include "say.h"
#include "stamp.h"
#include "zt/auto.h"
#include "zt/record.h"

/* An offer of a certificate, while it is looked at. */
struct offer {
	struct broker *broker;     /* borrowed */
	struct login *login;       /* of the sshd that was offered it */
	struct zt_attempt attempt; /* owns the certificate */
	struct zt_str credential;  /* as sent, borrowed */
	const char *allowed[ZT_PRINCIPALS_MAX]; /* borrowed from attempt.cert */
	size_t n_allowed;
};

/*
 * May another refused offer be recorded now?  Whoever can reach sshd can
 * cause them, and must not be able to fill the disk.
 */
static bool
may_record(struct broker *broker)
{
	const int64_t now = stamp_monotonic_us();
	const int64_t full = (int64_t)CREDENTIAL_RECORDS_BURST * 1000000;
	struct tokens *tokens = &broker->tokens;

	tokens->level += (now - tokens->us) * CREDENTIAL_RECORDS_PER_S;
	tokens->us = now;
	if (tokens->level > full)
		tokens->level = full;
	if (tokens->level < 1000000) {
		tokens->suppressed++;
		broker->counters.records_suppressed++;
		return false;
	}
	tokens->level -= 1000000;
	return true;
}

void
principals_flush(struct broker *broker)
{
	char detail[64];

	if (broker->tokens.suppressed == 0)
		return;
	(void)snprintf(detail, sizeof(detail),
	    "%u refused certificates not recorded", broker->tokens.suppressed);
	broker->tokens.suppressed = 0;
	feed_lifecycle(broker->feed, ZT_LIFECYCLE_SUPPRESSED, detail);
}

/* A refusal stays one, recorded or not: nobody waits for the record. */
static void
refuse(struct offer *offer, enum zt_reason reason)
{
	struct broker *broker = offer->broker;
	struct login *login = offer->login;
	const uint64_t digest =
	    digest_64(offer->credential.p, offer->credential.len);
	const struct zt_outcome outcome = {
		.verdict = ZT_VERDICT_DENY,
		.reason = reason,
	};

	broker->counters.credentials_refused++;
	if (login != NULL && login->state == LOGIN_OFFERED) {
		zt_cert_free(zt_take(login->cert));
		if (login->refused_digest == digest)
			return; /* sshd asks twice about one certificate */
		login->refused_digest = digest;
	}
	if (!may_record(broker))
		return;
	if (feed_attempt(broker->feed, &offer->attempt, &outcome, NULL, NULL) !=
	    ZT_OK)
		broker->counters.records_suppressed++;
}

static void
answer(struct offer *offer, struct conn *conn)
{
	static uint8_t buf[ZT_WIRE_MAX]; /* too big for the stack */
	struct zt_principals_reply reply = { 0 };
	size_t len;

	for (size_t i = 0; i < offer->n_allowed; i++)
		reply.principals[i] = zt_str(offer->allowed[i]);
	reply.n = (uint16_t)offer->n_allowed;
	if (zt_principals_reply_encode(&reply, buf, sizeof(buf), &len) == ZT_OK)
		conn_reply(conn, buf, len);
	else
		conn_error(conn, ZT_WIRE_ERROR_BUSY);
}

/*
 * The sshd that runs zt-principals: its parent, which must be root's.  Its
 * effective uid is the command's user while it reads the command's output.
 */
static enum zt_reason
find_login(struct offer *offer, pid_t pid)
{
	struct proc_info child, parent;
	enum zt_err err;
	uid_t ruid;

	if (proc_read(pid, &child) != ZT_OK ||
	    proc_parent(&child, &parent) != ZT_OK ||
	    proc_ruid(&parent.id, &ruid) != ZT_OK || ruid != 0)
		return ZT_REASON_PROC_FAILED;
	offer->attempt.pid = parent.id.pid;
	err = logins_get(offer->broker->logins, &parent.id, &offer->login);
	if (err == ZT_ERR_TOOBIG)
		return ZT_REASON_OVERLOAD;
	if (err != ZT_OK)
		return ZT_REASON_PROC_FAILED;
	/* sshd offers nothing after its account phase */
	return offer->login->state == LOGIN_OFFERED
	    ? ZT_REASON_NONE
	    : ZT_REASON_CREDENTIAL_MISMATCH;
}

static bool
same_blob(const struct zt_cert *a, const struct zt_cert *b)
{
	return a->blob_len == b->blob_len &&
	    memcmp(a->blob, b->blob, a->blob_len) == 0;
}

static enum zt_reason
check(struct offer *offer)
{
	const struct login *login = offer->login;
	struct zt_attempt *attempt = &offer->attempt;
	uint64_t checked = 0;
	enum zt_reason reason;
	bool locked_out;

	if (zt_cert_parse_base64(offer->credential, &attempt->cert) != ZT_OK)
		return ZT_REASON_CREDENTIAL_MALFORMED;
	/* sshd asks twice about one certificate */
	if (login->cert != NULL && same_blob(login->cert, attempt->cert))
		checked = login->checked;
	reason = facts_cert_check(offer->broker, attempt->cert, checked,
	    attempt->time_ms);
	if (reason != ZT_REASON_NONE)
		return reason;
	if (facts_account(offer->broker, attempt, (uid_t)-1, &locked_out) !=
	    ZT_OK)
		return ZT_REASON_INTERNAL;
	offer->n_allowed = facts_principals(offer->broker->conf, attempt->cert,
	    attempt->account, attempt->groups, attempt->n_groups,
	    offer->allowed, ZT_PRINCIPALS_MAX);
	return offer->n_allowed == 0 ? ZT_REASON_CREDENTIAL_ACCOUNT
				     : ZT_REASON_NONE;
}

static enum zt_reason
accept_or_not(struct offer *offer, pid_t pid)
{
	enum zt_reason reason = find_login(offer, pid);

	return reason == ZT_REASON_NONE ? check(offer) : reason;
}

void
principals_serve(void *arg, struct conn *conn, const void *msg, size_t len)
{
	struct broker *broker = arg;
	struct offer offer = { .broker = broker };
	struct zt_principals_request request;
	enum zt_reason reason;

	if (zt_principals_request_decode(msg, len, &request) != ZT_OK) {
		conn_error(conn, ZT_WIRE_ERROR_MALFORMED);
		return;
	}
	offer.credential = request.credential;
	if (facts_begin(broker, zt_str("sshd"), request.account,
		ZT_STAGE_CREDENTIAL, &offer.attempt) != ZT_OK) {
		conn_error(conn, ZT_WIRE_ERROR_BUSY);
		return;
	}
	reason = accept_or_not(&offer, conn_pid(conn));
	offer.attempt.account_known = true; /* sshd found it before */
	if (reason != ZT_REASON_NONE) {
		offer.n_allowed = 0;
		refuse(&offer, reason);
	} else {
		broker->counters.credentials_accepted++;
	}
	answer(&offer, conn);
	if (reason == ZT_REASON_NONE) {
		zt_cert_free(offer.login->cert);
		offer.login->cert = zt_take(offer.attempt.cert);
		offer.login->checked = broker->generation;
	}
	zt_attempt_clear(&offer.attempt);
}
