/* SPDX-License-Identifier: Apache-2.0 */
#include "users_state.h"

/* One question of the NSS module, and where its answer goes. */
struct ask {
	const struct users *users;
	const struct zt_nss_request *req;
	void *buf;
	size_t cap;
	size_t *len_out;
};

static enum zt_err
answer_absent(const struct ask *ask, bool definitive)
{
	const struct zt_nss_absent absent = { .definitive = definitive };

	return zt_nss_absent_encode(&absent, ask->buf, ask->cap, ask->len_out);
}

/* Not found, or not to be told. */
static enum zt_err
answer_failure(const struct ask *ask, enum zt_err err)
{
	return answer_absent(ask, err == ZT_ERR_NOTFOUND && ask->users->whole);
}

static enum zt_err
answer_user(const struct ask *ask, const struct zt_snapshot_user *user,
    uint32_t next)
{
	const struct zt_nss_user m = { .next = next,
		.uid = user->uid,
		.gid = user->gid,
		.name = user->name,
		.gecos = user->gecos,
		.home = user->home,
		.shell = user->shell };

	return zt_nss_user_encode(&m, ask->buf, ask->cap, ask->len_out);
}

static enum zt_err
answer_group(const struct ask *ask, const struct zt_snapshot_group *group,
    uint32_t next)
{
	const struct zt_snapshot *snapshot = &ask->users->snapshot;
	struct zt_nss_group m = {
		.next = next, .gid = group->gid, .name = group->name
	};

	while (m.n_members < ZT_MEMBERS_MAX && m.n_members < group->n_members) {
		if (zt_snapshot_member(snapshot, group, m.n_members,
			&m.members[m.n_members]) != ZT_OK)
			return answer_absent(ask, false);
		m.n_members++;
	}
	return zt_nss_group_encode(&m, ask->buf, ask->cap, ask->len_out);
}

/* A merged user is in at most ZT_GROUPS_PER_USER_MAX groups: all fit. */
static enum zt_err
answer_gids(const struct ask *ask, const struct zt_snapshot_user *user)
{
	struct zt_nss_gids m = { .n = 0 };

	if (user->n_gids > ZT_GIDS_MAX)
		return answer_absent(ask, false);
	while (m.n < user->n_gids) {
		if (zt_snapshot_gid(&ask->users->snapshot, user, m.n,
			&m.gids[m.n]) != ZT_OK)
			return answer_absent(ask, false);
		m.n++;
	}
	return zt_nss_gids_encode(&m, ask->buf, ask->cap, ask->len_out);
}

static enum zt_err
ask_user(const struct ask *ask)
{
	const struct zt_snapshot *snapshot = &ask->users->snapshot;
	const struct zt_nss_request *req = ask->req;
	struct zt_snapshot_user user;
	enum zt_err err;

	err = req->op == ZT_NSS_USER_BY_UID
	    ? zt_snapshot_user_by_uid(snapshot, req->id, &user)
	    : zt_snapshot_user(snapshot, req->name, &user);
	if (err != ZT_OK)
		return answer_failure(ask, err);
	return req->op == ZT_NSS_GIDS_OF_USER ? answer_gids(ask, &user)
					      : answer_user(ask, &user, 0);
}

static enum zt_err
ask_group(const struct ask *ask)
{
	const struct zt_snapshot *snapshot = &ask->users->snapshot;
	struct zt_snapshot_group group;
	enum zt_err err;

	err = ask->req->op == ZT_NSS_GROUP_BY_GID
	    ? zt_snapshot_group_by_gid(snapshot, ask->req->id, &group)
	    : zt_snapshot_group(snapshot, ask->req->name, &group);
	return err == ZT_OK ? answer_group(ask, &group, 0)
			    : answer_failure(ask, err);
}

/* The next of an enumeration, from the cursor in the request. */
static enum zt_err
ask_next(const struct ask *ask)
{
	const struct zt_snapshot *snapshot = &ask->users->snapshot;
	struct zt_snapshot_group group;
	struct zt_snapshot_user user;
	uint32_t cursor = ask->req->id;
	enum zt_err err;

	if (!ask->users->conf->identity.enumerate)
		return answer_failure(ask, ZT_ERR_NOTFOUND);
	if (ask->req->op == ZT_NSS_USER_AT) {
		err = zt_snapshot_user_next(snapshot, &cursor, &user);
		return err == ZT_OK ? answer_user(ask, &user, cursor)
				    : answer_failure(ask, err);
	}
	err = zt_snapshot_group_next(snapshot, &cursor, &group);
	return err == ZT_OK ? answer_group(ask, &group, cursor)
			    : answer_failure(ask, err);
}

enum zt_err
users_answer(const struct users *users, const struct zt_nss_request *request,
    void *buf, size_t cap, size_t *len_out)
{
	const struct ask ask = { users, request, buf, cap, len_out };

	if (!users->mapped)
		return answer_absent(&ask, false);
	switch (request->op) {
	case ZT_NSS_USER_BY_NAME:
	case ZT_NSS_USER_BY_UID:
	case ZT_NSS_GIDS_OF_USER:
		return ask_user(&ask);
	case ZT_NSS_GROUP_BY_NAME:
	case ZT_NSS_GROUP_BY_GID:
		return ask_group(&ask);
	case ZT_NSS_USER_AT:
	case ZT_NSS_GROUP_AT:
		return ask_next(&ask);
	}
	return answer_absent(&ask, false);
}
