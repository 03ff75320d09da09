/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_USERS_H
#define ZTD_USERS_H

#include <jansson.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "conf.h"
#include "zt/identity.h"
#include "zt/snapshot.h"
#include "zt/wire.h"

#define USERS_STATUS_REFUSED_MAX 64 /* refusals in users_status(), count */

/*
 * Who exists on this host.  The sources bring records; whenever a set of them
 * or a local account file changes, all are merged, written as the snapshot
 * that every process maps, and mapped here: every question is answered from
 * it.  What fails leaves the last good snapshot in place.
 */
struct users;

/* Where things are; see users_new(). */
struct users_paths {
	char *etc;      /* directory of passwd, group, subuid, subgid */
	char *snapshot; /* state_dir/users.snapshot */
	char *ids;      /* state_dir/users.ids */
	char *sources;  /* state_dir/sources: what the last syncs brought */
};

/*
 * Make every user and group lookup of this process, its libraries' included,
 * read local files only, past nsswitch.conf and nscd: one that came back
 * through libnss_zt would wait for the broker itself.  Call it first.
 */
ZT_MUST_USE enum zt_err users_local_only(void);

/*
 * Take up the snapshot in force and what the sources remember.
 *
 * event, conf	borrowed, must outlive users; after a reload of the
 *		configuration make a new one and free the old
 * etc		directory of the local account files, copied; NULL: /etc
 * state_dir	for the snapshot and what else is kept, copied; NULL:
 *		/var/lib/ztd
 * out		owned; free with users_free()
 *
 * Errors: ZT_ERR_NOMEM, ZT_ERR_SYS (the event loop takes no source).
 * Blocking: reads files.
 */
ZT_MUST_USE enum zt_err users_new(sd_event *event, const struct conf *conf,
    const char *etc, const char *state_dir, struct users **out);

/*
 * Begin to sync the sources, and publish what is known at once.  A source
 * that fails is no failure: see users_status(); it is tried again.
 * Blocking: reads the records of local sources, writes the snapshot.
 */
void users_begin(struct users *users);
void users_free(struct users *users);

/* The snapshot in force; borrowed until the event loop runs again; NULL if
 * there never was one. */
const struct zt_snapshot *users_snapshot(const struct users *users);

/*
 * The "privileged" section of a user's record, a JSON object: for root and
 * the user alone.  Borrowed until the event loop runs again; NULL if none.
 */
const char *users_privileged(const struct users *users, struct zt_str name);

/*
 * Encode the reply to a request of the NSS module.
 *
 * buf, cap  receives the reply; ZT_WIRE_MAX bytes suffice for any
 *
 * "No such entry" is said only if every source has told who there is;
 * otherwise the reply is that nothing can be told now.  Enumeration finds
 * nothing unless identity.enumerate is set.  A group of more than
 * ZT_MEMBERS_MAX members lists that many of them; the gids of a user are
 * always complete.
 *
 * Errors: ZT_ERR_TOOBIG if cap is too small.
 * Blocking: never.
 */
ZT_MUST_USE enum zt_err
users_answer(const struct users *users, const struct zt_nss_request *request,
    void *buf, size_t cap, size_t *len_out);

/* ZT_OK: the user is in the snapshot now; ZT_ERR_NOTFOUND: there is no such
 * user; ZT_ERR_UNAVAIL: nobody can tell. */
typedef void users_found(void *arg, enum zt_err err);

/*
 * Ask the sources about a user who is not in the snapshot.
 *
 * uid  of who wants to know: strangers leave root questions to ask
 *
 * Returns ZT_OK, and done is called once, at once or within 200 ms, or when
 * users_settle() or users_free() comes first; ZT_ERR_NOTFOUND: there is no
 * source to ask, the snapshot tells; ZT_ERR_UNAVAIL: none can be asked now,
 * so nobody can tell: see users_lookup.c.
 * Blocking: never.
 */
ZT_MUST_USE enum zt_err users_lookup(struct users *users, struct zt_str name,
    uid_t uid, users_found *done, void *arg);

/* End a lookup that is under way, without an answer.  NULL is no failure. */
void users_settle(struct users *users);

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
	char *source;           /* owned; name; NULL if local */
	int64_t source_age_s;   /* since its last sync; -1: unknown */
	bool source_stale;      /* for longer than identity.stale_after */
};

/*
 * Look an account up: in the records, else in the local files.
 *
 * Returns ZT_OK with out->exists telling whether there is one: both are
 * definitive.  Errors: ZT_ERR_SYS or ZT_ERR_TOOBIG if a local file cannot be
 * read, ZT_ERR_UNAVAIL if no such account is known but not every source has
 * told its own, ZT_ERR_NOMEM.
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

/*
 * For ztctl status: {"users":n,"groups":n,"refused":[{"file","why"}],
 * "refused_total":n,"loaded":"...Z" or null,"error":text or null,
 * "sources":[...]}, at most USERS_STATUS_REFUSED_MAX of the refused.  This
 * and all below: a new reference, or NULL; docs/PROTOCOL.broker has the form.
 */
json_t *users_status(const struct users *users);

/* For ztctl identity. */
json_t *users_sources_json(const struct users *users);
json_t *users_refused_json(const struct users *users, uint32_t cursor,
    uint32_t *next_out);
json_t *users_why_json(const struct users *users, struct zt_str name);

/* What an administrator should know of the sources or of publishing: one
 * line, owned; NULL if all is well. */
char *users_trouble(const struct users *users);

/* Sync one source, or all if name is empty.  Errors: ZT_ERR_NOTFOUND. */
ZT_MUST_USE enum zt_err users_sync(struct users *users, struct zt_str name);

/* Put held sets in force, and wait no longer for sources that are silent.
 * Returns their names, a new reference. */
json_t *users_apply(struct users *users);

#endif /* ZTD_USERS_H */
