/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "merging.h"
#include "zt/auto.h"
#include "zt/passwd.h"
#include "zt/snapshot.h"

/*
 * Memberships are edges from a user to a group.  Sorted by counting: once by
 * user, so that each user's can be counted and repeats dropped; from there
 * into the groups in the order of users; from there, the groups in the order
 * of gids, into the users.  Nothing is compared, all lists come out sorted.
 */

/* Groups are the directory's, then those local ones that users are in. */
struct edge {
	uint32_t user, group;
};

struct edges {
	struct merge *m;
	struct edge *v; /* owned */
	size_t n, cap;
	uint32_t n_users, n_groups;              /* accepted */
	uint32_t local[ZT_SNAPSHOT_ALLOWED_MAX]; /* gids */
	uint32_t n_local;
	uint32_t *users;   /* owned; candidate of each user */
	uint32_t *groups;  /* owned; of each of the directory's groups */
	uint32_t *begin;   /* owned; of each user's edges, and the end */
	uint32_t *by_user; /* owned; the group of each edge */
	uint32_t *final;   /* owned; index in the directory of each user, or
			     MERGE_NONE: in too many groups */
	/* members of all groups */
	uint32_t *member_begin; /* owned; of each group, and the end */
	uint32_t *members;      /* in the directory's memory */
	uint32_t *gids;         /* of all users, in the directory's memory */
};

static void
edges_clear(struct edges *e)
{
	free(e->v);
	free(e->users);
	free(e->groups);
	free(e->begin);
	free(e->by_user);
	free(e->final);
	free(e->member_begin);
}

static enum zt_err
edge_add(struct edges *e, uint32_t user, uint32_t group)
{
	enum zt_err err = merge_grow(&e->v, &e->cap, e->n, sizeof(*e->v));

	if (err == ZT_OK)
		e->v[e->n++] = (struct edge){ user, group };
	return err;
}

/* The accepted candidates of each kind, in their order. */
static enum zt_err
number_accepted(struct edges *e)
{
	const struct merge *m = e->m;

	e->users = calloc(m->n + 1, sizeof(*e->users));
	e->groups = calloc(m->n + 1, sizeof(*e->groups));
	if (e->users == NULL || e->groups == NULL)
		return ZT_ERR_NOMEM;
	for (uint32_t i = 0; i < m->n; i++) {
		struct candidate *c = &m->candidates[i];

		if (c->number == MERGE_NONE)
			continue;
		if (m->claims[i].is_group) {
			c->number = e->n_groups;
			e->groups[e->n_groups++] = i;
		} else {
			c->number = e->n_users;
			e->users[e->n_users++] = i;
		}
	}
	return ZT_OK;
}

/* Count a local group among those handed out; MERGE_NONE if they are full. */
static uint32_t
local_group(struct edges *e, uint32_t gid)
{
	for (uint32_t i = 0; i < e->n_local; i++)
		if (e->local[i] == gid)
			return e->n_groups + i;
	if (e->n_local == ZT_SNAPSHOT_ALLOWED_MAX)
		return MERGE_NONE;
	e->local[e->n_local] = gid;
	return e->n_groups + e->n_local++;
}

/*
 * Which group a name means, on its first use.  A local one too many is left
 * out and listed with the first record that names it.
 */
static enum zt_err
group_of_name(struct edges *e, struct group_name *name,
    const struct candidate *user)
{
	if (name->group != MERGE_NONE)
		return ZT_OK;
	if (name->candidate != MERGE_NONE) {
		name->group = e->m->candidates[name->candidate].number;
		return ZT_OK;
	}
	if (name->local_gid == 0)
		return ZT_OK;
	name->group = local_group(e, name->local_gid);
	if (name->group != MERGE_NONE)
		return ZT_OK;
	name->local_gid = 0;
	return merge_refuse(e->m, user->source, user->rec,
	    arena_print(e->m->memory,
		"local group %s is left out: users are in more than %d local "
		"groups",
		name->name, ZT_SNAPSHOT_ALLOWED_MAX));
}

static enum zt_err
edges_of_user(struct edges *e, uint32_t number)
{
	struct merge *const m = e->m;
	const struct candidate *user = &m->candidates[e->users[number]];
	enum zt_err err = ZT_OK;

	for (size_t i = 0; i < user->rec->user->n_member_of && err == ZT_OK;
	     i++) {
		struct group_name *name =
		    &m->group_names[m->refs[user->refs + i]];

		err = group_of_name(e, name, user);
		if (err == ZT_OK && name->group != MERGE_NONE)
			err = edge_add(e, number, name->group);
	}
	return err;
}

static enum zt_err
edges_of_group(struct edges *e, uint32_t number)
{
	struct merge *const m = e->m;
	const struct zt_group *group =
	    m->candidates[e->groups[number]].rec->group;
	enum zt_err err = ZT_OK;

	for (size_t i = 0; i < group->n_members && err == ZT_OK; i++) {
		const char *name = group->members[i];
		const struct name_slot *slot =
		    name_slot(&m->users, name, hash_text(m->seed, name));
		uint32_t user;

		if (slot->name == NULL)
			continue;
		user = m->candidates[slot->value].number;
		if (user != MERGE_NONE)
			err = edge_add(e, user, number);
	}
	return err;
}

static enum zt_err
collect(struct edges *e)
{
	enum zt_err err = ZT_OK;

	for (uint32_t i = 0; i < e->n_users && err == ZT_OK; i++)
		err = edges_of_user(e, i);
	for (uint32_t i = 0; i < e->n_groups && err == ZT_OK; i++)
		err = edges_of_group(e, i);
	return err;
}

/* Turn counts into where each begins; the last is the end. */
static void
sum_up(uint32_t *counts, size_t n)
{
	uint32_t at = 0;

	for (size_t i = 0; i <= n; i++) {
		const uint32_t count = counts[i];

		counts[i] = at;
		at += count;
	}
}

/* Sort by user; begin[] of a user is where the next one's begin until it is
 * filled, so that it needs no cursors beside. */
static enum zt_err
sort_by_user(struct edges *e)
{
	e->begin = calloc((size_t)e->n_users + 2, sizeof(*e->begin));
	e->by_user = calloc(e->n + 1, sizeof(*e->by_user));
	if (e->begin == NULL || e->by_user == NULL)
		return ZT_ERR_NOMEM;
	for (size_t i = 0; i < e->n; i++)
		e->begin[e->v[i].user + 1]++;
	sum_up(e->begin, (size_t)e->n_users + 1);
	for (size_t i = 0; i < e->n; i++)
		e->by_user[e->begin[e->v[i].user + 1]++] = e->v[i].group;
	return ZT_OK;
}

static uint32_t
primary_gid(const struct merge *m, uint32_t candidate)
{
	const uint32_t gid = m->candidates[candidate].rec->user->gid;

	return gid != 0 ? gid : m->claims[candidate].id;
}

static uint32_t
group_gid(const struct edges *e, uint32_t group)
{
	return group < e->n_groups ? e->m->claims[e->groups[group]].id
				   : e->local[group - e->n_groups];
}

/*
 * Drop a user's repeats: an edge that is not the first is set to MERGE_NONE.
 *
 * seen	 of each group: the last user seen there, plus 1
 *
 * Returns how many supplementary groups are left.
 */
static uint32_t
drop_repeats(struct edges *e, uint32_t user, uint32_t *seen)
{
	const uint32_t primary = primary_gid(e->m, e->users[user]);
	uint32_t n = 0;

	for (uint32_t i = e->begin[user]; i < e->begin[user + 1]; i++) {
		const uint32_t group = e->by_user[i];

		if (seen[group] == user + 1) {
			e->by_user[i] = MERGE_NONE;
			continue;
		}
		seen[group] = user + 1;
		if (group_gid(e, group) != primary)
			n++;
	}
	return n;
}

static void
forget_edges(struct edges *e, uint32_t user)
{
	for (uint32_t i = e->begin[user]; i < e->begin[user + 1]; i++)
		e->by_user[i] = MERGE_NONE;
}

static void
fill_user(struct zt_directory_user *user, const struct merge *m,
    uint32_t candidate, const uint32_t *gids)
{
	const struct candidate *c = &m->candidates[candidate];

	*user = (struct zt_directory_user){
		.record = c->rec->user,
		.uid = m->claims[candidate].id,
		.gid = primary_gid(m, candidate),
		.private_group = c->private_group,
		.source = c->source,
		.gids = gids, /* n_gids of them by hand_out() */
	};
}

/* Fill the directory's users, but for gids; refuse who is in too many. */
static enum zt_err
place_users(struct edges *e)
{
	struct zt_directory *const directory = e->m->directory;
	const size_t n_groups = (size_t)e->n_groups + e->n_local;
	zt_auto_free uint32_t *seen = calloc(n_groups + 1, sizeof(*seen));
	uint32_t *gids = arena_array(e->m->memory, e->n + 1, sizeof(*gids));
	enum zt_err err = ZT_OK;

	e->gids = gids;
	e->final = calloc((size_t)e->n_users + 1, sizeof(*e->final));
	directory->users = arena_array(e->m->memory, (size_t)e->n_users + 1,
	    sizeof(*directory->users));
	if (seen == NULL || gids == NULL || e->final == NULL ||
	    directory->users == NULL)
		return ZT_ERR_NOMEM;
	for (uint32_t i = 0; i < e->n_users && err == ZT_OK; i++) {
		const uint32_t n = drop_repeats(e, i, seen);
		const struct candidate *c = &e->m->candidates[e->users[i]];

		e->final[i] = MERGE_NONE;
		if (n > ZT_GROUPS_PER_USER_MAX) {
			err = merge_refuse(e->m, c->source, c->rec,
			    "it is in more than 8192 groups");
			forget_edges(e, i);
			continue;
		}
		e->final[i] = (uint32_t)directory->n_users;
		fill_user(&directory->users[directory->n_users++], e->m,
		    e->users[i], gids);
		gids += n;
	}
	return err;
}

/* The members of all groups, in the order of users. */
static enum zt_err
enter_members(struct edges *e)
{
	const size_t n_groups = (size_t)e->n_groups + e->n_local;
	uint32_t *begin = calloc(n_groups + 2, sizeof(*begin));

	e->member_begin = begin;
	e->members = arena_array(e->m->memory, e->n + 1, sizeof(*e->members));
	if (begin == NULL || e->members == NULL)
		return ZT_ERR_NOMEM;
	for (size_t i = 0; i < e->n; i++)
		if (e->by_user[i] != MERGE_NONE)
			begin[e->by_user[i] + 1]++;
	sum_up(begin, n_groups + 1);
	for (uint32_t u = 0; u < e->n_users; u++)
		for (uint32_t i = e->begin[u]; i < e->begin[u + 1]; i++)
			if (e->by_user[i] != MERGE_NONE)
				e->members[begin[e->by_user[i] + 1]++] =
				    e->final[u];
	return ZT_OK;
}

static enum zt_err
place_groups(struct edges *e)
{
	const struct merge *const m = e->m;
	struct zt_directory *const directory = m->directory;

	directory->groups = arena_array(m->memory, (size_t)e->n_groups + 1,
	    sizeof(*directory->groups));
	if (directory->groups == NULL)
		return ZT_ERR_NOMEM;
	for (uint32_t i = 0; i < e->n_groups; i++) {
		const struct candidate *c = &m->candidates[e->groups[i]];
		const struct zt_group *group = c->rec->group;
		const uint32_t begin = e->member_begin[i];

		directory->groups[i] = (struct zt_directory_group){
			.record = group,
			.gid = group_gid(e, i),
			.allowed = zt_group_privileged(zt_str(group->name)) &&
			    rules_allow(&m->rules, group->name),
			.source = c->source,
			.n_members = e->member_begin[i + 1] - begin,
			.members = &e->members[begin],
		};
	}
	directory->n_groups = e->n_groups;
	return ZT_OK;
}

/* A group in the order of gids. */
struct ranked {
	uint32_t gid, group;
};

static int
compare_ranked(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	return (x->gid > y->gid) - (x->gid < y->gid);
}

/* Tell the members of a group its gid. */
static void
hand_out_gid(const struct edges *e, const struct ranked *group)
{
	const uint32_t end = e->member_begin[group->group + 1];

	for (uint32_t i = e->member_begin[group->group]; i < end; i++) {
		struct zt_directory_user *user =
		    &e->m->directory->users[e->members[i]];

		if (user->gid != group->gid)
			e->gids[user->gids - e->gids + user->n_gids++] =
			    group->gid;
	}
}

/* Note a local gid that was handed out; they come in their order. */
static void
note_local(const struct edges *e, const struct ranked *group)
{
	struct zt_directory *const directory = e->m->directory;

	if (group->group >= e->n_groups &&
	    e->member_begin[group->group + 1] > e->member_begin[group->group])
		directory->allowed_gids[directory->n_allowed_gids++] =
		    group->gid;
}

static enum zt_err
hand_out(struct edges *e)
{
	const uint32_t n = e->n_groups + e->n_local;
	zt_auto_free struct ranked *ranked =
	    calloc((size_t)n + 1, sizeof(*ranked));
	struct zt_directory *const directory = e->m->directory;

	directory->allowed_gids = arena_array(e->m->memory,
	    ZT_SNAPSHOT_ALLOWED_MAX, sizeof(*directory->allowed_gids));
	if (ranked == NULL || directory->allowed_gids == NULL)
		return ZT_ERR_NOMEM;
	for (uint32_t i = 0; i < n; i++)
		ranked[i] = (struct ranked){ group_gid(e, i), i };
	qsort(ranked, n, sizeof(*ranked), compare_ranked);
	for (uint32_t i = 0; i < n; i++) {
		hand_out_gid(e, &ranked[i]);
		note_local(e, &ranked[i]);
	}
	return ZT_OK;
}

enum zt_err
members_resolve(struct merge *m)
{
	zt_auto(edges_clear) struct edges e = { .m = m };
	enum zt_err err;

	if ((err = number_accepted(&e)) != ZT_OK)
		return err;
	if ((err = collect(&e)) != ZT_OK)
		return err;
	if ((err = sort_by_user(&e)) != ZT_OK)
		return err;
	if ((err = place_users(&e)) != ZT_OK)
		return err;
	if ((err = enter_members(&e)) != ZT_OK)
		return err;
	if ((err = place_groups(&e)) != ZT_OK)
		return err;
	return hand_out(&e);
}
