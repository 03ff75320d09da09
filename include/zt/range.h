/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_RANGE_H
#define ZT_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "zt/err.h"

/* Does identity.id_range get in the way of anything else that gives ids? */

#define ZT_RANGE_TEXT_MAX 384 /* a finding's texts, bytes with NUL */

struct zt_range_finding {
	bool fail;            /* must be put right; else it may do harm */
	uint32_t first, last; /* the ids that both have */
	char text[ZT_RANGE_TEXT_MAX]; /* what overlaps; escaped */
	const char *remedy;           /* static; what to do */
};

typedef void zt_range_fn(void *arg, const struct zt_range_finding *finding);

/*
 * Hold a range against systemd's ranges and SSSD's default, and against this
 * host's login.defs(5), subuid(5), subgid(5), passwd(5) and group(5).  fn is
 * called for each finding; of each file at most ZT_RANGE_EACH_MAX entries, and
 * once more with the number of the others.
 *
 * etc	directory of the files; subuid, subgid and login.defs may be missing
 *
 * Errors: ZT_ERR_INVAL if id_min is above id_max; those of zt_local_users().
 * Blocking: reads the files.
 * Source: systemd's UIDS-GIDS, login.defs(5), sssd-ad(5).
 */
#define ZT_RANGE_EACH_MAX 8
ZT_MUST_USE enum zt_err zt_range_lint(const char *etc, uint32_t id_min,
    uint32_t id_max, zt_range_fn *fn, void *arg);

#endif /* ZT_RANGE_H */
