/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "zt/auto.h"
#include "zt/passwd.h"

#include "ask.h"
#include "gids.h"
#include "map.h"
#include "nss_zt.h"
#include "pack.h"

/*
 * Each lookup is answered from the snapshot; the broker is asked, once, only
 * where that cannot tell: there is none, it is broken in this place, or it
 * does not claim to be complete.
 */

/*
 * Where an enumeration stands.  getpwent(3) has one position per process.
 * glibc calls set, get and end under a lock of its own; the atomics only keep
 * a caller that does not well defined.  A position in one snapshot may mean
 * another in the next, or with the broker: an entry is then listed twice or
 * not, but as positions only grow, there is an end.
 */
static _Atomic uint32_t user_cursor, group_cursor;

/* Room for a whole message; too large for the stack of a stranger's thread. */
struct group_scratch {
	struct zt_nss_group group;
	uint8_t msg[ZT_WIRE_MAX];
};

struct gids_scratch {
	struct zt_nss_gids gids;
	uint8_t msg[ZT_WIRE_MAX];
};

/* The only translation from zt_err to NSS.  Only NOTFOUND says "no user", and
 * only what pack.c found too small is ZT_ERR_TOOBIG here. */
static enum nss_status
err_to_nss(enum zt_err err, int *errnop)
{
	switch (err) {
	case ZT_OK:
		return NSS_STATUS_SUCCESS;
	case ZT_ERR_NOTFOUND:
		*errnop = ENOENT;
		return NSS_STATUS_NOTFOUND;
	case ZT_ERR_TOOBIG:
		*errnop = ERANGE;
		return NSS_STATUS_TRYAGAIN;
	case ZT_ERR_NOMEM:
		*errnop = EAGAIN;
		return NSS_STATUS_TRYAGAIN;
	case ZT_ERR_SYS:
	case ZT_ERR_INVAL:
	case ZT_ERR_TRUNCATED:
	case ZT_ERR_MALFORMED:
	case ZT_ERR_TRAILING:
	case ZT_ERR_VERSION:
	case ZT_ERR_DENIED:
	case ZT_ERR_UNAVAIL:
	case ZT_ERR_TIMEOUT:
	case ZT_ERR_IMPOSTOR:
		break;
	}
	*errnop = ENOENT;
	return NSS_STATUS_UNAVAIL;
}

/* What a failure that answers nothing comes to. */
static enum zt_err
unanswered(enum zt_err err)
{
	return err == ZT_ERR_NOMEM ? ZT_ERR_NOMEM : ZT_ERR_UNAVAIL;
}

/* What the broker's word comes to. */
static enum zt_err
broker_verdict(enum zt_err err)
{
	return err == ZT_OK || err == ZT_ERR_NOTFOUND ? err : unanswered(err);
}

/* What a lookup in the snapshot comes to; ZT_ERR_UNAVAIL: ask the broker. */
static enum zt_err
map_verdict(const struct zt_snapshot *s, enum zt_err err)
{
	if (err == ZT_OK || (err == ZT_ERR_NOTFOUND && s->info.complete))
		return err;
	return unanswered(err);
}

/* Is the broker to be asked?  It may answer where no map could be made. */
static bool
cannot_tell(enum zt_err of_map)
{
	return of_map == ZT_ERR_UNAVAIL || of_map == ZT_ERR_NOMEM;
}

/* If the broker cannot tell either, try again if that may help. */
static enum zt_err
settle(enum zt_err of_map, enum zt_err of_broker)
{
	return of_broker == ZT_ERR_UNAVAIL ? of_map : of_broker;
}

static enum zt_err
map_hold(struct map_use *use)
{
	enum zt_err err = map_acquire(use);

	return err == ZT_OK ? ZT_OK : unanswered(err);
}

/* Can this be the name or id of one of ours?  If not, the broker is not asked;
 * the snapshot finds no other. */
static bool
can_be_ours(const struct zt_nss_request *req)
{
	if (req->op == ZT_NSS_USER_BY_UID || req->op == ZT_NSS_GROUP_BY_GID)
		return zt_id_valid(req->id);
	return zt_name_valid(req->name);
}

static bool
in_range(const struct zt_snapshot *s, uint32_t id)
{
	return id >= s->info.id_min && id <= s->info.id_max;
}

/* No more than tells that it is too long: a caller's name has no limit. */
static struct zt_str
name_of(const char *name)
{
	if (name == NULL)
		return zt_str(NULL);
	return (struct zt_str){ name, strnlen(name, ZT_NAME_MAX + 1) };
}

static enum zt_err
find_user(const struct zt_snapshot *s, const struct zt_nss_request *req,
    struct zt_snapshot_user *out)
{
	if (req->op != ZT_NSS_USER_BY_UID)
		return map_verdict(s, zt_snapshot_user(s, req->name, out));
	if (!in_range(s, req->id))
		return ZT_ERR_NOTFOUND;
	return map_verdict(s, zt_snapshot_user_by_uid(s, req->id, out));
}

static enum zt_err
find_group(const struct zt_snapshot *s, const struct zt_nss_request *req,
    struct zt_snapshot_group *out)
{
	if (req->op != ZT_NSS_GROUP_BY_GID)
		return map_verdict(s, zt_snapshot_group(s, req->name, out));
	if (!in_range(s, req->id))
		return ZT_ERR_NOTFOUND;
	return map_verdict(s, zt_snapshot_group_by_gid(s, req->id, out));
}

static enum zt_err
read_user(struct zt_snapshot_read *r, const struct zt_nss_request *req,
    struct zt_snapshot_user *out)
{
	const struct zt_snapshot *s = &r->snapshot;

	if (req->op != ZT_NSS_USER_BY_UID)
		return map_verdict(s, zt_snapshot_read_user(r, req->name, out));
	if (!in_range(s, req->id))
		return ZT_ERR_NOTFOUND;
	return map_verdict(s, zt_snapshot_read_user_by_uid(r, req->id, out));
}

/* ZT_ERR_UNAVAIL: the snapshot cannot tell; so with all of those below. */
static __attribute__((__noinline__)) enum zt_err
user_of_file(const struct zt_nss_request *req, struct pack_room room,
    struct passwd *pwd)
{
	zt_auto(zt_snapshot_read_close) struct zt_snapshot_read r = { .fd =
									  -1 };
	struct zt_snapshot_user user;
	enum zt_err err;

	if ((err = zt_snapshot_read_open(path_snapshot(), &r)) != ZT_OK)
		return unanswered(err);
	err = read_user(&r, req, &user);
	return err == ZT_OK ? pack_user(&user, room, pwd) : err;
}

static enum zt_err
user_of_map(const struct zt_nss_request *req, struct pack_room room,
    struct passwd *pwd)
{
	struct zt_snapshot_user user;
	struct map_use use;
	enum zt_err err;

	if (map_is_first())
		return user_of_file(req, room, pwd);
	if ((err = map_hold(&use)) != ZT_OK)
		return err;
	err = find_user(use.snapshot, req, &user);
	if (err == ZT_OK)
		err = pack_user(&user, room, pwd);
	map_release(&use);
	return err;
}

static enum zt_err
pack_group_of_map(const struct zt_snapshot *s,
    const struct zt_snapshot_group *group, struct pack_room room,
    struct group *grp)
{
	const struct pack_members members = {
		.n = group->n_members < ZT_MEMBERS_MAX ? group->n_members
						       : ZT_MEMBERS_MAX,
		.snapshot = s,
		.group = group,
	};
	enum zt_err err =
	    pack_group(group->name, group->gid, &members, room, grp);

	return err == ZT_OK || err == ZT_ERR_TOOBIG ? err : unanswered(err);
}

static enum zt_err
group_of_map(const struct zt_nss_request *req, struct pack_room room,
    struct group *grp)
{
	struct zt_snapshot_group group;
	struct map_use use;
	enum zt_err err;

	if ((err = map_hold(&use)) != ZT_OK)
		return err;
	err = find_group(use.snapshot, req, &group);
	if (err == ZT_OK)
		err = pack_group_of_map(use.snapshot, &group, room, grp);
	map_release(&use);
	return err;
}

static enum zt_err
gids_of_map(struct zt_str name, const struct gids_list *list)
{
	struct zt_snapshot_user user;
	struct map_use use;
	enum zt_err err;

	if ((err = map_hold(&use)) != ZT_OK)
		return err;
	err = map_verdict(use.snapshot,
	    zt_snapshot_user(use.snapshot, name, &user));
	if (err == ZT_OK) {
		const struct gids_source from = { .n = user.n_gids,
			.snapshot = use.snapshot,
			.user = &user };

		err = gids_append(list, &from);
		err = err == ZT_OK ? ZT_OK : unanswered(err);
	}
	map_release(&use);
	return err;
}

/* An entry that is broken ends an enumeration: the broker's is another. */
static enum zt_err
next_verdict(enum zt_err err)
{
	return err == ZT_OK || err == ZT_ERR_NOTFOUND ? err : ZT_ERR_MALFORMED;
}

static enum zt_err
next_user_of_map(struct pack_room room, struct passwd *pwd)
{
	uint32_t cursor = atomic_load(&user_cursor);
	struct zt_snapshot_user user;
	struct map_use use;
	enum zt_err err;

	if ((err = map_hold(&use)) != ZT_OK)
		return err;
	err = ZT_ERR_NOTFOUND;
	if (use.snapshot->info.enumerate)
		err = next_verdict(zt_snapshot_user_next(use.snapshot, &cursor,
		    &user));
	if (err == ZT_OK)
		err = pack_user(&user, room, pwd);
	map_release(&use);
	if (err == ZT_OK)
		atomic_store(&user_cursor, cursor);
	return err;
}

static enum zt_err
next_group_of_map(struct pack_room room, struct group *grp)
{
	uint32_t cursor = atomic_load(&group_cursor);
	struct zt_snapshot_group group;
	struct map_use use;
	enum zt_err err;

	if ((err = map_hold(&use)) != ZT_OK)
		return err;
	err = ZT_ERR_NOTFOUND;
	if (use.snapshot->info.enumerate)
		err = next_verdict(zt_snapshot_group_next(use.snapshot, &cursor,
		    &group));
	if (err == ZT_OK)
		err = pack_group_of_map(use.snapshot, &group, room, grp);
	map_release(&use);
	if (err == ZT_OK)
		atomic_store(&group_cursor, cursor);
	return err == ZT_ERR_UNAVAIL ? ZT_ERR_MALFORMED : err;
}

/* Ask for one user.  cursor is moved on success, if given. */
static __attribute__((__noinline__)) enum zt_err
user_of_broker(const struct zt_nss_request *req, _Atomic uint32_t *cursor,
    struct pack_room room, struct passwd *pwd)
{
	uint8_t msg[ASK_USER_MAX];
	struct zt_snapshot_user user = { 0 };
	struct zt_nss_user answer;
	enum zt_err err;

	err = broker_verdict(ask_user(req, &answer, msg, sizeof(msg)));
	if (err != ZT_OK)
		return err;
	user.name = answer.name;
	user.gecos = answer.gecos;
	user.home = answer.home;
	user.shell = answer.shell;
	user.uid = answer.uid;
	user.gid = answer.gid;
	err = pack_user(&user, room, pwd);
	if (err == ZT_OK && cursor != NULL)
		atomic_store(cursor, answer.next);
	return err;
}

/* As user_of_broker(). */
static __attribute__((__noinline__)) enum zt_err
group_of_broker(const struct zt_nss_request *req, _Atomic uint32_t *cursor,
    struct pack_room room, struct group *grp)
{
	zt_auto_free struct group_scratch *s = malloc(sizeof(*s));
	struct pack_members members = { 0 };
	enum zt_err err;

	if (s == NULL)
		return ZT_ERR_NOMEM;
	err = broker_verdict(ask_group(req, &s->group, s->msg, sizeof(s->msg)));
	if (err != ZT_OK)
		return err;
	members.n = s->group.n_members;
	members.texts = s->group.members;
	err = pack_group(s->group.name, s->group.gid, &members, room, grp);
	if (err == ZT_OK && cursor != NULL)
		atomic_store(cursor, s->group.next);
	return err;
}

static __attribute__((__noinline__)) enum zt_err
gids_of_broker(const struct zt_nss_request *req, const struct gids_list *list)
{
	zt_auto_free struct gids_scratch *s = malloc(sizeof(*s));
	struct gids_source from = { 0 };
	enum zt_err err;

	if (s == NULL)
		return ZT_ERR_NOMEM;
	err = broker_verdict(ask_gids(req, &s->gids, s->msg, sizeof(s->msg)));
	if (err != ZT_OK)
		return err;
	from.n = gids_sort(s->gids.gids, s->gids.n);
	from.gids = s->gids.gids;
	return gids_append(list, &from);
}

static enum nss_status
get_user(const struct zt_nss_request *req, struct pack_room room,
    struct passwd *pwd, int *errnop)
{
	enum zt_err err = user_of_map(req, room, pwd);

	if (cannot_tell(err))
		err = can_be_ours(req)
		    ? settle(err, user_of_broker(req, NULL, room, pwd))
		    : ZT_ERR_NOTFOUND;
	return err_to_nss(err, errnop);
}

static enum nss_status
get_group(const struct zt_nss_request *req, struct pack_room room,
    struct group *grp, int *errnop)
{
	const int saved_errno = errno;
	enum zt_err err = group_of_map(req, room, grp);

	if (cannot_tell(err))
		err = can_be_ours(req)
		    ? settle(err, group_of_broker(req, NULL, room, grp))
		    : ZT_ERR_NOTFOUND;
	errno = saved_errno;
	return err_to_nss(err, errnop);
}

enum nss_status
_nss_zt_getpwnam_r(const char *name, struct passwd *pwd, char *buf,
    size_t buflen, int *errnop)
{
	const struct zt_nss_request req = { .op = ZT_NSS_USER_BY_NAME,
		.name = name_of(name) };

	return get_user(&req, (struct pack_room){ buf, buflen }, pwd, errnop);
}

enum nss_status
_nss_zt_getpwuid_r(uid_t uid, struct passwd *pwd, char *buf, size_t buflen,
    int *errnop)
{
	const struct zt_nss_request req = {
		.op = ZT_NSS_USER_BY_UID, .name = name_of(NULL), .id = uid
	};

	return get_user(&req, (struct pack_room){ buf, buflen }, pwd, errnop);
}

enum nss_status
_nss_zt_setpwent(int stayopen)
{
	(void)stayopen; /* nothing is ever kept open */
	atomic_store(&user_cursor, 0);
	return NSS_STATUS_SUCCESS;
}

enum nss_status
_nss_zt_getpwent_r(struct passwd *pwd, char *buf, size_t buflen, int *errnop)
{
	const struct pack_room room = { buf, buflen };
	enum zt_err err = next_user_of_map(room, pwd);

	if (err == ZT_ERR_UNAVAIL) {
		const struct zt_nss_request req = { .op = ZT_NSS_USER_AT,
			.name = name_of(NULL),
			.id = atomic_load(&user_cursor) };

		err = user_of_broker(&req, &user_cursor, room, pwd);
	}
	return err_to_nss(err, errnop);
}

enum nss_status
_nss_zt_endpwent(void)
{
	atomic_store(&user_cursor, 0);
	return NSS_STATUS_SUCCESS;
}

enum nss_status
_nss_zt_getgrnam_r(const char *name, struct group *grp, char *buf,
    size_t buflen, int *errnop)
{
	const struct zt_nss_request req = { .op = ZT_NSS_GROUP_BY_NAME,
		.name = name_of(name) };

	return get_group(&req, (struct pack_room){ buf, buflen }, grp, errnop);
}

enum nss_status
_nss_zt_getgrgid_r(gid_t gid, struct group *grp, char *buf, size_t buflen,
    int *errnop)
{
	const struct zt_nss_request req = {
		.op = ZT_NSS_GROUP_BY_GID, .name = name_of(NULL), .id = gid
	};

	return get_group(&req, (struct pack_room){ buf, buflen }, grp, errnop);
}

enum nss_status
_nss_zt_setgrent(int stayopen)
{
	(void)stayopen;
	atomic_store(&group_cursor, 0);
	return NSS_STATUS_SUCCESS;
}

enum nss_status
_nss_zt_getgrent_r(struct group *grp, char *buf, size_t buflen, int *errnop)
{
	const struct pack_room room = { buf, buflen };
	const int saved_errno = errno;
	enum zt_err err = next_group_of_map(room, grp);

	if (err == ZT_ERR_UNAVAIL) {
		const struct zt_nss_request req = { .op = ZT_NSS_GROUP_AT,
			.name = name_of(NULL),
			.id = atomic_load(&group_cursor) };

		err = group_of_broker(&req, &group_cursor, room, grp);
	}
	errno = saved_errno;
	return err_to_nss(err, errnop);
}

enum nss_status
_nss_zt_endgrent(void)
{
	atomic_store(&group_cursor, 0);
	return NSS_STATUS_SUCCESS;
}

enum nss_status
_nss_zt_initgroups_dyn(const char *user, gid_t skip, long int *start,
    long int *size, gid_t **groupsp, long int limit, int *errnop)
{
	const struct zt_nss_request req = { .op = ZT_NSS_GIDS_OF_USER,
		.name = name_of(user) };
	const struct gids_list list = { start, size, groupsp, limit, skip };
	const int saved_errno = errno;
	enum zt_err err = gids_of_map(req.name, &list);

	if (cannot_tell(err))
		err = can_be_ours(&req)
		    ? settle(err, gids_of_broker(&req, &list))
		    : ZT_ERR_NOTFOUND;
	errno = saved_errno;
	return err_to_nss(err, errnop);
}
