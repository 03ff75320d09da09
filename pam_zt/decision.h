/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PAM_ZT_DECISION_H
#define PAM_ZT_DECISION_H

#include <security/_pam_types.h>
#include <stdbool.h>

#include "zt/wire.h"

/*
 * A line to the user is at most PAM_MAX_MSG_SIZE bytes; this is what its
 * frame, "zt: access denied: " and " (decision <id>)", leaves for the text.
 */
#define ZT_SHOWN_MAX (PAM_MAX_MSG_SIZE - 32 - ZT_ID_MAX)

/*
 * What is done about one call, by the broker's word or for want of one.  All
 * text is NUL-terminated, escaped, and cut where it does not fit.
 */
struct zt_decision {
	enum zt_verdict verdict;
	bool answered; /* the broker's word, not the module's */
	char id[ZT_ID_MAX + 1];
	char reason[ZT_REASON_MAX + 1]; /* code */
	char text[ZT_SHOWN_MAX];        /* for the user; may be empty */
};

/*
 * Ask the broker.
 *
 * path, timeout_ms  as in zt_client_call()
 *
 * Returns ZT_OK and *out; a request that the protocol cannot carry (a value
 * is too long) is a denial.  Else, *out untouched, why there is no answer:
 * the errors of zt_client_call(), of zt_pam_reply_decode(), ZT_ERR_NOMEM, or
 * ZT_ERR_MALFORMED for a permit where none can be given.
 * Blocking: up to timeout_ms.  Thread-safe: yes.
 */
ZT_MUST_USE enum zt_err zt_decision_ask(const struct zt_pam_request *request,
    const char *path, unsigned timeout_ms, struct zt_decision *out);

/* Fill *out with the module's own verdict; code and text are constants. */
void zt_decision_make(struct zt_decision *out, enum zt_verdict verdict,
    const char *code, const char *text);

/* Fill *out for a broker that gave no answer: err says why. */
void zt_decision_make_trouble(struct zt_decision *out, enum zt_err err);

#endif /* PAM_ZT_DECISION_H */
