/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "merging.h"
#include "zt/auto.h"
#include "zt/passwd.h"
#include "zt/snapshot.h"

/*
 * Memberships are edges from a user to a group.  They are sorted by user, by
 * counting; then each user's few by the rank of the gid, where repeats show;
 * then entered into the groups in the order of users.  So all lists come out
 * sorted, and memory is walked forwards.
 */

#define FEW 32 /* groups of a user that are sorted by insertion */

/* Groups are the directory's, then those local ones that users are in. */
struct edge {
	uint32_t user, group;
};

/* A group, in the order of gids. */
struct ranked {
	uint32_t gid, group;
};

struct edges {
	struct merge *m;
	struct edge *v; /* owned */
	size_t n, cap;
	uint32_t n_users, n_groups;              /* accepted */
	uint32_t local[ZT_SNAPSHOT_ALLOWED_MAX]; /* gids */
	uint32_t n_local;
	uint32_t *users;       /* owned; candidate of each user */
	uint32_t *groups;      /* owned; of each of the directory's groups */
	uint32_t *begin;       /* owned; of each user's edges, and the end */
	struct ranked *ranked; /* owned; all groups */
	uint32_t *ranks;       /* owned; of each group */
	uint32_t *by_user;     /* owned; the rank of each edge's group */
	uint32_t *final; /* owned; index in the directory of each user that is
			    not in too many groups */
	/* members of all groups */
	uint32_t *member_begin; /* owned; of each rank, and the end */
	uint32_t *members;      /* in the directory's memory */
};

static void
edges_clear(struct edges *e)
{
	free(e->v);
	free(e->users);
	free(e->groups);
	free(e->begin);
	free(e->ranked);
	free(e->ranks);
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

/* Count a local group among those handed out: an allowed one, so there is
 * room. */
static uint32_t
local_group(struct edges *e, uint32_t gid)
{
	for (uint32_t i = 0; i < e->n_local; i++)
		if (e->local[i] == gid)
			return e->n_groups + i;
	e->local[e->n_local] = gid;
	return e->n_groups + e->n_local++;
}

/*
 * Which group a name means, on its first use.  A local one that is not allowed
 * is left out, and listed with the first record that names it.
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
	if (rules_allow(&e->m->rules, name->name)) {
		name->group = local_group(e, name->local_gid);
		return ZT_OK;
	}
	name->local_gid = 0;
	return merge_refuse(e->m, user->source, user->rec,
	    arena_print(e->m->memory,
		"local group %s is left out: it is not in "
		"identity.allow_groups",
		name->name));
}

static enum zt_err
edges_of_user(struct edges *e, uint32_t number)
{
	struct merge *const m = e->m;
	const struct candidate *user = &m->candidates[e->users[number]];
	enum zt_err err = ZT_OK;

	for (size_t i = 0; i < user->n_refs && err == ZT_OK; i++) {
		struct group_name *name =
		    &m->group_names[m->refs[user->refs + i]];

		err = group_of_name(e, name, user);
		if (err == ZT_OK && name->group != MERGE_NONE)
			err = edge_add(e, number, name->group);
	}
	return err;
}

/* Members of a group, a block: see judge_users(). */
static enum zt_err
edges_of_members(struct edges *e, uint32_t number, const char *const *members,
    size_t n)
{
	const struct merge *const m = e->m;
	const struct name_slot *slot;
	uint32_t hashes[MERGE_AHEAD];
	enum zt_err err = ZT_OK;

	for (size_t i = 0; i < n; i++) {
		hashes[i] = hash_text(m->seed, members[i]);
		__builtin_prefetch(name_home(&m->users, hashes[i]));
	}
	for (size_t i = 0; i < n; i++) {
		slot = name_home(&m->users, hashes[i]);
		if (slot->name == NULL)
			continue;
		__builtin_prefetch(slot->name);
		__builtin_prefetch(&m->candidates[slot->value].number);
	}
	for (size_t i = 0; i < n && err == ZT_OK; i++) {
		slot = name_slot(&m->users, members[i], hashes[i]);
		if (slot->name != NULL &&
		    m->candidates[slot->value].number != MERGE_NONE)
			err = edge_add(e, m->candidates[slot->value].number,
			    number);
	}
	return err;
}

static enum zt_err
edges_of_group(struct edges *e, uint32_t number)
{
	const struct zt_group *group =
	    e->m->candidates[e->groups[number]].rec->group;
	enum zt_err err = ZT_OK;

	for (size_t i = 0; i < group->n_members && err == ZT_OK;
	     i += MERGE_AHEAD) {
		const size_t left = group->n_members - i;

		err = edges_of_members(e, number, group->members + i,
		    left < MERGE_AHEAD ? left : MERGE_AHEAD);
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

static uint32_t
group_gid(const struct edges *e, uint32_t group)
{
	return group < e->n_groups ? e->m->claims[e->groups[group]].id
				   : e->local[group - e->n_groups];
}

static int
compare_ranked(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	return (x->gid > y->gid) - (x->gid < y->gid);
}

static enum zt_err
rank_groups(struct edges *e)
{
	const uint32_t n = e->n_groups + e->n_local;

	e->ranked = calloc((size_t)n + 1, sizeof(*e->ranked));
	e->ranks = calloc((size_t)n + 1, sizeof(*e->ranks));
	if (e->ranked == NULL || e->ranks == NULL)
		return ZT_ERR_NOMEM;
	for (uint32_t i = 0; i < n; i++)
		e->ranked[i] = (struct ranked){ group_gid(e, i), i };
	qsort(e->ranked, n, sizeof(*e->ranked), compare_ranked);
	for (uint32_t i = 0; i < n; i++)
		e->ranks[e->ranked[i].group] = i;
	return ZT_OK;
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

/* Sort by user.  begin[i + 1] is where i's begin until they are filled in, and
 * then where they end. */
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
		e->by_user[e->begin[e->v[i].user + 1]++] =
		    e->ranks[e->v[i].group];
	return ZT_OK;
}

static int
compare_ranks(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Most users are in a few groups. */
static void
sort_ranks(uint32_t *v, size_t n)
{
	if (n > FEW) {
		qsort(v, n, sizeof(*v), compare_ranks);
		return;
	}
	for (size_t i = 1; i < n; i++) {
		const uint32_t rank = v[i];
		size_t j = i;

		for (; j > 0 && v[j - 1] > rank; j--)
			v[j] = v[j - 1];
		v[j] = rank;
	}
}

static uint32_t
primary_gid(const struct merge *m, uint32_t candidate)
{
	const uint32_t gid = m->candidates[candidate].gid;

	return gid != 0 ? gid : m->claims[candidate].id;
}

/*
 * Sort a user's edges, set repeats to MERGE_NONE, and write the gids of the
 * others but the primary one's.  Returns how many.
 */
static uint32_t
write_gids(struct edges *e, uint32_t user, uint32_t *gids)
{
	const uint32_t primary = primary_gid(e->m, e->users[user]);
	uint32_t *const v = &e->by_user[e->begin[user]];
	const size_t n_edges = e->begin[user + 1] - e->begin[user];
	uint32_t n = 0, last = MERGE_NONE;

	sort_ranks(v, n_edges);
	for (size_t i = 0; i < n_edges; i++) {
		if (v[i] == last) {
			v[i] = MERGE_NONE;
			continue;
		}
		last = v[i];
		if (e->ranked[last].gid != primary)
			gids[n++] = e->ranked[last].gid;
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
    uint32_t candidate)
{
	const struct candidate *c = &m->candidates[candidate];

	user->record = c->user;
	user->uid = m->claims[candidate].id;
	user->gid = primary_gid(m, candidate);
	user->private_group = c->private_group;
	user->source = c->source;
}

/* Fill the directory's users; refuse who is in too many groups. */
static enum zt_err
place_users(struct edges *e)
{
	struct zt_directory *const directory = e->m->directory;
	uint32_t *gids = arena_array(e->m->memory, e->n + 1, sizeof(*gids));
	enum zt_err err = ZT_OK;

	e->final = calloc((size_t)e->n_users + 1, sizeof(*e->final));
	directory->users = arena_array(e->m->memory, (size_t)e->n_users + 1,
	    sizeof(*directory->users));
	if (gids == NULL || e->final == NULL || directory->users == NULL)
		return ZT_ERR_NOMEM;
	for (uint32_t i = 0; i < e->n_users && err == ZT_OK; i++) {
		const struct candidate *c = &e->m->candidates[e->users[i]];
		const uint32_t n = write_gids(e, i, gids);
		struct zt_directory_user *user;

		if (n > ZT_GROUPS_PER_USER_MAX) {
			forget_edges(e, i);
			err = merge_refuse(e->m, c->source, c->rec,
			    "it is in more than 8192 groups");
			continue;
		}
		e->final[i] = (uint32_t)directory->n_users;
		user = &directory->users[directory->n_users++];
		fill_user(user, e->m, e->users[i]);
		user->gids = gids;
		user->n_gids = n;
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

static void
place_group(struct edges *e, uint32_t number)
{
	const struct merge *const m = e->m;
	const struct candidate *c = &m->candidates[e->groups[number]];
	const struct zt_group *const group = c->rec->group;
	const uint32_t *begin = &e->member_begin[e->ranks[number]];

	m->directory->groups[number] = (struct zt_directory_group){
		.record = group,
		.gid = group_gid(e, number),
		.allowed = zt_group_privileged(zt_str(group->name)) &&
		    rules_allow(&m->rules, group->name),
		.source = c->source,
		.n_members = begin[1] - begin[0],
		.members = &e->members[begin[0]],
	};
}

/* The gids of local groups that users are in, in their order. */
static void
place_local(const struct edges *e)
{
	struct zt_directory *const directory = e->m->directory;

	for (uint32_t i = 0; i < e->n_groups + e->n_local; i++)
		if (e->ranked[i].group >= e->n_groups &&
		    e->member_begin[i + 1] > e->member_begin[i])
			directory->allowed_gids[directory->n_allowed_gids++] =
			    e->ranked[i].gid;
}

static enum zt_err
place_groups(struct edges *e)
{
	struct zt_directory *const directory = e->m->directory;

	directory->groups = arena_array(e->m->memory, (size_t)e->n_groups + 1,
	    sizeof(*directory->groups));
	directory->allowed_gids = arena_array(e->m->memory,
	    ZT_SNAPSHOT_ALLOWED_MAX, sizeof(*directory->allowed_gids));
	if (directory->groups == NULL || directory->allowed_gids == NULL)
		return ZT_ERR_NOMEM;
	for (uint32_t i = 0; i < e->n_groups; i++)
		place_group(e, i);
	directory->n_groups = e->n_groups;
	place_local(e);
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
	if ((err = rank_groups(&e)) != ZT_OK)
		return err;
	if ((err = sort_by_user(&e)) != ZT_OK)
		return err;
	if ((err = place_users(&e)) != ZT_OK)
		return err;
	if ((err = enter_members(&e)) != ZT_OK)
		return err;
	return place_groups(&e);
}
