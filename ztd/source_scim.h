/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_SOURCE_SCIM_H
#define ZTD_SOURCE_SCIM_H

#include "source.h"
#include "zt/rd.h"

/*
 * Ends a lookup.  err is ZT_OK: the user is in the set in force;
 * ZT_ERR_NOTFOUND: the service has nobody of this very name; ZT_ERR_DENIED: it
 * has, and the record is refused; ZT_ERR_UNAVAIL: it did not say, or not what
 * can be believed.  source_touched() was called if the record is new.
 */
typedef void source_scim_found(void *arg, enum zt_err err);

/*
 * Ask the service for one user who is not in the snapshot: one that is newer
 * than the last sync.  The groups come with the next sync.
 *
 * s	       of type source_scim
 * name	       zt_name_valid(), copied
 * timeout_ms  of the question; the token may have to be fetched before
 *
 * Returns ZT_OK, and done is called once, later or at once, unless it is
 * cancelled or the source is freed before; ZT_ERR_UNAVAIL: a sync or another lookup is under way, or
 * there has been no sync yet; ZT_ERR_INVAL: name; ZT_ERR_NOMEM.
 */
ZT_MUST_USE enum zt_err source_scim_lookup(struct source *s, struct zt_str name,
    unsigned timeout_ms, source_scim_found *done, void *arg);

/* Give up the lookup under way, if there is one, without a word. */
void source_scim_lookup_cancel(struct source *s);

#endif /* ZTD_SOURCE_SCIM_H */
