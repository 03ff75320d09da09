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

enum zt_err
pack_user(const struct zt_snapshot_user *user, struct pack_room room,
    struct passwd *out)
{
	struct passwd pwd = { .pw_uid = user->uid, .pw_gid = user->gid };

	if ((pwd.pw_name = room_put(&room, user->name)) == NULL ||
	    (pwd.pw_passwd = room_put(&room, locked)) == NULL ||
	    (pwd.pw_gecos = room_put(&room, user->gecos)) == NULL ||
	    (pwd.pw_dir = room_put(&room, user->home)) == NULL ||
	    (pwd.pw_shell = room_put(&room, user->shell)) == NULL)
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
