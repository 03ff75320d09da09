/* SPDX-License-Identifier: Apache-2.0 */
#include "users_state.h"

static enum zt_err
answer_absent(const struct users *users, void *buf, size_t cap, size_t *len_out)
{
	const struct zt_nss_absent absent = {
		.definitive = users->err == ZT_OK,
	};

	return zt_nss_absent_encode(&absent, buf, cap, len_out);
}

static enum zt_err
answer_user(const struct zt_olduser *user, uint32_t next, void *buf, size_t cap,
    size_t *len_out)
{
	const struct zt_nss_user m = { .next = next,
		.uid = user->uid,
		.gid = user->gid,
		.name = zt_str(user->name),
		.gecos = zt_str(user->gecos),
		.home = zt_str(user->home),
		.shell = zt_str(user->shell) };

	return zt_nss_user_encode(&m, buf, cap, len_out);
}

static enum zt_err
answer_group(const struct zt_oldgroup *group, uint32_t next, void *buf, size_t cap,
    size_t *len_out)
{
	struct zt_nss_group m = {
		.next = next, .gid = group->gid, .name = zt_str(group->name)
	};

	while (m.n_members < ZT_MEMBERS_MAX && m.n_members < group->n_members) {
		m.members[m.n_members] = zt_str(group->members[m.n_members]);
		m.n_members++;
	}
	return zt_nss_group_encode(&m, buf, cap, len_out);
}

/* A loaded user is in at most ZT_GROUPS_PER_USER_MAX groups: all fit. */
static enum zt_err
answer_gids(const struct zt_olddirectory *directory, const struct zt_olduser *user,
    void *buf, size_t cap, size_t *len_out)
{
	struct zt_nss_gids m;
	size_t n = zt_olddirectory_gids(directory, user, m.gids, ZT_GIDS_MAX);

	if (n > ZT_GIDS_MAX)
		return ZT_ERR_TOOBIG;
	m.n = (uint16_t)n;
	return zt_nss_gids_encode(&m, buf, cap, len_out);
}

/* The user that a request is for, or NULL. */
static const struct zt_olduser *
find_user(const struct users *users, const struct zt_nss_request *req)
{
	switch (req->op) {
	case ZT_NSS_USER_BY_NAME:
	case ZT_NSS_GIDS_OF_USER:
		return zt_olddirectory_user(users->directory, req->name);
	case ZT_NSS_USER_BY_UID:
		return zt_olddirectory_user_by_uid(users->directory, req->id);
	case ZT_NSS_USER_AT:
		if (users->conf->identity.enumerate)
			return zt_olddirectory_user_at(users->directory, req->id);
		break;
	case ZT_NSS_GROUP_BY_NAME:
	case ZT_NSS_GROUP_BY_GID:
	case ZT_NSS_GROUP_AT:
		break;
	}
	return NULL;
}

/* The group that a request is for, or NULL. */
static const struct zt_oldgroup *
find_group(const struct users *users, const struct zt_nss_request *req)
{
	switch (req->op) {
	case ZT_NSS_GROUP_BY_NAME:
		return zt_olddirectory_group(users->directory, req->name);
	case ZT_NSS_GROUP_BY_GID:
		return zt_olddirectory_group_by_gid(users->directory, req->id);
	case ZT_NSS_GROUP_AT:
		if (users->conf->identity.enumerate)
			return zt_olddirectory_group_at(users->directory, req->id);
		break;
	case ZT_NSS_USER_BY_NAME:
	case ZT_NSS_GIDS_OF_USER:
	case ZT_NSS_USER_BY_UID:
	case ZT_NSS_USER_AT:
		break;
	}
	return NULL;
}

enum zt_err
users_answer(const struct users *users, const struct zt_nss_request *request,
    void *buf, size_t cap, size_t *len_out)
{
	const bool at =
	    request->op == ZT_NSS_USER_AT || request->op == ZT_NSS_GROUP_AT;
	const uint32_t next = at ? request->id + 1 : 0;
	const struct zt_oldgroup *group;
	const struct zt_olduser *user;

	if (users->directory == NULL)
		return answer_absent(users, buf, cap, len_out);
	if ((user = find_user(users, request)) != NULL)
		return request->op == ZT_NSS_GIDS_OF_USER
		    ? answer_gids(users->directory, user, buf, cap, len_out)
		    : answer_user(user, next, buf, cap, len_out);
	if ((group = find_group(users, request)) != NULL)
		return answer_group(group, next, buf, cap, len_out);
	return answer_absent(users, buf, cap, len_out);
}
