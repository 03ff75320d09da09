/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_SCIM_STATE_H
#define ZTD_SCIM_STATE_H

#include "zt/scim.h"

/*
 * What the last good sync of a SCIM source left, in a file: lines of JSON.
 * The first says of what configuration; then there are resources, a later one
 * in place of an earlier; and a line with a mark, which puts in force what
 * stands before it.  What follows the last mark is what a crash left.
 */

/* Where the next sync begins. */
struct scim_mark {
	int64_t newest_us; /* latest modification seen, or ZT_SCIM_NEVER */
	int64_t full_ms;   /* when all was asked for; wall clock; 0: never */
	bool dated;        /* every resource says when it was modified */
	bool plain;        /* the service refuses attributes= */
};

/*
 * config	  must be what the file was written with, or it is ignored
 * synced_ms_out  wall clock
 *
 * Errors: ZT_ERR_NOTFOUND if there is none to use; ZT_ERR_NOMEM.
 */
ZT_MUST_USE enum zt_err scim_state_load(const char *path, const char *config,
    struct zt_scim_catalog **out, struct scim_mark *mark_out,
    int64_t *synced_ms_out);

/*
 * Write all of a catalog in the place of the file, or append what is new to
 * it (config NULL).  Flushed to disk.  Errors: ZT_ERR_SYS, ZT_ERR_NOMEM; a
 * file that could not be appended to must be written anew.
 */
ZT_MUST_USE enum zt_err scim_state_write(const char *path, const char *config,
    const struct zt_scim_catalog *catalog, const struct scim_mark *mark);

/*
 * Append what came besides a sync: the file goes on saying when that was.
 * Errors: as above.
 */
ZT_MUST_USE enum zt_err scim_state_add(const char *path,
    const struct zt_scim_catalog *catalog, const struct scim_mark *mark);

/* The sync brought nothing new: say when that was. */
void scim_state_touch(const char *path);

#endif /* ZTD_SCIM_STATE_H */
