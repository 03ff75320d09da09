/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>

#include "mpint.h"

/* True if run is a canonical positive mpint.  Source: RFC 4251 s5. */
static bool
mpint_is_positive(struct zt_bytes run)
{
	if (run.len == 0 || (run.p[0] & 0x80) != 0)
		return false;
	return run.p[0] != 0 || (run.len > 1 && (run.p[1] & 0x80) != 0);
}

struct zt_bytes
zt_mpint_rd(struct zt_rd *rd, size_t max)
{
	const struct zt_bytes none = { (const uint8_t *)"", 0 };
	struct zt_bytes run = zt_rd_bytes32(rd, max + 1);

	if (rd->err == ZT_OK && !mpint_is_positive(run))
		zt_rd_fail(rd, ZT_ERR_MALFORMED);
	if (rd->err != ZT_OK)
		return none;
	if (run.p[0] == 0) {
		run.p++;
		run.len--;
	}
	if (run.len > max) {
		zt_rd_fail(rd, ZT_ERR_TOOBIG);
		return none;
	}
	return run;
}
