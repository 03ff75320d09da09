/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_SSH_BASE64_H
#define ZT_SSH_BASE64_H

#include "zt/err.h"
#include "zt/rd.h"

/*
 * Decode base64 (RFC 4648 s4), strictly: padded, no white space, no bits set
 * that carry nothing.  OpenSSL's decoder lets all three pass.
 *
 * max  limit on the decoded length in bytes
 *
 * Returns ZT_OK and an owned *out of *len_out bytes; ZT_ERR_MALFORMED,
 * ZT_ERR_TOOBIG, ZT_ERR_NOMEM.
 */
ZT_MUST_USE enum zt_err zt_base64_decode(struct zt_str text, size_t max,
    uint8_t **out, size_t *len_out);

#endif /* ZT_SSH_BASE64_H */
