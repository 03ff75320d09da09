/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_SNAPSHOT_H
#define ZT_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zt/err.h"
#include "zt/rd.h"

/*
 * The users and groups of this host in one file that every process maps.
 * docs/PROTOCOL.snapshot is its format.  The reader believes nothing in it:
 * what it hands out was checked on this access, so that any file gives right
 * answers or ZT_ERR_MALFORMED, and never a crash.
 */
#define ZT_SNAPSHOT_FILE "/var/lib/ztd/users.snapshot"

#define ZT_SNAPSHOT_SOURCES_MAX 16   /* sources that a snapshot names, count */
#define ZT_SNAPSHOT_ALLOWED_MAX 64   /* local gids it may hand out, count */
#define ZT_SNAPSHOT_ID_FLOOR    1000 /* no uid, no primary gid is below */
#define ZT_SNAPSHOT_USER_MAX    848  /* the longest record of a user, bytes */

/*
 * A mapped snapshot and what its header says.  base is borrowed and must stay
 * mapped, or owned by the map that zt_snapshot_open() made.  Members are for
 * the reader alone, but for those of info.
 */
struct zt_snapshot_info {
	uint64_t generation;     /* grows by each snapshot of a host */
	int64_t created_ms;      /* since the epoch */
	uint32_t users, groups;  /* count */
	uint32_t id_min, id_max; /* inclusive; every uid and primary gid */
	bool complete;           /* who is not here does not exist */
	bool enumerate;          /* getpwent(3) may list it */
};

/* A part of the file, in units of 8 bytes; of an index, a unit is a slot. */
struct zt_snapshot_area {
	uint32_t offset, len;
};

struct zt_snapshot {
	const uint8_t *base;
	size_t len;
	struct zt_snapshot_info info;
	/* the rest belongs to common/base/snapshot*.c */
	uint32_t seed, n_sources, n_allowed;
	struct zt_snapshot_area user_names, user_ids, group_names, group_ids;
	struct zt_snapshot_area users, groups, gids, members;
};

/* A user; texts borrowed from the map. */
struct zt_snapshot_user {
	struct zt_str name, gecos, home, shell;
	uint32_t uid, gid;
	bool locked;
	bool private_group; /* gid is uid, and the group is named as the user */
	uint64_t not_before_us; /* since the epoch; 0 if none */
	uint64_t not_after_us;  /* UINT64_MAX if none */
	uint8_t source;         /* see zt_snapshot_source() */
	uint32_t n_gids;        /* supplementary groups, count */
	uint32_t gids;          /* where they stand; for zt_snapshot_gid() */
};

struct zt_snapshot_group {
	struct zt_str name;
	uint32_t gid;
	uint8_t source;
	uint32_t n_members;
	uint32_t members; /* where; for zt_snapshot_member() */
};

/*
 * Understand a header.  Pure and short: what it costs does not depend on the
 * number of users.
 *
 * base, len  8-byte aligned; borrowed by *out
 *
 * Returns ZT_OK; ZT_ERR_VERSION for another format version;
 * ZT_ERR_TRUNCATED, ZT_ERR_TRAILING, ZT_ERR_MALFORMED.
 */
ZT_MUST_USE enum zt_err
zt_snapshot_init(const void *base, size_t len, struct zt_snapshot *out);

/* Has the writer put another in this one's place?  One atomic load. */
bool zt_snapshot_superseded(const struct zt_snapshot *s);

/*
 * Check every byte: the checksums, each record and index.  For the broker
 * and ztctl: it costs what the file is long.
 *
 * Returns ZT_OK or ZT_ERR_MALFORMED.
 */
ZT_MUST_USE enum zt_err zt_snapshot_verify(const struct zt_snapshot *s);

/* Is it what was written, by the checksums?  Returns as above. */
ZT_MUST_USE enum zt_err zt_snapshot_intact(const struct zt_snapshot *s);

/*
 * Look one up.
 *
 * Returns ZT_OK and fills *out, which is scratch on failure: a copy for nothing
 * would be felt here; ZT_ERR_NOTFOUND (not in this file; definitive if
 * info.complete); ZT_ERR_MALFORMED if what is found breaks a rule: bounds,
 * termination, the field rules of zt/passwd.h and zt/text.h, an id outside
 * info.id_min..id_max or below ZT_SNAPSHOT_ID_FLOOR, the name "root", a
 * root-equivalent group that the writer did not mark as allowed, another name
 * or id than asked for.  Never blocks, no system call, writes nothing shared.
 * Thread-safe: yes.
 */
ZT_MUST_USE enum zt_err zt_snapshot_user(const struct zt_snapshot *s,
    struct zt_str name, struct zt_snapshot_user *out);
ZT_MUST_USE enum zt_err zt_snapshot_user_by_uid(const struct zt_snapshot *s,
    uint32_t uid, struct zt_snapshot_user *out);

/* A user's private group is found here too: it has no members. */
ZT_MUST_USE enum zt_err zt_snapshot_group(const struct zt_snapshot *s,
    struct zt_str name, struct zt_snapshot_group *out);
ZT_MUST_USE enum zt_err zt_snapshot_group_by_gid(const struct zt_snapshot *s,
    uint32_t gid, struct zt_snapshot_group *out);

/*
 * Enumerate, in no particular order: each call looks from *cursor on (begin
 * with 0) and moves it past what it found.  ZT_ERR_NOTFOUND at the end.
 * Private groups are listed where their users' turn comes.
 */
ZT_MUST_USE enum zt_err zt_snapshot_user_next(const struct zt_snapshot *s,
    uint32_t *cursor, struct zt_snapshot_user *out);
ZT_MUST_USE enum zt_err zt_snapshot_group_next(const struct zt_snapshot *s,
    uint32_t *cursor, struct zt_snapshot_group *out);

/*
 * The i-th supplementary gid, i < user->n_gids: within the range, or one of
 * the local groups that the administrator allows; never 0.
 * Errors: ZT_ERR_MALFORMED, ZT_ERR_INVAL (i).
 */
ZT_MUST_USE enum zt_err zt_snapshot_gid(const struct zt_snapshot *s,
    const struct zt_snapshot_user *user, uint32_t i, uint32_t *gid_out);

/* Is it one of the local groups that the administrator allows? */
bool zt_snapshot_allowed(const struct zt_snapshot *s, uint32_t gid);

/* The name of the i-th member, i < group->n_members.  Errors as above. */
ZT_MUST_USE enum zt_err zt_snapshot_member(const struct zt_snapshot *s,
    const struct zt_snapshot_group *group, uint32_t i, struct zt_str *out);

/* The name of a source, as in the configuration; "" if there is none. */
struct zt_str zt_snapshot_source(const struct zt_snapshot *s, uint8_t source);

/* Which file was mapped, to tell one from the next. */
struct zt_snapshot_file {
	uint64_t dev, ino;
};

/*
 * Map the snapshot at path, read-only.  Unmap with zt_snapshot_close().
 *
 * The file must be regular, not writable by group or others, and owned by
 * root, or by the owner of its directory, or in a directory of root's; the
 * directory must not be writable by group or others: whoever could put it
 * there is root.
 *
 * Returns ZT_OK; ZT_ERR_UNAVAIL if there is none; ZT_ERR_IMPOSTOR for owner
 * or mode; ZT_ERR_NOMEM if a limit, of descriptors or of memory, is exhausted;
 * ZT_ERR_SYS; the errors of zt_snapshot_init().
 *
 * The descriptor is close-on-exec, never 0 to 2, and closed on return; errno
 * is as before; no thread cancellation point.
 * Blocking: opens a local file.  Thread-safe: yes.
 */
ZT_MUST_USE enum zt_err zt_snapshot_open(const char *path,
    struct zt_snapshot *out, struct zt_snapshot_file *file_out);
void zt_snapshot_close(struct zt_snapshot *s);

/*
 * A snapshot that is not mapped, but read where a lookup looks.  A mapping, and
 * the pages around each place looked at, cost more than a process that asks
 * for one user ever gets back.
 */
struct zt_snapshot_read {
	struct zt_snapshot snapshot; /* its header; base is NULL */
	/* the rest belongs to common/base/snapshot_read.c */
	int fd;
	uint64_t record[ZT_SNAPSHOT_USER_MAX / sizeof(uint64_t)];
};

/* As zt_snapshot_open(), but the descriptor stays open until
 * zt_snapshot_read_close(). */
ZT_MUST_USE enum zt_err
zt_snapshot_read_open(const char *path, struct zt_snapshot_read *out);
void zt_snapshot_read_close(struct zt_snapshot_read *r);

/*
 * As zt_snapshot_user() and zt_snapshot_user_by_uid().  The texts are borrowed
 * from r, until the next lookup.
 *
 * More errors: ZT_ERR_SYS; ZT_ERR_TRUNCATED if the file has become shorter.
 * errno is as before; no thread cancellation point.  Blocking: reads a local
 * file, two places of it and one for each other user with the same hash.
 */
ZT_MUST_USE enum zt_err zt_snapshot_read_user(struct zt_snapshot_read *r,
    struct zt_str name, struct zt_snapshot_user *out);
ZT_MUST_USE enum zt_err zt_snapshot_read_user_by_uid(struct zt_snapshot_read *r,
    uint32_t uid, struct zt_snapshot_user *out);

#endif /* ZT_SNAPSHOT_H */
