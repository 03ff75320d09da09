/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_LOCAL_H
#define ZT_LOCAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zt/err.h"

/*
 * The accounts of this host's own files, read directly: never through NSS,
 * which would come back to zt.
 */
#define ZT_LOCAL_FILE_MAX (8 << 20) /* passwd, group ...; bytes each */
#define ZT_LOCAL_NAME_MAX 256       /* a longer name is skipped, bytes */

/* A user of passwd(5). */
struct zt_local_user {
	char name[ZT_LOCAL_NAME_MAX + 1];
	uint32_t uid, gid;
};

/*
 * Find a user by name, or by uid if name is NULL; the first entry wins, as it
 * does in libc.
 *
 * etc	directory of the files
 *
 * Returns ZT_OK and fills *out; ZT_ERR_NOTFOUND, definitive; ZT_ERR_SYS or
 * ZT_ERR_TOOBIG if the file cannot be read.
 * Blocking: reads the file.  Thread-safe: no.
 */
ZT_MUST_USE enum zt_err zt_local_find(const char *etc, const char *name,
    uint32_t uid, struct zt_local_user *out);

/* One group; return false to stop.  name and members are borrowed. */
typedef bool zt_local_group_fn(void *arg, const char *name, uint32_t gid,
    char *const *members);

/* Call fn for every group of group(5).  Errors and notes as above. */
ZT_MUST_USE enum zt_err
zt_local_groups(const char *etc, zt_local_group_fn *fn, void *arg);

/* The same for users of passwd(5); user is borrowed. */
typedef bool zt_local_user_fn(void *arg, const struct zt_local_user *user);

ZT_MUST_USE enum zt_err
zt_local_users(const char *etc, zt_local_user_fn *fn, void *arg);

/* Ids that are delegated to a local user: first, and how many.  owner is
 * borrowed; it may be a uid in decimal. */
typedef bool
zt_local_range_fn(void *arg, const char *owner, uint32_t first, uint64_t n);

/*
 * Call fn for every entry of subuid(5) or subgid(5); for none if there is no
 * such file.
 *
 * file	 "subuid" or "subgid"
 */
ZT_MUST_USE enum zt_err zt_local_ranges(const char *etc, const char *file,
    zt_local_range_fn *fn, void *arg);

/* All names and ids that are held locally, for many questions. */
struct zt_local;

/*
 * Read passwd and group, and subuid and subgid where they exist.
 *
 * Returns ZT_OK and an owned *out; ZT_ERR_SYS, ZT_ERR_TOOBIG, ZT_ERR_NOMEM.
 */
ZT_MUST_USE enum zt_err zt_local_load(const char *etc, struct zt_local **out);
void zt_local_free(struct zt_local *local);

bool zt_local_has_user(const struct zt_local *local, const char *name);

/* Is the id in use, or delegated to a local user (subuid(5), subgid(5))? */
bool zt_local_has_uid(const struct zt_local *local, uint32_t uid);
bool zt_local_has_gid(const struct zt_local *local, uint32_t gid);

/* True, and the group's id in *gid_out, if there is a group of that name. */
bool zt_local_group(const struct zt_local *local, const char *name,
    uint32_t *gid_out);

#endif /* ZT_LOCAL_H */
