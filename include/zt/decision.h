/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_DECISION_H
#define ZT_DECISION_H

#include <stdbool.h>
#include <stddef.h>

#include "zt/attempt.h"
#include "zt/err.h"
#include "zt/reason.h"

#define ZT_REQUEST_MAX       1048576 /* body of a question, bytes */
#define ZT_ANSWER_MAX        65536   /* body of an endpoint's answer, bytes */
#define ZT_ANSWER_DEPTH_MAX  32      /* nesting of JSON in it */
#define ZT_ANSWER_REASON_MAX 512     /* a reason's text, bytes after cutting */
#define ZT_ANSWER_NOTICE_MAX 512
#define ZT_ANSWER_POLICY_MAX 256
#define ZT_OBLIGATIONS_MAX   16 /* count */

/* What a decision endpoint was understood to say. */
enum zt_answer_kind {
	ZT_ANSWER_NONE = 0, /* nothing: see reason; never a permit */
	ZT_ANSWER_DENY = 1,
	ZT_ANSWER_PERMIT = 2,
};

/*
 * The endpoint's answer, whatever its dialect.  Members are owned; free with
 * zt_answer_clear().  Texts hold no control character and are well-formed
 * UTF-8 (see zt_escape()).
 */
struct zt_answer {
	enum zt_answer_kind kind;
	enum zt_reason reason; /* ZT_REASON_POLICY_... or ZT_REASON_PDP_... */
	char *reason_user;     /* from the endpoint; NULL if none */
	char *reason_admin;    /* likewise */
	char *notice;          /* obligation "notice"; permit only; or NULL */
	char *policy;          /* policy id or version if named; or NULL */

	/* filled by the caller that did the asking */
	char *endpoint;  /* URL asked last; or NULL */
	int http_status; /* 0 if there was none */
	int attempts;    /* requests sent */
	int latency_ms;  /* from the first byte to the answer, all attempts */
};

void zt_answer_clear(struct zt_answer *answer);

struct zt_authzen_options {
	bool mirror_context; /* copy context and action properties into
				subject.properties (Cerbos) */
};

/*
 * Build the body of an AuthZEN 1.0 evaluation request.
 *
 * json_out  owned, NUL-terminated; absent facts are left out
 *
 * Errors: ZT_ERR_NOMEM, ZT_ERR_TOOBIG.  Text that is not UTF-8 is escaped,
 * never dropped.
 * Blocking: never.  Thread-safe: yes.  Source: docs/DECISION.md.
 */
ZT_MUST_USE enum zt_err zt_authzen_request(const struct zt_attempt *attempt,
    const struct zt_authzen_options *options, char **json_out);

/*
 * Understand an endpoint's complete HTTP answer.  Pure.
 *
 * status	HTTP status
 * body, len	at most ZT_ANSWER_MAX bytes are looked at: longer is an error
 * request_id	what we sent as X-Request-ID
 * echoed_id	the X-Request-ID of the answer, or NULL
 * out		kind, reason and texts; cleared by the caller
 *
 * The answer table of docs/DECISION.md, whole: kind is PERMIT only for a 200
 * with exactly one boolean "decision" that is true, no unknown obligation,
 * no duplicate key, no echo of another id.  With ZT_ANSWER_NONE the reason
 * is one of ZT_REASON_PDP_..., with an unmet obligation the kind is DENY.
 *
 * Returns ZT_ERR_NOMEM, *out untouched; else ZT_OK.
 */
ZT_MUST_USE enum zt_err
zt_authzen_answer(int status, const char *body, size_t len,
    const char *request_id, const char *echoed_id, struct zt_answer *out);

#endif /* ZT_DECISION_H */
