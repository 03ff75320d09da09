/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_USERDB_QUERY_H
#define ZTD_USERDB_QUERY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "varlink.h"
#include "zt/err.h"
#include "zt/rd.h"
#include "zt/snapshot.h"

/*
 * What io.systemd.UserDatabase answers, without the connection it is asked
 * on.
 * Source: systemd, User/Group Record Lookup API via Varlink.
 */
#define USERDB_SERVICE "io.zt.ztd" /* as systemd asks, its socket's name too */

/* The "privileged" section of a user's record, a JSON object; NULL if it has
 * none.  Borrowed for the moment. */
typedef const char *userdb_privileged_fn(void *arg, struct zt_str name);

/* Where the answers come from.  All borrowed. */
struct userdb_source {
	const char *snapshot; /* path */
	const char *etc;      /* directory of group(5) */
	userdb_privileged_fn *privileged;
	void *arg;
};

/* One call and how far it is answered. */
struct userdb_query;

/*
 * Begin to answer a call.
 *
 * source  borrowed, must outlive the query
 * call	   borrowed until the return
 * caller  its uid, from the kernel: root and the user see a user's privileged
 *	   section
 *
 * Whatever is wrong with the call is an answer, too.  The snapshot it is
 * answered from is mapped until the query is freed: an enumeration is of one
 * moment.
 *
 * Returns ZT_OK and an owned *out; ZT_ERR_NOMEM.
 * Blocking: opens a local file, may read /etc/group.
 */
ZT_MUST_USE enum zt_err userdb_query_new(const struct userdb_source *source,
    const struct varlink_call *call, uid_t caller, struct userdb_query **out);
void userdb_query_free(struct userdb_query *query);

/*
 * The next reply.
 *
 * out      owned; NULL after a step of the search that found nothing: call
 *	    again
 * len_out  bytes of *out, its NUL included
 *
 * Each call does a bounded amount of work.
 *
 * Returns ZT_OK; ZT_ERR_NOTFOUND when the last reply has been given;
 * ZT_ERR_NOMEM.
 */
ZT_MUST_USE enum zt_err
userdb_query_next(struct userdb_query *query, char **out, size_t *len_out);

/* JSON User and Group Records; a new reference; NULL without memory, or for
 * text that is no UTF-8. */
json_t *userdb_user_record(const struct zt_snapshot_user *user);
json_t *userdb_group_record(const struct zt_snapshot_group *group);

/* What org.varlink.service tells: parameters of the reply to GetInfo; the
 * description of an interface, NULL if it is not ours. */
json_t *userdb_info(void);
const char *userdb_interface(const char *name);

#endif /* ZTD_USERDB_QUERY_H */
