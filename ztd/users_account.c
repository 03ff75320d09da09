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
	free(account->source);
	*account = (struct users_account){ 0 };
}

/* The groups of one account, being collected. */
struct collect {
	struct users_account *account;
	const char *name;                    /* of the account */
	const struct zt_snapshot *snapshot;  /* NULL if the account is local */
	const struct zt_snapshot_user *user; /* its record there */
	size_t room;                         /* in account->groups */
	enum zt_err err;
};

static enum zt_err
add_group(struct collect *collect, struct zt_str name)
{
	struct users_account *account = collect->account;
	const size_t room = account->n_groups == 0 ? 16 : 2 * account->n_groups;
	char **grown;

	if (account->n_groups == collect->room) {
		grown = reallocarray(account->groups, room, sizeof(*grown));
		if (grown == NULL)
			return ZT_ERR_NOMEM;
		account->groups = grown;
		collect->room = room;
	}
	account->groups[account->n_groups] = strndup(name.p, name.len);
	if (account->groups[account->n_groups] == NULL)
		return ZT_ERR_NOMEM;
	account->n_groups++;
	return ZT_OK;
}

static bool
names_user(char *const *members, const char *name)
{
	for (size_t i = 0; members[i] != NULL; i++)
		if (strcmp(members[i], name) == 0)
			return true;
	return false;
}

/* Is the account in the local group of this gid by its record? */
static bool
has_gid(const struct collect *collect, uint32_t gid)
{
	uint32_t other;

	for (uint32_t i = 0;
	     collect->snapshot != NULL && i < collect->user->n_gids; i++)
		if (zt_snapshot_gid(collect->snapshot, collect->user, i,
			&other) == ZT_OK &&
		    other == gid)
			return true;
	return gid == collect->account->gid;
}

/* Names in /etc/group; a merge lets no record take one of them. */
static bool
collect_local(void *arg, const char *name, uint32_t gid, char *const *members)
{
	struct collect *collect = arg;

	if (has_gid(collect, gid) || names_user(members, collect->name))
		collect->err = add_group(collect, zt_str(name));
	return collect->err == ZT_OK;
}

/* Names of the record's groups that are records themselves. */
static enum zt_err
collect_records(struct collect *collect)
{
	struct zt_snapshot_group group;
	uint32_t gid = collect->user->gid;
	enum zt_err err;

	for (uint32_t i = 0;; i++) {
		err = zt_snapshot_group_by_gid(collect->snapshot, gid, &group);
		if (err == ZT_OK)
			err = add_group(collect, group.name);
		if (err != ZT_OK && err != ZT_ERR_NOTFOUND)
			return err;
		if (i == collect->user->n_gids)
			return ZT_OK;
		err =
		    zt_snapshot_gid(collect->snapshot, collect->user, i, &gid);
		if (err != ZT_OK)
			return err;
	}
}

/* user  its record, or NULL */
static enum zt_err
fill_groups(const struct users *users, const char *name,
    const struct zt_snapshot_user *user, struct users_account *account)
{
	struct collect collect = { .account = account, .name = name };
	enum zt_err err;

	if (user != NULL) {
		collect.snapshot = &users->snapshot;
		collect.user = user;
		if ((err = collect_records(&collect)) != ZT_OK)
			return err;
	}
	err = zt_local_groups(users->paths.etc, collect_local, &collect);
	return err != ZT_OK ? err : collect.err;
}

static void
accountp_clear(struct users_account *account)
{
	users_account_clear(account);
}

static enum zt_err
fill_record(const struct users *users, const struct zt_snapshot_user *user,
    struct users_account *account)
{
	const struct zt_str name =
	    zt_snapshot_source(&users->snapshot, user->source);
	const struct source *source = users_source(users, name);

	account->exists = true;
	account->uid = user->uid;
	account->gid = user->gid;
	account->locked = user->locked;
	account->not_before_us = user->not_before_us;
	account->not_after_us = user->not_after_us;
	account->source_age_s = source == NULL ? -1 : source_age_s(source);
	account->source_stale = source == NULL || source_stale(source);
	account->source = strndup(name.p, name.len);
	return account->source == NULL ? ZT_ERR_NOMEM : ZT_OK;
}

/* What "not there" means: nothing, while a source has not spoken. */
static enum zt_err
local_verdict(const struct users *users, enum zt_err err)
{
	if (err == ZT_ERR_NOTFOUND && !users->whole)
		return ZT_ERR_UNAVAIL;
	return err;
}

static enum zt_err
fill_local(const struct users *users, const char *name,
    struct users_account *account)
{
	struct zt_local_user local;
	enum zt_err err;

	err = local_verdict(users,
	    zt_local_find(users->paths.etc, name, 0, &local));
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

/* A snapshot that contradicts itself tells nothing. */
static enum zt_err
record_of(const struct users *users, struct zt_str name, uint32_t uid,
    struct zt_snapshot_user *out)
{
	enum zt_err err;

	if (!users->mapped)
		return ZT_ERR_NOTFOUND;
	err = name.len > 0
	    ? zt_snapshot_user(&users->snapshot, name, out)
	    : zt_snapshot_user_by_uid(&users->snapshot, uid, out);
	return err == ZT_OK || err == ZT_ERR_NOTFOUND ? err : ZT_ERR_UNAVAIL;
}

enum zt_err
users_account(struct users *users, const char *name, struct users_account *out)
{
	zt_auto(accountp_clear) struct users_account account = {
		.not_after_us = UINT64_MAX,
		.source_age_s = -1,
	};
	struct zt_snapshot_user user;
	const enum zt_err found = record_of(users, zt_str(name), 0, &user);
	enum zt_err err = found;

	if (found == ZT_OK)
		err = fill_record(users, &user, &account);
	else if (found == ZT_ERR_NOTFOUND)
		err = fill_local(users, name, &account);
	if (err == ZT_OK && account.exists)
		err = fill_groups(users, name, found == ZT_OK ? &user : NULL,
		    &account);
	if (err != ZT_OK)
		return err;
	*out = account;
	account = (struct users_account){ 0 };
	return ZT_OK;
}

enum zt_err
users_name_of(struct users *users, uint32_t uid, char **name_out)
{
	struct zt_snapshot_user user;
	struct zt_local_user local = { .name = "" };
	struct zt_str name = zt_str(NULL);
	enum zt_err err = record_of(users, zt_str(NULL), uid, &user);
	char *copy;

	if (err == ZT_OK) {
		name = user.name;
	} else if (err == ZT_ERR_NOTFOUND) {
		err = local_verdict(users,
		    zt_local_find(users->paths.etc, NULL, uid, &local));
		name = zt_str(local.name);
	}
	if (err != ZT_OK)
		return err;
	if ((copy = strndup(name.p, name.len)) == NULL)
		return ZT_ERR_NOMEM;
	*name_out = copy;
	return ZT_OK;
}
