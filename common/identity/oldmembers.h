/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_OLDMEMBERS_H
#define ZT_OLDMEMBERS_H

#include "oldtable.h"
#include "zt/local.h"

/*
 * Once both tables are indexed, work out who is a member of what: each
 * group's members (its own and every memberOf, without users that are not
 * here, sorted) and each user's gids (of those groups and of local ones in
 * memberOf, without the primary, sorted).
 *
 * Errors: ZT_ERR_TOOBIG for a user in more than ZT_GROUPS_PER_USER_MAX
 * groups, ZT_ERR_NOMEM.
 */
ZT_MUST_USE enum zt_err
members_resolve(struct zt_olddirectory *directory, const struct zt_local *local);

#endif /* ZT_OLDMEMBERS_H */
