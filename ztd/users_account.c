/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "users_state.h"
#include "zt/auto.h"
#include "zt/local.h"

void
users_account_clear(struct users_account *account)
{
	for (size_t i = 0; i < account->n_groups; i++)
		free(account->groups[i]);
	free(account->groups);
	*account = (struct users_account){ 0 };
}

/* Add a group's name, once. */
static enum zt_err
add_group(struct users_account *account, const char *name)
{
	char **grown;

	for (size_t i = 0; i < account->n_groups; i++)
		if (strcmp(account->groups[i], name) == 0)
			return ZT_OK;
	grown = reallocarray(account->groups, account->n_groups + 1,
	    sizeof(*grown));
	if (grown == NULL)
		return ZT_ERR_NOMEM;
	account->groups = grown;
	grown[account->n_groups] = strdup(name);
	if (grown[account->n_groups] == NULL)
		return ZT_ERR_NOMEM;
	account->n_groups++;
	return ZT_OK;
}

/* The groups of one account, being collected. */
struct collect {
	struct users_account *account;
	const char *name;           /* of the account */
	const struct zt_olduser *user; /* its record; NULL if local */
	const uint32_t *gids;       /* of the record; n_gids of them */
	size_t n_gids;
	enum zt_err err;
};

static bool
names_user(char *const *members, const char *name)
{
	for (size_t i = 0; members[i] != NULL; i++)
		if (strcmp(members[i], name) == 0)
			return true;
	return false;
}

static bool
has_gid(const struct collect *collect, uint32_t gid)
{
	for (size_t i = 0; i < collect->n_gids; i++)
		if (collect->gids[i] == gid)
			return true;
	return gid == collect->account->gid;
}

static bool
collect_local(void *arg, const char *name, uint32_t gid, char *const *members)
{
	struct collect *collect = arg;

	if (has_gid(collect, gid) || names_user(members, collect->name))
		collect->err = add_group(collect->account, name);
	return collect->err == ZT_OK;
}

/* Names of the record's groups that are records themselves. */
static enum zt_err
collect_records(const struct users *users, const struct collect *collect)
{
	const struct zt_oldgroup *group;
	enum zt_err err = ZT_OK;

	group =
	    zt_olddirectory_group_by_gid(users->directory, collect->account->gid);
	if (group != NULL)
		err = add_group(collect->account, group->name);
	for (size_t i = 0; i < collect->n_gids && err == ZT_OK; i++) {
		group = zt_olddirectory_group_by_gid(users->directory,
		    collect->gids[i]);
		if (group != NULL)
			err = add_group(collect->account, group->name);
	}
	return err;
}

static enum zt_err
fill_groups(const struct users *users, const char *name,
    const struct zt_olduser *user, struct users_account *account)
{
	zt_auto_free uint32_t *gids = NULL;
	struct collect collect = { .account = account, .name = name };
	enum zt_err err;

	if (user != NULL) {
		gids = calloc(ZT_GROUPS_PER_USER_MAX, sizeof(*gids));
		if (gids == NULL)
			return ZT_ERR_NOMEM;
		collect.gids = gids;
		collect.n_gids = zt_olddirectory_gids(users->directory, user, gids,
		    ZT_GROUPS_PER_USER_MAX);
		if ((err = collect_records(users, &collect)) != ZT_OK)
			return err;
	}
	err = zt_local_groups(users->etc, collect_local, &collect);
	return err != ZT_OK ? err : collect.err;
}

static void
accountp_clear(struct users_account *account)
{
	users_account_clear(account);
}

static void
fill_record(const struct zt_olduser *user, struct users_account *account)
{
	account->exists = true;
	account->uid = user->uid;
	account->gid = user->gid;
	account->locked = user->locked;
	account->not_before_us = user->not_before_us;
	account->not_after_us = user->not_after_us;
}

/* What a local file's "not there" means: nothing, while records are unread. */
static enum zt_err
local_verdict(const struct users *users, enum zt_err err)
{
	if (err == ZT_ERR_NOTFOUND && users->err != ZT_OK)
		return ZT_ERR_UNAVAIL;
	return err;
}

static enum zt_err
fill_local(const struct users *users, const char *name,
    struct users_account *account)
{
	struct zt_local_user local;
	enum zt_err err;

	err = local_verdict(users, zt_local_find(users->etc, name, 0, &local));
	if (err == ZT_ERR_NOTFOUND)
		return ZT_OK; /* account->exists stays false */
	if (err != ZT_OK)
		return err;
	account->exists = true;
	account->local = true;
	account->uid = local.uid;
	account->gid = local.gid;
	return ZT_OK;
}

enum zt_err
users_account(struct users *users, const char *name, struct users_account *out)
{
	zt_auto(accountp_clear) struct users_account account = {
		.not_after_us = UINT64_MAX,
	};
	const struct zt_olduser *user = NULL;
	enum zt_err err = ZT_OK;

	if (users->directory != NULL)
		user = zt_olddirectory_user(users->directory, zt_str(name));
	if (user != NULL)
		fill_record(user, &account);
	else
		err = fill_local(users, name, &account);
	if (err == ZT_OK && account.exists)
		err = fill_groups(users, name, user, &account);
	if (err != ZT_OK)
		return err;
	*out = account;
	account = (struct users_account){ 0 };
	return ZT_OK;
}

enum zt_err
users_name_of(struct users *users, uint32_t uid, char **name_out)
{
	const struct zt_olduser *user = NULL;
	struct zt_local_user local;
	const char *name;
	char *copy;
	enum zt_err err;

	if (users->directory != NULL)
		user = zt_olddirectory_user_by_uid(users->directory, uid);
	if (user != NULL) {
		name = user->name;
	} else {
		err = local_verdict(users,
		    zt_local_find(users->etc, NULL, uid, &local));
		if (err != ZT_OK)
			return err;
		name = local.name;
	}
	if ((copy = strdup(name)) == NULL)
		return ZT_ERR_NOMEM;
	*name_out = copy;
	return ZT_OK;
}
