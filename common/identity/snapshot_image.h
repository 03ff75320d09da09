/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_SNAPSHOT_IMAGE_H
#define ZT_SNAPSHOT_IMAGE_H

#include "zt/identity.h"

/* A snapshot in memory, before it is a file. */
struct snapshot_image {
	uint8_t *bytes; /* owned; 8-byte aligned */
	size_t len;
};

/*
 * Lay out a snapshot.  The same directory and meta give the same bytes.
 *
 * Errors: ZT_ERR_NOMEM; ZT_ERR_TOOBIG; ZT_ERR_INVAL for a name or an id
 * twice, or a source without a name.
 */
ZT_MUST_USE enum zt_err
snapshot_image_make(const struct zt_directory *directory,
    const struct zt_snapshot_meta *meta, struct snapshot_image *out);

#endif /* ZT_SNAPSHOT_IMAGE_H */
