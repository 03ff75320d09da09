/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_OLDTABLE_H
#define ZT_OLDTABLE_H

#include "zt/oldidentity.h"

/* One record of a directory: a user or a group. */
struct entry {
	char *file;             /* owned; base name */
	const char *name;       /* of user or group */
	uint32_t id;            /* its uid or gid */
	struct zt_olduser *user;   /* owned; NULL for a group */
	struct zt_oldgroup *group; /* owned; NULL for a user */
	uint32_t *gids;         /* owned; a user's supplementary groups */
	size_t n_gids;
};

/* Entries sorted by name, and an index by id; the entries are owned. */
struct table {
	struct entry **by_name;
	struct entry **by_id;
	size_t n;
};

struct zt_olddirectory {
	struct table users, groups;
	struct zt_oldrefusal *refusals; /* owned, with its texts */
	size_t n_refusals;
};

void entry_free(struct entry *entry);

/* Append, taking entry over on success; it is indexed by table_index(). */
ZT_MUST_USE enum zt_err table_add(struct table *table, struct entry *entry);

/*
 * Sort and index.  Of entries with one name or id the one whose file sorts
 * first is kept; the others are moved to the refusals of directory.
 */
ZT_MUST_USE enum zt_err
table_index(struct table *table, struct zt_olddirectory *directory);

struct entry *table_find(const struct table *table, struct zt_str name);
struct entry *table_find_id(const struct table *table, uint32_t id);
void table_free(struct table *table);

/* Remember that a file was refused. */
ZT_MUST_USE enum zt_err directory_refuse(struct zt_olddirectory *directory,
    const char *file, const char *why);

/*
 * Make room for one more item in an array of n: it doubles whenever n is a
 * power of two.  *arrayp is replaced on success.
 */
ZT_MUST_USE enum zt_err array_grow(void *arrayp, size_t n, size_t item);

#endif /* ZT_OLDTABLE_H */
