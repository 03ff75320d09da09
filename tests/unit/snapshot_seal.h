/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SNAPSHOT_SEAL_H
#define SNAPSHOT_SEAL_H

#include "zt/snapshot_format.h"

/* Make the checksums right of any bytes, of the size of a header or more. */
static inline void
snapshot_seal(struct zt_snapshot_header *h, size_t len)
{
	for (size_t i = 0; i < ZT_SNAPSHOT_SECTIONS; i++) {
		struct zt_snapshot_section *section = &h->sections[i];
		const size_t at = (size_t)section->offset * ZT_SNAPSHOT_UNIT;
		const size_t n = (size_t)section->len * ZT_SNAPSHOT_UNIT;

		if (at <= len && n <= len - at)
			section->checksum =
			    zt_snapshot_checksum(0, (const uint8_t *)h + at, n);
	}
	h->checksum = 0;
	h->checksum = zt_snapshot_header_checksum(h);
}

#endif /* SNAPSHOT_SEAL_H */
