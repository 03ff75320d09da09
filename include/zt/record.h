/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_RECORD_H
#define ZT_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "zt/attempt.h"
#include "zt/decision.h"
#include "zt/err.h"
#include "zt/reason.h"
#include "zt/wire.h"

#define ZT_RECORD_MAX 16384 /* one line without its LF, bytes */

/* How an attempt ended, as recorded and answered. */
struct zt_outcome {
	enum zt_verdict verdict;
	enum zt_reason reason;
	const struct zt_answer *answer; /* borrowed; NULL if nobody was asked */
	int64_t duration_us;            /* from the request to this record */
};

/* What the broker itself did; Application Lifecycle records. */
enum zt_lifecycle {
	ZT_LIFECYCLE_START = 1,
	ZT_LIFECYCLE_STOP,
	ZT_LIFECYCLE_RELOAD,        /* new configuration in force */
	ZT_LIFECYCLE_RELOAD_FAILED, /* new configuration refused */
	ZT_LIFECYCLE_RECOVERED,     /* a torn last line was set aside */
	ZT_LIFECYCLE_SUPPRESSED,    /* records dropped by a limit; detail */
};

/*
 * Format the one record of an attempt: an OCSF 1.8.0 Authentication event.
 *
 * sequence  index of the record in this log, from 0
 * line_out  owned; one line without LF, NUL-terminated, at most
 *	     ZT_RECORD_MAX bytes, no raw control character
 * len_out   its length
 *
 * Field by field in docs/AUDITOR.md.  A line that would be too long has its
 * longest texts cut and says metadata.is_truncated.  The name of an account
 * that does not exist is not recorded (it is often a password).
 *
 * Errors: ZT_ERR_NOMEM.  Blocking: never.  Thread-safe: yes.
 * Source: OCSF 1.8.0 class 3002.
 */
ZT_MUST_USE enum zt_err zt_record_attempt(const struct zt_attempt *attempt,
    const struct zt_outcome *outcome, uint64_t sequence, char **line_out,
    size_t *len_out);

/*
 * Format a lifecycle record: OCSF 1.8.0 Application Lifecycle, class 6002.
 *
 * detail  what to say besides, escaped here; or NULL
 *
 * Errors: ZT_ERR_NOMEM, ZT_ERR_SYS (no clock).  Source: as above.
 */
ZT_MUST_USE enum zt_err
zt_record_lifecycle(enum zt_lifecycle what, const struct zt_host *host,
    const char *detail, uint64_t sequence, char **line_out, size_t *len_out);

/*
 * The short stable code of an outcome that an auditor can grep for:
 * "<ssh|sudo|su|login>.<credential|auth|login|open|close>.
 * <allow|deny|exempt|error>.<reason code>", e.g. "ssh.login.deny.policy.deny".
 * Writes at most cap bytes, NUL-terminated.
 */
void zt_record_event_code(const struct zt_attempt *attempt,
    const struct zt_outcome *outcome, char *buf, size_t cap);

#endif /* ZT_RECORD_H */
