/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "zt/auto.h"

#include "nss_zt.h"

/*
 * Where an enumeration stands.  getpwent(3) has one position per process, so
 * this is the module's only state.  glibc calls set, get and end under a lock
 * of its own; the atomics only keep a caller that does not well defined.
 */
static _Atomic uint32_t user_cursor, group_cursor;

/* Room for a whole message; too large for the stack of a stranger's thread. */
struct group_scratch {
	struct zt_nss_group group;
	uint8_t msg[ZT_WIRE_MAX];
};

struct gids_scratch {
	struct zt_nss_gids gids;
	bool drop[ZT_GIDS_MAX]; /* beside gids.gids */
	uint8_t msg[ZT_WIRE_MAX];
};

/* The only translation from zt_err to NSS.  Only NOTFOUND says "no user". */
static enum nss_status
err_to_nss(enum zt_err err, int *errnop)
{
	switch (err) {
	case ZT_OK:
		return NSS_STATUS_SUCCESS;
	case ZT_ERR_NOTFOUND:
		*errnop = ENOENT;
		return NSS_STATUS_NOTFOUND;
	case ZT_ERR_NOMEM:
		*errnop = EAGAIN;
		return NSS_STATUS_TRYAGAIN;
	case ZT_ERR_SYS:
	case ZT_ERR_INVAL:
	case ZT_ERR_TRUNCATED:
	case ZT_ERR_MALFORMED:
	case ZT_ERR_TRAILING:
	case ZT_ERR_TOOBIG:
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

/* The only place that says ERANGE. */
static enum nss_status
too_small(int *errnop)
{
	*errnop = ERANGE;
	return NSS_STATUS_TRYAGAIN;
}

/* Append s and a NUL to *bufp.  The caller has checked that it fits. */
static char *
put_str(char **bufp, struct zt_str s)
{
	char *start = *bufp;

	memcpy(start, s.p, s.len);
	start[s.len] = '\0';
	*bufp = start + s.len + 1;
	return start;
}

static enum nss_status
pack_user(const struct zt_nss_user *user, struct passwd *pwd, char *buf,
    size_t buflen, int *errnop)
{
	const struct zt_str locked = { "*", 1 }; /* no password matches */
	const size_t need = user->name.len + locked.len + user->gecos.len +
	    user->home.len + user->shell.len + 5; /* five NULs */

	if (buflen < need)
		return too_small(errnop);
	*pwd = (struct passwd){ .pw_uid = user->uid, .pw_gid = user->gid };
	pwd->pw_name = put_str(&buf, user->name);
	pwd->pw_passwd = put_str(&buf, locked);
	pwd->pw_gecos = put_str(&buf, user->gecos);
	pwd->pw_dir = put_str(&buf, user->home);
	pwd->pw_shell = put_str(&buf, user->shell);
	return NSS_STATUS_SUCCESS;
}

static enum nss_status
pack_group(const struct zt_nss_group *group, struct group *grp, char *buf,
    size_t buflen, int *errnop)
{
	const struct zt_str locked = { "*", 1 };
	const size_t pad = -(uintptr_t)buf % alignof(char *);
	const size_t list = (group->n_members + (size_t)1) * sizeof(char *);
	size_t need = pad + list + group->name.len + locked.len + 2;
	char **members;

	for (uint16_t i = 0; i < group->n_members; i++)
		need += group->members[i].len + 1;
	if (buflen < need)
		return too_small(errnop);
	members = (char **)(void *)(buf + pad);
	buf += pad + list;
	*grp = (struct group){ .gr_gid = group->gid, .gr_mem = members };
	grp->gr_name = put_str(&buf, group->name);
	grp->gr_passwd = put_str(&buf, locked);
	for (uint16_t i = 0; i < group->n_members; i++)
		members[i] = put_str(&buf, group->members[i]);
	members[group->n_members] = NULL;
	return NSS_STATUS_SUCCESS;
}

/* Answer a question for one user.  cursor is moved on success, if given. */
static enum nss_status
get_user(const struct zt_nss_request *req, _Atomic uint32_t *cursor,
    struct passwd *pwd, char *buf, size_t buflen, int *errnop)
{
	uint8_t msg[ASK_USER_MAX];
	struct zt_nss_user user;
	enum nss_status status;
	enum zt_err err;

	if ((err = ask_user(req, &user, msg, sizeof(msg))) != ZT_OK)
		return err_to_nss(err, errnop);
	status = pack_user(&user, pwd, buf, buflen, errnop);
	if (status == NSS_STATUS_SUCCESS && cursor != NULL)
		atomic_store(cursor, user.next);
	return status;
}

/* As get_user(). */
static enum nss_status
get_group(const struct zt_nss_request *req, _Atomic uint32_t *cursor,
    struct group *grp, char *buf, size_t buflen, int *errnop)
{
	zt_auto_free struct group_scratch *s = malloc(sizeof(*s));
	enum nss_status status;
	enum zt_err err;

	if (s == NULL)
		return err_to_nss(ZT_ERR_NOMEM, errnop);
	err = ask_group(req, &s->group, s->msg, sizeof(s->msg));
	if (err != ZT_OK)
		return err_to_nss(err, errnop);
	status = pack_group(&s->group, grp, buf, buflen, errnop);
	if (status == NSS_STATUS_SUCCESS && cursor != NULL)
		atomic_store(cursor, s->group.next);
	return status;
}

enum nss_status
_nss_zt_getpwnam_r(const char *name, struct passwd *pwd, char *buf,
    size_t buflen, int *errnop)
{
	const struct zt_nss_request req = { .op = ZT_NSS_USER_BY_NAME,
		.name = zt_str(name) };

	return get_user(&req, NULL, pwd, buf, buflen, errnop);
}

enum nss_status
_nss_zt_getpwuid_r(uid_t uid, struct passwd *pwd, char *buf, size_t buflen,
    int *errnop)
{
	const struct zt_nss_request req = {
		.op = ZT_NSS_USER_BY_UID, .name = zt_str(NULL), .id = uid
	};

	return get_user(&req, NULL, pwd, buf, buflen, errnop);
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
	const struct zt_nss_request req = { .op = ZT_NSS_USER_AT,
		.name = zt_str(NULL),
		.id = atomic_load(&user_cursor) };

	return get_user(&req, &user_cursor, pwd, buf, buflen, errnop);
}

enum nss_status
_nss_zt_endpwent(void)
{
	return _nss_zt_setpwent(0);
}

enum nss_status
_nss_zt_getgrnam_r(const char *name, struct group *grp, char *buf,
    size_t buflen, int *errnop)
{
	const struct zt_nss_request req = { .op = ZT_NSS_GROUP_BY_NAME,
		.name = zt_str(name) };

	return get_group(&req, NULL, grp, buf, buflen, errnop);
}

enum nss_status
_nss_zt_getgrgid_r(gid_t gid, struct group *grp, char *buf, size_t buflen,
    int *errnop)
{
	const struct zt_nss_request req = {
		.op = ZT_NSS_GROUP_BY_GID, .name = zt_str(NULL), .id = gid
	};

	return get_group(&req, NULL, grp, buf, buflen, errnop);
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
	const struct zt_nss_request req = { .op = ZT_NSS_GROUP_AT,
		.name = zt_str(NULL),
		.id = atomic_load(&group_cursor) };

	return get_group(&req, &group_cursor, grp, buf, buflen, errnop);
}

enum nss_status
_nss_zt_endgrent(void)
{
	return _nss_zt_setgrent(0);
}

static int
compare_gids(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Mark gid as not wanted, if it is there.  The array stays sorted. */
static void
drop_gid(struct gids_scratch *s, gid_t gid)
{
	const struct zt_nss_gids *gids = &s->gids;
	const uint32_t *found =
	    bsearch(&gid, gids->gids, gids->n, sizeof(gid), compare_gids);

	if (found != NULL)
		s->drop[found - gids->gids] = true;
}

/* Leave of the gids one of each, and none that is in have or skip. */
static void
keep_new(struct gids_scratch *s, gid_t skip, const gid_t *have, long n_have)
{
	struct zt_nss_gids *gids = &s->gids;
	uint16_t n = 0;

	qsort(gids->gids, gids->n, sizeof(gids->gids[0]), compare_gids);
	for (uint16_t i = 0; i < gids->n; i++)
		if (n == 0 || gids->gids[i] != gids->gids[n - 1])
			gids->gids[n++] = gids->gids[i];
	gids->n = n;
	memset(s->drop, 0, sizeof(s->drop));
	drop_gid(s, skip);
	for (long i = 0; i < n_have; i++)
		drop_gid(s, have[i]);
	n = 0;
	for (uint16_t i = 0; i < gids->n; i++)
		if (!s->drop[i])
			gids->gids[n++] = gids->gids[i];
	gids->n = n;
}

/* Append to the caller's array, which grows up to limit (none if <= 0). */
static enum zt_err
append_gids(const struct zt_nss_gids *gids, long *start, long *size,
    gid_t **groupsp, long limit)
{
	long total = *start + gids->n;
	gid_t *grown;

	if (limit > 0 && total > limit)
		total = limit;
	if (total > *size) {
		grown = reallocarray(*groupsp, (size_t)total, sizeof(gid_t));
		if (grown == NULL)
			return ZT_ERR_NOMEM;
		*groupsp = grown;
		*size = total;
	}
	for (long i = 0; *start < total; i++)
		(*groupsp)[(*start)++] = gids->gids[i];
	return ZT_OK;
}

enum nss_status
_nss_zt_initgroups_dyn(const char *user, gid_t skip, long int *start,
    long int *size, gid_t **groupsp, long int limit, int *errnop)
{
	const struct zt_nss_request req = { .op = ZT_NSS_GIDS_OF_USER,
		.name = zt_str(user) };
	zt_auto_free struct gids_scratch *s = malloc(sizeof(*s));
	enum zt_err err;

	if (s == NULL)
		return err_to_nss(ZT_ERR_NOMEM, errnop);
	err = ask_gids(&req, &s->gids, s->msg, sizeof(s->msg));
	if (err != ZT_OK)
		return err_to_nss(err, errnop);
	keep_new(s, skip, *groupsp, *start);
	err = append_gids(&s->gids, start, size, groupsp, limit);
	return err_to_nss(err, errnop);
}
