/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NSS_ZT_GIDS_H
#define NSS_ZT_GIDS_H

#include <sys/types.h>

#include "zt/snapshot.h"

/* What glibc hands to initgroups_dyn: an array that grows by realloc(3). */
struct gids_list {
	long *n, *size; /* count: those in it; those it has room for */
	gid_t **gids;
	long limit; /* it may not grow beyond; none if <= 0 */
	gid_t skip; /* not wanted: the primary group */
};

/* Gids to append, wherever they come from; strictly ascending.  Borrowed. */
struct gids_source {
	uint32_t n;
	const uint32_t *gids; /* or NULL, and they stand in a snapshot: */
	const struct zt_snapshot *snapshot;
	const struct zt_snapshot_user *user;
};

/*
 * Append those that are not in the list yet, and not to be skipped, as long
 * as the limit allows.
 *
 * Returns ZT_OK; ZT_ERR_NOMEM, also if the array would have to grow in a static
 * program; ZT_ERR_TOOBIG if there are more than ZT_GIDS_MAX; ZT_ERR_MALFORMED if
 * they do not ascend; the errors of zt_snapshot_gid().  On failure *list->n is
 * as before.
 */
ZT_MUST_USE enum zt_err
gids_append(const struct gids_list *list, const struct gids_source *from);

/* Sort, and leave one of each.  Returns how many are left. */
uint16_t gids_sort(uint32_t *gids, uint16_t n);

#endif /* NSS_ZT_GIDS_H */
