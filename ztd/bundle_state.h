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
 * to be what the server has.
 */

/*
 * Read a whole regular file.
 *
 * max	     longest, bytes
 * text_out  owned, NUL-terminated
 *
 * Errors: ZT_ERR_SYS with errno, ZT_ERR_TOOBIG, ZT_ERR_DENIED (neither root's
 * nor ours, or others may write to it), ZT_ERR_NOMEM.
 */
ZT_MUST_USE enum zt_err bundle_file_read(const char *path, size_t max,
    char **text_out, size_t *len_out, int64_t *modified_ms_out);

/* etag is "" if none was kept.  Errors: as above. */
ZT_MUST_USE enum zt_err bundle_state_read(const char *path, char **text_out,
    size_t *len_out, int64_t *synced_ms_out, char etag[FETCH_ETAG_MAX]);

/*
 * Put a document in place, flushed and readable by us alone, then its ETag.
 * Errors: ZT_ERR_SYS, ZT_ERR_NOMEM; what stood there stands.
 */
ZT_MUST_USE enum zt_err bundle_state_write(const char *path, const char *text,
    size_t len, const char *etag);

/* The server has the same still. */
void bundle_state_touch(const char *path);

#endif /* ZTD_BUNDLE_STATE_H */
