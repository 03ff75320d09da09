/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "oldmembers.h"

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
compare_gids(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Leave only the users that are here in the group's own list. */
static void
drop_strangers(struct zt_oldgroup *group, const struct table *users)
{
	size_t n = 0;

	for (size_t i = 0; i < group->n_members; i++)
		if (table_find(users, zt_str(group->members[i])) != NULL)
			group->members[n++] = group->members[i];
		else
			free(group->members[i]);
	group->n_members = n;
}

/* One longer each time: libc's realloc(3) knows how to grow in place. */
static enum zt_err
add_member(struct zt_oldgroup *group, const char *name)
{
	char **grown, *copy;

	grown =
	    reallocarray(group->members, group->n_members + 1, sizeof(*grown));
	if (grown == NULL)
		return ZT_ERR_NOMEM;
	group->members = grown;
	if ((copy = strdup(name)) == NULL)
		return ZT_ERR_NOMEM;
	group->members[group->n_members++] = copy;
	return ZT_OK;
}

static enum zt_err
add_gid(struct entry *user, uint32_t gid)
{
	enum zt_err err;

	err = array_grow(&user->gids, user->n_gids, sizeof(uint32_t));
	if (err != ZT_OK)
		return err;
	user->gids[user->n_gids++] = gid;
	return ZT_OK;
}

/* Enter one user into the groups of its memberOf. */
static enum zt_err
enter_groups(struct entry *user, const struct table *groups,
    const struct zt_local *local)
{
	enum zt_err err = ZT_OK;

	for (size_t i = 0; i < user->user->n_member_of && err == ZT_OK; i++) {
		const char *name = user->user->member_of[i];
		struct entry *group = table_find(groups, zt_str(name));
		uint32_t gid;

		if (group != NULL)
			err = add_member(group->group, user->name);
		else if (zt_local_group(local, name, &gid))
			err = add_gid(user, gid);
	}
	return err;
}

static void
unique_members(struct zt_oldgroup *group)
{
	size_t n = 0;

	if (group->n_members == 0)
		return;
	qsort(group->members, group->n_members, sizeof(char *), compare_texts);
	for (size_t i = 0; i < group->n_members; i++)
		if (n == 0 ||
		    strcmp(group->members[n - 1], group->members[i]) != 0)
			group->members[n++] = group->members[i];
		else
			free(group->members[i]);
	group->n_members = n;
}

/* Tell every member of a group its gid. */
static enum zt_err
hand_out_gid(const struct entry *group, const struct table *users)
{
	enum zt_err err = ZT_OK;

	for (size_t i = 0; i < group->group->n_members && err == ZT_OK; i++)
		err =
		    add_gid(table_find(users, zt_str(group->group->members[i])),
			group->id);
	return err;
}

static enum zt_err
unique_gids(struct entry *user)
{
	size_t n = 0;

	if (user->n_gids == 0)
		return ZT_OK;
	qsort(user->gids, user->n_gids, sizeof(uint32_t), compare_gids);
	for (size_t i = 0; i < user->n_gids; i++)
		if (user->gids[i] != user->user->gid &&
		    (n == 0 || user->gids[n - 1] != user->gids[i]))
			user->gids[n++] = user->gids[i];
	user->n_gids = n;
	return n > ZT_GROUPS_PER_USER_MAX ? ZT_ERR_TOOBIG : ZT_OK;
}

enum zt_err
members_resolve(struct zt_olddirectory *directory, const struct zt_local *local)
{
	const struct table *users = &directory->users;
	const struct table *groups = &directory->groups;
	enum zt_err err = ZT_OK;

	for (size_t i = 0; i < groups->n; i++)
		drop_strangers(groups->by_name[i]->group, users);
	for (size_t i = 0; i < users->n && err == ZT_OK; i++)
		err = enter_groups(users->by_name[i], groups, local);
	for (size_t i = 0; i < groups->n && err == ZT_OK; i++) {
		unique_members(groups->by_name[i]->group);
		err = hand_out_gid(groups->by_name[i], users);
	}
	for (size_t i = 0; i < users->n && err == ZT_OK; i++)
		err = unique_gids(users->by_name[i]);
	return err;
}
