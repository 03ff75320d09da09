/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_BUNDLE_H
#define ZT_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zt/err.h"
#include "zt/identity.h"
#include "zt/rd.h"
#include "zt/sshsig.h"

/*
 * A bundle: all users and groups of a source in one signed document.  An
 * armored SSH signature stands in front; what it covers is every byte behind
 * it: a line with the head, then one record on each line, all JSON.
 * docs/PROTOCOL.bundle has the format.
 */

#define ZT_BUNDLE_FORMAT      1
#define ZT_BUNDLE_NAMESPACE   "users@zt"
#define ZT_BUNDLE_MAX         (512u << 20) /* document, bytes */
#define ZT_BUNDLE_HEAD_MAX    4096         /* the head's line, bytes */
#define ZT_BUNDLE_LINE_MAX    (16u << 20)  /* a record, bytes */
#define ZT_BUNDLE_VERSION_MAX ((INT64_C(1) << 53) - 1)

/* What the head says. */
struct zt_bundle_head {
	int64_t version;   /* 1 to ZT_BUNDLE_VERSION_MAX; grows */
	int64_t issued_s;  /* since the epoch */
	int64_t expires_s; /* likewise; INT64_MAX: never */
};

/* A bundle being read; borrowed from its document. */
struct zt_bundle {
	struct zt_bundle_head head;
	struct zt_str rest; /* records not yet read */
	size_t line;        /* read so far */
};

/*
 * Verify the signature in front of a document, then begin to read it.
 *
 * why_out  static; on failure, what is wrong
 *
 * Errors: those of zt_sshsig_verify(), before anything else is looked at;
 * ZT_ERR_MALFORMED, ZT_ERR_VERSION (another format), ZT_ERR_TOOBIG,
 * ZT_ERR_NOMEM.
 */
ZT_MUST_USE enum zt_err
zt_bundle_open(struct zt_str document, const struct zt_ca_set *signers,
    struct zt_bundle *out, const char **why_out);

/* The same for what was signed alone: nobody vouches for it. */
ZT_MUST_USE enum zt_err zt_bundle_begin(struct zt_str message,
    struct zt_bundle *out, const char **why_out);

/*
 * Read up to n records into an unsealed set, and advance; at the end rest is
 * empty.  Keys are "user/NAME" and "group/NAME"; what breaks a rule is put as
 * refused, without a name as "line/N".
 *
 * Errors: ZT_ERR_NOMEM, ZT_ERR_TOOBIG over ZT_SET_MAX.
 */
ZT_MUST_USE enum zt_err
zt_bundle_read(struct zt_bundle *bundle, size_t n, struct zt_set *set);

/*
 * May a bundle follow the last one that was accepted?
 *
 * last_version  0 if there is none
 * same		 it is the last one, byte for byte
 * now_s	 wall clock
 *
 * Returns ZT_OK; ZT_ERR_DENIED if it has expired, its version is lower, or
 * the same with other content.
 */
ZT_MUST_USE enum zt_err zt_bundle_follows(const struct zt_bundle_head *head,
    int64_t last_version, bool same, int64_t now_s, const char **why_out);

#endif /* ZT_BUNDLE_H */
