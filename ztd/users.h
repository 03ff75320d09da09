/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_USERS_H
#define ZTD_USERS_H

#include <jansson.h>
#include <systemd/sd-event.h>

#include "conf.h"
#include "zt/oldidentity.h"
#include "zt/wire.h"

#define USERS_STATUS_REFUSED_MAX 64 /* refusals in users_status(), count */

/*
 * Who exists on this host: the records of identity.users_dir, reloaded when
 * anything in that directory or a local account file changes, and the local
 * accounts.  A load that fails leaves the records loaded before in place.
 */
struct users;

/*
 * Make every user and group lookup of this process, its libraries' included,
 * read local files only, past nsswitch.conf and nscd: one that came back
 * through libnss_zt would wait for the broker itself.  Call it first.
 */
ZT_MUST_USE enum zt_err users_local_only(void);

/*
 * Load the records and watch for changes.  A directory that cannot be loaded
 * is no failure: see users_status(); it is tried again.
 *
 * event, conf	borrowed, must outlive users; after a reload of the
 *		configuration make a new one and free the old
 * etc		directory of the local account files, copied; NULL: /etc
 * out		owned; free with users_free()
 *
 * Errors: ZT_ERR_NOMEM, ZT_ERR_SYS (the event loop takes no source).
 * Blocking: reads the records.
 */
ZT_MUST_USE enum zt_err users_new(sd_event *event, const struct conf *conf,
    const char *etc, struct users **out);
void users_free(struct users *users);

/* The records loaded last; borrowed until the event loop runs again; NULL if
 * none were ever loaded. */
const struct zt_olddirectory *users_directory(const struct users *users);

/*
 * Encode the reply to a request of the NSS module.
 *
 * buf, cap  receives the reply; ZT_WIRE_MAX bytes suffice for any
 *
 * "No such entry" is said only while the last load succeeded; otherwise the
 * reply is that nothing can be told now.  Enumeration finds nothing unless
 * identity.enumerate is set.  A group of more than ZT_MEMBERS_MAX members
 * lists that many of them; the gids of a user are always complete.
 *
 * Errors: ZT_ERR_TOOBIG if cap is too small.
 * Blocking: never.
 */
ZT_MUST_USE enum zt_err
users_answer(const struct users *users, const struct zt_nss_request *request,
    void *buf, size_t cap, size_t *len_out);

/*
 * For ztctl status: {"users":n,"groups":n,"refused":[{"file","why"}],
 * "refused_total":n,"loaded":"...Z" or null,"error":text or null}, at most
 * USERS_STATUS_REFUSED_MAX of the refused.  A new reference, or NULL.
 */
json_t *users_status(const struct users *users);

/* An account of this host; clear with users_account_clear(). */
struct users_account {
	bool exists;
	bool local; /* from /etc/passwd, not from the records */
	uint32_t uid, gid;
	char **groups; /* owned; names, the primary group's included */
	size_t n_groups;
	bool locked;            /* as its record says; false if local */
	uint64_t not_before_us; /* since the epoch; 0 if none */
	uint64_t not_after_us;  /* UINT64_MAX if none */
};

/*
 * Look an account up: in the records, else in the local files.
 *
 * Returns ZT_OK with out->exists telling whether there is one: both are
 * definitive.  Errors: ZT_ERR_SYS or ZT_ERR_TOOBIG if a local file cannot be
 * read, ZT_ERR_UNAVAIL if no such account is known but the records could not
 * be loaded, ZT_ERR_NOMEM.
 * Blocking: reads /etc/passwd and /etc/group.
 */
ZT_MUST_USE enum zt_err
users_account(struct users *users, const char *name, struct users_account *out);
void users_account_clear(struct users_account *account);

/*
 * The account name of a uid; *name_out is owned.  Errors: ZT_ERR_NOTFOUND,
 * else as for users_account().
 */
ZT_MUST_USE enum zt_err
users_name_of(struct users *users, uint32_t uid, char **name_out);

#endif /* ZTD_USERS_H */
