/* SPDX-License-Identifier: Apache-2.0 */
#include <stdalign.h>
#include <string.h>

#include "pack.h"

/* No password matches it. */
static const struct zt_str locked = { "*", 1 };

/* Claim len bytes, or NULL.  The only place that makes the room smaller. */
static char *
room_take(struct pack_room *room, size_t len)
{
	char *start = room->buf;

	if (start == NULL || len > room->len)
		return NULL;
	room->buf += len;
	room->len -= len;
	return start;
}

/* A copy of s and a NUL, or NULL. */
static char *
room_put(struct pack_room *room, struct zt_str s)
{
	char *copy = room_take(room, s.len + 1);

	if (copy == NULL)
		return NULL;
	memcpy(copy, s.p, s.len);
	copy[s.len] = '\0';
	return copy;
}

/* Does b stand where a and a NUL end? */
static bool
follows(struct zt_str a, struct zt_str b)
{
	return b.p == a.p + a.len + 1;
}

/* As room_put() of each, in one copy, whatever stands between them. */
static bool
texts_put_whole(struct pack_room *room, const struct zt_snapshot_user *user,
    struct passwd *out)
{
	const char *first = user->name.p;
	const size_t len = (size_t)(user->shell.p - first) + user->shell.len;
	char *copy = room_take(room, len + 1);

	if (copy == NULL)
		return false;
	memcpy(copy, first, len);
	out->pw_name = copy;
	out->pw_gecos = copy + user->name.len + 1;
	out->pw_dir = out->pw_gecos + user->gecos.len + 1;
	out->pw_shell = out->pw_dir + user->home.len + 1;
	out->pw_gecos[-1] = out->pw_dir[-1] = out->pw_shell[-1] = '\0';
	copy[len] = '\0';
	return true;
}

static bool
texts_put(struct pack_room *room, const struct zt_snapshot_user *user,
    struct passwd *out)
{
	if (follows(user->name, user->gecos) &&
	    follows(user->gecos, user->home) &&
	    follows(user->home, user->shell))
		return texts_put_whole(room, user, out);
	return (out->pw_name = room_put(room, user->name)) != NULL &&
	    (out->pw_gecos = room_put(room, user->gecos)) != NULL &&
	    (out->pw_dir = room_put(room, user->home)) != NULL &&
	    (out->pw_shell = room_put(room, user->shell)) != NULL;
}

enum zt_err
pack_user(const struct zt_snapshot_user *user, struct pack_room room,
    struct passwd *out)
{
	struct passwd pwd = { .pw_uid = user->uid, .pw_gid = user->gid };

	if ((pwd.pw_passwd = room_put(&room, locked)) == NULL ||
	    !texts_put(&room, user, &pwd))
		return ZT_ERR_TOOBIG;
	*out = pwd;
	return ZT_OK;
}

static enum zt_err
member_at(const struct pack_members *m, uint32_t i, struct zt_str *out)
{
	if (m->texts == NULL)
		return zt_snapshot_member(m->snapshot, m->group, i, out);
	*out = m->texts[i];
	return ZT_OK;
}

/* An aligned array of n + 1 pointers, or NULL. */
static char **
room_list(struct pack_room *room, size_t n)
{
	const size_t pad = -(uintptr_t)room->buf % alignof(char *);

	if (room_take(room, pad) == NULL)
		return NULL;
	return (char **)(void *)room_take(room, (n + 1) * sizeof(char *));
}

enum zt_err
pack_group(struct zt_str name, gid_t gid, const struct pack_members *members,
    struct pack_room room, struct group *out)
{
	char **list = room_list(&room, members->n);
	struct group grp = { .gr_gid = gid, .gr_mem = list };
	struct zt_str member;
	enum zt_err err;

	if (list == NULL || (grp.gr_name = room_put(&room, name)) == NULL ||
	    (grp.gr_passwd = room_put(&room, locked)) == NULL)
		return ZT_ERR_TOOBIG;
	for (uint32_t i = 0; i < members->n; i++) {
		if ((err = member_at(members, i, &member)) != ZT_OK)
			return err;
		if ((list[i] = room_put(&room, member)) == NULL)
			return ZT_ERR_TOOBIG;
	}
	list[members->n] = NULL;
	*out = grp;
	return ZT_OK;
}
