/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_IDENTITY_H
#define ZT_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zt/err.h"
#include "zt/rd.h"
#include "zt/text.h"

/*
 * From records to users.  Each source (a directory, a bundle, a SCIM server)
 * gives a set of records; zt_merge() holds the sets of all sources against
 * the rules and decides who exists; zt_snapshot_write() writes them down.
 */

#define ZT_RECORD_FILE_MAX     65536   /* a *.user or *.group file, bytes */
#define ZT_SET_MAX             2097152 /* records of one source, count */
#define ZT_IMMUTABLE_ID_MAX    128     /* bytes */
#define ZT_GROUPS_PER_USER_MAX 8192

/* A user from a JSON User Record.  One allocation; texts never NULL. */
struct zt_user {
	const char *name;
	const char *id; /* the source's immutable id; "" if it has none */
	uint32_t uid;   /* 0: to be derived from id */
	uint32_t gid;   /* 0: a private group */
	const char *gecos, *home, *shell;
	const char *const *member_of; /* group names */
	size_t n_member_of;
	bool locked;
	uint64_t not_before_us; /* since the epoch; 0 if none */
	uint64_t not_after_us;  /* UINT64_MAX if none */
	const char *privileged; /* JSON object: the section of that name, for
				   root and the user alone; "" if none */
};

/* A group from a JSON Group Record.  One allocation. */
struct zt_group {
	const char *name;
	const char *id;
	uint32_t gid;               /* 0: to be derived from id */
	const char *const *members; /* user names */
	size_t n_members;
};

/*
 * Decode one record.  Pure: grammar and field rules only.
 *
 * Returns ZT_OK and an owned *out (free(3) it); ZT_ERR_MALFORMED with a static
 * explanation in *why_out; ZT_ERR_NOMEM.
 * Source: systemd JSON User/Group Records; "uuid" is the immutable id.
 */
ZT_MUST_USE enum zt_err
zt_user_parse(struct zt_str json, struct zt_user **out, const char **why_out);
ZT_MUST_USE enum zt_err
zt_group_parse(struct zt_str json, struct zt_group **out, const char **why_out);

/* The same from a tree that jansson has read already; json_t is opaque here. */
struct json_t;
ZT_MUST_USE enum zt_err zt_user_from_json(const struct json_t *root,
    struct zt_user **out, const char **why_out);
ZT_MUST_USE enum zt_err zt_group_from_json(const struct json_t *root,
    struct zt_group **out, const char **why_out);

/* The records of one source, sorted by key. */
struct zt_set;

/* A record: exactly one of user, group and why is not NULL. */
struct zt_set_record {
	char *key;              /* owned; unique in its set: a file's name, a
				   resource's id */
	struct zt_user *user;   /* owned */
	struct zt_group *group; /* owned */
	char *name;             /* owned; of a refused one, or NULL */
	const char *why;        /* static; of a record that was refused by its
				   source's own rules */
};

ZT_MUST_USE enum zt_err zt_set_new(struct zt_set **out);
void zt_set_free(struct zt_set *set);

/*
 * Put a record under a key (copied), in place of the one that was there.
 * user and group are taken over on success.  Before zt_set_seal() that is
 * quick and every key must be new (a second one is found by the seal);
 * afterwards it keeps the order.
 *
 * Errors: ZT_ERR_NOMEM, ZT_ERR_TOOBIG over ZT_SET_MAX.
 */
ZT_MUST_USE enum zt_err
zt_set_put_user(struct zt_set *set, const char *key, struct zt_user *user);
ZT_MUST_USE enum zt_err
zt_set_put_group(struct zt_set *set, const char *key, struct zt_group *group);
ZT_MUST_USE enum zt_err zt_set_put_refused(struct zt_set *set, const char *key,
    const char *name, const char *why);

/* Sort.  Of two records with one key the later becomes a refused record of a
 * key of its own.  Errors: ZT_ERR_NOMEM. */
ZT_MUST_USE enum zt_err zt_set_seal(struct zt_set *set);

/* Take a record out; nothing happens if there is none.  Sealed sets only. */
void zt_set_remove(struct zt_set *set, const char *key);

/* Borrowed until the set changes; NULL past the end, or if there is none. */
const struct zt_set_record *zt_set_at(const struct zt_set *set, size_t i);
const struct zt_set_record *
zt_set_find(const struct zt_set *set, const char *key);
size_t zt_set_count(const struct zt_set *set); /* records, refused too */
size_t zt_set_users(const struct zt_set *set); /* users not refused */

/* What a record must satisfy beyond its grammar.  All borrowed. */
struct zt_identity_rules {
	uint32_t id_min, id_max;         /* inclusive; uid and gid */
	const char *const *allow_groups; /* local or root-equivalent groups
					    that a record may name */
	size_t n_allow_groups;           /* at most ZT_SNAPSHOT_ALLOWED_MAX */
};

/* A source and its records, in the order of precedence. */
struct zt_merge_source {
	const char *name;         /* as configured; borrowed */
	const struct zt_set *set; /* borrowed; sealed; NULL: none yet */
};

struct zt_local;
struct zt_idmap;

/* A user that exists. */
struct zt_directory_user {
	const struct zt_user *record; /* borrowed from its set */
	uint32_t uid, gid;            /* given or derived */
	bool private_group; /* gid is uid and nobody else has that gid or the
			       name as a group */
	uint8_t source;
	uint32_t n_gids;
	const uint32_t *gids; /* supplementary, sorted, each once, without the
				 primary; local ones where allowed */
};

struct zt_directory_group {
	const struct zt_group *record;
	uint32_t gid;
	bool allowed; /* root-equivalent by name, and allowed all the same */
	uint8_t source;
	uint32_t n_members;
	const uint32_t *members; /* indexes into users, sorted, each once */
};

/* A record that was refused, or of which a part was. */
struct zt_refusal {
	uint8_t source;
	const char *key, *name; /* borrowed from the set; name may be NULL */
	bool is_group;
	const char *why; /* static, or owned by the directory */
};

/*
 * Who exists: the outcome of a merge.  Borrows from the sets, which must not
 * change while it lives.  users and groups are in the order of their sources
 * and keys.
 */
struct zt_directory {
	struct zt_directory_user *users;
	struct zt_directory_group *groups;
	size_t n_users, n_groups;
	struct zt_refusal *refusals;
	size_t n_refusals;
	uint32_t *allowed_gids; /* local gids that stand in gids, sorted */
	size_t n_allowed_gids;  /* at most ZT_SNAPSHOT_ALLOWED_MAX */
	void *memory;           /* whatever the above borrow */
};

/*
 * Hold all records against the rules.
 *
 * sources, n  the first has precedence
 * local       names and ids of this host
 * ids	       gives and remembers ids; see zt/idmap.h
 *
 * A record that breaks a rule is refused on its own and listed: name or id
 * held locally, id out of range, root-equivalent group not allowed, name or id
 * held by a record before it (an earlier source, or key), neither id nor
 * immutable id, an id that belonged to another; a user without gid whose uid is
 * the gid of a group of another name, or whose private group would be
 * root-equivalent and is not allowed.  A group that exists neither here nor
 * locally is left out of a user's, and so is a local one that is not allowed,
 * which is listed; a user that is not here is left out of a group's; a user in
 * more than ZT_GROUPS_PER_USER_MAX groups is refused.
 *
 * Root-equivalent is a group that is known to be (docs/man/nss_zt.8 lists
 * them), and every local one with a gid below 1000.
 *
 * Time grows with the number of records, not faster: it runs on every change.
 *
 * Returns ZT_OK and an owned *out; ZT_ERR_NOMEM, ZT_ERR_TOOBIG.
 */
ZT_MUST_USE enum zt_err
zt_merge(const struct zt_merge_source *sources, size_t n,
    const struct zt_identity_rules *rules, const struct zt_local *local,
    struct zt_idmap *ids, struct zt_directory **out);
void zt_directory_free(struct zt_directory *directory);

/*
 * How many of these uids are nobody's now?
 *
 * uids, ends  n lists one after the other, of which the i-th ends before
 *	       uids[ends[i]]
 * lost	       receives a count for each list
 *
 * Errors: ZT_ERR_NOMEM.
 */
ZT_MUST_USE enum zt_err zt_directory_lost(const struct zt_directory *directory,
    const uint32_t *uids, const size_t *ends, size_t n, size_t *lost);

/* What zt_snapshot_write() writes besides. */
struct zt_snapshot_meta {
	uint64_t generation;
	int64_t created_ms;
	uint32_t id_min, id_max;
	bool complete, enumerate;
	const char *const *sources; /* names; a user's source is an index */
	size_t n_sources;           /* at most ZT_SNAPSHOT_SOURCES_MAX */
	bool *unmarked_out;         /* borrowed, or NULL */
};

/*
 * Write a snapshot and put it in place: a temporary file beside path, flushed
 * to disk; the file that stands at path is marked superseded; then the rename.
 * Should the writer die in between, readers of the old one look again on each
 * lookup, and are right.
 *
 * A file there that may not be written to, such as root's for another user who
 * owns the directory, is replaced without the mark: *unmarked_out is then true,
 * else false, on success.  Who has mapped it goes on with it until his end.
 *
 * Errors: ZT_ERR_SYS with errno (path is as it was, but perhaps marked),
 * ZT_ERR_NOMEM, ZT_ERR_TOOBIG (over 4 GiB * 8, or too many sources or gids).
 * Blocking: writes and flushes the file.
 */
ZT_MUST_USE enum zt_err zt_snapshot_write(const char *path,
    const struct zt_directory *directory, const struct zt_snapshot_meta *meta);

#endif /* ZT_IDENTITY_H */
