/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NSS_ZT_ASK_H
#define NSS_ZT_ASK_H

#include "zt/wire.h"

/*
 * Ask the broker and check its answer against the question: a lie, or what
 * would break a rule in a snapshot (docs/PROTOCOL.snapshot), is
 * ZT_ERR_MALFORMED.  So is a group whose name is root-equivalent: only a
 * snapshot can say that the administrator allows it.
 *
 * req	    by a valid name or id, or by a cursor; there is nothing beyond
 *	    ASK_ENTRIES_MAX
 * out	    borrows its text from buf
 * buf,cap  receives the message
 *
 * ZT_ERR_NOTFOUND is a definitive answer; other errors are no answer.
 * Blocking: up to 250 ms.  Thread-safe: yes.
 */
ZT_MUST_USE enum zt_err ask_user(const struct zt_nss_request *req,
    struct zt_nss_user *out, void *buf, size_t cap);
ZT_MUST_USE enum zt_err ask_group(const struct zt_nss_request *req,
    struct zt_nss_group *out, void *buf, size_t cap);
ZT_MUST_USE enum zt_err ask_gids(const struct zt_nss_request *req,
    struct zt_nss_gids *out, void *buf, size_t cap);

/* Bytes of the longest NSS_USER: seven fields of fixed size, four texts. */
#define ASK_USER_MAX (32 + ZT_NAME_MAX + ZT_GECOS_MAX + 2 * ZT_PATH_MAX)

/* Entries an enumeration by the broker hands out at most, count. */
#define ASK_ENTRIES_MAX 65536

#endif /* NSS_ZT_ASK_H */
