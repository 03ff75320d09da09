/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "merging.h"
#include "zt/auto.h"
#include "zt/passwd.h"
#include "zt/snapshot.h"

enum zt_err
merge_grow(void *arrayp, size_t *cap, size_t n, size_t size)
{
	const size_t want = *cap == 0 ? 64 : 2 * *cap;
	void *grown;

	if (n < *cap)
		return ZT_OK;
	if (want > MERGE_NONE)
		return ZT_ERR_TOOBIG;
	if ((grown = reallocarray(*(void **)arrayp, want, size)) == NULL)
		return ZT_ERR_NOMEM;
	*(void **)arrayp = grown;
	*cap = want;
	return ZT_OK;
}

enum zt_err
merge_refuse(struct merge *m, uint8_t source, const struct zt_set_record *rec,
    const char *why)
{
	struct zt_directory *const directory = m->directory;
	const char *name = rec->name;
	enum zt_err err;

	if (why == NULL) /* arena_print() had no memory for it */
		return ZT_ERR_NOMEM;
	if (rec->user != NULL)
		name = rec->user->name;
	else if (rec->group != NULL)
		name = rec->group->name;
	err = merge_grow(&directory->refusals, &m->refusals_cap,
	    directory->n_refusals, sizeof(*directory->refusals));
	if (err != ZT_OK)
		return err;
	directory->refusals[directory->n_refusals++] =
	    (struct zt_refusal){ .source = source,
		    .key = rec->key,
		    .name = name,
		    .is_group = rec->group != NULL,
		    .why = why };
	return ZT_OK;
}

static enum zt_err
table_add(struct name_table *table, const char *name, uint32_t hash,
    size_t value)
{
	enum zt_err err;

	if ((err = name_table_reserve(table, table->n + 1)) != ZT_OK)
		return err;
	*name_slot(table, name, hash) =
	    (struct name_slot){ name, hash, (uint32_t)value };
	table->n++;
	return ZT_OK;
}

enum zt_err
merge_group_name(struct merge *m, const char *name, uint32_t *out)
{
	const uint32_t hash = hash_text(m->seed, name);
	struct group_name added = {
		.name = name, .candidate = MERGE_NONE, .group = MERGE_NONE
	};
	const struct name_slot *slot = name_slot(&m->groups, name, hash);
	enum zt_err err;

	if (slot->name != NULL) {
		*out = slot->value;
		return ZT_OK;
	}
	added.fault = rules_group_name_fault(&m->rules, name);
	(void)zt_local_group(m->rules.local, name, &added.local_gid);
	err = merge_grow(&m->group_names, &m->group_names_cap, m->groups.n,
	    sizeof(*m->group_names));
	if (err != ZT_OK)
		return err;
	*out = (uint32_t)m->groups.n;
	m->group_names[*out] = added;
	return table_add(&m->groups, name, hash, *out);
}

/* Note the groups of a user's memberOf; *why if it may not be in one. */
static enum zt_err
note_member_of(struct merge *m, const struct zt_user *user, const char **why)
{
	enum zt_err err;
	uint32_t at;

	for (size_t i = 0; i < user->n_member_of; i++) {
		err = merge_group_name(m, user->member_of[i], &at);
		if (err != ZT_OK)
			return err;
		if ((*why = m->group_names[at].fault) != NULL)
			return ZT_OK;
		err = merge_grow(&m->refs, &m->refs_cap, m->n_refs,
		    sizeof(*m->refs));
		if (err != ZT_OK)
			return err;
		m->refs[m->n_refs++] = at;
	}
	return ZT_OK;
}

/* Who holds the name of a record, for the administrator. */
static enum zt_err
refuse_name(struct merge *m, uint8_t source, const struct zt_set_record *rec,
    uint32_t holder)
{
	const uint8_t by = m->candidates[holder].source;

	return merge_refuse(m, source, rec,
	    arena_print(m->memory, "its name is held by record %s of source %s",
		m->candidates[holder].rec->key, m->sources[by].name));
}

static const char *
immutable_id(const struct zt_set_record *rec)
{
	return rec->user != NULL ? rec->user->id : rec->group->id;
}

/* Make a candidate, and claim an id for it. */
static void
add_candidate(struct merge *m, const struct candidate *candidate)
{
	const struct zt_user *const user = candidate->rec->user;
	const struct zt_group *const group = candidate->rec->group;

	m->candidates[m->n] = *candidate;
	m->candidates[m->n].has_id = immutable_id(candidate->rec)[0] != '\0';
	m->claims[m->n] = (struct zt_id_claim){
		.is_group = group != NULL,
		.source = m->sources[candidate->source].name,
		.immutable_id = immutable_id(candidate->rec),
		.id = user != NULL ? user->uid : group->gid,
	};
	m->n++;
}

/* Has the holder of a name the same immutable id, in the same source?  Then
 * both claim an id, so that both are refused: either may be the wrong one. */
static bool
is_twin(const struct merge *m, uint8_t source, const struct zt_set_record *rec,
    uint32_t holder)
{
	const struct candidate *c = &m->candidates[holder];

	return c->source == source && immutable_id(rec)[0] != '\0' &&
	    strcmp(immutable_id(c->rec), immutable_id(rec)) == 0;
}

static enum zt_err
judge_user(struct merge *m, uint8_t source, const struct zt_set_record *rec,
    uint32_t hash)
{
	const struct zt_user *const user = rec->user;
	const char *why = rules_user_fault(&m->rules, user);
	const size_t refs = m->n_refs;
	const struct name_slot *slot;
	uint32_t gid;
	enum zt_err err = ZT_OK;

	if (why == NULL)
		err = note_member_of(m, user, &why);
	if (err != ZT_OK)
		return err;
	slot = name_slot(&m->users, user->name, hash);
	if (why == NULL && slot->name == NULL)
		err = table_add(&m->users, user->name, hash, m->n);
	else if (why != NULL || !is_twin(m, source, rec, slot->value)) {
		m->n_refs = refs;
		return why != NULL ? merge_refuse(m, source, rec, why)
				   : refuse_name(m, source, rec, slot->value);
	}
	if (err != ZT_OK)
		return err;
	add_candidate(m,
	    &(struct candidate){ .rec = rec,
		.user = user,
		.hash = hash,
		.gid = user->gid,
		.refs = (uint32_t)refs,
		.n_refs = (uint32_t)user->n_member_of,
		.number = MERGE_NONE,
		.source = source,
		.local_name =
		    zt_local_group(m->rules.local, user->name, &gid) ||
		    zt_group_privileged(zt_str(user->name)) });
	return ZT_OK;
}

static enum zt_err
judge_group(struct merge *m, uint8_t source, const struct zt_set_record *rec)
{
	const char *why = rules_group_fault(&m->rules, rec->group);
	struct group_name *name;
	enum zt_err err;
	uint32_t at;

	if (why != NULL)
		return merge_refuse(m, source, rec, why);
	err = merge_group_name(m, rec->group->name, &at);
	if (err != ZT_OK)
		return err;
	name = &m->group_names[at];
	if (name->fault != NULL)
		return merge_refuse(m, source, rec, name->fault);
	if (name->candidate == MERGE_NONE)
		name->candidate = (uint32_t)m->n;
	else if (!is_twin(m, source, rec, name->candidate))
		return refuse_name(m, source, rec, name->candidate);
	add_candidate(m,
	    &(struct candidate){
		.rec = rec, .number = MERGE_NONE, .source = source });
	return ZT_OK;
}

/*
 * Judge the users of a block.  A step for each hop from pointer to pointer:
 * the processor fetches those of a whole block side by side.
 */
static enum zt_err
judge_users(struct merge *m, uint8_t source,
    const struct zt_set_record *const *recs, size_t n)
{
	uint32_t hashes[MERGE_AHEAD];
	enum zt_err err = ZT_OK;

	for (size_t i = 0; i < n; i++)
		__builtin_prefetch(recs[i]);
	for (size_t i = 0; i < n; i++)
		if (recs[i]->user != NULL) {
			__builtin_prefetch(recs[i]->user);
			__builtin_prefetch((const char *)recs[i]->user + 64);
			__builtin_prefetch((const char *)recs[i]->user + 128);
		}
	for (size_t i = 0; i < n; i++)
		if (recs[i]->user != NULL) {
			hashes[i] = hash_text(m->seed, recs[i]->user->name);
			__builtin_prefetch(name_home(&m->users, hashes[i]));
		}
	for (size_t i = 0; i < n && err == ZT_OK; i++)
		if (recs[i]->user != NULL)
			err = judge_user(m, source, recs[i], hashes[i]);
	return err;
}

static enum zt_err
judge_all_users(struct merge *m, uint8_t source)
{
	const struct zt_set *const set = m->sources[source].set;
	const struct zt_set_record *recs[MERGE_AHEAD];
	enum zt_err err = ZT_OK;
	size_t n = 0;

	for (size_t i = 0; i < zt_set_count(set) && err == ZT_OK; i++) {
		recs[n++] = zt_set_at(set, i);
		if (n == MERGE_AHEAD) {
			err = judge_users(m, source, recs, n);
			n = 0;
		}
	}
	return err == ZT_OK ? judge_users(m, source, recs, n) : err;
}

static enum zt_err
judge_source(struct merge *m, uint8_t source)
{
	const struct zt_set *const set = m->sources[source].set;
	const struct zt_set_record *rec;
	enum zt_err err;

	if (set == NULL)
		return ZT_OK;
	err = judge_all_users(m, source);
	for (size_t i = 0; err == ZT_OK && (rec = zt_set_at(set, i)) != NULL;
	     i++)
		if (rec->group != NULL)
			err = judge_group(m, source, rec);
		else if (rec->why != NULL)
			err = merge_refuse(m, source, rec, rec->why);
	return err;
}

/* Why a candidate got no id. */
static enum zt_err
refuse_claim(struct merge *m, const struct candidate *c,
    const struct zt_id_claim *claim)
{
	const struct candidate *holder;

	if (claim->holder == ZT_ID_HOLDER_NONE)
		return merge_refuse(m, c->source, c->rec, claim->why);
	holder = &m->candidates[claim->holder];
	return merge_refuse(m, c->source, c->rec,
	    arena_print(m->memory, "its id is held by record %s of source %s",
		holder->rec->key, m->sources[holder->source].name));
}

/* Accept whoever has an id that this host allows. */
static enum zt_err
accept(struct merge *m)
{
	uint32_t n[2] = { 0, 0 };
	enum zt_err err = ZT_OK;

	for (size_t i = 0; i < m->n && err == ZT_OK; i++) {
		struct candidate *c = &m->candidates[i];
		const struct zt_id_claim *claim = &m->claims[i];
		const char *why = NULL;

		if (claim->err == ZT_OK && c->has_id)
			why = rules_id_fault(&m->rules, c->user != NULL,
			    c->gid != 0, claim->id);
		if (claim->err != ZT_OK)
			err = refuse_claim(m, c, claim);
		else if (why != NULL)
			err = merge_refuse(m, c->source, c->rec, why);
		else
			c->number = n[claim->is_group]++;
	}
	return err;
}

static bool
is_accepted_user(const struct merge *m, size_t i)
{
	return m->candidates[i].number != MERGE_NONE && !m->claims[i].is_group;
}

/* The accepted groups by gid; hash_slots() of them. */
struct gid_slot {
	uint32_t gid; /* 0: free */
	uint32_t candidate;
};

struct gid_table {
	struct gid_slot *slots; /* owned */
	size_t mask;
	uint64_t seed;
};

static void
gid_table_clear(struct gid_table *table)
{
	free(table->slots);
}

/* Where gid is, or where it belongs. */
static struct gid_slot *
gid_slot(const struct gid_table *table, uint32_t gid)
{
	size_t i = hash_id(table->seed, gid) & table->mask;

	while (table->slots[i].gid != 0 && table->slots[i].gid != gid)
		i = (i + 1) & table->mask;
	return &table->slots[i];
}

static bool
is_accepted_group(const struct merge *m, size_t i)
{
	return m->candidates[i].number != MERGE_NONE && m->claims[i].is_group;
}

static enum zt_err
collect_gids(const struct merge *m, struct gid_table *gids)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++)
		n += is_accepted_group(m, i);
	gids->mask = hash_slots(n) - 1;
	gids->slots = calloc(gids->mask + 1, sizeof(*gids->slots));
	if (gids->slots == NULL)
		return ZT_ERR_NOMEM;
	for (size_t i = 0; i < m->n; i++)
		if (is_accepted_group(m, i))
			*gid_slot(gids, m->claims[i].id) =
			    (struct gid_slot){ m->claims[i].id, (uint32_t)i };
	return ZT_OK;
}

/* The accepted group of this gid, or NULL. */
static struct candidate *
group_of_gid(const struct merge *m, const struct gid_table *gids, uint32_t gid)
{
	const struct gid_slot *slot = gid_slot(gids, gid);

	return slot->gid != 0 && is_accepted_group(m, slot->candidate)
	    ? &m->candidates[slot->candidate]
	    : NULL;
}

/*
 * A group whose gid is the uid of somebody without a gid, of an earlier
 * source: no source takes users away from one before it.
 */
static enum zt_err
refuse_later_groups(struct merge *m, const struct gid_table *gids)
{
	enum zt_err err = ZT_OK;

	for (size_t i = 0; i < m->n && err == ZT_OK; i++) {
		const struct candidate *user = &m->candidates[i];
		struct candidate *group;

		if (!is_accepted_user(m, i) || user->gid != 0)
			continue;
		group = group_of_gid(m, gids, m->claims[i].id);
		if (group == NULL || group->source <= user->source ||
		    strcmp(group->rec->group->name, user->user->name) == 0)
			continue;
		group->number = MERGE_NONE;
		err = merge_refuse(m, group->source, group->rec,
		    "its gid is the uid of a user of an earlier source");
	}
	return err;
}

static void
forget_refused_names(const struct merge *m)
{
	for (size_t i = 0; i < m->groups.n; i++) {
		struct group_name *name = &m->group_names[i];

		if (name->candidate != MERGE_NONE &&
		    m->candidates[name->candidate].number == MERGE_NONE)
			name->candidate = MERGE_NONE;
	}
}

/* Is a group of that name here or local, or would it make root? */
static bool
is_group_name(const struct merge *m, const struct candidate *c)
{
	const struct name_slot *slot;

	if (c->local_name || !name_possible(&m->groups, c->hash))
		return c->local_name;
	slot = name_slot(&m->groups, c->user->name, c->hash);
	return slot->name != NULL &&
	    m->group_names[slot->value].candidate != MERGE_NONE;
}

/*
 * A user whose gid is its uid.  It has a private group, unless a group has
 * that gid: then it must be the user's by name, or the source must say the gid.
 * A group with nothing but the number would let it in without a word.
 */
static enum zt_err
settle_user(struct merge *m, const struct gid_table *gids, struct candidate *c,
    uint32_t uid)
{
	const struct candidate *held = group_of_gid(m, gids, uid);
	const struct zt_group *group;

	if (held == NULL) {
		c->private_group = !is_group_name(m, c);
		return ZT_OK;
	}
	group = held->rec->group;
	if (c->gid != 0 || strcmp(group->name, c->user->name) == 0)
		return ZT_OK;
	c->number = MERGE_NONE;
	return merge_refuse(m, c->source, c->rec,
	    arena_print(m->memory,
		"it has no gid, and its uid is the gid of group %s",
		group->name));
}

/*
 * Mark private groups, and collect the primary groups that users have without
 * there being a record of them.
 */
static enum zt_err
mark_private(struct merge *m, const struct gid_table *gids, struct id_set *bare)
{
	enum zt_err err = ZT_OK;

	for (size_t i = 0; i < m->n && err == ZT_OK; i++) {
		struct candidate *c = &m->candidates[i];
		const uint32_t uid = m->claims[i].id;

		if (!is_accepted_user(m, i))
			continue;
		if (c->gid == 0 || c->gid == uid)
			err = settle_user(m, gids, c, uid);
		else if (group_of_gid(m, gids, c->gid) == NULL)
			err = id_set_add(bare, c->gid);
	}
	return err;
}

/* Refuse who would be in the private group of somebody else. */
static enum zt_err
guard_private(struct merge *m, const struct id_set *bare,
    struct id_set *intruded)
{
	enum zt_err err = ZT_OK;

	for (size_t i = 0; i < m->n && bare->n > 0 && err == ZT_OK; i++)
		if (is_accepted_user(m, i) && m->candidates[i].private_group &&
		    id_set_has(bare, m->claims[i].id))
			err = id_set_add(intruded, m->claims[i].id);
	for (size_t i = 0; i < m->n && intruded->n > 0 && err == ZT_OK; i++) {
		struct candidate *c = &m->candidates[i];

		if (!is_accepted_user(m, i) || c->gid == 0 ||
		    c->gid == m->claims[i].id || !id_set_has(intruded, c->gid))
			continue;
		c->number = MERGE_NONE;
		err = merge_refuse(m, c->source, c->rec,
		    "its gid is another user's private group");
	}
	return err;
}

static enum zt_err
settle_private(struct merge *m)
{
	zt_auto(gid_table_clear) struct gid_table gids = { .seed = m->seed };
	zt_auto(id_set_clear) struct id_set bare = { .seed = m->seed };
	zt_auto(id_set_clear) struct id_set intruded = { .seed = m->seed };
	enum zt_err err;

	if ((err = collect_gids(m, &gids)) != ZT_OK)
		return err;
	if ((err = refuse_later_groups(m, &gids)) != ZT_OK)
		return err;
	forget_refused_names(m);
	if ((err = mark_private(m, &gids, &bare)) != ZT_OK)
		return err;
	return guard_private(m, &bare, &intruded);
}

static enum zt_err
merge_all(struct merge *m, struct zt_idmap *ids)
{
	enum zt_err err;

	if ((err = name_table_reserve(&m->groups, 1)) != ZT_OK)
		return err;
	for (size_t i = 0; i < m->n_sources; i++)
		if ((err = judge_source(m, (uint8_t)i)) != ZT_OK)
			return err;
	err = zt_idmap_claim(ids, m->rules.conf->id_min, m->rules.conf->id_max,
	    m->claims, m->n);
	if (err != ZT_OK)
		return err;
	if ((err = accept(m)) != ZT_OK)
		return err;
	if ((err = settle_private(m)) != ZT_OK)
		return err;
	return members_resolve(m);
}

/* Room for as many candidates as there are records. */
static enum zt_err
merge_begin(struct merge *m)
{
	size_t records = 0, users = 0;

	for (size_t i = 0; i < m->n_sources; i++) {
		if (m->sources[i].set == NULL)
			continue;
		records += zt_set_count(m->sources[i].set);
		users += zt_set_users(m->sources[i].set);
	}
	if (m->n_sources > ZT_SNAPSHOT_SOURCES_MAX || records >= MERGE_NONE ||
	    m->rules.conf->n_allow_groups > ZT_SNAPSHOT_ALLOWED_MAX)
		return ZT_ERR_TOOBIG;
	m->users.seed = m->groups.seed = m->seed = hash_seed();
	m->candidates = calloc(records + 1, sizeof(*m->candidates));
	m->claims = calloc(records + 1, sizeof(*m->claims));
	m->directory = calloc(1, sizeof(*m->directory));
	m->memory = calloc(1, sizeof(*m->memory));
	if (m->candidates == NULL || m->claims == NULL ||
	    m->directory == NULL || m->memory == NULL) {
		free(m->memory);
		return ZT_ERR_NOMEM;
	}
	m->directory->memory = m->memory;
	return name_table_reserve(&m->users, users + 1);
}

static void
merge_clear(struct merge *m)
{
	zt_directory_free(m->directory);
	free(m->candidates);
	free(m->claims);
	name_table_clear(&m->users);
	name_table_clear(&m->groups);
	free(m->group_names);
	free(m->refs);
}

enum zt_err
zt_merge(const struct zt_merge_source *sources, size_t n,
    const struct zt_identity_rules *rules, const struct zt_local *local,
    struct zt_idmap *ids, struct zt_directory **out)
{
	zt_auto(merge_clear) struct merge m = {
		.sources = sources, .n_sources = n, .rules = { rules, local }
	};
	enum zt_err err;

	if ((err = merge_begin(&m)) != ZT_OK)
		return err;
	if ((err = merge_all(&m, ids)) != ZT_OK)
		return err;
	*out = zt_take(m.directory);
	return ZT_OK;
}

void
zt_directory_free(struct zt_directory *directory)
{
	if (directory == NULL)
		return;
	if (directory->memory != NULL) {
		arena_clear(directory->memory);
		free(directory->memory);
	}
	free(directory->refusals);
	free(directory);
}
