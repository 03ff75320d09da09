/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_OLDIDENTITY_H
#define ZT_OLDIDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zt/err.h"
#include "zt/rd.h"
#include "zt/text.h"

#define ZT_RECORD_FILE_MAX     65536 /* a *.user or *.group file, bytes */
#define ZT_USERS_MAX           65536 /* records in a directory, count each */
#define ZT_DIRECTORY_MAX       (64 << 20) /* all files of it, bytes */
#define ZT_GROUPS_PER_USER_MAX 8192

/* A user from a JSON User Record.  Members owned, never NULL. */
struct zt_olduser {
	char *name;
	uint32_t uid, gid;
	char *gecos, *home, *shell;
	char **member_of; /* group names */
	size_t n_member_of;
	bool locked;
	uint64_t not_before_us; /* since the epoch; 0 if none */
	uint64_t not_after_us;  /* UINT64_MAX if none */
};

/* A group from a JSON Group Record. */
struct zt_oldgroup {
	char *name;
	uint32_t gid;
	char **members; /* user names: the record's own and all memberOf */
	size_t n_members;
};

/* What a record must satisfy beyond its grammar. */
struct zt_oldrules {
	uint32_t id_min, id_max;         /* inclusive; uid and gid */
	const char *const *allow_groups; /* root-equivalent groups a record
					    may name all the same; borrowed */
	size_t n_allow_groups;
	const char *etc; /* directory of passwd, group, subuid and subgid;
			    borrowed; NULL: /etc */
};

/*
 * Decode one record.  Pure: grammar and field rules only.
 *
 * Returns ZT_OK and an owned *out (free with ..._free());
 * ZT_ERR_MALFORMED with a static explanation in *why_out; ZT_ERR_NOMEM.
 * Source: systemd JSON User/Group Records.
 */
ZT_MUST_USE enum zt_err
zt_olduser_parse(struct zt_str json, struct zt_olduser **out, const char **why_out);
ZT_MUST_USE enum zt_err
zt_oldgroup_parse(struct zt_str json, struct zt_oldgroup **out, const char **why_out);
void zt_olduser_free(struct zt_olduser *user);
void zt_oldgroup_free(struct zt_oldgroup *group);

/* An immutable set of users and groups, loaded from a directory. */
struct zt_olddirectory;

/* A record that was refused. */
struct zt_oldrefusal {
	char *file; /* base name */
	char *why;
};

/*
 * Load every *.user and *.group in dir.
 *
 * A record that breaks a rule is refused on its own and listed: bad grammar,
 * name or id held locally (passwd, group, read directly; ids that subuid and
 * subgid delegate too), id out of range, root-equivalent group not allowed,
 * name or id twice (the first file by name is kept), a file that others can
 * write or that is no regular file.  A group that exists neither here nor
 * locally is left out of a user's, a user that is not here out of a group's.
 *
 * Root-equivalent is a group that is known to be (docs/man/nss_zt.8 lists
 * them), and every local one with a gid below 1000.
 *
 * Returns ZT_OK and an owned *out; ZT_ERR_SYS if dir, a local file or a
 * record cannot be read for a reason that may pass, ZT_ERR_DENIED if dir is
 * writable by others or has another owner than root or us, ZT_ERR_TOOBIG if
 * a limit is exceeded, ZT_ERR_NOMEM.
 * Blocking: reads the files.
 */
ZT_MUST_USE enum zt_err zt_olddirectory_load(const char *dir,
    const struct zt_oldrules *rules, struct zt_olddirectory **out);
void zt_olddirectory_free(struct zt_olddirectory *directory);

/* Lookups; borrowed from directory, NULL if there is none. */
const struct zt_olduser *
zt_olddirectory_user(const struct zt_olddirectory *directory, struct zt_str name);
const struct zt_olduser *
zt_olddirectory_user_by_uid(const struct zt_olddirectory *directory, uint32_t uid);
const struct zt_oldgroup *
zt_olddirectory_group(const struct zt_olddirectory *directory, struct zt_str name);
const struct zt_oldgroup *
zt_olddirectory_group_by_gid(const struct zt_olddirectory *directory, uint32_t gid);

/* Enumeration by position, NULL past the end. */
const struct zt_olduser *
zt_olddirectory_user_at(const struct zt_olddirectory *directory, size_t i);
const struct zt_oldgroup *
zt_olddirectory_group_at(const struct zt_olddirectory *directory, size_t i);

/* Refused records, n of them; borrowed. */
const struct zt_oldrefusal *
zt_olddirectory_refusals(const struct zt_olddirectory *directory, size_t *n_out);

/*
 * The gids of a user of this directory: memberOf and groups that list the
 * user, local groups of /etc/group included where allowed; without the
 * primary, no gid twice.
 *
 * gids, cap  receives at most cap
 * Returns the number of gids there are (may exceed cap).
 */
size_t zt_olddirectory_gids(const struct zt_olddirectory *directory,
    const struct zt_olduser *user, uint32_t *gids, size_t cap);

#endif /* ZT_OLDIDENTITY_H */
