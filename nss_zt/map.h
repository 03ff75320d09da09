/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NSS_ZT_MAP_H
#define NSS_ZT_MAP_H

#include "zt/snapshot.h"

struct map;
struct map_slot;

/* The snapshot as one lookup uses it: it stays mapped until the release. */
struct map_use {
	const struct zt_snapshot *snapshot; /* borrowed */
	/* the rest belongs to map.c */
	struct map *map;
	struct map_slot *slot;
};

/*
 * Get hold of the snapshot that is in force.
 *
 * One that the writer has marked as superseded is looked for anew, and used
 * only if no other has taken its place yet.  Warm, that is no lock, no system
 * call and no write to memory that other threads write too.
 *
 * Returns ZT_OK and fills *out, to be given to map_release(); ZT_ERR_NOMEM; or
 * why there is none: the errors of zt_snapshot_open().  Then *out means nothing.
 *
 * errno is as before.  Blocking: opens a local file.  Thread-safe: yes.
 */
ZT_MUST_USE enum zt_err map_acquire(struct map_use *out);
void map_release(struct map_use *use);

/*
 * Is this the first time that anybody of this process asks, with nothing mapped
 * yet?  Says so once: most processes look up one user, and need no map.
 */
bool map_is_first(void);

/* Where the snapshot and the broker are: path.c, which tests replace. */
const char *path_snapshot(void);
const char *path_socket(void);

#endif /* NSS_ZT_MAP_H */
