/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NSS_ZT_PACK_H
#define NSS_ZT_PACK_H

#include <grp.h>
#include <pwd.h>

#include "zt/snapshot.h"

/* The caller's buffer: of any length and alignment. */
struct pack_room {
	char *buf;
	size_t len;
};

/* The members of a group, wherever they come from.  All borrowed. */
struct pack_members {
	uint32_t n;
	const struct zt_str *texts; /* or NULL, and they stand in a snapshot: */
	const struct zt_snapshot *snapshot;
	const struct zt_snapshot_group *group;
};

/*
 * Fill the caller's structure and buffer.
 *
 * Returns ZT_OK; ZT_ERR_TOOBIG if the buffer is too small, and for no other
 * reason; the errors of zt_snapshot_member().  On failure the structure is
 * untouched, and nothing beyond the buffer ever is touched.
 */
ZT_MUST_USE enum zt_err pack_user(const struct zt_snapshot_user *user,
    struct pack_room room, struct passwd *out);
ZT_MUST_USE enum zt_err
pack_group(struct zt_str name, gid_t gid, const struct pack_members *members,
    struct pack_room room, struct group *out);

#endif /* NSS_ZT_PACK_H */
