/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_SSH_SIG_H
#define ZT_SSH_SIG_H

#include "key.h"

#define ZT_SIG_MAX 4096 /* encoded signature, bytes */

/* A decoded signature; borrowed from its encoding. */
struct zt_sig {
	struct zt_str algorithm;
	struct zt_bytes value; /* as the algorithm defines it */
};

/*
 * Decode an encoded signature, exactly.
 *
 * type  of the key said to have made it: an sk key's has two fields more
 *
 * Returns ZT_OK and *out borrowing from blob, or the reader's error.
 */
ZT_MUST_USE enum zt_err zt_sig_parse(struct zt_bytes blob,
    const struct zt_key_type *type, struct zt_sig *out);

/*
 * Verify a signature over data.
 *
 * pkey  the public key, which is of this type
 * blob  the encoded signature
 *
 * Returns ZT_OK if and only if the signature is right; ZT_ERR_DENIED if it is
 * not, or is made with an algorithm that is not allowed (SHA-1, hardware
 * keys); the reader's error if it is not exactly one signature; ZT_ERR_NOMEM
 * if it could not be verified.  (OpenSSL may tell a want of memory within it
 * as a wrong signature; never the reverse.)
 * Source: RFC 4253 s6.6, RFC 5656 s3.1.2, RFC 8332 s3, RFC 8709 s6.
 */
ZT_MUST_USE enum zt_err zt_sig_verify(const struct zt_key_type *type,
    EVP_PKEY *pkey, struct zt_bytes blob, struct zt_bytes data);

#endif /* ZT_SSH_SIG_H */
