/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZT_SSH_KEY_H
#define ZT_SSH_KEY_H

#include <openssl/evp.h>
#include <stdbool.h>

#include "zt/cert.h"
#include "zt/err.h"
#include "zt/rd.h"

#define ZT_KEY_MAX         4096 /* encoded public key, bytes */
#define ZT_KEY_NAME_MAX    64   /* name of a key type or algorithm, bytes */
#define ZT_KEY_APP_MAX     256  /* application of an sk key, bytes */
#define ZT_KEY_RSA_BITS    2048 /* least modulus */
#define ZT_KEY_RSA_MAX     2048 /* greatest modulus, bytes: 16384 bits */
#define ZT_KEY_RSA_EXP_MAX 8    /* greatest public exponent, bytes */
#define ZT_KEY_ED25519_LEN 32

enum zt_key_kind { ZT_KEY_ED25519, ZT_KEY_ECDSA, ZT_KEY_RSA };

/* A type of public key; all of it static. */
struct zt_key_type {
	const char *name;      /* of the plain key, in its encoding */
	const char *cert_name; /* of a certificate for such a key */
	enum zt_key_kind kind;
	bool hardware;     /* an sk type: ends with an application */
	const char *curve; /* ECDSA: RFC 5656's name; else NULL */
	int nid;           /* ECDSA: OpenSSL's number for the curve */
	size_t point_len;  /* ECDSA: of an uncompressed point */
	const EVP_MD *(*digest)(void); /* ECDSA: for signatures */
};

/* A decoded public key; borrowed from its encoding. */
struct zt_key {
	const struct zt_key_type *type;
	struct zt_bytes body;  /* all that follows the type's name */
	struct zt_bytes point; /* Ed25519 and ECDSA */
	struct zt_bytes e, n;  /* RSA: magnitudes */
};

/* The key type with this name, or with this certificate name, or NULL. */
const struct zt_key_type *zt_key_type_plain(struct zt_str name);
const struct zt_key_type *zt_key_type_cert(struct zt_str name);

/*
 * Read what follows the name in the encoding of a key of this type, and check
 * it: canonical integers, point on its curve, RSA modulus of 2048 bits or
 * more.  *out is complete only if rd has not failed.
 * Source: RFC 4253 s6.6, RFC 5656 s3.1, RFC 8709 s4, OpenSSH PROTOCOL.u2f.
 */
void
zt_key_rd(struct zt_rd *rd, const struct zt_key_type *type, struct zt_key *out);

/*
 * Decode an encoded plain public key, exactly.
 *
 * Returns ZT_OK and *out borrowing from blob; ZT_ERR_MALFORMED (also for a
 * certificate or an unknown type), ZT_ERR_TRUNCATED, ZT_ERR_TRAILING,
 * ZT_ERR_TOOBIG, ZT_ERR_NOMEM.
 */
ZT_MUST_USE enum zt_err zt_key_parse(struct zt_bytes blob, struct zt_key *out);

/* Make an owned OpenSSL key.  Hardware keys are ZT_ERR_INVAL. */
ZT_MUST_USE enum zt_err zt_key_pkey(const struct zt_key *key, EVP_PKEY **out);

/* Write a key's fingerprint as ssh-keygen -l prints it. */
ZT_MUST_USE enum zt_err
zt_key_fingerprint(const struct zt_key *key, char out[ZT_FINGERPRINT_LEN + 1]);

#endif /* ZT_SSH_KEY_H */
