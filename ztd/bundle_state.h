/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZTD_BUNDLE_STATE_H
#define ZTD_BUNDLE_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "fetch.h"
#include "zt/err.h"

/*
 * What a bundle's source remembers: the last good document at path, its ETag
 * at path.etag, and by the former's modification time when it was last known
 * to be what the server has.  While that one is not in force, the one that
 * is stands at path.before: a restart begins with it.
 */

/*
 * text_out	  owned, NUL-terminated
 * synced_ms_out  wall clock
 * etag		  "" if none was kept or it cannot be read
 *
 * Errors: those of zt_file_read() of the document; ZT_ERR_SYS with ENOENT: no
 * document was ever kept, or an administrator removed it.
 */
ZT_MUST_USE enum zt_err bundle_state_read(const char *path, char **text_out,
    size_t *len_out, int64_t *synced_ms_out, char etag[FETCH_ETAG_MAX]);

/*
 * Put a document in place, flushed and readable by us alone, then its ETag.
 * Errors: ZT_ERR_SYS, ZT_ERR_NOMEM; each of the two files is the old one or
 * the new one, whole.
 */
ZT_MUST_USE enum zt_err bundle_state_write(const char *path, const char *text,
    size_t len, const char *etag);

/*
 * Before another document is written: keep the one at path, which is in force,
 * as path.before.  One that is there already stays.
 * Errors: ZT_ERR_SYS, ZT_ERR_NOMEM.
 */
ZT_MUST_USE enum zt_err bundle_state_keep(const char *path);

/* As bundle_state_read(), of path.before. */
ZT_MUST_USE enum zt_err bundle_state_read_kept(const char *path,
    char **text_out, size_t *len_out, int64_t *synced_ms_out);

/* The one at path is in force. */
void bundle_state_settle(const char *path);

/* The server has the same still. */
void bundle_state_touch(const char *path);

#endif /* ZTD_BUNDLE_STATE_H */
