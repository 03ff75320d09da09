/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_SSH_MPINT_H
#define ZT_SSH_MPINT_H

#include "zt/rd.h"

/*
 * Read an mpint (RFC 4251 s5) that must be positive and in its one canonical
 * form: no negative, no zero, no needless leading zero byte.
 *
 * max  limit on the magnitude in bytes, without the sign's zero byte
 *
 * Returns the magnitude, big-endian, borrowed.  Fails with ZT_ERR_MALFORMED
 * or ZT_ERR_TOOBIG; the result is then empty.
 */
struct zt_bytes zt_mpint_rd(struct zt_rd *rd, size_t max);

#endif /* ZT_SSH_MPINT_H */
