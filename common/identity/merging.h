/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_MERGING_H
#define ZT_MERGING_H

#include "arena.h"
#include "hash.h"
#include "rules.h"
#include "zt/idmap.h"

/* What one zt_merge() works with. */

#define MERGE_NONE  UINT32_MAX
#define MERGE_AHEAD 32 /* records that are fetched into the cache at once */

/* A name of a group that a record mentions. */
struct group_name {
	const char *name;   /* borrowed */
	const char *fault;  /* why no record may; NULL if it may */
	uint32_t local_gid; /* 0: no local group has it */
	uint32_t candidate; /* the group record that has it; MERGE_NONE */
	uint32_t group;     /* what members.c makes of it: see edges */
};

/*
 * A record that no rule of its own refuses; an id is claimed for each.  What
 * later steps need of it is copied here, so that they need not go to the
 * record itself, which is seldom in the cache.
 */
struct candidate {
	const struct zt_set_record *rec; /* borrowed */
	const struct zt_user *user;      /* of rec; NULL: a group */
	uint32_t hash;                   /* of a user's name */
	uint32_t gid;  /* of a user, given; 0: a private group */
	uint32_t refs; /* of a user: where its group names begin in refs */
	uint32_t n_refs;
	uint32_t number; /* among the accepted of its kind; MERGE_NONE: none */
	uint8_t source;
	bool has_id;     /* an immutable one */
	bool local_name; /* of a user: a local group is named so, or one that
			    makes root: no private group can be */
	bool private_group;
};

struct merge {
	const struct zt_merge_source *sources;
	size_t n_sources;
	struct rules rules;
	uint64_t seed;
	struct zt_directory *directory; /* owned until it is handed out */
	struct arena *memory;           /* the directory's; borrowed */
	size_t refusals_cap;

	/* the rest is owned, and ends with the merge */
	struct candidate *candidates;
	struct zt_id_claim *claims; /* of candidates, one each */
	size_t n;
	struct name_table users, groups; /* name -> candidate, group_name */
	struct group_name *group_names;
	size_t group_names_cap;
	uint32_t *refs; /* indexes into group_names */
	size_t n_refs, refs_cap;
};

/* Room for one more in an array, which doubles. */
ZT_MUST_USE enum zt_err
merge_grow(void *arrayp, size_t *cap, size_t n, size_t size);

/* List a refusal. */
ZT_MUST_USE enum zt_err merge_refuse(struct merge *m, uint8_t source,
    const struct zt_set_record *rec, const char *why);

/* The index of a group's name, which is added if it is new. */
ZT_MUST_USE enum zt_err
merge_group_name(struct merge *m, const char *name, uint32_t *out);

/*
 * Who is in which group: fill in users, groups and allowed_gids of the
 * directory from the accepted candidates, and refuse who is in too many.
 */
ZT_MUST_USE enum zt_err members_resolve(struct merge *m);

#endif /* ZT_MERGING_H */
